/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A store of small records that survive a restart of weftd: JSON values by kind and key.
 * All of them are in memory, and in DIR/state.json, which is read at the start and
 * replaced as a whole, by a thread: the control thread never waits for the disk, unless
 * it asks to. Changes that come while the file is being written are written together.
 *
 * Who needs a record to be durable before it goes on waits for that (state_wait()), for a
 * time that it names. What cannot be written stays in memory and is tried again each
 * second; the log says both.
 *
 * The file has a checksum. One that is damaged is kept as DIR/state.json.damaged, what can
 * be read of it is taken, and the log says so. A record may then be missing or wrong.
 *
 * All of this is the control thread's.
 */
#ifndef WEFT_APPLY_STATE_H
#define WEFT_APPLY_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/list.h"

struct state;
struct weft_error;

/* The longest kind and key, bytes; all records take STATE_BYTES_MAX as text at the most. */
#define STATE_KEY_MAX 512
#define STATE_BYTES_MAX ((size_t)4 * 1024 * 1024)

/*
 * dir NULL: nothing is read or written, and all counts as stored. alarm_fd: an eventfd
 * (borrowed, or -1) that is raised when state_run() is due. 0, or -ENOMEM with *error
 * filled.
 */
int state_open(struct state **ret_state, const char *dir, int alarm_fd, struct weft_error *error);
/*
 * Writes what is not stored yet, for timeout_ms at the most, and frees. Nobody waits any
 * more. false: the disk has not answered, a thread has the memory, and the process should
 * end. NULL is harmless.
 */
bool state_close(struct state *state, unsigned int timeout_ms);

/* True if the file was damaged when it was read. */
bool state_damaged(const struct state *state);
/* The record, or NULL. Borrowed until it is replaced or removed. */
const json_t *state_get(const struct state *state, const char *kind, const char *key);
/* Those of a kind: an object of key and value; NULL: none. Borrowed until the next change. */
json_t *state_kind(const struct state *state, const char *kind);
/*
 * Puts a record in place of what the key had. Takes the value over, also on failure.
 * 0; -ENOMEM, also where value is NULL; -ENOSPC: too large, or too many.
 */
int state_put(struct state *state, const char *kind, const char *key, json_t *value);
/* Removes it, if there is one. */
void state_remove(struct state *state, const char *kind, const char *key);

/* ---- durable ---- */

/* The caller's until done() is called, which state_run() and state_tick() alone do. */
struct state_waiter {
	/* result: 0: it is stored; -errno: it is not (-ETIMEDOUT: the disk has not answered). */
	void (*done)(struct state_waiter *waiter, int result);
	/* The state's own: */
	struct list node;
	uint64_t version;
	uint64_t deadline;
};

/* Calls done() once all changes until now are stored, or cannot be, or timeout_ms are over. */
void state_wait(struct state *state, struct state_waiter *waiter, unsigned int timeout_ms);
/*
 * Waits here. 0: all is stored; -errno: it is not. Does not wait for a write that has
 * taken longer than that already: the disk hangs, and does so for all.
 */
int state_settle(struct state *state, unsigned int timeout_ms);
/* Collects what was written and tells those who wait. Due when the alarm is raised. */
void state_run(struct state *state);
/* The same, and tries again what failed: about once a second. */
void state_tick(struct state *state);

#endif
