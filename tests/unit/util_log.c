/* SPDX-License-Identifier: BSD-3-Clause */
/* The log, and how much of it a peer can cause: standard error is a file here. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/log.h"
#include "util/log_peer.h"
#include "util/thread.h"

#define THREADS 8
#define THREAD_LINES 5000

static int file, terminal;
static char text[1 << 20];

static int set_up(void **state)
{
	log_set_level(LOG_INFO);
	terminal = dup(STDERR_FILENO);
	file = memfd_create("log", 0);
	fcntl(file, F_SETFL, O_APPEND);
	return dup2(file, STDERR_FILENO) < 0;
}

/* What was written since the last call, in text. */
static void take(void)
{
	ssize_t n = pread(file, text, sizeof(text) - 1, 0);

	assert_in_range(n, 0, sizeof(text) - 2);
	text[n] = '\0';
	assert_int_equal(ftruncate(file, 0), 0);
}

/* Two looks leave nothing of one test to the next. What a test that failed said is shown. */
static int tear_down(void **state)
{
	log_peer_look();
	log_peer_look();
	take();
	dup2(terminal, STDERR_FILENO);
	if (strstr(text, __FILE__))
		fputs(text, stderr);
	close(terminal);
	return close(file);
}

/* How often it occurs in text. */
static unsigned int count(const char *word)
{
	unsigned int found = 0;

	for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
		found++;
	return found;
}

static void broken(const char *peer, unsigned int first, unsigned int lines)
{
	for (unsigned int i = first; i < first + lines; i++)
		log_peer(LOG_NOTICE, peer, "%s broke it, number %u.", peer, i);
}

static void test_few_lines_are_all_written(void **state)
{
	for (int i = 0; i < 3; i++) {
		broken("10.0.0.1", 0, LOG_PEER_LINES);
		log_peer_look();
	}
	take();
	assert_int_equal(count("10.0.0.1 broke it"), 3 * LOG_PEER_LINES);
	assert_int_equal(count("\n"), 3 * LOG_PEER_LINES);
}

static void test_more_are_counted(void **state)
{
	broken("10.0.0.1", 1, 1000);
	take();
	assert_int_equal(count("\n"), LOG_PEER_LINES);
	log_peer_look();
	take();
	assert_int_equal(count("\n"), 1);
	assert_int_equal(count("980 more like this from 10.0.0.1 in the last 10 s, the last: "
			       "10.0.0.1 broke it, number 1000."), 1);
}

/* While it goes on, that is all there is; when it was quiet for once, lines are written again. */
static void test_it_goes_on_and_ends(void **state)
{
	broken("10.0.0.1", 0, 100);
	log_peer_look();
	take();
	broken("10.0.0.1", 0, 7);
	take();
	assert_int_equal(count("\n"), 0);
	log_peer_look();
	take();
	assert_int_equal(count("\n"), 1);
	assert_int_equal(count("7 more like this"), 1);
	log_peer_look();
	broken("10.0.0.1", 0, 1);
	take();
	assert_int_equal(count("\n"), 1);
	assert_int_equal(count("more like this"), 0);
}

static void test_peers_and_kinds_are_told_apart(void **state)
{
	broken("10.0.0.1", 0, 100);
	broken("10.0.0.2", 0, 1);
	log_peer(LOG_WARNING, "10.0.0.1", "something else");
	take();
	assert_int_equal(count("10.0.0.2 broke it"), 1);
	assert_int_equal(count("something else"), 1);
}

/* However many peers there are, there is a bound. */
static void test_many_peers(void **state)
{
	char peer[16];

	for (unsigned int i = 0; i < 10000; i++) {
		snprintf(peer, sizeof(peer), "10.1.%u.%u", i >> 8, i & 255);
		broken(peer, i, 2);
	}
	take();
	assert_int_equal(count("\n"), 2 * LOG_PEER_PLACES + LOG_PEER_LINES);
	log_peer_look();
	take();
	assert_int_equal(count("more like this from other peers"), 1);
	assert_int_equal(strtoul(strstr(text, " notice") + 7, NULL, 10),
			 2 * 10000 - 2 * LOG_PEER_PLACES - LOG_PEER_LINES);
	/* and then there is room for others */
	log_peer_look();
	broken("10.0.0.1", 0, 30);
	log_peer_look();
	take();
	assert_int_equal(count("10 more like this from 10.0.0.1"), 1);
}

static void test_what_is_not_logged_is_not_counted(void **state)
{
	log_set_level(LOG_WARNING);
	broken("10.0.0.1", 0, 100);
	log_peer_look();
	take();
	assert_string_equal(text, "");
}

/* What a peer says cannot break a line, in neither way. */
static void test_control_characters(void **state)
{
	char nasty[2000];

	memset(nasty, 'x', sizeof(nasty) - 1);
	nasty[sizeof(nasty) - 1] = '\0';
	memcpy(nasty, "a\nb\x1b[31m", 8);
	for (unsigned int i = 0; i < LOG_PEER_LINES + 1; i++)
		log_peer(LOG_NOTICE, nasty, "host %s", nasty);
	log_peer_look();
	take();
	assert_int_equal(count("\n"), LOG_PEER_LINES + 1);
	assert_int_equal(count("\x1b"), 0);
	assert_int_equal(count("host a?b?[31mxx"), LOG_PEER_LINES + 1);
}

static void *shout(void *arg)
{
	for (unsigned int i = 0; i < THREAD_LINES; i++)
		log_peer(LOG_NOTICE, arg, "line %u from a thread", i);
	return NULL;
}

/* No line is lost, and none is counted twice, also beside looks. */
static void test_threads(void **state)
{
	static char peers[2][16] = { "10.0.0.1", "10.0.0.2" };
	unsigned long sum = 0;
	pthread_t threads[THREADS];

	for (unsigned int i = 0; i < THREADS; i++)
		assert_int_equal(thread_start(&threads[i], shout, peers[i % 2]), 0);
	for (unsigned int i = 0; i < 50; i++)
		log_peer_look();
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	log_peer_look();
	take();
	for (char *rest, *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		sum += strstr(line, " more like this") ?
			       strtoul(strstr(line, " notice") + 7, NULL, 10) : 1;
	assert_int_equal(sum, THREADS * THREAD_LINES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_few_lines_are_all_written),
		TEST(test_more_are_counted),
		TEST(test_it_goes_on_and_ends),
		TEST(test_peers_and_kinds_are_told_apart),
		TEST(test_many_peers),
		TEST(test_what_is_not_logged_is_not_counted),
		TEST(test_control_characters),
		TEST(test_threads),
	};

	unsetenv("JOURNAL_STREAM");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
