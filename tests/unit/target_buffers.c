/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who gets a reactor's I/O buffers: a test for each promise of target/buffer_share.h, with
 * commands of no content in virtual time. There are 4 MiB of buffers, so a host's share is
 * 1 MiB, a namespace's 2 MiB, the floor 512 KiB, and 16 KiB is little.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../fuzz/fake_loop.h"
#include "loop/buffer.h"
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "target/model/namespace.h"
#include "target/model/view.h"
#include "target/queue/queue.h"
#include "target/queue/request.h"

#define KiB 1024u
#define MiB (1024u * KiB)
#define LIMIT (4 * MiB)
#define SHARE (1 * MiB)
#define FLOOR (512 * KiB)
#define ROOM (LIMIT - FLOOR)		/* that is left for all */
#define LITTLE (16 * KiB)
#define HOSTS 24
#define DISKS 4
#define COMMANDS 512
#define MS 1000000ull

static struct target target;
static struct reactor reactor;
static struct reactor *reactors[] = { &reactor };
static struct namespace *disks[DISKS];
static struct view_namespace view_namespaces[DISKS];
static struct view_subsystem subsystem = { .namespaces = view_namespaces,
					   .namespace_count = DISKS };

/* A host with an admin queue and an I/O queue. */
static struct host {
	struct buffer_share share;
	struct queue admin, io;
} hosts[HOSTS];

enum state { FREE, WAITS, HAS, CHECKED };

static struct command {
	struct request req;
	enum state state;
	unsigned int turn;		/* which of all it was that got a buffer */
} commands[COMMANDS];
static unsigned int command_count, given;

/* ---- the rig ---- */

void fake_on_enter(struct loop *loop)
{
}

void fake_on_send(int fd, const struct iovec *iov, unsigned int iov_count)
{
}

static void queue_start(struct queue *queue, struct host *host, uint16_t qid)
{
	*queue = (struct queue){ .reactor = &reactor, .qid = qid, .share = &host->share,
				 .subsystem = &subsystem };
	buffer_line_init(&queue->replies);
}

static int setup(void **state)
{
	target = (struct target){ .reactors = reactors, .reactor_count = 1,
				  .buffer_limit = LIMIT };
	list_init(&target.closed_namespaces);
	reactor = (struct reactor){ .target = &target, .loop = fake_loop_new(LIMIT) };
	list_init(&reactor.queues);
	buffer_lines_init(&reactor);
	for (unsigned int i = 0; i < DISKS; i++) {
		disks[i] = namespace_new(&target, NULL);
		view_namespaces[i] = (struct view_namespace){ .nsid = i + 1, .ns = disks[i] };
	}
	for (unsigned int i = 0; i < HOSTS; i++) {
		hosts[i] = (struct host){ 0 };
		buffer_share_init(&hosts[i].share, SHARE);
		queue_start(&hosts[i].admin, &hosts[i], 0);
		queue_start(&hosts[i].io, &hosts[i], 1);
	}
	command_count = given = 0;
	return 0;
}

static void turns(void)
{
	while (fake_loop_turn(reactor.loop))
		;
}

static void wait_for(uint64_t time)
{
	fake_clock_advance(time);
	turns();
}

static struct command *command_of(struct request *req)
{
	return container_of(req, struct command, req);
}

static void resume(struct request *req)
{
	struct command *c = command_of(req);
	bool has = req->hold.buffer;

	assert_int_equal(c->state, WAITS);
	c->state = has ? HAS : CHECKED;
	if (!has)
		return; /* it is checked anew: the test says what comes of it */
	assert_true(request_take_buffer(req, resume));
	c->turn = ++given;
}

static struct command *new_command(struct queue *queue, unsigned int disk, uint32_t size)
{
	struct command *c = NULL;

