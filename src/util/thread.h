/* SPDX-License-Identifier: BSD-3-Clause */
/* What every thread of the daemon starts with. */
#ifndef WEFT_UTIL_THREAD_H
#define WEFT_UTIL_THREAD_H

#include <pthread.h>

/*
 * Starts a thread with all signals blocked: they are the control thread's. Not blocked is SIGSYS,
 * which a thread raises by a call that is not allowed. 0 or -errno. The caller joins or detaches
 * the thread.
 */
int thread_start(pthread_t *ret_thread, void *(*run)(void *arg), void *arg);

/* Makes a condition whose pthread_cond_timedwait() is told times of CLOCK_MONOTONIC. */
void thread_cond_init(pthread_cond_t *cond);

#endif
