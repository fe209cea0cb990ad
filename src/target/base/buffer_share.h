/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The I/O buffers of a reactor: what hosts hold of them, and which commands wait for one. Only
 * the reactor touches it. request_buffer.c gives them out, and promises:
 *
 *	1. Shares. The commands of a host hold a quarter of the buffers at most, those for a
 *	   namespace a half. What is beyond that waits.
 *	2. A host's disks do not wait for one another. Of each namespace a host may have one
 *	   command of any size, or several small ones, beyond its share. (A disk hangs, and
 *	   holds the share.)
 *	3. A host that holds little does not wait for what others hold of a namespace.
 *	4. Order. Commands of a host for a namespace have their buffers in the order in which
 *	   they came, but for one for which the room is in pieces (6). Lines take turns, one
 *	   command each.
 *	5. No command is overtaken for ever. As long as one waits for its host's share, its
 *	   namespace's, or the room that is left for all, what comes later and needs the same
 *	   waits too.
 *	6. Nobody waits long with a command for which there is no room. For the room that is left
 *	   for all, and for pieces to become whole, the others yield for a third of a second, and
 *	   then not again for three. (What hangs may keep the room.)
 *	7. The floor. An eighth of the buffers is given to those alone who hold little: hosts
 *	   have half of it, and namespaces of which their host holds little a quarter. Short
 *	   answers of admin commands and data that came with its command may have all of it.
 *	   So hosts that take all they may keep nobody from small I/O.
 *	8. Answers. An admin queue holds one buffer, or several small ones; long answers of all
 *	   admin queues hold an eighth, or there is one of any size.
 *	9. Data that came with its command cannot wait. A host may have it up to twice its share;
 *	   beyond that the command fails, to be tried again.
 *	10. Who goes away makes room at once: an abort, a connection's end.
 *	11. A change of the configuration has all that waits checked anew.
 *	12. Nothing is forgotten: each command that waits has a buffer when enough has come back.
 *
 * "Little" is a 256th of the buffers (limits.h). tests/unit/target_buffers.c has a test of each.
 *
 * Why it is no deficit round robin: that divides a rate, of which every class has its quantum
 * again in the next turn. Buffers are a stock, which comes back when hosts and disks like. The
 * room for a large command does not gather by itself while smaller ones are served in their
 * turns; somebody has to stop them (5), and not for ever (6). That is what the code is for.
 */
#ifndef WEFT_TARGET_BASE_BUFFER_SHARE_H
#define WEFT_TARGET_BASE_BUFFER_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "util/list.h"

struct namespace;
struct reactor;

/* Lines of a host. The first is shared by all namespaces beyond 31 that are in use at a time. */
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
	uint64_t claimed;		/* the last pass in which a command had to wait for that */
	struct buffer_line lines[BUFFER_LINES];	/* the first is for all other namespaces */
};

/* A reactor's. */
struct buffer_lines {
	struct list waiting;		/* struct buffer_line.node; the first is the next */
	struct loop_task task;		/* runs the next pass */
	uint64_t pass;			/* its number */
	uint64_t room_claimed;		/* the last pass in which one had to wait for room */
	uint64_t pieces_pass;		/* the last pass in which the room was in pieces, */
	uint64_t pieces_size;		/* too small for so many bytes */
	struct loop_timer yield_timer;	/* runs while the others yield to one without room */
	uint64_t no_yield_until;	/* loop_now(): they do not */
	uint64_t floor_held;		/* bytes given out of the floor */
	uint64_t long_replies;		/* bytes of long answers of admin commands */
	bool review;			/* the view is another: all that waits is checked anew */
};

void buffer_line_init(struct buffer_line *line);
void buffer_share_init(struct buffer_share *share, uint64_t max);
void buffer_lines_init(struct reactor *reactor);
/* The view is another: all that waits is checked against it soon. */
void buffer_lines_review(struct reactor *reactor);

#endif
