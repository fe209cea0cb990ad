/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must survive a restart: the generation counter of the discovery log
 * (NVMe Base 2.1, 5.1.12.3.1) and a digest of what that log shows. A digest
 * that differs at start says that the configuration was changed while weftd
 * was down, and the counter moves.
 *
 * It is kept in DIR/state.json, which is replaced as a whole. Where it is
 * missing or unreadable the counter begins at the clock's seconds, so that it
 * does not show hosts a number that they have seen with another content.
 */
#ifndef WEFT_CONFIG_STATE_H
#define WEFT_CONFIG_STATE_H

#include <stdint.h>

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

#endif
