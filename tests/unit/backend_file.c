/* SPDX-License-Identifier: BSD-3-Clause */
/* The file backend on real files and loop devices, on each engine of the event loop. */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend_rig.h"

#define MIB (1 << 20)

static struct rig rig;
static enum loop_engine engine;
static char folder[] = "/var/tmp/weft-file-XXXXXX";
static char path[64], path_option[80];
static uint8_t *data, *back; /* 4 MiB each, aligned */

static int set_up(void **state)
{
	data = aligned_alloc(4096, 4 * MIB);
	back = aligned_alloc(4096, 4 * MIB);
	for (size_t i = 0; i < 4 * MIB; i++)
		data[i] = (uint8_t)(1 + i % 251);
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/disk", folder);
	snprintf(path_option, sizeof(path_option), "path=%s", path);
	return loop_new(&rig.loop, &(struct loop_options){ .engine = engine }, NULL);
}

static int tear_down(void **state)
{
	loop_free(rig.loop);
	free(data);
	free(back);
	rmdir(folder);
	strcpy(folder + sizeof(folder) - 7, "XXXXXX");
	return 0;
}

static int remove_disk(void **state)
{
	unlink(path);
	return 0;
}

static bool all(const uint8_t *bytes, size_t count, uint8_t value)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

static uint64_t allocated(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void make_file(uint64_t size)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static void assert_reads(uint64_t offset, const uint8_t *wanted, uint64_t length)
{
	memset(back, 0xee, length);
	assert_int_equal(rig_io(&rig, WEFT_OP_READ, 0, offset, back, length), 0);
	if (wanted)
		assert_memory_equal(back, wanted, length);
	else
		assert_true(all(back, length, 0));
}

static void creates_a_sparse_file(void **state)
{
	struct stat st;

	assert_int_equal(rig_open(&rig, NULL, "file", path_option, "size=1G", NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 1 << 30);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(allocated() < MIB);
	assert_int_equal(rig.info.size, 1 << 30);
	assert_int_equal(rig.info.block_size, 512);
	assert_int_equal(rig.info.physical_block_size, st.st_blksize);
	assert_true(rig.info.discard_granularity > 0);
	assert_true(rig.info.volatile_cache);
	assert_false(rig.info.read_only);
	rig_close(&rig);
}

static void keeps_data(void **state)
{
	struct iovec iov[3] = { { data, 4096 }, { data + 8192, 65536 }, { data + MIB, 4096 } };

	assert_int_equal(rig_open(&rig, NULL, "file", path_option, "size=64M", NULL), 0);
	assert_reads(0, NULL, MIB);
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE, 0, 512, data, 4 * MIB), 0);
	assert_reads(512, data, 4 * MIB);
	assert_reads(0, NULL, 512);
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE, WEFT_IO_FUA, 64 * MIB - 4096, data, 4096), 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_FLUSH, 0, 0, NULL, 0), 0);
	assert_int_equal(rig_iov(&rig, WEFT_OP_WRITE, 16 * MIB, iov, 3), 0);
	rig_close(&rig);

	assert_int_equal(rig_open(&rig, NULL, "file", path_option, "direct=false", NULL), 0);
	assert_int_equal(rig.info.size, 64 * MIB);
	assert_reads(512, data, 4 * MIB);
	assert_reads(64 * MIB - 4096, data, 4096);
	assert_reads(16 * MIB, data, 4096);
	assert_reads(16 * MIB + 4096, data + 8192, 65536);
	assert_reads(16 * MIB + 4096 + 65536, data + MIB, 4096);
	rig_close(&rig);
}

/* Whether the backend's descriptor of the file has O_DIRECT. */
static bool is_direct(void)
{
	char link[64], name[32];
	ssize_t length;

	for (int fd = 3; fd < 64; fd++) {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		length = readlink(name, link, sizeof(link) - 1);
		if (length < 0)
			continue;
		link[length] = '\0';
		if (!strcmp(link, path))
			return fcntl(fd, F_GETFL) & O_DIRECT;
	}
	fail_msg("the backend has no descriptor of %s", path);
	return false;
}

