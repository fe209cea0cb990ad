/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What hosts hold of a reactor's I/O buffers, and who waits for more. Only the reactor touches
 * it. How buffers are given out: request_buffer.c.
 */
#ifndef WEFT_TARGET_BUFFER_SHARE_H
#define WEFT_TARGET_BUFFER_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "util/list.h"

struct namespace;
struct reactor;

/* Of so many namespaces, less one, it is known what a host holds. */
#define BUFFER_LINES 32
/* In place of its index: the line of an admin queue. */
#define BUFFER_LINE_REPLIES BUFFER_LINES

/* A host's commands for a namespace, or an admin queue's: what they hold, and which wait. */
struct buffer_line {
	struct list node;		/* in buffer_lines.waiting, while somebody waits */
	struct list waiters;		/* struct request.wait, in the order in which they came */
	const struct namespace *ns;	/* only compared */
	uint64_t bytes;			/* 0, and nobody waits: this line is free */
};

/* A host's. Bytes count as loop_buffer_size() says. */
struct buffer_share {
	_Alignas(64) uint64_t bytes;	/* that its commands hold */
	uint64_t max;
	uint64_t round;			/* the last in which one waited for that */
	struct buffer_line lines[BUFFER_LINES];	/* the first is for all other namespaces */
};

/* A reactor's. */
struct buffer_lines {
	struct list waiting;		/* struct buffer_line.node; the first is the next */
	struct loop_task task;		/* the next round of giving buffers to those that wait */
	uint64_t round;
	uint64_t full_round;		/* the last in which one waited for what is left for all */
	uint64_t large_round;		/* the last in which what is free was in pieces, */
	uint64_t too_large;		/* for so many bytes */
	struct loop_timer patience;	/* the others wait with one for which there is no room */
	uint64_t impatient_until;	/* loop_now(): they do not */
	uint64_t reserve;		/* bytes given out of what is kept back */
	uint64_t replies;		/* bytes of long answers of admin commands */
	bool review;			/* the view is another: who waits is to be checked again */
};

void buffer_line_init(struct buffer_line *line);
void buffer_share_init(struct buffer_share *share, uint64_t max);
void buffer_lines_init(struct reactor *reactor);
/* The view is another: all that waits is checked against it soon. */
void buffer_lines_review(struct reactor *reactor);

#endif
