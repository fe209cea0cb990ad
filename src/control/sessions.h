/* SPDX-License-Identifier: BSD-3-Clause */
/* Counting who is connected. */
#ifndef WEFT_CONTROL_SESSIONS_H
#define WEFT_CONTROL_SESSIONS_H

struct target;

/* Of one subsystem, or of all where nqn is NULL. Takes the target's lock. */
unsigned int sessions_count(struct target *target, const char *nqn);

#endif