/* Whether this file system reads and writes around the page cache in such units. */
static bool can_direct(size_t unit)
{
	int fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	bool can = fd >= 0 && pread(fd, back, unit, (off_t)unit) == (ssize_t)unit;

	if (fd >= 0)
		close(fd);
	return can;
}

static void goes_around_the_page_cache(void **state)
{
	make_file(MIB);
	assert_int_equal(rig_open(&rig, NULL, "file", path_option, NULL), 0);
	assert_int_equal(is_direct(), can_direct(512));
	rig_close(&rig);
	assert_int_equal(rig_open(&rig, NULL, "file", path_option, "block_size=4096", NULL), 0);
	assert_int_equal(rig.info.block_size, 4096);
	assert_int_equal(is_direct(), can_direct(4096));
	rig_close(&rig);
	assert_int_equal(rig_open(&rig, NULL, "file", path_option, "direct=no", NULL), 0);
	assert_false(is_direct());
	rig_close(&rig);
	assert_int_equal(rig_open(&rig, NULL, "file", path_option, "block_size=1024", NULL),
			 -EINVAL);
}

static void zeroes_and_discards(void **state)
{
	uint64_t full;

	assert_int_equal(rig_open(&rig, NULL, "file", path_option, "size=4M", NULL), 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE, 0, 0, data, 4 * MIB), 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_FLUSH, 0, 0, NULL, 0), 0);
	full = allocated();
	assert_true(full >= 4 * MIB);

	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE_ZEROES, WEFT_IO_FUA, 512, NULL, MIB), 0);
	assert_reads(0, data, 512);
	assert_reads(512, NULL, MIB);
	assert_reads(512 + MIB, data + 512 + MIB, MIB);
	assert_true(allocated() >= 4 * MIB);

	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE_ZEROES, WEFT_IO_DEALLOCATE | WEFT_IO_FUA, 0,
				NULL, 2 * MIB), 0);
	assert_reads(0, NULL, 2 * MIB);
	assert_true(allocated() <= full - 2 * MIB);

	assert_int_equal(rig_io(&rig, WEFT_OP_DISCARD, 0, 2 * MIB, NULL, 2 * MIB), 0);
	assert_reads(2 * MIB, NULL, 2 * MIB);
	assert_true(allocated() < MIB);
	rig_close(&rig);
}

static void notices_a_new_size(void **state)
{
	struct weft_info info;

	make_file(MIB);
	assert_int_equal(rig_open(&rig, NULL, "file", path_option, NULL), 0);
	info = rig.info;
	assert_int_equal(info.size, MIB);
	assert_int_equal(truncate(path, 3 * MIB + 700), 0);
	assert_int_equal(rig.backend->refresh(rig.device, &info), 0);
	assert_int_equal(info.size, 3 * MIB + 700);
	assert_reads(2 * MIB, NULL, MIB);

	/* Cut behind our back: what is gone fails, what is there reads. */
	assert_int_equal(truncate(path, MIB + 512), 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_READ, 0, 2 * MIB, back, 4096), -EIO);
	assert_int_equal(rig_io(&rig, WEFT_OP_READ, 0, MIB, back, 4096), -EIO);
	assert_reads(MIB, NULL, 512);
	assert_int_equal(rig.backend->refresh(rig.device, &info), 0);
	assert_int_equal(info.size, MIB + 512);
	rig_close(&rig);
}

static void heeds_the_size_option(void **state)
{
	struct weft_error error;
	struct weft_info info;
	struct stat st;

	make_file(8 * MIB);
	assert_int_equal(rig_open(&rig, NULL, "file", path_option, "size=2M", NULL), 0);
	info = rig.info;
	assert_int_equal(info.size, 2 * MIB);
	assert_int_equal(truncate(path, 9 * MIB), 0);
	assert_int_equal(rig.backend->refresh(rig.device, &info), 0);
	assert_int_equal(info.size, 2 * MIB);
	rig_close(&rig);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 9 * MIB);

	assert_int_equal(rig_open(&rig, NULL, "file", path_option, "size=16M", NULL), 0);
	assert_int_equal(rig.info.size, 16 * MIB);
	rig_close(&rig);
	assert_int_equal(rig_open(&rig, &error, "file", path_option, "size=32M", "read_only=1",
				  NULL), -EINVAL);
	assert_non_null(strstr(error.text, "16 MiB"));
	assert_non_null(strstr(error.text, "32 MiB"));
}

