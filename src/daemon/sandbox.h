/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this process may still ask the kernel for, once it is set up. The
 * service manager narrows what weftd reaches (its user, its files, its
 * devices); this narrows what it can do, whoever started it.
 */
#ifndef WEFT_DAEMON_SANDBOX_H
#define WEFT_DAEMON_SANDBOX_H

#include <stdbool.h>

struct weft_error;

enum sandbox_mode {
	SANDBOX_OFF,
	SANDBOX_ON,
	SANDBOX_REPORT,		/* as ON; refused calls are written to standard error: for tests */
};

/*
 * For all threads, now and later, and for good:
 * - no new privileges by set-user-ID programs (PR_SET_NO_NEW_PRIVS),
 * - no core dumps, and no other process of this user may look inside
 *   (PR_SET_DUMPABLE),
 * - system calls by a list: any other fails with ENOSYS. None starts a program
 *   or makes a process, a kind of socket other than TCP's, UDP's, UNIX's and
 *   rtnetlink's, memory that is written to and executed, or an io_uring. Plugins, which are
 *   clients of other storage as a rule, get a somewhat longer list.
 *
 * Reactors must have been started: their rings cannot be made afterwards. 0, or
 * -errno with *error filled.
 */
int sandbox_enter(enum sandbox_mode mode, bool plugins, struct weft_error *error);

#endif
