/* SPDX-License-Identifier: BSD-3-Clause */
/* For what has to be waited for, and may hang: a look at a file on a server that is gone. */
#ifndef WEFT_UTIL_PATIENCE_H
#define WEFT_UTIL_PATIENCE_H

/*
 * Runs work(arg) on a thread of its own and waits for it, timeout_ms at the most.
 * 0: it has ended, and arg is the caller's. -ETIMEDOUT: it goes on, and when it
 * ends the thread calls late(arg), which frees it. Another -errno: not begun.
 */
int patience_call(void (*work)(void *arg), void (*late)(void *arg), void *arg,
		  unsigned int timeout_ms);

#endif