static void refuses_what_is_no_disk(void **state)
{
	char option[96];
	struct weft_error error;

	assert_int_equal(rig_open(&rig, &error, "file", NULL), -EINVAL);
	assert_non_null(strstr(error.text, "'path'"));
	assert_int_equal(rig_open(&rig, &error, "file", path_option, NULL), -ENOENT);
	assert_non_null(strstr(error.text, path));
	assert_int_equal(rig_open(&rig, &error, "file", path_option, "size=1M", "read_only=true",
				  NULL), -ENOENT);
	assert_int_equal(rig_open(&rig, &error, "file", "path=/dev/no-such-disk", "size=1M", NULL),
			 -ENOENT);
	assert_int_equal(access("/dev/no-such-disk", F_OK), -1);
	snprintf(option, sizeof(option), "path=%s/no/disk", folder);
	assert_int_equal(rig_open(&rig, &error, "file", option, "size=1M", NULL), -ENOENT);
	snprintf(option, sizeof(option), "path=%s", folder);
	assert_int_equal(rig_open(&rig, &error, "file", option, NULL), -EINVAL);
	assert_non_null(strstr(error.text, "folder"));
	assert_int_equal(rig_open(&rig, &error, "file", "path=/dev/null", NULL), -EINVAL);
	assert_non_null(strstr(error.text, "character device"));
	make_file(0);
	assert_int_equal(rig_open(&rig, &error, "file", path_option, NULL), -EINVAL);
	assert_non_null(strstr(error.text, "option size"));
	assert_int_equal(rig_open(&rig, &error, "file", path_option, "size=8000000T", NULL),
			 -EFBIG);
	assert_non_null(strstr(error.text, path));
}

/* What this program does when it is run with options: opens, and tells how that ended. */
static int open_only(char **options)
{
	struct weft_error error = { 0 };
	struct rig other = { 0 };
	int r = rig_open(&other, &error, "file", options[0], options[1], NULL);

	if (r == 0)
		rig_close(&other);
	return write(STDOUT_FILENO, error.text, sizeof(error.text)) > 0 ? -r : 255;
}

