/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The I/O buffers of a reactor: how many bytes of them each host holds, and which commands wait
 * for a buffer. Only the reactor's thread uses this. request_buffer.c gives out the buffers and
 * keeps these promises:
 *
 *	1. Shares. The commands of a host hold at most a quarter of the buffers, the commands
 *	   for a namespace at most a half. Commands beyond a share wait.
 *	2. A host's disks do not wait for one another. For each namespace a host may have one
 *	   command of any size, or several small ones, beyond its share. (Otherwise a disk that
 *	   hangs would hold the share and stop the others.)
 *	3. A host that holds little does not wait for the commands of other hosts that hold a
 *	   namespace's share.
 *	4. Order. Commands of a host for a namespace get their buffers in the order of their
 *	   arrival, except a command for which the free memory is fragmented (6). Lines take
 *	   turns, one command each.
 *	5. No command is overtaken for ever. While a command waits for its host's share, its
 *	   namespace's share, or common memory, later commands that need the same wait too.
 *	6. Other commands do not wait long for a command that no free buffer fits. They yield
 *	   common memory to it for a third of a second, and then do not yield again for three
 *	   seconds. (A disk that hangs may hold the memory.)
 *	7. The floor. An eighth of the buffers is reserved for holders of little. Hosts that
 *	   hold little may use half of it; commands for a namespace of which their host holds
 *	   little may use a quarter. Short answers of admin commands and data that came in a
 *	   capsule may use all of it. So a host that takes all it may take does not keep other
 *	   hosts from small I/O.
 *	8. Answers. An admin queue holds one buffer, or several small ones. Long answers of all
 *	   admin queues hold at most an eighth, or one answer of any size.
 *	9. In-capsule data cannot wait for a buffer. A host may hold up to twice its share for
 *	   it; beyond that the command fails, and the host may retry it.
 *	10. An abort and the end of a connection release buffers and claims at once.
 *	11. After a change of the configuration all waiting commands are checked anew.
 *	12. Each waiting command gets a buffer once enough buffers have come back.
 *
 * "Common memory" is all but the floor. "Little" is a 256th of the buffers (limits.h).
 * tests/unit/target_buffers.c has a test for each promise.
 *
 * Why this is not deficit round robin: deficit round robin divides a rate, of which every class
 * gets a new quantum in each turn. Buffers are a stock, which comes back only when hosts and disks
 * return it. Free memory for a large command does not accumulate while smaller commands are served
 * in their turns. They must be stopped (5), but not for ever (6).
 */
#ifndef WEFT_TARGET_BASE_BUFFER_SHARE_H
#define WEFT_TARGET_BASE_BUFFER_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "util/list.h"

struct namespace;
struct reactor;

/* Lines of a host. The first is shared by all namespaces in use beyond 31. */
#define BUFFER_LINES 32
/* In place of an index: the line of an admin queue (queue->replies). */
#define BUFFER_LINE_REPLIES BUFFER_LINES

/* A host's commands for one namespace, or an admin queue's commands: bytes held, and waiters. */
struct buffer_line {
	struct list node;		/* in buffer_lines.waiting, while a command waits */
	struct list waiters;		/* struct request.wait, in order of arrival */
	const struct namespace *ns;	/* only compared */
	uint64_t bytes;			/* held; 0 without waiters: this line is free */
};

/* A host's share on one reactor. Bytes as loop_buffer_size() counts them. */
struct buffer_share {
	_Alignas(64) uint64_t bytes;	/* that the host's commands hold */
	uint64_t max;
	uint64_t claimed;		/* the last pass in which a command waited for the share */
	struct buffer_line lines[BUFFER_LINES];	/* [0]: for all other namespaces */
};

/* The waiting lines of a reactor. */
struct buffer_lines {
	struct list waiting;		/* struct buffer_line.node; the first is the next */
	struct loop_task task;		/* runs the next pass */
	uint64_t pass;			/* number of the pass */
	uint64_t room_claimed;		/* the last pass in which a command waited for memory */
	uint64_t fragmented_pass;	/* the last pass in which free memory was fragmented */
	uint64_t fragmented_size;	/* bytes that no free buffer could hold in that pass */
	struct loop_timer yield_timer;	/* runs while others yield to a command without memory */
	uint64_t no_yield_until;	/* as loop_now(): until then others do not yield */
	uint64_t floor_held;		/* bytes of the floor that are in use */
	uint64_t long_replies;		/* bytes of long answers of admin commands */
	bool review;			/* the view changed: check all waiting commands anew */
};

void buffer_line_init(struct buffer_line *line);
void buffer_share_init(struct buffer_share *share, uint64_t max);
void buffer_lines_init(struct reactor *reactor);
/* The view changed: all waiting commands are soon checked against the new one. */
void buffer_lines_review(struct reactor *reactor);

#endif
