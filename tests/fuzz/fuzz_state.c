/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any text as the state file (apply/state.h): it is understood or replaced,
 * and what is stored is understood again. No file is touched.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weft/backend.h>

#include "config/model.h"
#include "config/save.h"
#include "apply/genctr.h"
#include "apply/state.h"
#include "fuzz.h"
#include "util/log.h"
#include "util/pool.h"

int __wrap_access(const char *path, int mode);
json_t *__wrap_json_load_file(const char *path, size_t flags, json_error_t *error);
int __wrap_config_write_file(const char *path, const char *text, size_t length,
			     struct weft_error *error);
int __wrap_rename(const char *from, const char *to);
struct pool *__wrap_pool_new(const struct pool_options *options);
int __wrap_pool_start(struct pool *pool, unsigned int lane, struct pool_job *job);
void __wrap_pool_free(struct pool *pool);

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

int __wrap_rename(const char *from, const char *to)
{
	return 0;
}

/* The thread that writes has always just done so. */
static struct pool_options threads;

struct pool *__wrap_pool_new(const struct pool_options *options)
{
	threads = *options;
	return (struct pool *)&threads;
}

int __wrap_pool_start(struct pool *pool, unsigned int lane, struct pool_job *job)
{
	threads.run(job, threads.context);
	return 0;
}

void __wrap_pool_free(struct pool *pool)
{
}

static struct state *open_state(struct genctr *genctr)
{
	struct weft_error error;
	struct state *state = NULL;

	fuzz_assert(state_open(&state, "/nonexistent", -1, &error) == 0);
	genctr_recall(genctr, state);
	return state;
}

static void close_state(struct state *state)
{
	fuzz_assert(state_close(state, 60000));
}

/* Each record is kept, and one more. */
static void keeps_records(void)
{
	struct genctr genctr;
	struct state *state = open_state(&genctr);
	json_t *before = json_deep_copy(state_kind(state, "flush"));

	if (!before)
		before = json_object();
	fuzz_assert(json_object_set_new(before, "key", json_string("value")) == 0);
	fuzz_assert(state_put(state, "flush", "key", json_string("value")) == 0);
	close_state(state);
	state = open_state(&genctr);
	fuzz_assert(!state_damaged(state));
	fuzz_assert(json_equal(state_kind(state, "flush"), before));
	state_remove(state, "flush", "key");
	close_state(state);
	state = open_state(&genctr);
	fuzz_assert(!state_get(state, "flush", "key"));
	fuzz_assert(json_object_size(state_kind(state, "flush")) == json_object_size(before) - 1);
	close_state(state);
	json_decref(before);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	log_set_level(LOG_EMERG);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config = config_new();
	struct genctr genctr;
	struct state *state;
	uint64_t before, after;

	fuzz_assert(config);
	stored = (const char *)data;
	stored_length = size;
	state = open_state(&genctr);
	before = genctr.value;
	fuzz_assert(before > 0);
	fuzz_assert(genctr_update(&genctr, state, config) >= 0);
	after = genctr.value;
	fuzz_assert(after == before || after == before + 1);
	close_state(state);
	/* the next start finds it, and nothing that changed */
	state = open_state(&genctr);
	fuzz_assert(genctr.value == after);
	fuzz_assert(genctr_update(&genctr, state, config) == 0);
	fuzz_assert(genctr.value == after);
	close_state(state);
	keeps_records();
	config_free(config);
	return 0;
}
