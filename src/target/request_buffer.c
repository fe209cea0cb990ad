/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O buffers of requests: who gets one, and who waits for one.
 *
 * A command may have to wait because its host has its share of them (limits.h), because its
 * namespace has, because what is left is kept for others, or because there is none so large. The
 * commands of one host for one namespace wait in a line, in order, and lines take turns. As long
 * as one waits for its host's share, its namespace's, or what is left for all, those that come
 * later and would need the same wait, too: else small ones could keep a large one waiting for
 * ever. So each of the three knows the last round in which one waited for it; a round is over
 * when a buffer came back, or somebody went away who had waited.
 *
 * Somebody who hangs must not hold up the others. So some need not wait for the share of their
 * host, and some not for that of the namespace (see give()): those who hold little. And some have
 * a part of what is kept; that is counted apart, so that they cannot keep others waiting for ever.
 */
#include "target/request.h"

#include "loop/buffer.h"
#include "target/buffer_share.h"
#include "target/limits.h"
#include "target/namespace.h"
#include "target/queue.h"
#include "target/reactor.h"
#include "target/target.h"
#include "target/view.h"

/* How long the others wait so that there is room for one, and then do not; nanoseconds. */
#define PATIENCE 300000000ull
#define IMPATIENCE 3000000000ull
/* Longer answers of admin commands are seldom asked for in earnest. */
#define LONG_REPLY 8192

/* The namespace of an I/O command, as the view has it now; NULL: it is none, or there is none. */
static struct namespace *namespace_of(const struct request *req)
{
	const struct view_namespace *view_ns = req->view_ns;
	const struct queue *queue = req->queue;

	if (!queue->qid)
		return NULL;
	if (!view_ns)
		view_ns = queue_namespace(queue, le32_get(req->sqe.nsid));
	return view_ns ? view_ns->ns : NULL;
}

static uint64_t little(const struct request *req)
{
	return req->queue->reactor->target->buffer_limit / LIMITS_LITTLE_SHARE;
}

/* Does its host hold so little, with this, that others are no reason to keep it waiting? */
static bool host_modest(const struct request *req, size_t size)
{
	return req->queue->share->bytes + size <= little(req);
}

static struct buffer_line *line_at(struct queue *queue, uint8_t index)
{
	return index == BUFFER_LINE_REPLIES ? &queue->replies : &queue->share->lines[index];
}

/* The line of a namespace; 0 where the host has commands for too many. */
static uint8_t namespace_line(struct buffer_share *share, const struct namespace *ns)
{
	uint8_t line = 0;

	for (uint8_t i = 1; i < BUFFER_LINES; i++) {
		bool used = share->lines[i].bytes || !list_empty(&share->lines[i].waiters);

		if (used && share->lines[i].ns == ns)
			return i;
		if (!used && !line)
			line = i;
	}
	if (line)
		share->lines[line].ns = ns;
	return line;
}

/* Where it counts what this command holds. */
static uint8_t line_of(const struct request *req, const struct namespace *ns)
{
	return req->queue->qid ? namespace_line(req->queue->share, ns) : BUFFER_LINE_REPLIES;
}

/* Is that so little in its line that the host's other disks, which may hang, are no reason? */
static bool line_modest(const struct request *req, uint8_t line, size_t size)
{
	uint64_t held = line_at(req->queue, line)->bytes;

	return !held || held + size <= little(req);
}

/* ---- giving ---- */

/* Counts what is given, or (negative) comes back. */
static void count(struct queue *queue, uint8_t line, int64_t size)
{
	line_at(queue, line)->bytes += (uint64_t)size;
	if (line != BUFFER_LINE_REPLIES)
		queue->share->bytes += (uint64_t)size;
	else if (size > LONG_REPLY || -size > LONG_REPLY)
		queue->reactor->buffers.replies += (uint64_t)size;
}

/*
 * Takes a buffer, which counts for the namespace and, after Connect, in a line; whether there
 * was one.
 */
