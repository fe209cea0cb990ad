/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop's operations on files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop/buffer.h"
#include "loop_rig.h"
#include "util/list.h"

struct file_op {
	struct loop_op op;
	int result;
	bool done;
};

static int file;
static char path[] = "/tmp/weft-loop-XXXXXX";

static int file_setup(void **state)
{
	strcpy(path + sizeof(path) - 7, "XXXXXX");
	file = mkstemp(path);
	return file < 0 ? -1 : rig_setup(state);
}

static int file_teardown(void **state)
{
	unlink(path);
	close(file);
	return rig_teardown(state);
}

static void done(struct loop_op *op, int result)
{
	struct file_op *file_op = container_of(op, struct file_op, op);

	assert_false(file_op->done);
	file_op->done = true;
	file_op->result = result;
}

static struct file_op started(void)
{
	return (struct file_op){.op.done = done};
}

static int result(struct file_op *op)
{
	assert_false(op->done); /* not called back before the loop runs */
	rig_loop_until(&op->done);
	return op->result;
}

static void test_read_write(void **state)
{
	char text[] = "one two three", back[32] = {0};
	struct iovec parts[] = {{text, 4}, {text + 4, 4}, {text + 8, 5}};
	struct iovec whole = {back, sizeof(back)};
	struct iovec two[] = {{back + 16, 2}, {back, 16}};
	struct file_op op = started();

	loop_write(loop, &op.op, file, parts, 3, 8192, 0);
	assert_int_equal(result(&op), 13);

	op = started();
	loop_read(loop, &op.op, file, &whole, 1, 8192);
	assert_int_equal(result(&op), 13);
	assert_string_equal(back, text);

	op = started();
	loop_read(loop, &op.op, file, two, 2, 8194);
	assert_int_equal(result(&op), 11);
	assert_memory_equal(back + 16, "e ", 2);
	assert_memory_equal(back, "two three", 9);

	op = started();
	loop_read(loop, &op.op, file, &whole, 1, 10000);
	assert_int_equal(result(&op), 0);

	op = started();
	loop_write(loop, &op.op, file, &(struct iovec){text, 3}, 1, 0, RWF_DSYNC);
	assert_int_equal(result(&op), 3);

	op = started();
	loop_flush(loop, &op.op, file);
	assert_int_equal(result(&op), 0);
}

static void test_errors(void **state)
{
	char text[] = "text";
	struct iovec iov = {text, 4};
	struct file_op op = started();
	int read_only = open(path, O_RDONLY | O_CLOEXEC);

	loop_write(loop, &op.op, read_only, &iov, 1, 0, 0);
	assert_int_equal(result(&op), -EBADF);
	close(read_only);

	op = started();
	loop_read(loop, &op.op, read_only, &iov, 1, 0);
	assert_int_equal(result(&op), -EBADF);
}

static void test_fallocate(void **state)
{
	uint8_t block[8192], zeroes[4096] = {0};
	struct iovec iov = {block, sizeof(block)};
	struct file_op op = started();
	struct stat st;

	loop_fallocate(loop, &op.op, file, 0, 0, 1 << 20);
	assert_int_equal(result(&op), 0);
	assert_int_equal(fstat(file, &st), 0);
	assert_int_equal(st.st_size, 1 << 20);

	memset(block, 0xee, sizeof(block));
	op = started();
	loop_write(loop, &op.op, file, &iov, 1, 0, 0);
	assert_int_equal(result(&op), 8192);

	op = started();
	loop_fallocate(loop, &op.op, file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096);
	assert_int_equal(result(&op), 0);

	op = started();
	loop_read(loop, &op.op, file, &iov, 1, 0);
	assert_int_equal(result(&op), 8192);
	assert_int_equal(block[4095], 0xee);
	assert_memory_equal(block + 4096, zeroes, 4096);
}

enum { OPS = 1000 };

