/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O buffers of requests: which command gets a buffer, and which waits for one. The promises
 * (numbers in brackets below) are in buffer_share.h.
 *
 * The commands of one host for one namespace wait in a line, in order. A pass visits the lines in
 * turn and gives the first command of each line a buffer if it may have one. A command that must
 * wait for its host's share, its namespace's share, or common memory claims that until the next
 * pass: later commands that need the same wait too, because small commands would otherwise keep a
 * large one waiting for ever. A pass runs after a buffer came back or a command left its line.
 */
#include "target/queue/request.h"

#include "loop/buffer.h"
#include "target/base/buffer_share.h"
#include "target/base/limits.h"
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "target/model/namespace.h"
#include "target/model/view.h"
#include "target/queue/queue.h"

/*
 * Other commands yield for YIELD_TIME to a command without memory. They then do not yield for
 * NO_YIELD_TIME, because a disk that hangs may hold the memory. Nanoseconds. (6)
 */
#define YIELD_TIME 300000000ull
#define NO_YIELD_TIME 3000000000ull
/* Answers of admin commands that are longer than this, in bytes, are limited together. (8) */
#define LONG_REPLY 8192

/* The I/O command's namespace in the current view; NULL if it has none or is no I/O command. */
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

static uint64_t little_bytes(const struct request *req)
{
	return req->queue->reactor->target->buffer_limit / LIMITS_LITTLE_SHARE;
}

/* True if the host, with this buffer, holds too little to wait for the namespace's share. */
static bool host_holds_little(const struct request *req, size_t size)
{
	return req->queue->share->bytes + size <= little_bytes(req);
}

static struct buffer_line *line_at(struct queue *queue, uint8_t index)
{
	return index == BUFFER_LINE_REPLIES ? &queue->replies : &queue->share->lines[index];
}

/* The host's line for a namespace; 0 if its commands use more namespaces than there are lines. */
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

/* The line in which the buffer of this command counts. */
static uint8_t line_of(const struct request *req, const struct namespace *ns)
{
	return req->queue->qid ? namespace_line(req->queue->share, ns) : BUFFER_LINE_REPLIES;
}

/* True if the line, with this buffer, holds too little to wait for the host's share. */
static bool line_holds_little(const struct request *req, uint8_t line, size_t size)
{
	uint64_t held = line_at(req->queue, line)->bytes;

	return !held || held + size <= little_bytes(req);
}

/* ---- giving a buffer ---- */

/* Counts bytes that are given out, or (negative) come back. */
static void count_bytes(struct queue *queue, uint8_t line, int64_t size)
{
	line_at(queue, line)->bytes += (uint64_t)size;
	if (line != BUFFER_LINE_REPLIES)
		queue->share->bytes += (uint64_t)size;
	else if (size > LONG_REPLY || -size > LONG_REPLY)
		queue->reactor->buffers.long_replies += (uint64_t)size;
}

/*
 * Takes a buffer from the loop and counts it for the namespace and, after Connect, in a line.
 * False if no free buffer is large enough.
 */
static bool take_buffer(struct request *req, struct namespace *ns, uint8_t line, uint32_t length,
		 bool from_floor)
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
	req->hold.from_floor = from_floor;
	if (from_floor)
		reactor->buffers.floor_held += size;
	req->hold.counted = line != REQUEST_NO_LINE;
	req->hold.line = line;
	if (req->hold.counted)
		count_bytes(req->queue, line, (int64_t)size);
	return true;
}

static void drop_buffer(struct queue *queue, const struct request_hold *hold)
{
	struct reactor *reactor = queue->reactor;
	size_t size = loop_buffer_size(hold->buffer_size);

	if (hold->counted)
		count_bytes(queue, hold->line, -(int64_t)size);
	if (hold->from_floor)
		reactor->buffers.floor_held -= size;
	/* a closed namespace may be freed as soon as it has no buffer and no pin */
	if (hold->charged)
		namespace_count_buffer(hold->charged, reactor->index, -(int64_t)size);
	loop_buffer_put(reactor->loop, hold->buffer, hold->buffer_size);
}

void request_drop_hold(struct queue *queue, struct request_hold *hold)
{
	struct namespace *pin = hold->pin;

	/* lent memory is not counted; it is only pinned */
	if (hold->buffer)
		drop_buffer(queue, hold);
	hold->buffer = NULL;
	hold->pin = NULL;
	if (pin)
		namespace_unpin(pin, queue->reactor->index);
}

