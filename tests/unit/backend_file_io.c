/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file backend against a kernel that does half of what it is asked: this
 * program has the loop's verbs itself. Each I/O is checked as the list of calls
 * that it makes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "backend/file/file.h"
#include "loop/loop.h"

/* What the next calls give; each call takes one, in order. */
static int results[16];
static unsigned int result_count, calls;
static char journal[1024];
static char wrote[1 << 20]; /* what writes carried, one after the other; reads take from it */
static size_t wrote_size;

static int io_result;
static unsigned int completions;

struct loop *loop_current(void)
{
	return NULL;
}

void weft_device_changed(struct weft_owner *owner)
{
}

void weft_io_done(struct weft_io *io, int result)
{
	io_result = result;
	completions++;
}

static void note(const char *verb, uint64_t offset, uint64_t length, int flags)
{
	size_t used = strlen(journal);

	snprintf(journal + used, sizeof(journal) - used, "%s%s %llu+%llu/%x", used ? ", " : "",
		 verb, (unsigned long long)offset, (unsigned long long)length, (unsigned int)flags);
}

/* The callback comes after the call, so the test runs it. */
static struct loop_op *pending;

static void call(struct loop_op *op)
{
	assert_null(pending);
	pending = op;
}

static int next_result(void)
{
	assert_true(calls < result_count);
	return results[calls++];
}

static uint64_t iov_length(const struct iovec *iov, unsigned int count)
{
	uint64_t length = 0;

	for (unsigned int i = 0; i < count; i++)
		length += iov[i].iov_len;
	return length;
}

/* Moves as much as the next result says between the vector and `wrote`. */
static int move(const struct iovec *iov, unsigned int count, bool out)
{
	int result = next_result();
	size_t left = result > 0 ? (size_t)result : 0;

	for (unsigned int i = 0; i < count && left; i++) {
		size_t part = iov[i].iov_len < left ? iov[i].iov_len : left;

		if (out)
			memcpy(wrote + wrote_size, iov[i].iov_base, part);
		else
			memcpy(iov[i].iov_base, wrote + wrote_size, part);
		wrote_size += part;
		left -= part;
	}
	wrote_size -= wrote_size % 512; /* the backend goes on at a whole block */
	return result;
}

void loop_read(struct loop *loop, struct loop_op *op, int fd, const struct iovec *iov,
	       unsigned int iov_count, uint64_t offset)
{
	note("read", offset, iov_length(iov, iov_count), 0);
	op->result = move(iov, iov_count, false);
	call(op);
}

void loop_write(struct loop *loop, struct loop_op *op, int fd, const struct iovec *iov,
		unsigned int iov_count, uint64_t offset, int flags)
{
	note("write", offset, iov_length(iov, iov_count), flags);
	op->result = move(iov, iov_count, true);
	call(op);
}

void loop_flush(struct loop *loop, struct loop_op *op, int fd)
{
	note("flush", 0, 0, 0);
	op->result = next_result();
	call(op);
}

void loop_fallocate(struct loop *loop, struct loop_op *op, int fd, int mode, uint64_t offset,
		    uint64_t length)
{
	note("fallocate", offset, length, mode);
	op->result = next_result();
	call(op);
}

void loop_op_work(struct loop *loop, struct loop_op *op, int fd, int (*work)(struct loop_op *op))
{
	note("work", 0, 0, 0);
	op->result = next_result();
	call(op);
}

static const struct file_device regular = { .fd = -1, .direct = true, .block_size = 512 };
static const struct file_device block = { .fd = -1, .is_block = true, .block_size = 512 };

#define GIVE(...) \
	do { \
		const int given_[] = { __VA_ARGS__ }; \
		memcpy(results, given_, sizeof(given_)); \
		result_count = sizeof(given_) / sizeof(given_[0]); \
	} while (0)

