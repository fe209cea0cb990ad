/* SPDX-License-Identifier: BSD-3-Clause */
/* Records that survive a restart: see state.h. */
#include "apply/state.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <weft/backend.h>

#include "config/save.h"
#include "loop/loop.h"
#include "util/cleanup.h"
#include "util/crc32c.h"
#include "util/log.h"
#include "util/pool.h"
#include "util/str.h"
#include "util/thread.h"

#define MILLISECOND UINT64_C(1000000)
#define SECOND (1000 * MILLISECOND)
/* The log reports a write that takes longer. */
#define HANGS_AFTER (5 * SECOND)
/* "1a2b3c4d" */
#define CHECK_TEXT 9

/* A write of the file, by a thread. */
struct write {
	struct pool_job job;
	const char *path;		/* borrowed from the state */
	char *text;			/* owned */
	uint64_t version;		/* of the state that `text` has */
	uint64_t began;			/* loop_clock() */
	struct weft_error error;
	int result;
	bool ended;			/* under state->lock */
};

struct state {
	char *path;			/* owned; NULL: nothing is stored */
	json_t *kinds;			/* owned: { kind: { key: value } } */
	size_t bytes;			/* size of all records as text, about */
	bool damaged;
	uint64_t version;		/* of the records in memory: counts changes */
	uint64_t stored;		/* version of the records in the file */
	struct list waiters;
	struct pool *pool;		/* owned: one thread */
	struct write write;
	bool writing;
	int error;			/* of the last write, if it failed and no other has begun */
	bool failing;			/* the last write failed, and this was logged */
	bool hanging;			/* a write takes too long, and this was logged */
	int alarm_fd;			/* borrowed */
	pthread_mutex_t lock;
	pthread_cond_t ended;		/* signals write.ended */
};

/* ---- records ---- */

bool state_damaged(const struct state *state)
{
	return state->damaged;
}

json_t *state_kind(const struct state *state, const char *kind)
{
	return json_object_get(state->kinds, kind);
}

const json_t *state_get(const struct state *state, const char *kind, const char *key)
{
	return json_object_get(state_kind(state, kind), key);
}

static size_t bytes_of(const char *key, const json_t *value)
{
	return strlen(key) + json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
}

static size_t bytes_now(const struct state *state, const char *kind, const char *key)
{
	const json_t *value = state_get(state, kind, key);

	return value ? bytes_of(key, value) : 0;
}

/* Puts a record, but does not start a write. 0, -ENOMEM or -ENOSPC. Takes the value over. */
static int put(struct state *state, const char *kind, const char *key, json_t *value)
{
	json_t *object = state_kind(state, kind);
	size_t bytes;

	if (!value)
		return -ENOMEM;
	bytes = state->bytes - bytes_now(state, kind, key) + bytes_of(key, value);
	if (strlen(kind) > STATE_KEY_MAX || strlen(key) > STATE_KEY_MAX ||
	    bytes > STATE_BYTES_MAX) {
		json_decref(value);
		return -ENOSPC;
	}
	if (!object) {
		object = json_object();
		if (json_object_set_new(state->kinds, kind, object) < 0) {
			json_decref(value);
			return -ENOMEM;
		}
	}
	if (json_object_set_new(object, key, value) < 0)
		return -ENOMEM;
	state->bytes = bytes;
	return 0;
}

/* ---- reading the file ---- */

static int check_of(const json_t *kinds, char ret_check[CHECK_TEXT])
{
	_cleanup_free_ char *text = json_dumps(kinds, JSON_COMPACT | JSON_SORT_KEYS);

	if (!text)
		return -ENOMEM;
	snprintf(ret_check, CHECK_TEXT, "%08" PRIx32, crc32c(0, text, strlen(text)));
	return 0;
}

/* Takes the valid records. True if these are all records that were written. */
static bool take_records(struct state *state, json_t *root)
{
	const char *written = json_string_value(json_object_get(root, "check"));
	json_t *kinds = json_object_get(root, "records"), *records, *value;
	const char *kind, *key;
	char check[CHECK_TEXT];
	bool whole;

	whole = json_is_object(kinds) && written && check_of(kinds, check) == 0 &&
		!strcmp(check, written);
	json_object_foreach(kinds, kind, records) {
		whole &= json_is_object(records);
		json_object_foreach(records, key, value)
			whole &= put(state, kind, key, json_incref(value)) == 0;
	}
	return whole;
}