static void run_pass_soon(struct reactor *reactor)
{
	if (list_empty(&reactor->buffers.waiting)) {
		/* a new pass number ends the claims: no command waits any more */
		reactor->buffers.pass++;
		return;
	}
	list_del(&reactor->buffers.task.node);
	loop_defer(reactor->loop, &reactor->buffers.task);
}

enum answer {
	GIVEN,
	WAITS,		/* a share or the memory is used up or claimed */
	FRAGMENTED,	/* enough memory is free, but in buffers that are too small */
};

/* True if a share is used up or was claimed in this pass. The command then claims it. */
static bool must_wait(uint64_t *claimed, const struct reactor *reactor, bool enough)
{
	if (enough && *claimed != reactor->buffers.pass)
		return false;
	*claimed = reactor->buffers.pass;
	return true;
}

/* How many bytes of the floor may be in use, this command's buffer included. (7) */
static size_t floor_for(const struct request *req, uint8_t line, size_t size)
{
	size_t kept = req->queue->reactor->target->buffer_limit / LIMITS_FLOOR_SHARE;

	if (!req->queue->qid)
		return size > LONG_REPLY ? 0 : kept;
	if (host_holds_little(req, size))
		return kept / 2;
	return line_holds_little(req, line, size) ? kept / 4 : 0;
}

/* For a command without memory: true if the other commands yield to it. (6) */
static bool others_yield(struct reactor *reactor)
{
	struct buffer_lines *lines = &reactor->buffers;

	if (loop_now(reactor->loop) < lines->no_yield_until)
		return false;
	return lines->yield_timer.slot ||
	       loop_timer_start(reactor->loop, &lines->yield_timer, YIELD_TIME) == 0;
}

/* The others have yielded for YIELD_TIME in vain. */
static void stop_yielding(struct loop_timer *timer)
{
	struct reactor *reactor = container_of(timer, struct reactor, buffers.yield_timer);

	reactor->buffers.no_yield_until = loop_now(reactor->loop) + NO_YIELD_TIME;
	run_pass_soon(reactor);
}

/* Gives a buffer from common memory, or from the floor. */
static enum answer give_room(struct request *req, struct namespace *ns, uint8_t line, size_t size)
{
	struct reactor *reactor = req->queue->reactor;
	struct buffer_lines *lines = &reactor->buffers;
	size_t limit = reactor->target->buffer_limit;
	size_t left_for_all = limit - limit / LIMITS_FLOOR_SHARE;
	bool full = lines->room_claimed == lines->pass ||
		    loop_buffer_in_use(reactor->loop) + size > left_for_all;

	if (full && lines->floor_held + size > floor_for(req, line, size)) {
		if (others_yield(reactor))
			lines->room_claimed = lines->pass;
		return WAITS;
	}
	if (lines->fragmented_pass == lines->pass && size >= lines->fragmented_size)
		return FRAGMENTED;
	if (take_buffer(req, ns, line, req->data_length, full)) {
		if (!full)
			loop_timer_stop(reactor->loop, &lines->yield_timer);
		return GIVEN;
	}
	lines->fragmented_pass = lines->pass;
	lines->fragmented_size = size;
	if (!others_yield(reactor))
		return FRAGMENTED;
	lines->room_claimed = lines->pass;
	return WAITS;
}

/*
 * True if an admin command may have a buffer for its answer: its queue holds little, or nothing.
 * Long answers are limited for all hosts together, because a host may connect to a discovery
 * controller under any name. (8)
 */
static bool may_reply(const struct request *req, size_t size)
{
	const struct reactor *reactor = req->queue->reactor;
	uint64_t others = reactor->buffers.long_replies;

	return line_holds_little(req, BUFFER_LINE_REPLIES, size) &&
	       (size <= LONG_REPLY || !others ||
		others + size <= reactor->target->buffer_limit / LIMITS_FLOOR_SHARE);
}

/*
 * Gives the command a buffer if it may have one. A command does not wait for its host's share if
 * the host holds little of the namespace (2), nor for the namespace's share if the host holds
 * little in all (3).
 */
static enum answer try_give(struct request *req, struct namespace *ns, uint8_t line)
{
	struct reactor *reactor = req->queue->reactor;
	struct buffer_share *share = req->queue->share;
	size_t size = loop_buffer_size(req->data_length);

