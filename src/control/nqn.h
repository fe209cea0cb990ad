/* SPDX-License-Identifier: BSD-3-Clause */
/* The default NQN of an export. */
#ifndef WEFT_CONTROL_NQN_H
#define WEFT_CONTROL_NQN_H

#define NQN_LENGTH_MAX 223	/* bytes; NVM Express Base Specification 2.1, 4.7 */

/*
 * An NQN begins with a date and a domain name; the domain must have been registered to
 * the naming authority at that date. ICANN reserved the top-level domain "internal" for
 * private use in July 2024. So a default NQN under "internal" does not use a domain of
 * somebody else, and the host name makes it unique within the site.
 */
#define NQN_AUTHORITY "nqn.2024-07.internal.weft"

/*
 * "nqn.2024-07.internal.weft:HOST:NAME", at most NQN_LENGTH_MAX bytes. HOST and NAME are
 * slugs: in lower case, with "-" for each run of characters outside [a-z0-9._-], and
 * without ".", "-" and "_" at both ends. Owned by the caller; NULL if memory ran out.
 */
char *nqn_default(const char *host, const char *name);

/* The last part of a path; borrowed from it. */
const char *nqn_base_name(const char *path);

#endif
