/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool of I/O buffers. */
#include <stdlib.h>
#include <string.h>

#include "loop/buffer.h"
#include "loop_rig.h"

#define MIB ((size_t)1 << 20)

static size_t rounded(size_t size)
{
	size_t power = LOOP_BUFFER_MIN;

	while (power < size)
		power *= 2;
	return power;
}

static void test_sizes(void **state)
{
	static const size_t sizes[] = {1, 512, 4096, 4097, 8192, 100000, 131072, MIB + 1, 4 * MIB};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *buffer = loop_buffer_get(loop, sizes[i]);

		assert_non_null(buffer);
		assert_int_equal((uintptr_t)buffer % 4096, 0);
		assert_int_equal(loop_buffer_in_use(loop), rounded(sizes[i]));
		memset(buffer, 0xa5, sizes[i]);
		loop_buffer_put(loop, buffer, sizes[i]);
		assert_int_equal(loop_buffer_in_use(loop), 0);
	}
	assert_null(loop_buffer_get(loop, 4 * MIB + 1));
	assert_null(loop_buffer_get(loop, SIZE_MAX));
}

/* The last buffer that came back is the next one out: it is still in the cache. */
static void test_last_first(void **state)
{
	void *a = loop_buffer_get(loop, 4096), *b = loop_buffer_get(loop, 4096);

	assert_ptr_not_equal(a, b);
	loop_buffer_put(loop, b, 4096);
	loop_buffer_put(loop, a, 4096);
	assert_ptr_equal(loop_buffer_get(loop, 4096), a);
	assert_ptr_equal(loop_buffer_get(loop, 4096), b);
	loop_buffer_put(loop, a, 4096);
	loop_buffer_put(loop, b, 4096);
}

static void test_limit(void **state)
{
	void *buffers[16 * MIB / 4096 + 1];
	size_t count = 0;

	rig_again((struct loop_options){.buffer_limit = 16 * MIB});
	while ((buffers[count] = loop_buffer_get(loop, 4000)))
		count++;
	assert_int_equal(count, 16 * MIB / 4096);
	assert_null(loop_buffer_get(loop, 1));
	/* Every second one free: half of the memory, but nothing larger than a page. */
	for (size_t i = 0; i < count; i += 2)
		loop_buffer_put(loop, buffers[i], 4000);
	assert_null(loop_buffer_get(loop, 8192));
	for (size_t i = 1; i < count; i += 2)
		loop_buffer_put(loop, buffers[i], 4000);
	/* All of it free: the pages are whole again. */
	for (size_t i = 0; i < 4; i++) {
		buffers[i] = loop_buffer_get(loop, 4 * MIB);
		assert_non_null(buffers[i]);
	}
	assert_null(loop_buffer_get(loop, 1));
	for (size_t i = 0; i < 4; i++)
		loop_buffer_put(loop, buffers[i], 4 * MIB);
}

/* Random sizes in random order: no two buffers in use overlap. */
static void test_random(void **state)
{
	enum { SLOTS = 200 };
	static struct {
		uint32_t *buffer;
		size_t size;
		uint32_t mark;
	} slots[SLOTS];
	unsigned int full = 0;

	rig_again((struct loop_options){.buffer_limit = 64 * MIB});
	srandom(7);
	for (uint32_t i = 1; i < 200000; i++) {
		unsigned int s = (unsigned int)random() % SLOTS;
		size_t last;

		if (slots[s].buffer) {
			last = slots[s].size / 4 - 1;
			assert_int_equal(slots[s].buffer[0], slots[s].mark);
			assert_int_equal(slots[s].buffer[last], slots[s].mark);
			loop_buffer_put(loop, slots[s].buffer, slots[s].size);
			slots[s].buffer = NULL;
			continue;
		}
		slots[s].size = ((size_t)4096 << (random() % 11)) - (size_t)(random() % 2) * 1024;
		slots[s].buffer = loop_buffer_get(loop, slots[s].size);
		if (!slots[s].buffer) {
			full++;
			continue;
		}
		last = slots[s].size / 4 - 1;
		slots[s].mark = slots[s].buffer[0] = slots[s].buffer[last] = i;
	}
	assert_true(full > 0);
	for (unsigned int s = 0; s < SLOTS; s++) {
		if (slots[s].buffer)
			loop_buffer_put(loop, slots[s].buffer, slots[s].size);
		slots[s].buffer = NULL;
	}
	assert_int_equal(loop_buffer_in_use(loop), 0);
}

static unsigned int woken;

static void wake(struct loop_task *task)
{
	woken++;
}

static void test_wait(void **state)
{
	struct loop_task first, second;
	void *buffer = loop_buffer_get(loop, 4096);

	woken = 0;
	loop_task_init(&first, wake);
	loop_task_init(&second, wake);
	loop_buffer_wait(loop, &first);
	loop_buffer_wait(loop, &first);
	loop_buffer_wait(loop, &second);
	rig_loop_for(5 * MS);
	assert_int_equal(woken, 0);
	list_del(&second.node);
	loop_buffer_put(loop, buffer, 4096);
	assert_int_equal(woken, 0);
	rig_loop_for(5 * MS);
	assert_int_equal(woken, 1);
}

/* What nobody uses for two seconds goes back to the system; what is in use stays. */
static void test_trim(void **state)
{
	uint8_t *held, *large[12];
	uintptr_t lowest;

	rig_again((struct loop_options){.buffer_limit = 64 * MIB});
	held = loop_buffer_get(loop, 4096);
	held[0] = 42;
	lowest = (uintptr_t)held & ~(4 * MIB - 1);
	for (int i = 0; i < 12; i++) {
		large[i] = loop_buffer_get(loop, 4 * MIB);
		assert_non_null(large[i]);
		memset(large[i], 1, 4 * MIB);
		if ((uintptr_t)large[i] < lowest)
			lowest = (uintptr_t)large[i];
	}
	for (int i = 0; i < 12; i++)
		loop_buffer_put(loop, large[i], 4 * MIB);
	rig_loop_for(100 * MS);
	assert_true(rig_resident(lowest, lowest + 52 * MIB) >= 48 * MIB);
	for (int i = 0; i < 200 && rig_resident(lowest, lowest + 52 * MIB) > 2 * MIB; i++)
		rig_loop_for(100 * MS);
	assert_in_range(rig_resident(lowest, lowest + 52 * MIB), 1, 2 * MIB);
	assert_int_equal(held[0], 42);
	large[0] = loop_buffer_get(loop, 4 * MIB);
	memset(large[0], 2, 4 * MIB);
	loop_buffer_put(loop, large[0], 4 * MIB);
	loop_buffer_put(loop, held, 4096);
	for (int i = 0; i < 200 && rig_resident(lowest, lowest + 52 * MIB); i++)
		rig_loop_for(100 * MS);
	assert_int_equal(rig_resident(lowest, lowest + 52 * MIB), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		rig_test(test_sizes), rig_test(test_last_first), rig_test(test_limit),
		rig_test(test_random), rig_test(test_wait), rig_test(test_trim),
	};

	return rig_run("buffers", tests);
}