/* More than the engine's queues hold at once. */
static void test_many(void **state)
{
	static struct file_op ops[OPS];
	static uint32_t values[OPS];
	static struct iovec iov[OPS];

	for (uint32_t i = 0; i < OPS; i++) {
		values[i] = i * 77;
		iov[i] = (struct iovec){&values[i], 4};
		ops[i] = started();
		loop_write(loop, &ops[i].op, file, &iov[i], 1, i * 4096, 0);
	}
	for (uint32_t i = 0; i < OPS; i++) {
		rig_loop_until(&ops[i].done);
		assert_int_equal(ops[i].result, 4);
		values[i] = 0;
		ops[i] = started();
		loop_read(loop, &ops[i].op, file, &iov[i], 1, i * 4096);
	}
	for (uint32_t i = 0; i < OPS; i++) {
		rig_loop_until(&ops[i].done);
		assert_int_equal(values[i], i * 77);
	}
}

/* KiB that the kernel has pinned for this process. */
static unsigned long pinned(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[128];
	unsigned long kib = 0;

	assert_non_null(status);
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "VmPin: %lu", &kib) == 1)
			break;
	fclose(status);
	return kib;
}

/* The same once the kernel has taken down the rings of the tests before. */
static unsigned long pinned_at_rest(void)
{
	for (unsigned int i = 0; i < 500 && pinned(); i++)
		rig_loop_for(10 * MS);
	return pinned();
}

static void transfer(bool write, void *buffer, size_t size, uint64_t offset)
{
	struct iovec iov = { buffer, size };
	struct file_op op = started();

	op.op.direct = true;
	if (write)
		loop_write(loop, &op.op, file, &iov, 1, offset, 0);
	else
		loop_read(loop, &op.op, file, &iov, 1, offset);
	assert_int_equal(result(&op), size);
}

/* I/O buffers are registered while direct files use them; the system gets them back. */
static void test_registered_buffers(void **state)
{
	const unsigned long before = pinned_at_rest();
	const unsigned long slab =
		strcmp(loop_engine_name(loop), "io_uring") ? 0 : LOOP_BUFFER_MAX / 1024;
	const size_t size = 65536;
	uint8_t *large = loop_buffer_get(loop, size), *small = loop_buffer_get(loop, 4096);
	uint8_t *elsewhere = malloc(size);

	for (size_t i = 0; i < size; i++)
		large[i] = (uint8_t)(i * 7 + i / 256);
	transfer(true, large, size, 0);
	transfer(false, small, 4096, 12288);
	assert_memory_equal(small, large + 12288, 4096);
	transfer(false, elsewhere, size, 0);
	assert_memory_equal(elsewhere, large, size);
	assert_int_equal(pinned() - before, slab);

	/* one that is in use keeps its slab, and its data */
	loop_buffer_put(loop, large, size);
	rig_loop_for(2500 * MS);
	assert_int_equal(pinned() - before, slab);
	assert_memory_equal(small, elsewhere + 12288, 4096);
	transfer(true, small, 4096, 0);

	loop_buffer_put(loop, small, 4096);
	for (int i = 0; i < 200 && pinned() != before; i++)
		rig_loop_for(100 * MS);
	assert_int_equal(pinned(), before);

	large = loop_buffer_get(loop, size);
	transfer(false, large, size, 0);
	assert_memory_equal(large, elsewhere + 12288, 4096);
	assert_memory_equal(large + 4096, elsewhere + 4096, size - 4096);
	assert_int_equal(pinned() - before, slab);
	loop_buffer_put(loop, large, size);
	free(elsewhere);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read_write, file_setup, file_teardown),
		cmocka_unit_test_setup_teardown(test_errors, file_setup, file_teardown),
		cmocka_unit_test_setup_teardown(test_fallocate, file_setup, file_teardown),
		cmocka_unit_test_setup_teardown(test_many, file_setup, file_teardown),
		cmocka_unit_test_setup_teardown(test_registered_buffers, file_setup,
						file_teardown),
	};

	return rig_run("files", tests);
}
