/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store: what was put is there after a restart, whatever happens to the file. GENCTR
 * is kept in it: it moves with what discovery shows, not with the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "apply/genctr.h"
#include "apply/state.h"
#include "config_rig.h"
#include "util/log.h"

#define A "nqn.2014-08.io.weft:a"
#define H "nqn.2014-08.io.weft:host"
#define LONG_MS 10000

static char folder[] = "/tmp/weft-config-state-XXXXXX";
static char path[64], aside[80];
static struct genctr genctr;

static int make_folder(void **state)
{
	log_set_level(LOG_ERR);
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/state.json", folder);
	snprintf(aside, sizeof(aside), "%s.damaged", path);
	return 0;
}

static int remove_folder(void **state)
{
	unlink(path);
	return rmdir(folder);
}

static int remove_file(void **state)
{
	unlink(path);
	unlink(aside);
	return 0;
}

static struct config *some(void)
{
	return parse("{\"ports\": {\"1\": {\"addr_traddr\": \"::\"}}, \"subsystems\": {\"" A "\": {"
		     "\"namespaces\": [{\"device\": \"/d\"}]}}}");
}

static struct state *open_state(const char *dir)
{
	struct state *s = NULL;

	assert_int_equal(state_open(&s, dir, -1, NULL), 0);
	return s;
}

static void close_state(struct state *s)
{
	assert_true(state_close(s, LONG_MS));
}

/* ---- GENCTR ---- */

/* 1: it moved, by one. */
static int moved(struct state *s, const struct config *config)
{
	uint64_t before = genctr.value;
	int r = genctr_update(&genctr, s, config);

	assert_int_equal(genctr.value, before + (r == 1));
	return r;
}

static void moves_with_discovery(void **state)
{
	struct config *config = some();
	struct config_subsystem *subsystem = config->subsystems;
	struct config_port *port = config->ports;
	struct config_referral *referral;
	struct state *s = open_state(NULL);

	genctr_recall(&genctr, s);
	assert_int_equal(moved(s, config), 1);
	assert_int_equal(moved(s, config), 0);
	assert_int_equal(config_allow_host(config, subsystem, H), 0);
	assert_int_equal(moved(s, config), 1);
	config_disallow_host(subsystem, H);
	assert_int_equal(moved(s, config), 1);
	subsystem->allow_any_host = true;
	assert_int_equal(moved(s, config), 1);
	config_unlink(port, A);
	assert_int_equal(moved(s, config), 1);
	/* Not linked: what happens to it shows nowhere. */
	subsystem->allow_any_host = false;
	assert_int_equal(moved(s, config), 0);
	config_link(port, A);
	port->addr.trsvcid = 4421;
	assert_int_equal(moved(s, config), 1);
	referral = config_add_referral(port, "r");
	TEXT_SET(referral->addr.traddr, "192.0.2.1");
	assert_int_equal(moved(s, config), 0);
	referral->enable = true;
	assert_int_equal(moved(s, config), 1);
	referral->portid = 5;
	assert_int_equal(moved(s, config), 1);
	TEXT_SET(config->discovery_nqn, A ":d");
	assert_int_equal(moved(s, config), 1);

	config_add_namespace(subsystem, 2);
	subsystem->namespaces[0].enable = false;
	config_set_ana_group(port, 1, NVME_ANA_CHANGE);
	config_add_host(config, H "2");
	assert_int_equal(moved(s, config), 0);
	close_state(s);
	config_free(config);
}

static void counter_survives(void **state)
{
	struct config *config = some();
	struct state *s = open_state(folder);
	uint64_t value;

	genctr_recall(&genctr, s);
	assert_int_equal(moved(s, config), 1);
	value = genctr.value;
	assert_true(value >= (uint64_t)time(NULL) - 60);
	close_state(s);

	/* Nothing changed while it was down. */
	s = open_state(folder);
	genctr_recall(&genctr, s);
	assert_int_equal(genctr.value, value);
	assert_int_equal(moved(s, config), 0);
	close_state(s);

	/* Something did. */
	config->subsystems[0].allow_any_host = true;
	s = open_state(folder);
	genctr_recall(&genctr, s);
	assert_int_equal(moved(s, config), 1);
	assert_int_equal(genctr.value, value + 1);
	close_state(s);
	config_free(config);
}

/* ---- records ---- */

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static void put(struct state *s, const char *kind, const char *key, const char *value)
{
	assert_int_equal(state_put(s, kind, key, json_string(value)), 0);
}

/* Its text; "": there is none such. */
static const char *get(const struct state *s, const char *kind, const char *key)
{
	const json_t *value = state_get(s, kind, key);

	return value ? json_string_value(value) : "";
}

