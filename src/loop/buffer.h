/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O buffers of one loop: powers of two from 4 KiB to 4 MiB, aligned to 4096. All are
 * parts of one range of address space, as large as the limit. Returned buffers are kept
 * for the next user; the memory of buffers that were not used for a second or two goes
 * back to the system. Used on the loop's own thread only.
 *
 * A new buffer contains the data of its last user.
 */
#ifndef WEFT_LOOP_BUFFER_H
#define WEFT_LOOP_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"

#define LOOP_BUFFER_MIN 4096
#define LOOP_BUFFER_MAX (4 * 1024 * 1024)
#define LOOP_BUFFER_CLASSES 11
/* The default limit of all buffers in use, each counted by loop_buffer_size(). */
#define LOOP_BUFFER_LIMIT_DEFAULT ((size_t)256 * 1024 * 1024)

/*
 * A buffer of at least size bytes, or NULL: size is over LOOP_BUFFER_MAX, or the
 * limit is reached (wait with loop_buffer_wait()).
 */
void *loop_buffer_get(struct loop *loop, size_t size);
/* The bytes that a buffer of that size counts as: the next power of two; 0 for size 0. */
size_t loop_buffer_size(size_t size);
/* Takes a buffer back. size: as in loop_buffer_get(). */
void loop_buffer_put(struct loop *loop, void *buffer, size_t size);
/*
 * Defers the task when a buffer is put back. That buffer may not be enough for every waiting
 * task. Cancel with list_del(&task->node).
 */
void loop_buffer_wait(struct loop *loop, struct loop_task *task);
/* Bytes in use, as they count towards the limit. */
size_t loop_buffer_in_use(const struct loop *loop);

/* ---- the loop's own ---- */

struct loop_buffers {
	uint8_t *arena;			/* owned; aligned to LOOP_BUFFER_MAX */
	uint8_t *state;			/* owned; of each page: enum buffer_state */
	uint32_t *next;			/* owned; of each free buffer's first page */
	bool *fixed;			/* owned; for each LOOP_BUFFER_MAX: true if registered */
	void *map;			/* owned; holds the four above */
	size_t map_size;
	uint32_t pages;			/* of the arena */
	uint32_t fresh;			/* the first page that was never used */
	size_t in_use;			/* bytes */
	size_t dirty;			/* bytes in free buffers that are backed by memory */
	size_t low;			/* the minimum of dirty since the last trim */
	size_t excess;			/* of dirty, bytes to be given back by this trim */
	uint32_t free[LOOP_BUFFER_CLASSES]; /* first pages; the last one put back comes first */
	struct list waiting;		/* of struct loop_task */
	struct loop_timer trim;
};

/* limit: bytes, 0 for the default. 0, or -errno with *error filled. */
int loop_buffers_init(struct loop *loop, size_t limit, struct weft_error *error);
void loop_buffers_done(struct loop *loop);

#endif
