/* SPDX-License-Identifier: BSD-3-Clause */
/* For target.c and tests alone: which reactor this thread runs, and the end of one. */
#ifndef WEFT_TARGET_BASE_THREAD_H
#define WEFT_TARGET_BASE_THREAD_H

struct reactor;

void reactor_set_current(struct reactor *reactor);
/* watch.c: its thread has ended; before its loop is freed. */
void watches_end(struct reactor *reactor);

#endif