static void records_survive(void **state)
{
	struct state *s = open_state(folder);

	put(s, "a", "1", "first");
	put(s, "a", "1", "second");
	put(s, "a", "2\n\"\u00e4", "third");
	put(s, "b", "1", "fourth");
	put(s, "b", "2", "fifth");
	state_remove(s, "b", "2");
	state_remove(s, "b", "3");
	state_remove(s, "c", "1");
	assert_int_equal(state_settle(s, LONG_MS), 0);
	close_state(s);

	s = open_state(folder);
	assert_false(state_damaged(s));
	assert_string_equal(get(s, "a", "1"), "second");
	assert_string_equal(get(s, "a", "2\n\"\u00e4"), "third");
	assert_string_equal(get(s, "b", "1"), "fourth");
	assert_string_equal(get(s, "b", "2"), "");
	assert_int_equal(json_object_size(state_kind(s, "a")), 2);
	assert_null(state_kind(s, "c"));
	close_state(s);
}

/* Stored means in the file, before anything else happens. */
static void settled_is_in_the_file(void **state)
{
	struct state *s = open_state(folder), *other;
	char text[16];

	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "%d", i);
		put(s, "a", "1", text);
		assert_int_equal(state_settle(s, LONG_MS), 0);
		other = open_state(folder);
		assert_string_equal(get(other, "a", "1"), text);
		close_state(other);
	}
	close_state(s);
}

static void bounded(void **state)
{
	static char large[STATE_BYTES_MAX + 1];
	struct state *s = open_state(NULL);

	memset(large, 'x', sizeof(large) - 1);
	assert_int_equal(state_put(s, "a", "1", json_string(large)), -ENOSPC);
	large[STATE_BYTES_MAX - 64] = '\0';
	for (int i = 0; i < 3; i++) { /* in place of what was there */
		assert_int_equal(state_put(s, "a", "1", json_string(large)), 0);
		assert_int_equal(state_put(s, "a", "2", json_string(large)), -ENOSPC);
		state_remove(s, "a", "1");
	}
	large[STATE_KEY_MAX + 1] = '\0';
	assert_int_equal(state_put(s, "a", large, json_true()), -ENOSPC);
	assert_int_equal(state_put(s, large, "1", json_true()), -ENOSPC);
	large[STATE_KEY_MAX] = '\0';
	assert_int_equal(state_put(s, "a", large, json_true()), 0);
	assert_int_equal(state_put(s, "a", "1", NULL), -ENOMEM);
	close_state(s);
}

/* ---- damage ---- */

static bool exists(const char *name)
{
	return access(name, F_OK) == 0;
}

/* It serves all the same, and the file is whole again. */
static void damaged(void **state)
{
	static const char *const texts[] = {
		"", "{", "[]", "{}", "{\"check\": \"00000000\", \"records\": {}}",
		"{\"check\": 1, \"records\": {}}", "{\"check\": \"00000000\", \"records\": []}",
		"{\"check\": \"00000000\", \"records\": {\"discovery\": {\"log\": "
		"{\"genctr\": 5, \"digest\": \"x\"}}}}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config *config = some();
		struct state *s;

		write_file(texts[i]);
		s = open_state(folder);
		assert_true(state_damaged(s));
		assert_true(exists(aside));
		assert_int_equal(unlink(aside), 0);
		genctr_recall(&genctr, s);
		assert_true(genctr.value >= (uint64_t)time(NULL) - 60);
		assert_int_equal(moved(s, config), 1);
		close_state(s);
		s = open_state(folder);
		assert_false(state_damaged(s));
		close_state(s);
		config_free(config);
	}
}

/* Any byte that differs is noticed; what can be read is taken. */
static void each_byte(void **state)
{
	struct state *s = open_state(folder);
	char text[512];
	size_t length;
	FILE *f;

	put(s, "a", "1", "one");
	put(s, "b", "2", "two");
	close_state(s);
	f = fopen(path, "r");
	assert_non_null(f);
	length = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[length] = '\0';
	for (size_t i = 0; i < length; i++) {
		char was = text[i];
		bool one = strstr(text, "\"1\": \"one\"") != NULL;

		if (was == ' ' || was == '\n')
			continue;
		text[i] = was == 'q' ? 'r' : 'q';
		write_file(text);
		s = open_state(folder);
		assert_true(state_damaged(s));
		assert_true(one && strlen(get(s, "a", "1")) <= 4);
		close_state(s);
		text[i] = was;
	}
}

static void damaged_in_part(void **state)
{
	struct state *s;

	write_file("{\"records\": {\"a\": {\"1\": \"one\"}, \"b\": 7}}");
	s = open_state(folder);
	assert_true(state_damaged(s));
	assert_string_equal(get(s, "a", "1"), "one");
	assert_null(state_kind(s, "b"));
	close_state(s);
	s = open_state(folder);
	assert_false(state_damaged(s));
	assert_string_equal(get(s, "a", "1"), "one");
	close_state(s);
}

/* ---- a disk that fails, or hangs ---- */

struct count {
	struct state_waiter waiter;
	int told, result;
};

