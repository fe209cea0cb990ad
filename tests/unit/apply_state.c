/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GENCTR: moves with what discovery shows, not with the rest, and survives restarts.
 * Flushes that failed survive them as well.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "apply/state.h"
#include "config_rig.h"

#define A "nqn.2014-08.io.weft:a"
#define H "nqn.2014-08.io.weft:host"

static char folder[] = "/tmp/weft-config-state-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/state.json", folder);
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

	assert_int_equal(state_open(&s, dir, NULL), 0);
	return s;
}

/* 1: it moved, by one. */
static int moved(struct state *s, const struct config *config)
{
	uint64_t before = state_genctr(s);
	int r = state_update(s, config, NULL);

	assert_int_equal(state_genctr(s), before + (r == 1));
	return r;
}

static void moves_with_discovery(void **state)
{
	struct config *config = some();
	struct config_subsystem *subsystem = config->subsystems;
	struct config_port *port = config->ports;
	struct config_referral *referral;
	struct state *s = open_state(NULL);

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
	config_set_string(&referral->addr.traddr, "192.0.2.1");
	assert_int_equal(moved(s, config), 0);
	referral->enable = true;
	assert_int_equal(moved(s, config), 1);
	referral->portid = 5;
	assert_int_equal(moved(s, config), 1);
	config_set_string(&config->discovery_nqn, A ":d");
	assert_int_equal(moved(s, config), 1);

	config_add_namespace(subsystem, 2);
	subsystem->namespaces[0].enable = false;
	config_set_ana_group(port, 1, CONFIG_ANA_CHANGE);
	config_add_host(config, H "2");
	assert_int_equal(moved(s, config), 0);
	state_close(s);
	config_free(config);
}

static void survives(void **state)
{
	struct config *config = some();
	struct state *s = open_state(folder);
	uint64_t genctr;

	assert_int_equal(moved(s, config), 1);
	genctr = state_genctr(s);
	assert_true(genctr >= (uint64_t)time(NULL) - 60);
	state_close(s);

	/* Nothing changed while it was down. */
	s = open_state(folder);
	assert_int_equal(state_genctr(s), genctr);
	assert_int_equal(moved(s, config), 0);
	state_close(s);

	/* Something did. */
	config->subsystems[0].allow_any_host = true;
	s = open_state(folder);
	assert_int_equal(moved(s, config), 1);
	assert_int_equal(state_genctr(s), genctr + 1);
	state_close(s);
	config_free(config);
}

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static void damaged(void **state)
{
	static const char *const texts[] = {
		"", "{", "[]", "{\"genctr\": \"x\", \"discovery\": \"y\"}",
		"{\"genctr\": 5, \"discovery\": \"01234567890123456789012345678901234567890\"}",
		"{\"genctr\": -1, \"discovery\": \"x\"}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config *config = some();
		struct state *s;

		write_file(texts[i]);
		s = open_state(folder);
		assert_true(state_genctr(s) >= (uint64_t)time(NULL) - 60);
		assert_int_equal(moved(s, config), 1);
		state_close(s);
		config_free(config);
	}
}

/* Its error, 0: there is none such. */
static int failed(const struct state *s, const char *nqn, uint32_t nsid)
{
	const struct state_flush *flush = state_find_flush(s, nqn, nsid);

	if (flush)
		assert_string_equal(flush->device, "d");
	return flush ? flush->error : 0;
}