/* Runs it to its end with the results GIVEn, all of which it must have used. */
static int run(const struct file_device *device, struct weft_io *io)
{
	calls = completions = 0;
	wrote_size = 0;
	journal[0] = '\0';
	file_submit((void *)(uintptr_t)device, io);
	while (pending) {
		struct loop_op *op = pending;

		assert_int_equal(completions, 0);
		pending = NULL;
		op->done(op, op->result);
	}
	assert_int_equal(completions, 1);
	assert_int_equal(calls, result_count);
	return io_result;
}

static void whole_transfers(void **state)
{
	char data[8192];
	struct iovec iov[2] = { { data, 4096 }, { data + 4096, 4096 } };
	struct weft_io io = { .op = WEFT_OP_READ, .offset = 4096, .length = 8192, .iov = iov,
			      .iov_count = 2 };

	GIVE(8192);
	assert_int_equal(run(&regular, &io), 0);
	assert_string_equal(journal, "read 4096+8192/0");
	io.op = WEFT_OP_WRITE;
	assert_int_equal(run(&regular, &io), 0);
	assert_string_equal(journal, "write 4096+8192/0");
	io.flags = WEFT_IO_FUA;
	assert_int_equal(run(&regular, &io), 0);
	assert_string_equal(journal, "write 4096+8192/2"); /* RWF_DSYNC */
	io.op = WEFT_OP_FLUSH;
	GIVE(0);
	assert_int_equal(run(&regular, &io), 0);
	assert_string_equal(journal, "flush 0+0/0");
}

static void short_transfers_go_on(void **state)
{
	static char data[16384], back[16384];
	struct iovec iov[3] = { { data, 4096 }, { data + 4096, 8192 }, { data + 12288, 4096 } };
	struct weft_io io = { .op = WEFT_OP_WRITE, .length = 16384, .iov = iov, .iov_count = 3 };

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i / 512 * 7 + i);
	/* A whole vector; within one, in whole blocks; the rest of it; within a block; the rest. */
	GIVE(4096, 1024, 7168, 700, 3584);
	assert_int_equal(run(&regular, &io), 0);
	assert_string_equal(journal, "write 0+16384/0, write 4096+12288/0, write 5120+7168/0, "
				     "write 12288+4096/0, write 12800+3584/0");
	assert_memory_equal(wrote, data, sizeof(data));

	io.op = WEFT_OP_READ;
	for (int i = 0; i < 3; i++)
		iov[i].iov_base = back + ((char *)iov[i].iov_base - data);
	assert_int_equal(run(&regular, &io), 0);
	assert_memory_equal(back, data, sizeof(data));
}

static void transfers_without_progress_fail(void **state)
{
	char data[4096];
	struct iovec iov = { data, 4096 };
	struct weft_io io = { .op = WEFT_OP_READ, .length = 4096, .iov = &iov, .iov_count = 1 };

	GIVE(0);
	assert_int_equal(run(&regular, &io), -EIO);
	GIVE(100);
	assert_int_equal(run(&regular, &io), -EIO);
	GIVE(512, 0);
	assert_int_equal(run(&regular, &io), -EIO);
	GIVE(-EREMOTEIO);
	assert_int_equal(run(&regular, &io), -EREMOTEIO);
	io.op = WEFT_OP_WRITE;
	GIVE(1024, -ENOSPC);
	assert_int_equal(run(&regular, &io), -ENOSPC);
}

static void many_vectors_go_in_parts(void **state)
{
	static struct iovec iov[1500];
	static char data[512];
	struct weft_io io = { .op = WEFT_OP_WRITE, .length = sizeof(iov) / sizeof(iov[0]) * 512,
			      .iov = iov, .iov_count = sizeof(iov) / sizeof(iov[0]) };

	for (size_t i = 0; i < io.iov_count; i++)
		iov[i] = (struct iovec){ data, sizeof(data) };
	GIVE(1024 * 512, 476 * 512);
	assert_int_equal(run(&regular, &io), 0);
	assert_string_equal(journal, "write 0+524288/0, write 524288+243712/0");
}

