/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must survive a restart:
 *
 *	The generation counter of the discovery log (NVMe Base 2.1, 5.1.12.3.1) and a
 *	digest of what that log shows. A digest that differs at start says that the
 *	configuration was changed while weftd was down, and the counter moves.
 *
 *	Flushes that failed and that the administrator has not acknowledged: see flushes.c.
 *
 * It is kept in DIR/state.json, which is replaced as a whole. Where it is
 * missing or unreadable the counter begins at the clock's seconds, so that it
 * does not show hosts a number that they have seen with another content.
 */
#ifndef WEFT_APPLY_STATE_H
#define WEFT_APPLY_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "util/str.h"

struct config;
struct state;
struct weft_error;

/*
 * dir NULL: nothing is read or written. 0, or -ENOMEM with *error filled; a
 * file that cannot be used is logged and replaced by the next update.
 */
int state_open(struct state **ret_state, const char *dir, struct weft_error *error);
void state_close(struct state *state);

/*
 * Moves the counter if the configuration's discovery log differs from the last
 * one's, and stores both. 1: it moved, 0: it did not; -errno with *error filled:
 * it moved, but will not survive a restart.
 */
int state_update(struct state *state, const struct config *config, struct weft_error *error);
uint64_t state_genctr(const struct state *state);

/* A flush that failed. */
struct state_flush {
	char *nqn;			/* owned */
	uint32_t nsid;
	char device[UUID_TEXT];		/* config_device_digest() of what was flushed */
	int error;			/* errno, positive */
};

/* All of them, borrowed until the next change. */
const struct state_flush *state_flushes(const struct state *state, size_t *ret_count);
/* NULL: this namespace has none. */
const struct state_flush *state_find_flush(const struct state *state, const char *nqn,
					   uint32_t nsid);
/*
 * Takes one down, or forgets it, and stores that. 0; -errno with *error filled: it
 * will not survive a restart unless state_store() makes up for it.
 */
int state_add_flush(struct state *state, const char *nqn, uint32_t nsid, const char *device,
		    int flush_error, struct weft_error *error);
int state_remove_flush(struct state *state, const char *nqn, uint32_t nsid,
		       struct weft_error *error);

/* Stores what could not be stored before. 1: it did, 0: there is nothing to store; -errno. */
int state_store(struct state *state, struct weft_error *error);

#endif
