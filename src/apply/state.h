/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A store of small records that survive a restart of weftd: JSON values by kind and key.
 * All of them are in memory, and in DIR/state.json, which is read at the start and
 * replaced as a whole, by a thread: the control thread never waits for the disk, unless
 * it asks to. Changes that come while the file is being written are written together.
 *
 * A caller that needs a record to be durable waits with state_wait(), for a time that it
 * sets. Records that cannot be written stay in memory, and the write is tried again each
 * second; the log reports the failure and the later success.
 *
 * The file has a checksum. A damaged file is kept as DIR/state.json.damaged, its valid
 * records are taken, and the log reports it. A record may then be missing or wrong.
 *
 * All functions are called on the control thread.
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

/* The longest kind and key in bytes, and the most bytes that all records take as text. */
#define STATE_KEY_MAX 512
#define STATE_BYTES_MAX ((size_t)4 * 1024 * 1024)

/*
 * dir NULL: nothing is read or written, and all counts as stored. alarm_fd: an eventfd
 * (borrowed, or -1) that is raised when state_run() is due. 0, or -ENOMEM with *error
 * filled.
 */
int state_open(struct state **ret_state, const char *dir, int alarm_fd, struct weft_error *error);
/*
 * Writes records that are not stored yet, for timeout_ms at the most, and frees the state.
 * There must be no waiters. False: the disk has not answered, a thread still uses the
 * memory, and the process should end. NULL is harmless.
 */
bool state_close(struct state *state, unsigned int timeout_ms);

/* True if the file was damaged when it was read. */
bool state_damaged(const struct state *state);
/* The record, or NULL. Borrowed until it is replaced or removed. */
const json_t *state_get(const struct state *state, const char *kind, const char *key);
/* All records of a kind, as an object; NULL: there are none. Borrowed until the next change. */
json_t *state_kind(const struct state *state, const char *kind);
/*
 * Stores a record and replaces the key's former one. Takes the value over, also on failure.
 * 0; -ENOMEM, also if value is NULL; -ENOSPC: the records are too large or too many.
 */
int state_put(struct state *state, const char *kind, const char *key, json_t *value);
/* Removes the record, if there is one. */
void state_remove(struct state *state, const char *kind, const char *key);

/* ---- waiting for records to be stored ---- */

/* The caller keeps it until done() is called, by state_run() or state_tick(). */
struct state_waiter {
	/* result: 0: it is stored; -errno: it is not (-ETIMEDOUT: the disk has not answered). */
	void (*done)(struct state_waiter *waiter, int result);
	/* For the state alone: */
	struct list node;
	uint64_t version;
	uint64_t deadline;
};

/* Calls done() when all changes so far are stored or cannot be stored, or after timeout_ms. */
void state_wait(struct state *state, struct state_waiter *waiter, unsigned int timeout_ms);
/*
 * Blocks until all is stored: 0; -errno: it is not. Does not wait for a write that has
 * already taken longer than timeout_ms, because the disk hangs.
 */
int state_settle(struct state *state, unsigned int timeout_ms);
/* Collects the result of a write and calls done() of waiters. Due when the alarm is raised. */
void state_run(struct state *state);
/* The same, and repeats a write that failed. To be called about once a second. */
void state_tick(struct state *state);

#endif
