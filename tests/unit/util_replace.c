/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that are replaced as a whole: what is left behind, links, writers at once, crashes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/replace.h"

#define WRITERS 4
#define ROUNDS 50
#define KILLS 30
#define LENGTH 20000	/* so that a writer is killed amid it as well */

static char folder[] = "/tmp/weft-util-replace-XXXXXX";
static char path[64], temporary[64], other[64];

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/file", folder);
	snprintf(temporary, sizeof(temporary), "%s/file.new", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	return 0;
}

static int remove_files(void **state)
{
	unlink(path);
	unlink(temporary);
	unlink(other);
	return 0;
}

static int remove_folder(void **state)
{
	return rmdir(folder);
}

static void make(const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(name, mode), 0);
}

static void holds(const char *name, const char *text)
{
	char found[64] = "";
	FILE *f = fopen(name, "r");

	assert_non_null(f);
	assert_int_equal(fread(found, 1, sizeof(found) - 1, f), strlen(text));
	fclose(f);
	assert_string_equal(found, text);
}

static int replace(const char *text)
{
	return replace_file(path, text, strlen(text));
}

/* The file has that text and is its owner's alone, and nothing lies beside it. */
static void is_done(const char *text)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_uid, geteuid());
	holds(path, text);
	assert_int_equal(access(temporary, F_OK), -1);
}

static void made_and_replaced(void **state)
{
	assert_int_equal(replace("one"), 0);
	is_done("one");
	assert_int_equal(replace(""), 0);
	is_done("");
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(replace("two"), 0);
	is_done("two");
}

static void left_behind(void **state)
{
	make(temporary, "half of someth", 0400);
	assert_int_equal(replace("one"), 0);
	is_done("one");
}

static void links(void **state)
{
	make(other, "another's", 0644);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(symlink(other, temporary), 0);
	assert_int_equal(replace("one"), 0);
	is_done("one");
	holds(other, "another's");

	assert_int_equal(link(other, temporary), 0);
	assert_int_equal(replace("two"), 0);
	is_done("two");
	holds(other, "another's");

	assert_int_equal(mkfifo(temporary, 0600), 0);
	assert_int_equal(replace("three"), 0);
	is_done("three");
}

static void refused(void **state)
{
	assert_int_equal(replace_file("/nonexistent/file", "x", 1), -ENOENT);
	assert_int_equal(replace("one"), 0);
	assert_int_equal(mkdir(temporary, 0700), 0);
	assert_int_equal(replace("two"), -EISDIR);
	assert_int_equal(rmdir(temporary), 0);
	is_done("one");
	remove_files(NULL);
	/* what cannot be renamed leaves nothing */
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(replace("two"), -EISDIR);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(access(temporary, F_OK), -1);
}

/* One letter, and nothing but it. Whichever it is. */
static void is_whole(void)
{
	char found[LENGTH + 1];
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_int_equal(fread(found, 1, sizeof(found), f), LENGTH);
	fclose(f);
	for (size_t i = 1; i < LENGTH; i++)
		assert_int_equal(found[i], found[0]);
}

/* A process that replaces the file, `rounds` times or for ever. */
static pid_t start_writer(unsigned int number, unsigned int rounds)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	for (unsigned int i = 0; !rounds || i < rounds; i++) {
		char text[LENGTH];

		memset(text, 'a' + (int)((number + i) % 26), sizeof(text));
		if (replace_file(path, text, sizeof(text)) < 0)
			_exit(1);
	}
	_exit(0);
}

static void writers_at_once(void **state)
{
	pid_t pids[WRITERS];
	int status;

	for (unsigned int i = 0; i < WRITERS; i++)
		pids[i] = start_writer(i, ROUNDS);
	for (unsigned int i = 0; i < WRITERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
		is_whole();
	}
	assert_int_equal(access(temporary, F_OK), -1);
}

static void writers_killed(void **state)
{
	char text[LENGTH];

	memset(text, 'z', sizeof(text));
	assert_int_equal(replace_file(path, text, sizeof(text)), 0);
	for (unsigned int i = 0; i < KILLS; i++) {
		pid_t pid = start_writer(i, 0);

		usleep(1000 + i * 300);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		is_whole();
	}
	assert_int_equal(replace("done"), 0);
	is_done("done");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(made_and_replaced, remove_files),
		cmocka_unit_test_teardown(left_behind, remove_files),
		cmocka_unit_test_teardown(links, remove_files),
		cmocka_unit_test_teardown(refused, remove_files),
		cmocka_unit_test_teardown(writers_at_once, remove_files),
		cmocka_unit_test_teardown(writers_killed, remove_files),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