	if (!req->queue->qid)
		return may_reply(req, size) ? give_room(req, ns, line, size) : WAITS;
	if (!line_holds_little(req, line, size) &&
	    must_wait(&share->claimed, reactor, share->bytes + size <= share->max))
		return WAITS;
	if (ns && !host_holds_little(req, size) &&
	    must_wait(&ns->counters[reactor->index].buffers_claimed, reactor,
		      namespace_may_buffer(ns, reactor->index, size)))
		return WAITS;
	return give_room(req, ns, line, size);
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

/* True if other commands of the line wait, and not only because memory is fragmented. */
static bool line_waits(const struct request *req, uint8_t line)
{
	const struct buffer_lines *lines = &req->queue->reactor->buffers;

	return !list_empty(&line_at(req->queue, line)->waiters) &&
	       lines->fragmented_pass != lines->pass;
}

/* Before Connect there is no line to wait in: the command gets a buffer now, or fails. */
static bool take_unconnected(struct request *req)
{
	if (take_buffer(req, NULL, REQUEST_NO_LINE, req->data_length, false))
		return true;
	request_complete(req, nvme_status(NVME_SC_INTERNAL));
	return false;
}

static bool take_buffer_or_wait(struct request *req)
{
	struct namespace *ns = namespace_of(req);
	uint8_t line = line_of(req, ns);

	if (!line_waits(req, line) && try_give(req, ns, line) == GIVEN)
		return true;
	line_up(req, line);
	return false;
}

bool request_take_buffer(struct request *req, void (*resume)(struct request *))
{
	req->resume = resume;
	if (!req->hold.buffer &&
	    !(req->queue->share ? take_buffer_or_wait(req) : take_unconnected(req)))
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

	if (share && !line_holds_little(req, line, size) &&
	    share->bytes + size > LIMITS_HOST_BUFFERS_AT_ONCE * share->max)
		return false;
	if (share && ns && !host_holds_little(req, size) &&
	    !namespace_may_buffer(ns, req->queue->reactor->index, size))
		return false;
	return take_buffer(req, ns, line, length, false);
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
	run_pass_soon(req->queue->reactor);
}

/* ---- passes ---- */

static void move_to(struct request *req, struct list *to)
{
	list_del(&req->wait);
	list_add_tail(to, &req->wait);
	req->line = REQUEST_NO_LINE;
}

/*
 * Gives a buffer to the first command of the line that may have one. False if none may.
 * A limit of a rate, such as a namespace's bytes per second, would be checked here.
 */
static bool give_first(struct buffer_line *line, struct list *given)
{
	list_for_each(node, &line->waiters) {
		struct request *req = list_entry(node, struct request, wait);
		struct namespace *ns = namespace_of(req);
		enum answer answer = try_give(req, ns, line_of(req, ns));

		if (answer == GIVEN) {
			move_to(req, given);
			return true;
		}
		/* line 0 has commands for several namespaces: the next one may not have to wait */
		if (answer == WAITS && req->line)
			return false;
	}
	return false;
}

/* Lines that got a buffer go to the end; the order of the others stays. */
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

static void unlink_all(struct buffer_lines *lines, struct list *all)
{
	struct list *node;

	while ((node = list_pop(&lines->waiting))) {
		struct buffer_line *line = list_entry(node, struct buffer_line, node);

		list_for_each_safe(wait, &line->waiters)
			move_to(list_entry(wait, struct request, wait), all);
	}
}

static void run_pass(struct loop_task *task)
{
	struct reactor *reactor = container_of(task, struct reactor, buffers.task);
	struct buffer_lines *lines = &reactor->buffers;
	struct list ready, *node;

	list_init(&ready);
	lines->pass++;
	if (lines->review)
		unlink_all(lines, &ready);
	else
		give_in_turn(lines, &ready);
	lines->review = false;
	if (lines->fragmented_pass != lines->pass && lines->room_claimed != lines->pass)
		loop_timer_stop(reactor->loop, &lines->yield_timer);
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
	run_pass_soon(reactor);
}

void buffer_lines_init(struct reactor *reactor)
{
	reactor->buffers = (struct buffer_lines){ .pass = 1 };
	list_init(&reactor->buffers.waiting);
	loop_task_init(&reactor->buffers.task, run_pass);
	reactor->buffers.yield_timer.fire = stop_yielding;
}
