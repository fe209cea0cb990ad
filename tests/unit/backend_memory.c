/* SPDX-License-Identifier: BSD-3-Clause */
/* The backends that need no file: memory and null. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
	/* each is as the one before: sanitizers look at each byte that a loop reads */
	return count == 0 || (bytes[0] == value && memcmp(bytes, bytes + 1, count - 1) == 0);
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
	struct iovec lent;

	memset(block, 7, sizeof(block));
	assert_int_equal(rig_open(&rig, NULL, "memory", "size=8M", NULL), 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE, 0, 4 * MIB, block, 512), 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE, 0, 6 * MIB, block, 512), 0);
	assert_int_equal(rig.backend->lend(rig.device, 4 * MIB, 4 * MIB, &lent, 1), 1);
	assert_int_equal(lent.iov_len, 4 * MIB);
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE, 0, 8 * MIB - 512, block, 512), 0);
	assert_true(all(lent.iov_base, 512, 7));
	assert_true(all((uint8_t *)lent.iov_base + 4 * MIB - 512, 512, 7));
	rig_close(&rig);
}

/* The bytes that lend() gives in `count` pieces at the most. */
static void gather(uint64_t offset, uint8_t *to, uint64_t length, unsigned int count,
		   unsigned int expect)
{
	struct iovec iov[16];
	uint64_t sum = 0;
	unsigned int used = rig.backend->lend(rig.device, offset, length, iov, count);

	assert_int_equal(used, expect);
	for (unsigned int i = 0; i < used; sum += iov[i++].iov_len)
		memcpy(to + sum, iov[i].iov_base, iov[i].iov_len);
	assert_int_equal(sum, used ? length : 0);
}

static void memory_lends_zeroes_for_what_is_unwritten(void **state)
{
	uint8_t *read = malloc(16 * MIB), block[512];

	memset(block, 9, sizeof(block));
	memset(read, 1, 16 * MIB);
	assert_int_equal(rig_open(&rig, NULL, "memory", "size=16M", NULL), 0);
	gather(0, read, 16 * MIB, 16, 8);
	assert_true(all(read, 16 * MIB, 0));
	/* in chunk 1 of 2 MiB; on both sides there is nothing */
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE, 0, 3 * MIB, block, 512), 0);
	gather(MIB, read, 4 * MIB, 16, 3);
	assert_true(all(read, 2 * MIB, 0) && all(read + 2 * MIB, 512, 9));
	assert_true(all(read + 2 * MIB + 512, 2 * MIB - 512, 0));
	gather(MIB, read, 2 * MIB + 512, 2, 2);
	assert_true(all(read, 2 * MIB, 0) && all(read + 2 * MIB, 512, 9));
	gather(MIB, read, 4 * MIB, 2, 0); /* too many pieces: it is copied then */
	memset(read, 1, 16 * MIB);
	assert_int_equal(rig_io(&rig, WEFT_OP_READ, 0, MIB, read, 4 * MIB), 0);
	assert_true(all(read, 2 * MIB, 0) && all(read + 2 * MIB, 512, 9));
	assert_true(all(read + 2 * MIB + 512, 2 * MIB - 512, 0));
	rig_close(&rig);
	free(read);
}

static void memory_lends_what_was_received_into_it(void **state)
{
	uint8_t read[8192];
	uint8_t *memory;

	assert_int_equal(rig_open(&rig, NULL, "memory", "size=8M", NULL), 0);
	memory = rig.backend->lend_write(rig.device, 2 * MIB - 4096, 8192);
	memset(memory, 5, 8192);
	rig.backend->written(rig.device, 2 * MIB - 4096, 8192);
	gather(2 * MIB - 4096, read, 8192, 1, 1);
	assert_true(all(read, 8192, 5));
	assert_int_equal(rig_io(&rig, WEFT_OP_DISCARD, 0, 2 * MIB, NULL, 2 * MIB), 0);
	gather(2 * MIB - 4096, read, 8192, 2, 2);
	assert_true(all(read, 4096, 5) && all(read + 4096, 4096, 0));
	rig_close(&rig);
}

/* KiB of this process that are resident. */
static long resident(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long total, pages;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld %ld", &total, &pages), 2);
	fclose(file);
	return pages * 4;
}

static void reading_allocates_nothing(const char *huge_pages)
{
	uint8_t block[4096];
	struct iovec iov;
	long before;

	assert_int_equal(rig_open(&rig, NULL, "memory", "size=1G", huge_pages, NULL), 0);
	before = resident();
	for (uint64_t at = 0; at < 1024 * (uint64_t)MIB; at += MIB) {
		assert_int_equal(rig.backend->lend(rig.device, at, 4096, &iov, 1), 1);
		assert_true(all(iov.iov_base, 4096, 0));
		assert_int_equal(rig_io(&rig, WEFT_OP_READ, 0, at + 4096, block, 4096), 0);
		assert_true(all(block, 4096, 0));
		/* nor does zeroing it, page by page or in parts of one */
		assert_int_equal(rig_io(&rig, WEFT_OP_WRITE_ZEROES, 0, at + 512, NULL, 8192), 0);
		assert_int_equal(rig_io(&rig, WEFT_OP_DISCARD, 0, at + 512, NULL, 512), 0);
	}
	assert_true(resident() - before < 16 * 1024); /* a sanitizer takes some */
	rig_close(&rig);
}