	for (unsigned int i = 0; i < COMMANDS && !c; i++)
		if (commands[i].state == FREE)
			c = &commands[i];
	assert_non_null(c);
	*c = (struct command){ .state = WAITS };
	c->req.queue = queue;
	c->req.line = REQUEST_NO_LINE;
	c->req.data_length = size;
	c->req.sqe.nsid = le32_of(disk + 1);
	c->req.view_ns = queue->qid ? &view_namespaces[disk] : NULL;
	list_init(&c->req.wait);
	return c;
}

static struct command *ask_on(struct queue *queue, unsigned int disk, uint32_t size)
{
	struct command *c = new_command(queue, disk, size);

	if (request_take_buffer(&c->req, resume)) {
		c->state = HAS;
		c->turn = ++given;
	}
	return c;
}

/* A command of that host for a disk. */
static struct command *ask(unsigned int host, unsigned int disk, uint32_t size)
{
	return ask_on(&hosts[host].io, disk, size);
}

static struct command *ask_admin(unsigned int host, uint32_t size)
{
	return ask_on(&hosts[host].admin, 0, size);
}

/* Its data came with it; whether it has a buffer. */
static bool ask_at_once(unsigned int host, unsigned int disk, uint32_t size)
{
	struct command *c = new_command(&hosts[host].io, disk, size);

	c->state = request_try_buffer(&c->req, size) ? HAS : FREE;
	return c->state == HAS;
}

/* It is done, or aborted. */
static void end(struct command *c)
{
	assert_int_not_equal(c->state, FREE);
	request_leave_line(&c->req);
	request_drop_hold(c->req.queue, &c->req.hold);
	c->state = FREE;
	turns();
}

static int teardown(void **state)
{
	for (unsigned int i = 0; i < COMMANDS; i++)
		if (commands[i].state != FREE)
			end(&commands[i]);
	assert_int_equal(reactor.buffers.floor_held, 0);
	assert_int_equal(reactor.buffers.long_replies, 0);
	for (unsigned int i = 0; i < HOSTS; i++)
		assert_int_equal(hosts[i].share.bytes, 0);
	loop_timer_stop(reactor.loop, &reactor.buffers.yield_timer);
	fake_loop_free(reactor.loop);
	for (unsigned int i = 0; i < DISKS; i++)
		namespace_release(disks[i]);
	return 0;
}

#define HAS_IT(c) assert_int_equal((c)->state, HAS)
#define WAITS_FOR_IT(c) assert_int_equal((c)->state, WAITS)

static size_t in_use(void)
{
	return loop_buffer_in_use(reactor.loop);
}

/* Asks until one waits; how many bytes it got. */
static size_t fill(unsigned int host, unsigned int disk, uint32_t size)
{
	size_t before = in_use();
	struct command *c = ask(host, disk, size);

	while (c->state == HAS)
		c = ask(host, disk, size);
	end(c);
	return in_use() - before;
}

/* ---- 1. shares ---- */

static void a_host_has_a_quarter(void **state)
{
	assert_int_equal(fill(0, 0, 64 * KiB), SHARE);
	/* and not more by other sizes */
	WAITS_FOR_IT(ask(0, 0, 128 * KiB));
	WAITS_FOR_IT(ask(0, 0, 4 * KiB));
	/* another one has as much */
	assert_int_equal(fill(1, 1, 256 * KiB), SHARE);
}

static void a_namespace_has_a_half(void **state)
{
	assert_int_equal(fill(0, 0, 256 * KiB), SHARE);
	assert_int_equal(fill(1, 0, 256 * KiB), SHARE);
	WAITS_FOR_IT(ask(2, 0, 256 * KiB));
	HAS_IT(ask(2, 1, 256 * KiB));
	assert_int_equal(namespace_buffers(disks[0], 0), 2 * MiB);
}

/* ---- 2. a host's disks ---- */

static void disks_do_not_wait_for_one_another(void **state)
{
	struct command *first, *second;

	assert_int_equal(fill(0, 0, 256 * KiB), SHARE);
	first = ask(0, 1, 1 * MiB);
	HAS_IT(first);
	second = ask(0, 1, 1 * MiB);
	WAITS_FOR_IT(second);
	HAS_IT(ask(0, 2, 512 * KiB));
	end(first);
	HAS_IT(second);
}