static void flushes_survive(void **state)
{
	struct config *config = some();
	struct state *s = open_state(folder);
	uint64_t genctr;
	size_t count;

	assert_int_equal(moved(s, config), 1);
	genctr = state_genctr(s);
	assert_int_equal(state_add_flush(s, A, 1, "other", ENOSPC, NULL), 0);
	assert_int_equal(state_add_flush(s, A, 1, "d", EIO, NULL), 0);
	assert_int_equal(state_add_flush(s, A, 2, "d", ENOSPC, NULL), 0);
	assert_int_equal(state_add_flush(s, A "\"\n\u00e4", 1, "d", EROFS, NULL), 0);
	state_close(s);

	s = open_state(folder);
	assert_int_equal(state_genctr(s), genctr);
	state_flushes(s, &count);
	assert_int_equal(count, 3);
	assert_int_equal(failed(s, A, 1), EIO);
	assert_int_equal(failed(s, A, 2), ENOSPC);
	assert_int_equal(failed(s, A "\"\n\u00e4", 1), EROFS);
	assert_int_equal(failed(s, A, 3), 0);
	assert_int_equal(state_remove_flush(s, A, 3, NULL), 0);
	assert_int_equal(state_remove_flush(s, A, 1, NULL), 0);
	state_close(s);

	s = open_state(folder);
	state_flushes(s, &count);
	assert_int_equal(count, 2);
	assert_int_equal(failed(s, A, 1), 0);
	assert_int_equal(failed(s, A, 2), ENOSPC);
	state_close(s);
	config_free(config);
}

/* What can be read of a file is taken: the counter and each flush on its own. */
static void damaged_in_part(void **state)
{
	struct state *s;

	write_file("{\"genctr\": 5, \"discovery\": \"x\", \"failed_flushes\": [7, {}, "
		   "{\"subsystem\": \"a\", \"nsid\": 1, \"device\": \"d\", \"error\": 0}, "
		   "{\"subsystem\": \"a\", \"nsid\": 2, \"device\": \"d\", \"error\": 5}]}");
	s = open_state(folder);
	assert_int_equal(state_genctr(s), 5);
	assert_int_equal(failed(s, "a", 1), 0);
	assert_int_equal(failed(s, "a", 2), 5);
	state_close(s);

	write_file("{\"failed_flushes\": [{\"subsystem\": \"a\", \"nsid\": 2, "
		   "\"device\": \"d\", \"error\": 5}]}");
	s = open_state(folder);
	assert_true(state_genctr(s) >= (uint64_t)time(NULL) - 60);
	assert_int_equal(failed(s, "a", 2), 5);
	state_close(s);
}

/* What could not be stored is, once that is possible. */
static void stored_later(void **state)
{
	char missing[64];
	struct weft_error error;
	struct state *s;

	snprintf(missing, sizeof(missing), "%s/later", folder);
	s = open_state(missing);
	assert_int_equal(state_store(s, &error), 0);
	assert_int_equal(state_add_flush(s, A, 1, "d", EIO, &error), -ENOENT);
	assert_int_equal(failed(s, A, 1), EIO);
	assert_int_equal(state_store(s, &error), -ENOENT);
	assert_int_equal(mkdir(missing, 0700), 0);
	assert_int_equal(state_store(s, &error), 1);
	assert_int_equal(state_store(s, &error), 0);
	state_close(s);
	s = open_state(missing);
	assert_int_equal(failed(s, A, 1), EIO);
	state_close(s);
	strcat(missing, "/state.json");
	assert_int_equal(unlink(missing), 0);
	*strrchr(missing, '/') = '\0';
	assert_int_equal(rmdir(missing), 0);
}

static void folder_is_missing(void **state)
{
	struct config *config = some();
	struct state *s = open_state("/nonexistent");
	uint64_t genctr = state_genctr(s);
	struct weft_error error = { 0 };

	assert_int_equal(state_update(s, config, &error), -ENOENT);
	assert_string_equal(error.text, "/nonexistent/state.json: it could not be written: "
			    "No such file or directory");
	assert_int_equal(state_genctr(s), genctr + 1);
	state_close(s);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moves_with_discovery),
		cmocka_unit_test_teardown(survives, remove_file),
		cmocka_unit_test_teardown(damaged, remove_file),
		cmocka_unit_test_teardown(flushes_survive, remove_file),
		cmocka_unit_test_teardown(damaged_in_part, remove_file),
		cmocka_unit_test(stored_later),
		cmocka_unit_test(folder_is_missing),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
