/* SPDX-License-Identifier: BSD-3-Clause */
/* The backend `fault`: rules by words, and a volatile cache that loses what it may lose. */
#include "backend_rig.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "backend/fault/fault.h"

#define BLOCK 512
#define BLOCKS 64

static int setup(void **state)
{
	static struct rig rig;
	struct loop_options options = { .engine = LOOP_ENGINE_AUTO };
	struct weft_error error;

	memset(&rig, 0, sizeof(rig));
	*state = &rig;
	return loop_new(&rig.loop, &options, &error);
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	if (rig->device)
		rig_close(rig);
	loop_free(rig->loop);
	return 0;
}

#define fault_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void open_with(struct rig *rig, const char *option)
{
	struct weft_error error;
	int r = rig_open(rig, &error, "fault", "child.backend=memory", "child.size=1M", option,
			 NULL);

	assert_int_equal(r, 0);
}

/* ---- rules ---- */

static struct fault_verdict judge(const char *text, enum weft_op op, uint32_t flags,
				  uint64_t offset, uint64_t length)
{
	struct weft_io io = { .op = op, .flags = flags, .offset = offset, .length = length };
	struct fault_verdict verdict;
	struct fault_rule *rule;
	struct weft_error error;
	struct list rules;
	uint64_t random = 1;

	list_init(&rules);
	assert_int_equal(fault_rule_parse(&rule, text, &error), 0);
	list_add_tail(&rules, &rule->node);
	verdict = fault_rules_judge(&rules, &io, &random);
	fault_rules_free(&rules);
	return verdict;
}

static void test_words(void **state)
{
	struct fault_verdict verdict = judge("fail read,write ENOSPC", WEFT_OP_WRITE, 0, 0, 512);

	assert_int_equal(verdict.action, FAULT_FAIL);
	assert_int_equal(verdict.error, ENOSPC);
	verdict = judge("delay all 250", WEFT_OP_FLUSH, 0, 0, 0);
	assert_int_equal(verdict.action, FAULT_DELAY);
	assert_int_equal(verdict.amount, 250);
	verdict = judge("short write 4K", WEFT_OP_WRITE, 0, 0, 8192);
	assert_int_equal(verdict.action, FAULT_SHORT);
	assert_int_equal(verdict.amount, 4096);
	assert_int_equal(judge("hang discard", WEFT_OP_DISCARD, 0, 0, 1).action, FAULT_HANG);
	assert_int_equal(judge("hang discard", WEFT_OP_READ, 0, 0, 1).action, FAULT_PASS);
	assert_int_equal(judge("hang fua", WEFT_OP_WRITE, WEFT_IO_FUA, 0, 1).action, FAULT_HANG);
	assert_int_equal(judge("hang fua", WEFT_OP_WRITE, 0, 0, 1).action, FAULT_PASS);
}

static void test_ranges(void **state)
{
	const char *rule = "fail read 5 at 4096+1K";

	assert_int_equal(judge(rule, WEFT_OP_READ, 0, 0, 4096).action, FAULT_PASS);
	assert_int_equal(judge(rule, WEFT_OP_READ, 0, 5120, 512).action, FAULT_PASS);
	assert_int_equal(judge(rule, WEFT_OP_READ, 0, 0, 4608).action, FAULT_FAIL);
	assert_int_equal(judge(rule, WEFT_OP_READ, 0, 4608, 512).error, EIO);
}

/* ---- the cache ---- */

static void fill(struct rig *rig, unsigned int block, unsigned char with, uint32_t flags)
{
	unsigned char bytes[BLOCK];

	memset(bytes, with, sizeof(bytes));
	assert_int_equal(rig_io(rig, WEFT_OP_WRITE, flags, block * BLOCK, bytes, BLOCK), 0);
}

static unsigned char look(struct rig *rig, unsigned int block)
{
	unsigned char bytes[BLOCK];

	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(rig_io(rig, WEFT_OP_READ, 0, block * BLOCK, bytes, BLOCK), 0);
	for (unsigned int i = 1; i < BLOCK; i++)
		assert_int_equal(bytes[i], bytes[0]);
	return bytes[0];
}