static void told(struct state_waiter *waiter, int result)
{
	struct count *count = container_of(waiter, struct count, waiter);

	count->told++;
	count->result = result;
}

/* Waits for the alarm until the waiter is told. */
static void run_until_told(struct state *s, int alarm_fd, struct count *count)
{
	while (!count->told) {
		struct pollfd pollfd = { .fd = alarm_fd, .events = POLLIN };
		eventfd_t n;

		assert_int_equal(poll(&pollfd, 1, LONG_MS), 1);
		eventfd_read(alarm_fd, &n);
		state_run(s);
	}
	assert_int_equal(count->told, 1);
}

/* The alarm is raised for each: by a write that ended, and where none was needed. */
static void waiters_are_told_once(void **state)
{
	int alarm_fd = eventfd(0, EFD_NONBLOCK);
	struct count counts[4] = { 0 };
	struct state *s = NULL;

	assert_int_equal(state_open(&s, folder, alarm_fd, NULL), 0);
	for (size_t i = 0; i < 3; i++) {
		counts[i].waiter.done = told;
		put(s, "a", "1", i ? "more" : "first");
		state_wait(s, &counts[i].waiter, LONG_MS);
		assert_int_equal(counts[i].told, 0);
	}
	for (size_t i = 0; i < 3; i++) {
		run_until_told(s, alarm_fd, &counts[i]);
		assert_int_equal(counts[i].result, 0);
	}
	counts[3].waiter.done = told;
	state_wait(s, &counts[3].waiter, LONG_MS);
	assert_int_equal(counts[3].told, 0);
	run_until_told(s, alarm_fd, &counts[3]);
	close_state(s);
	close(alarm_fd);
}

/* What could not be stored is, once that is possible. */
static void stored_later(void **state)
{
	int alarm_fd = eventfd(0, EFD_NONBLOCK);
	struct count count = { .waiter.done = told };
	struct state *s = NULL;
	char missing[64];

	snprintf(missing, sizeof(missing), "%s/later", folder);
	assert_int_equal(state_open(&s, missing, alarm_fd, NULL), 0);
	put(s, "a", "1", "one");
	state_wait(s, &count.waiter, LONG_MS);
	run_until_told(s, alarm_fd, &count);
	assert_int_equal(count.result, -ENOENT);
	assert_string_equal(get(s, "a", "1"), "one");
	assert_int_equal(state_settle(s, LONG_MS), -ENOENT);
	assert_int_equal(mkdir(missing, 0700), 0);
	state_tick(s);
	assert_int_equal(state_settle(s, LONG_MS), 0);
	close_state(s);
	s = open_state(missing);
	assert_string_equal(get(s, "a", "1"), "one");
	close_state(s);
	strcat(missing, "/state.json");
	assert_int_equal(unlink(missing), 0);
	*strrchr(missing, '/') = '\0';
	assert_int_equal(rmdir(missing), 0);
	close(alarm_fd);
}

/* Another writer has the temporary file: its lock is waited for, as a disk that hangs is. */
static void disk_that_hangs(void **state)
{
	int lock_fd, alarm_fd = eventfd(0, EFD_NONBLOCK);
	struct count late = { .waiter.done = told }, in_time = late;
	struct state *s = NULL;
	char temporary[80];

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	lock_fd = open(temporary, O_WRONLY | O_CREAT, 0600);
	assert_true(lock_fd >= 0);
	assert_int_equal(flock(lock_fd, LOCK_EX), 0);

	assert_int_equal(state_open(&s, folder, alarm_fd, NULL), 0);
	put(s, "a", "1", "one");
	state_wait(s, &late.waiter, 1);
	state_wait(s, &in_time.waiter, LONG_MS);
	while (!late.told) {
		usleep(1000);
		state_run(s);
	}
	assert_int_equal(late.result, -ETIMEDOUT);
	assert_int_equal(in_time.told, 0);
	assert_int_equal(state_settle(s, 1), -ETIMEDOUT);
	assert_false(state_close(s, 1));
	close(lock_fd);
	run_until_told(s, alarm_fd, &in_time);
	assert_int_equal(in_time.result, 0);
	assert_int_equal(late.told, 1);
	close_state(s);
	close(alarm_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moves_with_discovery),
		cmocka_unit_test_teardown(counter_survives, remove_file),
		cmocka_unit_test_teardown(records_survive, remove_file),
		cmocka_unit_test_teardown(settled_is_in_the_file, remove_file),
		cmocka_unit_test(bounded),
		cmocka_unit_test_teardown(damaged, remove_file),
		cmocka_unit_test_teardown(each_byte, remove_file),
		cmocka_unit_test_teardown(damaged_in_part, remove_file),
		cmocka_unit_test_teardown(waiters_are_told_once, remove_file),
		cmocka_unit_test(stored_later),
		cmocka_unit_test_teardown(disk_that_hangs, remove_file),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