static void keep_damaged(const struct state *state)
{
	_cleanup_free_ char *aside = NULL;

	if (asprintf(&aside, "%s.damaged", state->path) < 0) {
		aside = NULL;
		return;
	}
	if (rename(state->path, aside) < 0)
		log_warning("%s: it cannot be kept as %s: %s", state->path, aside,
			    strerror(errno));
}

static void load(struct state *state)
{
	json_error_t error;
	json_t *root = json_load_file(state->path, JSON_REJECT_DUPLICATES, &error);

	state->damaged = !take_records(state, root);
	if (state->damaged) {
		log_warning("%s: it is damaged, or not a state file, or cannot be read; what weftd "
			    "cannot read of it is forgotten, and it is kept as state.json.damaged",
			    state->path);
		keep_damaged(state);
		state->version++;
	}
	json_decref(root);
}

/* ---- writing the file ---- */

/* The text of the file, for the caller to free(); NULL: out of memory. */
static char *format(const struct state *state)
{
	char check[CHECK_TEXT];
	json_t *root;
	_cleanup_free_ char *dump = NULL;
	struct strbuf text = { 0 };

	if (check_of(state->kinds, check) < 0)
		return NULL;
	root = json_pack("{s:s, s:O}", "check", check, "records", state->kinds);
	dump = json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS);
	json_decref(root);
	if (!dump)
		return NULL;
	strbuf_add(&text, "%s\n", dump);
	return strbuf_take(&text);
}

/* Runs on the thread. */
static void run_write(struct pool_job *job, void *context)
{
	struct state *state = context;
	struct write *write = container_of(job, struct write, job);
	int alarm_fd = state->alarm_fd;

	write->result = config_write_file(write->path, write->text, strlen(write->text),
					  &write->error);
	pthread_mutex_lock(&state->lock);
	write->ended = true;
	pthread_cond_signal(&state->ended);
	if (alarm_fd >= 0)
		eventfd_write(alarm_fd, 1);
	pthread_mutex_unlock(&state->lock);
}

static void failed(struct state *state, int error, const char *text)
{
	if (!state->failing)
		log_warning("%s: what is to survive a restart is not stored; weft keeps trying",
			    text);
	state->failing = true;
	state->error = error;
}

/* Starts to write records that are not stored. A write under way is followed by another one. */
static void start_write(struct state *state)
{
	struct write *write = &state->write;
	int r = -ENOMEM;

	if (state->writing || state->stored == state->version)
		return;
	state->error = 0;
	*write = (struct write){ .path = state->path, .text = format(state) };
	write->version = state->version;
	write->began = loop_clock();
	if (write->text)
		r = pool_start(state->pool, POOL_NO_LANE, &write->job);
	state->writing = r >= 0;
	if (state->writing)
		return;
	free(write->text);
	weft_error_set(&write->error, -r, "%s: no memory, or no thread", state->path);
	failed(state, -r, write->error.text);
}

static bool write_ended(struct state *state)
{
	bool ended;

	pthread_mutex_lock(&state->lock);
	ended = state->write.ended;
	pthread_mutex_unlock(&state->lock);
	return ended;
}

/* Handles the result of a write that has ended. */
static void collect(struct state *state)
{
	struct write *write = &state->write;

	if (!state->writing || !write_ended(state))
		return;
	state->writing = false;
	state->hanging = false;
	free(write->text);
	if (write->result < 0) {
		failed(state, -write->result, write->error.text);
		return;
	}
	state->stored = write->version;
	if (state->failing)
		log_notice("what is to survive a restart is stored again");
	state->failing = false;
	start_write(state);
}

static void changed(struct state *state)
{
	state->version++;
	if (state->path)
		start_write(state);
	else
		state->stored = state->version;
}

int state_put(struct state *state, const char *kind, const char *key, json_t *value)
{
	int r = put(state, kind, key, value);

	if (!r)
		changed(state);
	return r;
}

void state_remove(struct state *state, const char *kind, const char *key)
{
	size_t bytes = bytes_now(state, kind, key);

	if (!bytes)
		return;
	state->bytes -= bytes;
	json_object_del(state_kind(state, kind), key);
	changed(state);
}