/* What another process is told that opens the same: 0 or -errno. */
static int elsewhere(const char *path_opt, const char *option, char text[480])
{
	int status, pipes[2];
	pid_t child;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(pipes[1], STDOUT_FILENO);
		execl("/proc/self/exe", "backend_file", path_opt, option, NULL);
		_exit(255);
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], text, 480), 480);
	close(pipes[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void locks_writers_out(void **state)
{
	char text[480];

	make_file(MIB);
	assert_int_equal(rig_open(&rig, NULL, "file", path_option, NULL), 0);
	assert_int_equal(elsewhere(path_option, NULL, text), -EBUSY);
	assert_non_null(strstr(text, "another program has locked it"));
	assert_int_equal(elsewhere(path_option, "read_only=true", text), -EBUSY);
	assert_int_equal(elsewhere(path_option, "lock=false", text), 0);
	rig_close(&rig);
	assert_int_equal(elsewhere(path_option, NULL, text), 0);
}

static void shares_with_readers(void **state)
{
	char text[480];

	make_file(MIB);
	assert_int_equal(rig_open(&rig, NULL, "file", path_option, "read_only=true", NULL), 0);
	assert_true(rig.info.read_only);
	assert_int_equal(rig.info.discard_granularity, 0);
	assert_reads(0, NULL, 4096);
	assert_int_equal(elsewhere(path_option, "read_only=true", text), 0);
	assert_int_equal(elsewhere(path_option, NULL, text), -EBUSY);
	rig_close(&rig);
}

/* As when a namespace's options change: the new device is opened before the old one is closed. */
static void shares_with_itself(void **state)
{
	struct rig other = { .loop = rig.loop };
	char text[480];

	make_file(MIB);
	assert_int_equal(rig_open(&rig, NULL, "file", path_option, NULL), 0);
	assert_int_equal(rig_open(&other, NULL, "file", path_option, "size=2M", NULL), 0);
	rig_close(&rig);
	assert_int_equal(elsewhere(path_option, NULL, text), -EBUSY);
	assert_int_equal(rig_open(&rig, NULL, "file", path_option, "read_only=true", NULL), 0);
	rig_close(&other);
	assert_int_equal(elsewhere(path_option, NULL, text), -EBUSY);
	rig_close(&rig);
	assert_int_equal(elsewhere(path_option, NULL, text), 0);

	assert_int_equal(rig_open(&rig, NULL, "file", path_option, "read_only=true", NULL), 0);
	assert_int_equal(elsewhere(path_option, "read_only=true", text), 0);
	assert_int_equal(rig_open(&other, NULL, "file", path_option, NULL), 0);
	assert_int_equal(elsewhere(path_option, "read_only=true", text), -EBUSY);
	rig_close(&rig);
	rig_close(&other);
	assert_int_equal(elsewhere(path_option, NULL, text), 0);
}

static void works_without_direct_io(void **state)
{
	char option[64];

	snprintf(option, sizeof(option), "path=/dev/shm/weft-file-%d", getpid());
	assert_int_equal(rig_open(&rig, NULL, "file", option, "size=8M", NULL), 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE, 0, 512, data, 4 * MIB), 0);
	assert_reads(512, data, 4 * MIB);
	/* tmpfs can't zero ranges, but for holes: zeroes are written. */
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE_ZEROES, 0, 512, NULL, 3 * MIB + 512), 0);
	assert_reads(0, NULL, 3 * MIB + 1024);
	assert_reads(3 * MIB + 1024, data + 3 * MIB + 512, 512);
	assert_int_equal(rig_io(&rig, WEFT_OP_DISCARD, 0, 0, NULL, 8 * MIB), 0);
	assert_reads(2 * MIB, NULL, 4 * MIB);
	rig_close(&rig);
	unlink(option + 5);
}

/* ---- block devices ---- */

/* Makes a loop device of a file of `size` bytes; skips where this machine has none. */
static int make_loop(char option[64], uint64_t size, uint32_t block_size, uint32_t flags)
{
	/* A test that fails halfway leaves no loop device behind. */
	struct loop_config config = { .block_size = block_size,
				      .info.lo_flags = flags | LO_FLAGS_AUTOCLEAR };
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), fd, number;
	char node[32];

	if (control < 0) {
		print_message("no loop devices here: %s\n", strerror(errno));
		skip();
	}
	make_file(size);
	config.fd = (uint32_t)open(path, O_RDWR | O_CLOEXEC);
	for (;;) {
		number = ioctl(control, LOOP_CTL_GET_FREE);
		assert_true(number >= 0);
		snprintf(node, sizeof(node), "/dev/loop%d", number);
		fd = open(node, O_RDWR | O_CLOEXEC);
		assert_true(fd >= 0);
		if (ioctl(fd, LOOP_CONFIGURE, &config) == 0)
			break;
		assert_int_equal(errno, EBUSY); /* somebody else was faster */
		close(fd);
	}
	close((int)config.fd);
	close(control);
	snprintf(option, 64, "path=%s", node);
	return fd;
}

static void drop_loop(int fd)
{
	assert_int_equal(ioctl(fd, LOOP_CLR_FD), 0);
	close(fd);
}