static void or_several_small_ones(void **state)
{
	assert_int_equal(fill(0, 0, 256 * KiB), SHARE);
	assert_int_equal(fill(0, 1, 4 * KiB), LITTLE);
}

/* ---- 3. hosts that hold little ---- */

static void little_does_not_wait_for_a_namespace(void **state)
{
	assert_int_equal(fill(0, 0, 256 * KiB), SHARE);
	assert_int_equal(fill(1, 0, 256 * KiB), SHARE);
	assert_int_equal(fill(2, 0, 4 * KiB), LITTLE);
	WAITS_FOR_IT(ask(3, 0, 2 * LITTLE));
}

/* ---- 4. order ---- */

static void in_the_order_in_which_they_came(void **state)
{
	static const uint32_t sizes[] = { 4, 512, 8, 64, 4, 256, 16, 128 };
	struct command *waiting[8], *held[4];

	for (int i = 0; i < 4; i++)
		HAS_IT(held[i] = ask(0, 0, 256 * KiB));
	for (int i = 0; i < 8; i++)
		WAITS_FOR_IT(waiting[i] = ask(0, 0, sizes[i] * KiB));
	for (int i = 0; i < 4; i++)
		end(held[i]);
	for (int i = 0; i < 8; i++)
		HAS_IT(waiting[i]);
	for (int i = 1; i < 8; i++)
		assert_true(waiting[i]->turn > waiting[i - 1]->turn);
}

/* Two disks of a host, and its share is used up: one command each in turn. */
static void lines_take_turns(void **state)
{
	struct command *held[16], *a[8], *b[8];

	for (int i = 0; i < 16; i++)
		HAS_IT(held[i] = ask(0, i % 2, 64 * KiB));
	for (int i = 0; i < 8; i++)
		WAITS_FOR_IT(a[i] = ask(0, 0, 64 * KiB));
	for (int i = 0; i < 8; i++)
		WAITS_FOR_IT(b[i] = ask(0, 1, 64 * KiB));
	for (int i = 0; i < 16; i++) {
		end(held[i]);
		HAS_IT(i % 2 ? b[i / 2] : a[i / 2]);
		if (i < 15)
			WAITS_FOR_IT(i % 2 ? a[i / 2 + 1] : b[i / 2]);
	}
}

/* ---- 5. no command is overtaken for ever ---- */

/*
 * Small commands of hosts 0 to count - 1, so many that some wait; each that ends is followed by
 * another. Ends those that held a buffer when `large` came, but for its own line's, in turn,
 * until it has its buffer. Whether it has.
 */
static bool storm(struct command *large, unsigned int count)
{
	struct command *held[COMMANDS];
	unsigned int n = 0;

	for (unsigned int i = 0; i < COMMANDS; i++)
		if (&commands[i] != large && commands[i].state == HAS &&
		    (commands[i].req.queue != large->req.queue ||
		     le32_get(commands[i].req.sqe.nsid) != le32_get(large->req.sqe.nsid)))
			held[n++] = &commands[i];
	for (unsigned int i = 0; i < n && large->state != HAS; i++) {
		unsigned int disk = le32_get(held[i]->req.sqe.nsid) - 1;

		ask(i % count, disk, 32 * KiB);
		end(held[i]);
	}
	return large->state == HAS;
}

static void large_for_its_host(void **state)
{
	struct command *large;

	fill(0, 0, 32 * KiB);
	HAS_IT(ask(0, 1, 32 * KiB));	/* the line of the large one holds something */
	large = ask(0, 1, 512 * KiB);
	WAITS_FOR_IT(large);
	assert_true(storm(large, 1));
}