static void zeroing_asks_first(void **state)
{
	struct weft_io io = { .op = WEFT_OP_WRITE_ZEROES, .offset = 512, .length = 1 << 30 };

	GIVE(0);
	assert_int_equal(run(&regular, &io), 0);
	assert_string_equal(journal, "fallocate 512+1073741824/11"); /* ZERO_RANGE|KEEP_SIZE */
	io.flags = WEFT_IO_DEALLOCATE;
	assert_int_equal(run(&regular, &io), 0);
	assert_string_equal(journal, "fallocate 512+1073741824/3"); /* PUNCH_HOLE|KEEP_SIZE */
	assert_int_equal(run(&block, &io), 0);
	assert_string_equal(journal, "fallocate 512+1073741824/3");
	io.flags = WEFT_IO_DEALLOCATE | WEFT_IO_FUA;
	GIVE(0, 0);
	assert_int_equal(run(&regular, &io), 0);
	assert_string_equal(journal, "fallocate 512+1073741824/3, flush 0+0/0");
	GIVE(0, -EIO);
	assert_int_equal(run(&regular, &io), -EIO);
	GIVE(-EIO);
	assert_int_equal(run(&regular, &io), -EIO);
}

static void zeroing_falls_back_to_writing(void **state)
{
	struct weft_io io = { .op = WEFT_OP_WRITE_ZEROES, .offset = 512, .length = 1 << 19,
			      .flags = WEFT_IO_DEALLOCATE | WEFT_IO_FUA };

	GIVE(-EOPNOTSUPP, 0, 0);
	assert_int_equal(run(&regular, &io), 0);
	assert_string_equal(journal,
			    "fallocate 512+524288/3, fallocate 512+524288/11, flush 0+0/0");
	GIVE(-EOPNOTSUPP, -EOPNOTSUPP, 1 << 19);
	memset(wrote, 1, sizeof(wrote));
	assert_int_equal(run(&regular, &io), 0);
	assert_string_equal(journal, "fallocate 512+524288/3, fallocate 512+524288/11, "
				     "write 512+524288/2");
	for (size_t i = 0; i < 1 << 19; i++)
		assert_int_equal(wrote[i], 0);

	io.flags = 0;
	io.length = 65536 + 1024;
	GIVE(-EOPNOTSUPP, 512, 65536, 1024 - 512);
	assert_int_equal(run(&regular, &io), 0);
	assert_string_equal(journal, "fallocate 512+66560/11, write 512+65536/0, "
				     "write 1024+65536/0, write 66560+512/0");
	GIVE(-EOPNOTSUPP, -ENOSPC);
	assert_int_equal(run(&regular, &io), -ENOSPC);
}

static void discard_is_advice(void **state)
{
	struct weft_io io = { .op = WEFT_OP_DISCARD, .offset = 4096, .length = 8192 };

	GIVE(0);
	assert_int_equal(run(&regular, &io), 0);
	assert_string_equal(journal, "fallocate 4096+8192/3");
	assert_int_equal(run(&block, &io), 0);
	assert_string_equal(journal, "work 0+0/0");
	GIVE(-EOPNOTSUPP);
	assert_int_equal(run(&regular, &io), 0);
	assert_int_equal(run(&block, &io), 0);
	GIVE(-EIO);
	assert_int_equal(run(&regular, &io), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_transfers),
		cmocka_unit_test(short_transfers_go_on),
		cmocka_unit_test(transfers_without_progress_fail),
		cmocka_unit_test(many_vectors_go_in_parts),
		cmocka_unit_test(zeroing_asks_first),
		cmocka_unit_test(zeroing_falls_back_to_writing),
		cmocka_unit_test(discard_is_advice),
	};

	return cmocka_run_group_tests_name("backend_file_io", tests, NULL, NULL);
}
