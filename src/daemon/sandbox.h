/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sandbox limits the system calls that weftd can make after it has started. The
 * service manager limits the user, files and devices that weftd can use. The sandbox
 * works without a service manager, too.
 */
#ifndef WEFT_DAEMON_SANDBOX_H
#define WEFT_DAEMON_SANDBOX_H

#include <stdbool.h>

struct weft_error;

enum sandbox_mode {
	SANDBOX_OFF,
	SANDBOX_ON,
	SANDBOX_REPORT,		/* as ON, and reports refused calls to standard error; for tests */
};

/*
 * Enters the sandbox. It applies to all threads, existing and new, and cannot be left:
 * - no new privileges by set-user-ID programs (PR_SET_NO_NEW_PRIVS),
 * - no core dumps, and other processes of this user cannot read weftd's memory
 *   (PR_SET_DUMPABLE),
 * - only listed system calls; all others fail with ENOSYS. The listed calls cannot start
 *   programs, create processes, set up an io_uring, map memory that is both writable and
 *   executable, or create sockets other than IP, UNIX and rtnetlink sockets. Plugins
 *   usually are clients of other storage; with plugins the list is longer.
 *
 * Start the reactors before: their rings cannot be set up afterwards. 0, or -errno with
 * *error filled.
 */
int sandbox_enter(enum sandbox_mode mode, bool plugins, struct weft_error *error);

#endif