static bool hold(struct request *req, struct namespace *ns, uint8_t line, uint32_t length,
		 bool reserve)
{
	struct reactor *reactor = req->queue->reactor;
	size_t size = loop_buffer_size(length);

	req->hold.buffer = loop_buffer_get(reactor->loop, length);
	if (!req->hold.buffer)
		return false;
	req->hold.buffer_size = length;
	req->hold.charged = ns;
	if (ns)
		namespace_count_buffer(ns, reactor->index, (int64_t)size);
	req->hold.reserve = reserve;
	if (reserve)
		reactor->buffers.reserve += size;
	req->hold.counted = line != REQUEST_NO_LINE;
	req->hold.line = line;
	if (req->hold.counted)
		count(req->queue, line, (int64_t)size);
	return true;
}

void request_drop_hold(struct queue *queue, struct request_hold *hold)
{
	struct reactor *reactor = queue->reactor;
	struct request_hold gone = *hold;
	size_t size = loop_buffer_size(gone.buffer_size);

	*hold = (struct request_hold){ 0 };
	if (gone.counted)
		count(queue, gone.line, -(int64_t)size);
	if (gone.reserve)
		reactor->buffers.reserve -= size;
	/* a namespace that is closed may be gone once it holds no buffer */
	if (gone.charged)
		namespace_count_buffer(gone.charged, reactor->index, -(int64_t)size);
	if (gone.buffer)
		loop_buffer_put(reactor->loop, gone.buffer, gone.buffer_size);
	if (gone.pin)
		namespace_unpin(gone.pin, reactor->index);
}

static void next_round_soon(struct reactor *reactor)
{
	if (list_empty(&reactor->buffers.waiting)) {
		/* those who come now wait for nobody */
		reactor->buffers.round++;
		return;
	}
	list_del(&reactor->buffers.task.node);
	loop_defer(reactor->loop, &reactor->buffers.task);
}

enum answer {
	GIVEN,
	WAITS,		/* for something that is used up */
	TOO_LARGE,	/* what is free is in pieces: smaller ones may have it */
};

/* Is this used up, or does somebody wait for it in this round already? Then so does who asks. */
static bool waits_for(uint64_t *round, const struct reactor *reactor, bool enough)
{
	if (enough && *round != reactor->buffers.round)
		return false;
	*round = reactor->buffers.round;
	return true;
}

/* What of the part that is kept this command may be given, bytes. */
static size_t of_kept(const struct request *req, uint8_t line, size_t size)
{
	size_t kept = req->queue->reactor->target->buffer_limit / LIMITS_RESERVE_SHARE;

	if (!req->queue->qid)
		return size > LONG_REPLY ? 0 : kept;
	if (host_modest(req, size))
		return kept / 2;
	return line_modest(req, line, size) ? kept / 4 : 0;
}

/*
 * One waits for what is left for all, or what is free is in pieces: the others wait with it for a
 * while. What hangs may keep so much that there will be no room; then it waits alone.
 */
static bool be_patient(struct reactor *reactor)
{
	struct buffer_lines *lines = &reactor->buffers;

	if (loop_now(reactor->loop) < lines->impatient_until)
		return false;
	return lines->patience.slot ||
	       loop_timer_start(reactor->loop, &lines->patience, PATIENCE) == 0;
}

/* It has not helped. */
static void lose_patience(struct loop_timer *timer)
{
	struct reactor *reactor = container_of(timer, struct reactor, buffers.patience);

	reactor->buffers.impatient_until = loop_now(reactor->loop) + IMPATIENCE;
	next_round_soon(reactor);
}

/* A buffer from what is left for all, or of what is kept. */
static enum answer give_left(struct request *req, struct namespace *ns, uint8_t line, size_t size)
{
	struct reactor *reactor = req->queue->reactor;
	struct buffer_lines *lines = &reactor->buffers;
	size_t limit = reactor->target->buffer_limit;
	size_t left_for_all = limit - limit / LIMITS_RESERVE_SHARE;
	bool full = lines->full_round == lines->round ||
		    loop_buffer_in_use(reactor->loop) + size > left_for_all;

