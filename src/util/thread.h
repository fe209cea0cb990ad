/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads and conditions as all of the daemon makes them. */
#ifndef WEFT_UTIL_THREAD_H
#define WEFT_UTIL_THREAD_H

#include <pthread.h>

/*
 * Starts a thread with all signals blocked, because the control thread handles signals. SIGSYS is
 * not blocked: the kernel sends it to the thread that makes a forbidden system call. 0 or -errno.
 * The caller joins or detaches the thread.
 */
int thread_start(pthread_t *ret_thread, void *(*run)(void *arg), void *arg);

/* Initializes a condition whose pthread_cond_timedwait() takes times of CLOCK_MONOTONIC. */
void thread_cond_init(pthread_cond_t *cond);

#endif
