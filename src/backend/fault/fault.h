/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An overlay for tests: a backend that fails, on purpose and to order.
 *
 *	fault.c	  the backend: what becomes of each I/O
 *	rules.c	  rules, and which one an I/O meets
 *	point.c	  what is told at run time: the commands of the control socket
 *	control.c the control socket itself
 *	cache.c	  a volatile write cache, and what power loss makes of it
 */
#ifndef WEFT_BACKEND_FAULT_FAULT_H
#define WEFT_BACKEND_FAULT_FAULT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <weft/backend.h>

#include "loop/loop.h"
#include "util/list.h"

struct fault_cache;
struct fault_device;

enum fault_action {
	FAULT_PASS,
	FAULT_FAIL,	/* ends with an error, untried */
	FAULT_DELAY,
	FAULT_HANG,	/* kept until it is released */
	FAULT_SHORT,	/* a part is done, then it ends with an error */
};

/* What becomes of an I/O. */
struct fault_verdict {
	enum fault_action action;
	int error;		/* FAIL, SHORT: an errno value, positive */
	uint64_t amount;	/* DELAY: milliseconds; SHORT: bytes that are done */
};

struct fault_rule {
	struct list node;
	struct fault_verdict verdict;
	uint32_t ops;		/* bits: 1 << enum weft_op, FAULT_OPs */
	uint64_t from, length;	/* bytes that it watches; length 0: all */
	uint64_t odds;		/* it meets one I/O in so many */
	uint64_t times;		/* it meets so many I/Os, then it is gone; 0: no end */
};

#define FAULT_OP_FUA (1u << 31)	/* writes and zeroes that must be durable */
/* What is asked of the device as a whole; "all" does not mean these. */
#define FAULT_OP_OPEN (1u << 30)
#define FAULT_OP_REFRESH (1u << 29)
#define FAULT_OP_CLOSE (1u << 28)

/* Makes a rule from words such as "fail read EIO at 4096+512". 0, or -errno with *error filled. */
int fault_rule_parse(struct fault_rule **ret_rule, const char *text, struct weft_error *error);
/* What the rules, the first one first, make of an I/O; used-up ones are freed. */
struct fault_verdict fault_rules_judge(struct list *rules, const struct weft_io *io,
				       uint64_t *random);
/* The same for opening, refreshing or closing the device: one of these FAULT_OPs. */
struct fault_verdict fault_rules_judge_call(struct list *rules, uint32_t op, uint64_t *random);
void fault_rules_free(struct list *rules);
/* "EIO" or "5" -> 5; 0: there is none such. */
int fault_errno_parse(const char *text);
/* The next of a series; never 0 where *state is not. */
uint64_t fault_random(uint64_t *state);

/*
 * Where faults are told from outside. It has the name of its control socket,
 * and then outlives the devices that use it, so that a device can be told to
 * be gone; without one it is its device's own.
 */
struct fault_point {
	struct list node;
	char *path;			/* owned; NULL: it has no socket */
	int fd;				/* owned; listening */
	pthread_mutex_t lock;		/* guards all below */
	pthread_cond_t changed;		/* held_count, releases */
	struct list rules;
	struct list held;		/* struct fault_io.node: I/Os that hang */
	unsigned int held_count;	/* and calls (fault_point_call()) */
	unsigned int releases;		/* how often all that hangs was released */
	int release_error;		/* the last time: positive; 0: it goes on */
	bool gone;			/* the device disappeared */
	uint64_t random;
	uint64_t count[WEFT_OP_DISCARD + 1]; /* I/Os so far, by op */
	pthread_mutex_t device_lock;	/* guards all below; reactors never take it */
	struct fault_device *device;	/* borrowed: the one that is open now, or NULL */
};

/*
 * For a device that opens: makes it, or finds the one of that path. rules, split
 * by ';', are for a new one. path and rules may be NULL. 0, or -errno with
 * *error filled; -ENODEV: the device has been told to be gone. Any thread.
 */
int fault_point_open(struct fault_point **ret_point, const char *path, const char *rules,
		     uint64_t seed, struct weft_error *error);
/* The device that commands are about. */
void fault_point_attach(struct fault_point *point, struct fault_device *device);
/*
 * What becomes of opening, refreshing or closing the device: one of these
 * FAULT_OPs. Returns when it may go on, 0, or -errno where it fails.
 */
int fault_point_call(struct fault_point *point, uint32_t op);
/* The device closes. */
void fault_point_close(struct fault_point *point, struct fault_device *device);
/* Runs one command; *reply is a line without its end, "" for a plain "ok". 0 or -errno. */
int fault_point_command(struct fault_point *point, char *line, char *reply, size_t reply_size,
			struct weft_error *error);
/* Listens, and serves from a thread of its own for good. 0, or -errno with *error filled. */
int fault_control_start(struct fault_point *point, struct weft_error *error);

struct fault_device {
	struct weft_child *child;	/* owned */
	struct fault_point *point;	/* reference */
	struct weft_owner *owner;	/* borrowed: of open() */
	struct fault_cache *cache;	/* owned; NULL: none */
};

/* What an I/O needs while it is delayed or hangs; lives in its scratch. */
struct fault_io {
	struct list node;
	struct loop_message message;
	struct loop_timer timer;
	struct fault_device *device;
	struct loop *loop;
	int error;			/* positive; 0: it goes on */
};

static inline struct fault_io *fault_io_of(struct weft_io *io)
{
	_Static_assert(sizeof(struct fault_io) <= WEFT_IO_SCRATCH, "fits an I/O's scratch");
	return (struct fault_io *)(void *)io->scratch;
}

/*
 * The cache keeps what was written until it is flushed; at power loss it loses
 * it, block by block: each block is then as it was at the last flush, or as any
 * write since then made it.
 */
/* NULL where memory ran out. */
struct fault_cache *fault_cache_new(struct fault_device *device, uint32_t block_size);
void fault_cache_free(struct fault_cache *cache);
void fault_cache_submit(struct fault_cache *cache, struct weft_io *io);
/*
 * Power loss, as if now: from here on every I/O ends with ENODEV. Returns when
 * the child holds what survived, which `random` decides; how many blocks had
 * unflushed writes goes to *ret_dirty, how many of them survived as they were
 * last written to *ret_kept. Any thread but a reactor's. 0 or -errno.
 */
int fault_cache_cut(struct fault_cache *cache, uint64_t *random, unsigned int *ret_dirty,
		    unsigned int *ret_kept);

#endif