static void large_for_its_namespace(void **state)
{
	struct command *large;

	HAS_IT(ask(2, 0, 32 * KiB));
	fill(0, 0, 32 * KiB);
	fill(1, 0, 32 * KiB);
	large = ask(2, 0, 512 * KiB);
	WAITS_FOR_IT(large);
	assert_true(storm(large, 2));
}

static void large_for_room(void **state)
{
	struct command *large;

	HAS_IT(ask(4, 3, 32 * KiB));
	for (unsigned int i = 0; i < 4; i++)
		fill(i, i % 3, 32 * KiB);
	large = ask(4, 3, 512 * KiB);
	WAITS_FOR_IT(large);
	assert_true(storm(large, 4));
}

/* ---- 6. nobody waits long with one for which there is no room ---- */

/* With what others have, all but 192 KiB of what is left for all is held by disks that hang. */
static void hold_room(struct command *held[13])
{
	for (unsigned int i = 0; i < 13; i++)
		HAS_IT(held[i] = ask(i % 4, i / 4 % 2 ? 2 : 3 - i / 8 * 2, 256 * KiB));
	assert_int_equal(in_use(), ROOM - 192 * KiB);
}

static void others_yield_for_a_moment(void **state)
{
	struct command *held[13], *large, *small;

	HAS_IT(ask(5, 0, 32 * KiB));	/* they do not hold little: the floor is not theirs */
	HAS_IT(ask(6, 0, 32 * KiB));
	hold_room(held);
	large = ask(5, 0, 512 * KiB);
	WAITS_FOR_IT(large);
	small = ask(6, 0, 64 * KiB);
	WAITS_FOR_IT(small);
	wait_for(299 * MS);
	WAITS_FOR_IT(small);
	wait_for(2 * MS);
	HAS_IT(small);
	/* nor does the next one wait, even where a buffer has come back */
	end(small);
	HAS_IT(small = ask(6, 0, 64 * KiB));
	/* later they yield again, and it is not forgotten */
	wait_for(3000 * MS);
	end(small);
	WAITS_FOR_IT(ask(6, 0, 64 * KiB));
	end(held[0]);
	WAITS_FOR_IT(large);
	end(held[1]);
	HAS_IT(large);
}

static void until_the_large_one_goes(void **state)
{
	struct command *held[13], *large, *small;

	HAS_IT(ask(5, 0, 32 * KiB));
	HAS_IT(ask(6, 0, 32 * KiB));
	hold_room(held);
	large = ask(5, 0, 512 * KiB);
	WAITS_FOR_IT(small = ask(6, 0, 64 * KiB));
	end(large);
	HAS_IT(small);
}

/* Room there is, but in pieces. */
static void pieces_are_for_small_ones(void **state)
{
	struct command *small[48], *large, *behind, *other;

	for (unsigned int i = 0; i < 48; i++)
		HAS_IT(small[i] = ask(i % 4, i / 4 % 4, 64 * KiB));
	for (unsigned int i = 0; i < 48; i += 2)
		end(small[i]);
	/* no half of a MiB is free as a whole, but for the last one */
	HAS_IT(ask(4, 0, 1 * MiB));
	HAS_IT(ask(5, 1, 32 * KiB));	/* they do not hold little: the floor is not theirs */
	HAS_IT(ask(6, 2, 32 * KiB));
	large = ask(5, 1, 512 * KiB);
	WAITS_FOR_IT(large);
	behind = ask(5, 1, 64 * KiB);
	other = ask(6, 2, 64 * KiB);
	WAITS_FOR_IT(behind);
	WAITS_FOR_IT(other);
	wait_for(301 * MS);
	HAS_IT(behind);
	HAS_IT(other);
	HAS_IT(ask(6, 2, 64 * KiB));
	WAITS_FOR_IT(large);
	for (unsigned int i = 1; i < 48; i += 2)
		end(small[i]);
	HAS_IT(large);
}

/* ---- 7. the floor ---- */

