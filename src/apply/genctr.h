/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The generation counter of the discovery log (NVMe Base 2.1, 5.1.12.3.1), and a digest of
 * what that log shows. Both are a record of the state (state.h): a digest that differs at
 * the start says that the configuration was changed while weftd was down, and the counter
 * moves. Without a record it begins at the clock's seconds, so that it does not show hosts
 * a number that they have seen with another content.
 */
#ifndef WEFT_APPLY_GENCTR_H
#define WEFT_APPLY_GENCTR_H

#include <stdint.h>

#include "util/str.h"

struct config;
struct state;

struct genctr {
	uint64_t value;
	char digest[UUID_TEXT];		/* of the log that the value stands for; "": none */
};

/* Reads the counter and the digest from the state. */
void genctr_recall(struct genctr *genctr, const struct state *state);
/*
 * Moves the counter if the configuration's discovery log differs from the last one's, and
 * puts both into the state. 1: it moved, 0: it did not; -errno: it moved, but may not
 * survive a restart.
 */
int genctr_update(struct genctr *genctr, struct state *state, const struct config *config);

/* Moves the counter: addresses of a name have changed. 0; -errno: it may not survive a restart. */
int genctr_move(struct genctr *genctr, struct state *state);

#endif
