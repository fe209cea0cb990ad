/* SPDX-License-Identifier: BSD-3-Clause */
/* The NQN of an export that was not given one. */
#ifndef WEFT_CONTROL_NQN_H
#define WEFT_CONTROL_NQN_H

#define NQN_LENGTH_MAX 223	/* bytes; NVM Express Base Specification 2.1, 4.7 */

/*
 * An NQN must begin with a domain that its maker owned at the date it names.
 * Nobody but the site itself can own "internal": ICANN reserved that top-level
 * domain for private use in July 2024. So a default under it never claims a
 * name that is another's, and the name of this machine keeps the machines of
 * one site apart.
 */
#define NQN_AUTHORITY "nqn.2024-07.internal.weft"

/*
 * "nqn.2024-07.internal.weft:HOST:NAME", HOST and NAME as slugs: lower case,
 * runs outside [a-z0-9._-] become "-", ".", "-" and "_" at the ends go; at
 * most NQN_LENGTH_MAX bytes. Owned by the caller; NULL where memory ran out.
 */
char *nqn_default(const char *host, const char *name);

/* The last part of a path; borrowed from it. */
const char *nqn_base_name(const char *path);

#endif