/* ---- waiting for records to be stored ---- */

void state_wait(struct state *state, struct state_waiter *waiter, unsigned int timeout_ms)
{
	waiter->version = state->version;
	waiter->deadline = loop_clock() + timeout_ms * MILLISECOND;
	list_add_tail(&state->waiters, &waiter->node);
	start_write(state);
	/* no write will raise the alarm: all is stored already, or no write could start */
	if (!state->writing && state->alarm_fd >= 0)
		eventfd_write(state->alarm_fd, 1);
}

/* The result for the waiter; 1: it has to wait longer. */
static int outcome(const struct state *state, const struct state_waiter *waiter, uint64_t now)
{
	if (waiter->version <= state->stored)
		return 0;
	if (state->error)
		return -state->error;
	return now < waiter->deadline ? 1 : -ETIMEDOUT;
}

void state_run(struct state *state)
{
	uint64_t now = loop_clock();
	struct list waiters, *node;

	collect(state);
	list_init(&waiters);
	list_splice_tail(&waiters, &state->waiters);
	while ((node = list_pop(&waiters))) {
		struct state_waiter *waiter = list_entry(node, struct state_waiter, node);
		int result = outcome(state, waiter, now);

		if (result > 0)
			list_add_tail(&state->waiters, &waiter->node);
		else
			waiter->done(waiter, result);
	}
}

void state_tick(struct state *state)
{
	state_run(state);
	if (state->writing && !state->hanging &&
	    loop_clock() - state->write.began > HANGS_AFTER) {
		state->hanging = true;
		log_warning("%s: its disk does not answer: what is to survive a restart is not "
			    "stored", state->path);
	}
	start_write(state);
}

/* Waits for the write under way until `deadline`. True if the write has ended. */
static bool wait_write(struct state *state, uint64_t deadline)
{
	const struct timespec end = { .tv_sec = (time_t)(deadline / SECOND),
				      .tv_nsec = (long)(deadline % SECOND) };
	int r = 0;
	bool ended;

	pthread_mutex_lock(&state->lock);
	while (!state->write.ended && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&state->ended, &state->lock, &end);
	ended = state->write.ended;
	pthread_mutex_unlock(&state->lock);
	return ended;
}

int state_settle(struct state *state, unsigned int timeout_ms)
{
	uint64_t version = state->version;

	collect(state);
	start_write(state);
	while (state->stored < version) {
		if (!state->writing)
			return -state->error;
		if (!wait_write(state, state->write.began + timeout_ms * MILLISECOND))
			return -ETIMEDOUT;
		collect(state);
	}
	return 0;
}

/* ---- opening and closing ---- */

int state_open(struct state **ret_state, const char *dir, int alarm_fd, struct weft_error *error)
{
	struct state *state = calloc(1, sizeof(*state));
	struct pool_options options = {
		.run = run_write, .context = state, .threads = 1, .lane_threads = 1,
	};

	if (!state)
		return weft_error_set(error, ENOMEM, "out of memory");
	state->alarm_fd = alarm_fd;
	list_init(&state->waiters);
	state->kinds = json_object();
	if (!state->kinds || (dir && asprintf(&state->path, "%s/state.json", dir) < 0)) {
		json_decref(state->kinds);
		free(state);
		return weft_error_set(error, ENOMEM, "out of memory");
	}
	state->pool = pool_new(&options);
	if (!state->pool) {
		json_decref(state->kinds);
		free(state->path);
		free(state);
		return weft_error_set(error, ENOMEM, "out of memory");
	}
	pthread_mutex_init(&state->lock, NULL);
	thread_cond_init(&state->ended);
	if (state->path && access(state->path, F_OK) == 0)
		load(state);
	*ret_state = state;
	return 0;
}

bool state_close(struct state *state, unsigned int timeout_ms)
{
	if (!state)
		return true;
	state_settle(state, timeout_ms);
	if (state->writing) {
		log_warning("%s: its disk does not answer: leaving it", state->path);
		return false;
	}
	pool_free(state->pool);
	pthread_cond_destroy(&state->ended);
	pthread_mutex_destroy(&state->lock);
	json_decref(state->kinds);
	free(state->path);
	free(state);
	return true;
}
