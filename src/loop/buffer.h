/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O buffers of one loop: powers of two from 4 KiB to 4 MiB, aligned to 4096.
 * All come from one range of address space, as large as the limit. Buffers that
 * came back are kept for the next user, and what nobody wanted for a second or
 * two goes back to the system. On the loop's own thread only.
 *
 * A buffer holds what its last user left in it.
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
/* Of the sum of all buffers in use, each counted as the power of two that holds it. */
#define LOOP_BUFFER_LIMIT_DEFAULT ((size_t)256 * 1024 * 1024)

/*
 * A buffer of at least size bytes, or NULL: size is over LOOP_BUFFER_MAX, or the
 * limit is reached (wait with loop_buffer_wait()).
 */
void *loop_buffer_get(struct loop *loop, size_t size);
/* What a buffer of that size counts: the power of two that holds it; 0 for none. */
size_t loop_buffer_size(size_t size);
/* Takes a buffer back; size as it was asked for. */
void loop_buffer_put(struct loop *loop, void *buffer, size_t size);
/*
 * Defers the task when a buffer was put back, which may not be enough for
 * everybody who waits. Cancel with list_del(&task->node).
 */
void loop_buffer_wait(struct loop *loop, struct loop_task *task);
/* Bytes in use now, as they count towards the limit. */
size_t loop_buffer_in_use(const struct loop *loop);

/* ---- the loop's own ---- */

struct loop_buffers {
	uint8_t *arena;			/* owned; aligned to LOOP_BUFFER_MAX */
	uint8_t *state;			/* owned; of each page: enum buffer_state */
	uint32_t *next;			/* owned; of each free buffer's first page */
	bool *fixed;			/* owned; of each LOOP_BUFFER_MAX: is it registered? */
	void *map;			/* owned; holds the four above */
	size_t map_size;
	uint32_t pages;			/* of the arena */
	uint32_t fresh;			/* the first page that was never used */
	size_t in_use;			/* bytes */
	size_t dirty;			/* bytes in free buffers that hold memory of the system's */
	size_t low;			/* the least that dirty was since the last trim */
	size_t excess;			/* of dirty, bytes that are being given back */
	uint32_t free[LOOP_BUFFER_CLASSES]; /* first pages; the last one put back comes first */
	struct list waiting;		/* of struct loop_task */
	struct loop_timer trim;
};

/* limit: bytes, 0 for the default. 0, or -errno with *error filled. */
int loop_buffers_init(struct loop *loop, size_t limit, struct weft_error *error);
void loop_buffers_done(struct loop *loop);

#endif
