/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts sessions. */
#ifndef WEFT_CONTROL_SESSIONS_H
#define WEFT_CONTROL_SESSIONS_H

struct target;

/* The sessions of one subsystem, or of all if nqn is NULL. Takes the target's lock. */
unsigned int sessions_count(struct target *target, const char *nqn);

#endif
