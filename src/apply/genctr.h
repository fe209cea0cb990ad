/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The generation counter of the discovery log (NVMe Base 2.1, 5.1.12.3.1), and a digest of
 * the log's content. Both are one record of the state (state.h). If the digest differs when
 * weftd starts, the configuration was changed while weftd was down, and the counter is
 * incremented. Without a record the counter starts at the clock's seconds, so that hosts do
 * not get a value that they have seen with other content.
 */
#ifndef WEFT_APPLY_GENCTR_H
#define WEFT_APPLY_GENCTR_H

#include <stdint.h>

#include "util/str.h"

struct config;
struct state;

struct genctr {
	uint64_t value;
	char digest[UUID_TEXT];		/* of the log's content at this value; "": none */
};

/* Reads the counter and the digest from the state. */
void genctr_recall(struct genctr *genctr, const struct state *state);
/*
 * Increments the counter if the configuration's discovery log differs from the last one,
 * and puts the counter and the digest into the state. 1: incremented; 0: not incremented;
 * -errno: incremented, but the new value may not survive a restart.
 */
int genctr_update(struct genctr *genctr, struct state *state, const struct config *config);

/* Increments the counter: a name has other addresses. 0; -errno: it may not survive a restart. */
int genctr_move(struct genctr *genctr, struct state *state);

#endif
