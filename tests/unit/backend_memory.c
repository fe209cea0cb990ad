/* SPDX-License-Identifier: BSD-3-Clause */
/* The backends that need no file: memory and null. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend_rig.h"

#define MIB (1 << 20)

static struct rig rig;

static int set_up(void **state)
{
	static const struct loop_options options = { .engine = LOOP_ENGINE_EPOLL };

	return loop_new(&rig.loop, &options, NULL);
}

static int tear_down(void **state)
{
	loop_free(rig.loop);
	return 0;
}

static bool all(const uint8_t *bytes, size_t count, uint8_t value)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

static void memory_keeps_data(void **state)
{
	uint8_t written[8192], read[8192];
	struct iovec parts[3] = { { read, 512 }, { read + 512, 4096 }, { read + 4608, 3584 } };

	memset(written, 0xa5, sizeof(written));
	assert_int_equal(rig_open(&rig, NULL, "memory", "size=1G", NULL), 0);
	assert_int_equal(rig.info.size, 1 << 30);
	assert_int_equal(rig.info.block_size, 512);
	assert_false(rig.info.volatile_cache);
	assert_int_equal(rig_io(&rig, WEFT_OP_READ, 0, 512 * MIB, read, 8192), 0);
	assert_true(all(read, 8192, 0));
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE, WEFT_IO_FUA, 512 * MIB + 512, written, 8192),
			 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_FLUSH, 0, 0, NULL, 0), 0);
	assert_int_equal(rig_iov(&rig, WEFT_OP_READ, 512 * MIB + 512, parts, 3), 0);
	assert_memory_equal(read, written, 8192);
	assert_int_equal(rig_io(&rig, WEFT_OP_READ, 0, 512 * MIB, read, 1024), 0);
	assert_true(all(read, 512, 0) && all(read + 512, 512, 0xa5));
	rig_close(&rig);
}

static void memory_lends(void **state)
{
	uint8_t block[512];
	uint8_t *lent;

	memset(block, 7, sizeof(block));
	assert_int_equal(rig_open(&rig, NULL, "memory", "size=8M", NULL), 0);
	lent = rig.backend->lend(rig.device, 4 * MIB, 4 * MIB);
	assert_non_null(lent);
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE, 0, 8 * MIB - 512, block, 512), 0);
	assert_true(all(lent, 4 * MIB - 512, 0));
	assert_true(all(lent + 4 * MIB - 512, 512, 7));
	rig_close(&rig);
}

/* Clears [offset, offset + length) of 64 MiB of ones and looks at the borders. */
static void clear_and_look(enum weft_op op, uint64_t offset, uint64_t length)
{
	uint8_t *ones = malloc(64 * MIB), *disk;

	memset(ones, 1, 64 * MIB);
	assert_int_equal(rig_open(&rig, NULL, "memory", "size=64M", NULL), 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE, 0, 0, ones, 64 * MIB), 0);
	assert_int_equal(rig_io(&rig, op, WEFT_IO_DEALLOCATE, offset, NULL, length), 0);
	disk = rig.backend->lend(rig.device, 0, 64 * MIB);
	assert_true(all(disk, offset, 1));
	assert_true(all(disk + offset, length, 0));
	assert_true(all(disk + offset + length, 64 * MIB - offset - length, 1));
	rig_close(&rig);
	free(ones);
}

static void memory_clears(void **state)
{
	clear_and_look(WEFT_OP_WRITE_ZEROES, 512, 512);
	clear_and_look(WEFT_OP_WRITE_ZEROES, 4096, 4096);
	clear_and_look(WEFT_OP_WRITE_ZEROES, 3584, 5120);
	clear_and_look(WEFT_OP_DISCARD, 512, 8192);
	clear_and_look(WEFT_OP_DISCARD, 0, 64 * MIB);
	clear_and_look(WEFT_OP_DISCARD, 512, 64 * MIB - 1024);
	clear_and_look(WEFT_OP_WRITE_ZEROES, 32 * MIB, 32 * MIB);
}

static void memory_refuses_sizes(void **state)
{
	struct weft_error error;

	assert_int_equal(rig_open(&rig, &error, "memory", NULL), -EINVAL);
	assert_non_null(strstr(error.text, "'size'"));
	assert_int_equal(rig_open(&rig, &error, "memory", "size=512", NULL), -EINVAL);
	assert_non_null(strstr(error.text, "512"));
	assert_int_equal(rig_open(&rig, &error, "memory", "size=8000000T", NULL), -ENOMEM);
	assert_non_null(strstr(error.text, "no room"));
}

static void null_forgets(void **state)
{
	uint8_t block[4096];

	memset(block, 1, sizeof(block));
	assert_int_equal(rig_open(&rig, NULL, "null", "size=1T", NULL), 0);
	assert_int_equal(rig.info.size, 1ull << 40);
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE, 0, 1ull << 39, block, 4096), 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_READ, 0, 1ull << 39, block, 4096), 0);
	assert_true(all(block, 4096, 0));
	assert_int_equal(rig_io(&rig, WEFT_OP_DISCARD, 0, 0, NULL, 1ull << 40), 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE_ZEROES, 0, 0, NULL, 1ull << 40), 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_FLUSH, 0, 0, NULL, 0), 0);
	assert_true(all(rig.backend->lend(rig.device, 1ull << 39, MIB), MIB, 0));
	assert_null(rig.backend->lend(rig.device, 0, 2 * MIB));
	rig_close(&rig);
	assert_int_equal(rig_open(&rig, NULL, "null", "size=100", NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_keeps_data),
		cmocka_unit_test(memory_lends),
		cmocka_unit_test(memory_clears),
		cmocka_unit_test(memory_refuses_sizes),
		cmocka_unit_test(null_forgets),
	};

	return cmocka_run_group_tests_name("backend_memory", tests, set_up, tear_down);
}