	if (full && lines->reserve + size > of_kept(req, line, size)) {
		if (be_patient(reactor))
			lines->full_round = lines->round;
		return WAITS;
	}
	if (lines->large_round == lines->round && size >= lines->too_large)
		return TOO_LARGE;
	if (hold(req, ns, line, req->data_length, full)) {
		if (!full)
			loop_timer_stop(reactor->loop, &lines->patience);
		return GIVEN;
	}
	lines->large_round = lines->round;
	lines->too_large = size;
	if (!be_patient(reactor))
		return TOO_LARGE;
	lines->full_round = lines->round;
	return WAITS;
}

/*
 * An admin queue holds little, or one buffer, and all of them an eighth for long answers: a host is
 * whoever it says, where it is a discovery controller's.
 */
static bool may_reply(const struct request *req, size_t size)
{
	const struct reactor *reactor = req->queue->reactor;

	return line_modest(req, BUFFER_LINE_REPLIES, size) &&
	       (size <= LONG_REPLY || reactor->buffers.replies + size <=
				      reactor->target->buffer_limit / LIMITS_RESERVE_SHARE);
}

/*
 * A host's commands for a namespace of which it holds little need not wait for what it holds of
 * others; those of a host that holds little in all not for what others hold of the namespace.
 */
static enum answer give(struct request *req, struct namespace *ns, uint8_t line)
{
	struct reactor *reactor = req->queue->reactor;
	struct buffer_share *share = req->queue->share;
	size_t size = loop_buffer_size(req->data_length);

	if (!req->queue->qid)
		return may_reply(req, size) ? give_left(req, ns, line, size) : WAITS;
	if (!line_modest(req, line, size) &&
	    waits_for(&share->round, reactor, share->bytes + size <= share->max))
		return WAITS;
	if (ns && !host_modest(req, size) &&
	    waits_for(&ns->counters[reactor->index].buffers_round, reactor,
		      namespace_may_buffer(ns, reactor->index, size)))
		return WAITS;
	return give_left(req, ns, line, size);
}

/* ---- waiting ---- */

static void line_up(struct request *req, uint8_t index)
{
	struct reactor *reactor = req->queue->reactor;
	struct buffer_line *line = line_at(req->queue, index);

	req->state = REQUEST_PARSING;
	req->view_ns = NULL;
	req->line = index;
	if (list_empty(&line->waiters))
		list_add_tail(&reactor->buffers.waiting, &line->node);
	list_add_tail(&line->waiters, &req->wait);
	loop_buffer_wait(reactor->loop, &reactor->buffers.task);
}

/* Do others of its line wait, and not for one that is too large for what is free? */
static bool others_first(const struct request *req, uint8_t line)
{
	const struct buffer_lines *lines = &req->queue->reactor->buffers;

	return !list_empty(&line_at(req->queue, line)->waiters) &&
	       lines->large_round != lines->round;
}

/* Before Connect there is no line: it has one now, or fails. */
static bool take_unconnected(struct request *req)
{
	if (hold(req, NULL, REQUEST_NO_LINE, req->data_length, false))
		return true;
	request_complete(req, nvme_status(NVME_SC_INTERNAL));
	return false;
}

static bool take_or_wait(struct request *req)
{
	struct namespace *ns = namespace_of(req);
	uint8_t line = line_of(req, ns);

	if (!others_first(req, line) && give(req, ns, line) == GIVEN)
		return true;
	line_up(req, line);
	return false;
}

bool request_take_buffer(struct request *req, void (*resume)(struct request *))
{
	req->resume = resume;
	if (!req->hold.buffer &&
	    !(req->queue->share ? take_or_wait(req) : take_unconnected(req)))
		return false;
	req->data = req->hold.buffer;
	return true;
}

