/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any text as the state file (apply/state.h): it is understood or replaced,
 * and what is stored is understood again. No file is touched.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weft/backend.h>

#include "config/model.h"
#include "config/save.h"
#include "apply/state.h"
#include "fuzz.h"
#include "util/log.h"

int __wrap_access(const char *path, int mode);
json_t *__wrap_json_load_file(const char *path, size_t flags, json_error_t *error);
int __wrap_config_write_file(const char *path, const char *text, size_t length,
			     struct weft_error *error);

#define NQN "nqn.2014-08.io.weft:a"

static const char *stored;
static size_t stored_length;
static char *written;	/* owned */

int __wrap_access(const char *path, int mode)
{
	return 0;
}

json_t *__wrap_json_load_file(const char *path, size_t flags, json_error_t *error)
{
	return json_loadb(stored, stored_length, flags, error);
}

int __wrap_config_write_file(const char *path, const char *text, size_t length,
			     struct weft_error *error)
{
	fuzz_assert(strlen(text) == length);
	free(written);
	written = strdup(text);
	fuzz_assert(written);
	stored = written;
	stored_length = length;
	return 0;
}

static struct state *open_state(void)
{
	struct weft_error error;
	struct state *state = NULL;

	fuzz_assert(state_open(&state, "/nonexistent", &error) == 0);
	return state;
}

/* Flushes that failed are kept, and one more. */
static void keeps_flushes(void)
{
	struct weft_error error;
	struct state *state = open_state();
	const struct state_flush *flush;
	size_t before, after;

	state_flushes(state, &before);
	fuzz_assert(state_add_flush(state, NQN, 7, "device", EIO, &error) == 0);
	state_close(state);
	state = open_state();
	flush = state_find_flush(state, NQN, 7);
	fuzz_assert(flush && flush->error == EIO && !strcmp(flush->device, "device"));
	state_flushes(state, &after);
	fuzz_assert(after == before || after == before + 1);
	fuzz_assert(state_remove_flush(state, NQN, 7, &error) == 0);
	state_close(state);
	state = open_state();
	fuzz_assert(!state_find_flush(state, NQN, 7));
	state_flushes(state, &before);
	fuzz_assert(before == after - 1);
	state_close(state);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	log_set_level(LOG_EMERG);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config = config_new();
	struct weft_error error;
	struct state *state;
	uint64_t before, after;

	fuzz_assert(config);
	stored = (const char *)data;
	stored_length = size;
	state = open_state();
	before = state_genctr(state);
	fuzz_assert(before > 0);
	fuzz_assert(state_update(state, config, &error) >= 0);
	after = state_genctr(state);
	fuzz_assert(after == before || after == before + 1);
	state_close(state);
	/* the next start finds it, and nothing that changed */
	state = open_state();
	fuzz_assert(state_genctr(state) == after);
	fuzz_assert(state_update(state, config, &error) == 0);
	fuzz_assert(state_genctr(state) == after);
	state_close(state);
	keeps_flushes();
	config_free(config);
	return 0;
}