static void take_all_room(void)
{
	size_t taken = 0;

	for (unsigned int i = 0; i < 4; i++)
		taken += fill(i, i, 128 * KiB);
	assert_int_equal(taken, ROOM);
}

static void hosts_with_little_have_half_of_it(void **state)
{
	struct command *large;
	size_t taken = 0;

	take_all_room();
	WAITS_FOR_IT(large = ask(4, 0, 256 * KiB));
	end(large);
	for (unsigned int i = 4; i < HOSTS; i++)
		taken += fill(i, i % 2, 4 * KiB);
	assert_int_equal(taken, FLOOR / 2);
}

static void namespaces_with_little_a_quarter(void **state)
{
	size_t taken = 0;

	take_all_room();
	for (unsigned int i = 0; i < 16; i++)	/* hosts that hold much, of other disks */
		if (i % 4 != i / 4)
			taken += fill(i % 4, i / 4, LITTLE);
	assert_int_equal(taken, FLOOR / 4);
}

static void short_answers_have_all_of_it(void **state)
{
	take_all_room();
	for (unsigned int i = 0; i < FLOOR / (16 * KiB); i++)
		HAS_IT(ask_admin(i % HOSTS, i < HOSTS ? 8 * KiB : 4 * KiB));
}

static void data_with_commands_has_all_of_it(void **state)
{
	size_t before;

	take_all_room();
	before = in_use();
	for (unsigned int i = 4; i < 8; i++)
		for (int j = 0; j < 8; j++)
			assert_true(ask_at_once(i, 1, LITTLE));
	assert_int_equal(in_use() - before, FLOOR);
}

/* ---- 8. answers ---- */

static void an_admin_queue_has_one_long_answer(void **state)
{
	struct command *first = ask_admin(0, 256 * KiB), *second = ask_admin(0, 256 * KiB);

	HAS_IT(first);
	WAITS_FOR_IT(second);
	end(first);
	HAS_IT(second);
}

static void or_several_short_ones(void **state)
{
	for (unsigned int i = 0; i < LITTLE / (4 * KiB); i++)
		HAS_IT(ask_admin(0, 4 * KiB));
	WAITS_FOR_IT(ask_admin(0, 4 * KiB));
}

/* One at a time there may be of any size, else it would wait for ever. */
static void an_answer_of_more_than_an_eighth(void **state)
{
	struct command *first = ask_admin(0, 1 * MiB), *second;

	HAS_IT(first);
	WAITS_FOR_IT(second = ask_admin(1, 1 * MiB));
	WAITS_FOR_IT(ask_admin(2, 64 * KiB));
	end(first);
	HAS_IT(second);
}

static void long_answers_hold_an_eighth(void **state)
{
	struct command *first = ask_admin(0, 256 * KiB), *third, *behind;

	HAS_IT(first);
	HAS_IT(ask_admin(1, 256 * KiB));
	WAITS_FOR_IT(third = ask_admin(2, 256 * KiB));
	HAS_IT(ask_admin(3, 4 * KiB));
	/* in order, though a short one might have one */
	WAITS_FOR_IT(behind = ask_admin(2, 4 * KiB));
	end(first);
	HAS_IT(third);
	WAITS_FOR_IT(behind);
	end(third);
	HAS_IT(behind);
}

/* ---- 9. data that came with its command ---- */

static void data_with_commands_fails(void **state)
{
	size_t taken = 0;

	while (ask_at_once(0, taken / LITTLE % 2, LITTLE))
		taken += LITTLE;
	assert_int_equal(taken, 2 * SHARE);
	assert_true(ask_at_once(1, 2, LITTLE));
}

/* ---- 10., 11. who goes, and changes ---- */