bool request_try_buffer(struct request *req, uint32_t length)
{
	struct namespace *ns = namespace_of(req);
	struct buffer_share *share = req->queue->share;
	uint8_t line = share ? line_of(req, ns) : REQUEST_NO_LINE;
	size_t size = loop_buffer_size(length);

	if (share && !line_modest(req, line, size) &&
	    share->bytes + size > LIMITS_HOST_BUFFERS_AT_ONCE * share->max)
		return false;
	if (share && ns && !host_modest(req, size) &&
	    !namespace_may_buffer(ns, req->queue->reactor->index, size))
		return false;
	return hold(req, ns, line, length, false);
}

void request_leave_line(struct request *req)
{
	struct buffer_line *line;

	list_del(&req->wait);
	if (req->line == REQUEST_NO_LINE)
		return;
	line = line_at(req->queue, req->line);
	req->line = REQUEST_NO_LINE;
	if (list_empty(&line->waiters))
		list_del(&line->node);
	next_round_soon(req->queue->reactor);
}

/* ---- rounds ---- */

static void move(struct request *req, struct list *to)
{
	list_del(&req->wait);
	list_add_tail(to, &req->wait);
	req->line = REQUEST_NO_LINE;
}

/* Gives a buffer to the first of the line that may have one; whether there was one. */
static bool give_first(struct buffer_line *line, struct list *given)
{
	list_for_each(node, &line->waiters) {
		struct request *req = list_entry(node, struct request, wait);
		struct namespace *ns = namespace_of(req);
		enum answer answer = give(req, ns, line_of(req, ns));

		if (answer == GIVEN) {
			move(req, given);
			return true;
		}
		/* the line for all other namespaces may be one for several */
		if (answer == WAITS && req->line)
			return false;
	}
	return false;
}

/* Who got one goes to the end of the lines; the others stay where they are. */
static void give_in_turn(struct buffer_lines *lines, struct list *given)
{
	struct list turns, *node;

	list_init(&turns);
	list_splice_tail(&turns, &lines->waiting);
	while ((node = list_pop(&turns))) {
		struct buffer_line *line = list_entry(node, struct buffer_line, node);

		if (!give_first(line, given))
			list_add_tail(&lines->waiting, &line->node);
		else if (!list_empty(&line->waiters))
			list_add_tail(&turns, &line->node);
	}
}

static void dissolve(struct buffer_lines *lines, struct list *all)
{
	struct list *node;

	while ((node = list_pop(&lines->waiting))) {
		struct buffer_line *line = list_entry(node, struct buffer_line, node);

		list_for_each_safe(wait, &line->waiters)
			move(list_entry(wait, struct request, wait), all);
	}
}

static void next_round(struct loop_task *task)
{
	struct reactor *reactor = container_of(task, struct reactor, buffers.task);
	struct buffer_lines *lines = &reactor->buffers;
	struct list ready, *node;

	list_init(&ready);
	lines->round++;
	if (lines->review)
		dissolve(lines, &ready);
	else
		give_in_turn(lines, &ready);
	lines->review = false;
	if (lines->large_round != lines->round && lines->full_round != lines->round)
		loop_timer_stop(reactor->loop, &lines->patience);
	if (!list_empty(&lines->waiting))
		loop_buffer_wait(reactor->loop, &lines->task);
	while ((node = list_pop(&ready))) {
		struct request *req = list_entry(node, struct request, wait);

		req->resume(req);
	}
}

void buffer_lines_review(struct reactor *reactor)
{
	reactor->buffers.review = true;
	next_round_soon(reactor);
}

void buffer_lines_init(struct reactor *reactor)
{
	reactor->buffers = (struct buffer_lines){ .round = 1 };
	list_init(&reactor->buffers.waiting);
	loop_task_init(&reactor->buffers.task, next_round);
	reactor->buffers.patience.fire = lose_patience;
}

void buffer_line_init(struct buffer_line *line)
{
	*line = (struct buffer_line){ 0 };
	list_init(&line->node);
	list_init(&line->waiters);
}

void buffer_share_init(struct buffer_share *share, uint64_t max)
{
	share->max = max;
	for (unsigned int i = 0; i < BUFFER_LINES; i++)
		buffer_line_init(&share->lines[i]);
}