static void serves_a_block_device(void **state)
{
	char option[64];
	struct weft_info info;
	struct weft_error error;
	int fd = make_loop(option, 8 * MIB, 4096, 0);

	assert_int_equal(rig_open(&rig, NULL, "file", option, NULL), 0);
	assert_int_equal(rig.info.size, 8 * MIB);
	assert_int_equal(rig.info.block_size, 4096);
	assert_int_equal(rig.info.physical_block_size, 4096);
	assert_true(rig.info.discard_granularity > 0);
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE, WEFT_IO_FUA, 4096, data, 4 * MIB), 0);
	assert_reads(4096, data, 4 * MIB);
	assert_int_equal(rig_io(&rig, WEFT_OP_FLUSH, 0, 0, NULL, 0), 0);
	assert_true(allocated() >= 4 * MIB);

	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE_ZEROES, WEFT_IO_FUA, 4096, NULL, MIB), 0);
	assert_reads(4096, NULL, MIB);
	assert_reads(4096 + MIB, data + MIB, 4096);
	assert_int_equal(rig_io(&rig, WEFT_OP_WRITE_ZEROES, WEFT_IO_DEALLOCATE, MIB, NULL, MIB), 0);
	assert_reads(MIB, NULL, MIB);
	assert_int_equal(rig_io(&rig, WEFT_OP_DISCARD, 0, 0, NULL, 8 * MIB), 0);
	assert_reads(0, NULL, 4 * MIB);
	assert_true(allocated() < MIB);

	info = rig.info;
	assert_int_equal(truncate(path, 12 * MIB), 0);
	assert_int_equal(ioctl(fd, LOOP_SET_CAPACITY, 0), 0);
	assert_int_equal(rig.backend->refresh(rig.device, &info), 0);
	assert_int_equal(info.size, 12 * MIB);
	rig_close(&rig);

	assert_int_equal(rig_open(&rig, &error, "file", option, "size=64M", NULL), -EINVAL);
	assert_non_null(strstr(error.text, "12 MiB"));
	drop_loop(fd);
	assert_int_equal(rig_open(&rig, &error, "file", option, NULL), -ENXIO);
}

static void shares_no_block_device(void **state)
{
	struct rig other = { .loop = rig.loop };
	char option[64], text[480];
	int fd = make_loop(option, MIB, 512, 0);

	assert_int_equal(rig_open(&rig, NULL, "file", option, NULL), 0);
	assert_int_equal(rig.info.block_size, 512);
	assert_int_equal(elsewhere(option, NULL, text), -EBUSY);
	assert_non_null(strstr(text, "unmount"));
	assert_int_equal(elsewhere(option, "read_only=true", text), 0);
	assert_int_equal(rig_open(&other, NULL, "file", option, NULL), 0);
	rig_close(&rig);
	assert_int_equal(elsewhere(option, NULL, text), -EBUSY);
	rig_close(&other);
	assert_int_equal(elsewhere(option, NULL, text), 0);
	drop_loop(fd);
}

static void heeds_write_protection(void **state)
{
	char option[64];
	int fd = make_loop(option, MIB, 512, LO_FLAGS_READ_ONLY);

	assert_int_equal(rig_open(&rig, NULL, "file", option, NULL), 0);
	assert_true(rig.info.read_only);
	assert_reads(0, NULL, MIB);
	rig_close(&rig);
	drop_loop(fd);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_teardown(f, remove_disk)
	const struct CMUnitTest tests[] = {
		TEST(creates_a_sparse_file),
		TEST(keeps_data),
		TEST(goes_around_the_page_cache),
		TEST(zeroes_and_discards),
		TEST(notices_a_new_size),
		TEST(heeds_the_size_option),
		TEST(refuses_what_is_no_disk),
		TEST(locks_writers_out),
		TEST(shares_with_readers),
		TEST(shares_with_itself),
		TEST(works_without_direct_io),
		TEST(serves_a_block_device),
		TEST(shares_no_block_device),
		TEST(heeds_write_protection),
	};
	struct weft_error error;
	int failed;

	if (argc > 1)
		return open_only(argv + 1);
	engine = LOOP_ENGINE_EPOLL;
	failed = cmocka_run_group_tests_name("backend_file on epoll", tests, set_up, tear_down);
	engine = LOOP_ENGINE_IO_URING;
	if (loop_new(&rig.loop, &(struct loop_options){ .engine = engine }, &error)) {
		print_message("io_uring is not tested: %s\n", error.text);
		return failed;
	}
	loop_free(rig.loop);
	failed += cmocka_run_group_tests_name("backend_file on io_uring", tests, set_up, tear_down);
	return failed;
}