static void submit_to_child(void *child, struct weft_io *io)
{
	weft_child_submit(child, io);
}

/* What the child holds now. */
static unsigned char below(struct rig *rig, unsigned int block)
{
	static const struct weft_backend past_the_cache = { .submit = submit_to_child };
	struct fault_device *device = rig->device;
	struct rig child = {
		.loop = rig->loop, .backend = &past_the_cache, .device = device->child,
	};

	return look(&child, block);
}

static void test_cache_holds_back(void **state)
{
	struct rig *rig = *state;

	open_with(rig, "cache=true");
	assert_true(rig->info.volatile_cache);
	fill(rig, 1, 0x11, 0);
	fill(rig, 2, 0x22, 0);
	fill(rig, 2, 0x23, 0);
	assert_int_equal(look(rig, 2), 0x23);
	assert_int_equal(look(rig, 3), 0);
	assert_int_equal(below(rig, 1), 0);
	assert_int_equal(rig_io(rig, WEFT_OP_FLUSH, 0, 0, NULL, 0), 0);
	assert_int_equal(below(rig, 1), 0x11);
	assert_int_equal(below(rig, 2), 0x23);
	fill(rig, 1, 0x12, WEFT_IO_FUA);
	assert_int_equal(below(rig, 1), 0x12);
	assert_int_equal(rig_io(rig, WEFT_OP_WRITE_ZEROES, 0, BLOCK, NULL, 2 * BLOCK), 0);
	assert_int_equal(look(rig, 1), 0);
	assert_int_equal(below(rig, 1), 0x12);
}

static void *cut(void *arg)
{
	struct rig *rig = arg;
	struct fault_device *device = rig->device;
	unsigned int dirty, kept;
	uint64_t random = 42;
	int r = fault_cache_cut(device->cache, &random, &dirty, &kept);

	if (r == 0 && (dirty != BLOCKS || kept > dirty))
		r = -ERANGE;
	loop_stop(rig->loop);
	return (void *)(intptr_t)r;
}

/* Three writes to each block, of which the first is flushed: the disk keeps one of the three. */
static void test_power_loss(void **state)
{
	struct rig *rig = *state;
	unsigned int seen[4] = { 0 };
	pthread_t thread;
	void *result;

	open_with(rig, "cache=true");
	for (unsigned char version = 1; version <= 3; version++) {
		for (unsigned int block = 0; block < BLOCKS; block++)
			fill(rig, block, version, 0);
		if (version == 1)
			assert_int_equal(rig_io(rig, WEFT_OP_FLUSH, 0, 0, NULL, 0), 0);
	}
	assert_int_equal(pthread_create(&thread, NULL, cut, rig), 0);
	assert_int_equal(loop_run(rig->loop), 0);
	pthread_join(thread, &result);
	assert_int_equal((intptr_t)result, 0);
	assert_int_equal(rig_io(rig, WEFT_OP_FLUSH, 0, 0, NULL, 0), -ENODEV);
	for (unsigned int block = 0; block < BLOCKS; block++) {
		assert_in_range(below(rig, block), 1, 3);
		seen[below(rig, block)]++;
	}
	/* chance is seeded: each of the three is there */
	assert_true(seen[1] && seen[2] && seen[3]);
}

static void test_short(void **state)
{
	struct rig *rig = *state;
	unsigned char bytes[4 * BLOCK];

	open_with(rig, "rules=short write 1K times 1");
	memset(bytes, 0x77, sizeof(bytes));
	assert_int_equal(rig_io(rig, WEFT_OP_WRITE, 0, 0, bytes, sizeof(bytes)), -EIO);
	assert_int_equal(look(rig, 1), 0x77);
	assert_int_equal(look(rig, 2), 0);
	assert_int_equal(rig_io(rig, WEFT_OP_WRITE, 0, 0, bytes, sizeof(bytes)), 0);
	assert_int_equal(look(rig, 2), 0x77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_ranges),
		fault_test(test_short),
		fault_test(test_cache_holds_back),
		fault_test(test_power_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
