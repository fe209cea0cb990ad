/* SPDX-License-Identifier: BSD-3-Clause */
/* For target.c and tests only: sets a thread's reactor, and ends a reactor. */
#ifndef WEFT_TARGET_BASE_THREAD_H
#define WEFT_TARGET_BASE_THREAD_H

struct reactor;

void reactor_set_current(struct reactor *reactor);
/* watch.c: ends the reactor's watches. Called after its thread ended, before its loop is freed. */
void watches_end(struct reactor *reactor);

#endif