static void memory_is_not_allocated_by_reading(void **state)
{
	reading_allocates_nothing("huge_pages=false");
	reading_allocates_nothing("huge_pages=true");
}

/* KiB that a sanitizer may take: ThreadSanitizer keeps some bytes for each that was written. */
#ifdef __SANITIZE_THREAD__
#define SLACK (512 * 1024)
#else
#define SLACK (16 * 1024)
#endif

static void memory_is_given_back(void **state)
{
	uint8_t *ones = malloc(2 * MIB);
	long before;

	memset(ones, 1, 2 * MIB);
	assert_int_equal(rig_open(&rig, NULL, "memory", "size=65M", "huge_pages=true", NULL), 0);
	before = resident();
	for (uint64_t at = 0; at < 64 * MIB; at += 2 * MIB)
		assert_int_equal(rig_io(&rig, WEFT_OP_WRITE, 0, at, ones, 2 * MIB), 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE, 0, 64 * MIB, ones, MIB), 0);
	assert_true(resident() - before >= 64 * 1024);
	assert_int_equal(rig_io(&rig, WEFT_OP_DISCARD, 0, 0, NULL, 65 * MIB), 0);
	assert_true(resident() - before < SLACK);
	gather(64 * MIB, ones, MIB, 1, 1);
	assert_true(all(ones, MIB, 0));
	assert_true(resident() - before < SLACK);
	rig_close(&rig);
	free(ones);
}

#define DISK (8 * MIB)

/* Clears [offset, offset + length) of a disk of ones and looks at the borders. */
static void clear_and_look(enum weft_op op, uint64_t offset, uint64_t length)
{
	uint8_t *ones = malloc(DISK), *disk = malloc(DISK);

	memset(ones, 1, DISK);
	assert_int_equal(rig_open(&rig, NULL, "memory", "size=8M", NULL), 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE, 0, 0, ones, DISK), 0);
	assert_int_equal(rig_io(&rig, op, WEFT_IO_DEALLOCATE, offset, NULL, length), 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_READ, 0, 0, disk, DISK), 0);
	assert_true(all(disk, offset, 1));
	assert_true(all(disk + offset, length, 0));
	assert_true(all(disk + offset + length, DISK - offset - length, 1));
	rig_close(&rig);
	free(ones);
	free(disk);
}

static void memory_clears(void **state)
{
	clear_and_look(WEFT_OP_WRITE_ZEROES, 512, 512);
	clear_and_look(WEFT_OP_WRITE_ZEROES, 4096, 4096);
	clear_and_look(WEFT_OP_WRITE_ZEROES, 3584, 5120);
	clear_and_look(WEFT_OP_DISCARD, 512, 8192);
	clear_and_look(WEFT_OP_DISCARD, 0, DISK);
	clear_and_look(WEFT_OP_DISCARD, 512, DISK - 1024);
	clear_and_look(WEFT_OP_WRITE_ZEROES, DISK / 2, DISK / 2);
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
	struct iovec lent;

	memset(block, 1, sizeof(block));
	assert_int_equal(rig_open(&rig, NULL, "null", "size=1T", NULL), 0);
	assert_int_equal(rig.info.size, 1ull << 40);
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE, 0, 1ull << 39, block, 4096), 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_READ, 0, 1ull << 39, block, 4096), 0);
	assert_true(all(block, 4096, 0));
	assert_int_equal(rig_io(&rig, WEFT_OP_DISCARD, 0, 0, NULL, 1ull << 40), 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE_ZEROES, 0, 0, NULL, 1ull << 40), 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_FLUSH, 0, 0, NULL, 0), 0);
	assert_int_equal(rig.backend->lend(rig.device, 1ull << 39, MIB, &lent, 1), 1);
	assert_true(lent.iov_len == MIB && all(lent.iov_base, MIB, 0));
	assert_int_equal(rig.backend->lend(rig.device, 0, 2 * MIB, &lent, 1), 0);
	rig_close(&rig);
	assert_int_equal(rig_open(&rig, NULL, "null", "size=100", NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_keeps_data),
		cmocka_unit_test(memory_lends),
		cmocka_unit_test(memory_lends_zeroes_for_what_is_unwritten),
		cmocka_unit_test(memory_lends_what_was_received_into_it),
		cmocka_unit_test(memory_is_not_allocated_by_reading),
		cmocka_unit_test(memory_is_given_back),
		cmocka_unit_test(memory_clears),
		cmocka_unit_test(memory_refuses_sizes),
		cmocka_unit_test(null_forgets),
	};

	return cmocka_run_group_tests_name("backend_memory", tests, set_up, tear_down);
}