static void who_goes_makes_room(void **state)
{
	struct command *large, *small;

	fill(0, 0, 256 * KiB);
	end(ask(0, 1, 4 * KiB));
	HAS_IT(ask(0, 1, 32 * KiB));	/* its line holds something */
	for (unsigned int i = 0; i < COMMANDS; i++)
		if (commands[i].state == HAS && commands[i].req.data_length == 256 * KiB) {
			end(&commands[i]);
			break;
		}
	WAITS_FOR_IT(large = ask(0, 1, 512 * KiB));
	WAITS_FOR_IT(small = ask(0, 0, 64 * KiB));
	end(large);
	HAS_IT(small);
}

static void a_change_has_all_checked_anew(void **state)
{
	struct command *waiting[3];

	fill(0, 0, 256 * KiB);
	fill(1, 0, 256 * KiB);
	waiting[0] = ask(0, 0, 64 * KiB);
	waiting[1] = ask(1, 0, 64 * KiB);
	waiting[2] = ask(2, 0, 64 * KiB);
	for (int i = 0; i < 3; i++)
		WAITS_FOR_IT(waiting[i]);
	buffer_lines_review(&reactor);
	turns();
	for (int i = 0; i < 3; i++)
		assert_int_equal(waiting[i]->state, CHECKED);
}

/* ---- 12. nothing is forgotten; and all of it at once ---- */

static void all_sorts(unsigned int seed)
{
	static const uint32_t sizes[] = { 4, 8, 16, 64, 192, 512, 1024 };

	srandom(seed);
	for (int step = 0; step < 3000; step++) {
		struct command *c = &commands[(size_t)random() % COMMANDS];
		unsigned int host = (unsigned int)random() % HOSTS;
		unsigned int disk = (unsigned int)random() % DISKS;
		uint32_t size = sizes[(size_t)random() % 7] * KiB;

		if (c->state != FREE && random() % 4)
			end(c);
		else if (c->state == FREE && random() % 16 == 0)
			ask_admin(host, size);
		else if (c->state == FREE && random() % 16 == 0)
			ask_at_once(host, disk, size > 16 * KiB ? 16 * KiB : size);
		else if (c->state == FREE)
			ask(host, disk, size);
		if (random() % 64 == 0)
			wait_for((uint64_t)random() % 400 * MS);
		assert_true(in_use() <= LIMIT);
		assert_true(reactor.buffers.floor_held <= FLOOR);
		assert_true(reactor.buffers.long_replies <= 1 * MiB);
	}
}

/* Whoever holds one is done with it, over and over: all that wait have had theirs in the end. */
static void nothing_is_forgotten(void **state)
{
	for (unsigned int seed = 0; seed < 40; seed++) {
		bool any;

		setup(NULL);
		all_sorts(seed);
		do {
			any = false;
			for (unsigned int i = 0; i < COMMANDS; i++)
				if (commands[i].state == HAS) {
					end(&commands[i]);
					any = true;
				}
		} while (any);
		for (unsigned int i = 0; i < COMMANDS; i++)
			assert_int_equal(commands[i].state, FREE);
		teardown(NULL);
	}
}

#define promise(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		promise(a_host_has_a_quarter),
		promise(a_namespace_has_a_half),
		promise(disks_do_not_wait_for_one_another),
		promise(or_several_small_ones),
		promise(little_does_not_wait_for_a_namespace),
		promise(in_the_order_in_which_they_came),
		promise(lines_take_turns),
		promise(large_for_its_host),
		promise(large_for_its_namespace),
		promise(large_for_room),
		promise(others_yield_for_a_moment),
		promise(until_the_large_one_goes),
		promise(pieces_are_for_small_ones),
		promise(hosts_with_little_have_half_of_it),
		promise(namespaces_with_little_a_quarter),
		promise(short_answers_have_all_of_it),
		promise(data_with_commands_has_all_of_it),
		promise(an_admin_queue_has_one_long_answer),
		promise(or_several_short_ones),
		promise(long_answers_hold_an_eighth),
		promise(an_answer_of_more_than_an_eighth),
		promise(data_with_commands_fails),
		promise(who_goes_makes_room),
		promise(a_change_has_all_checked_anew),
		cmocka_unit_test(nothing_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
