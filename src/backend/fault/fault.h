/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An overlay for tests: a backend that fails by rules and commands.
 *
 *	fault.c	  the backend: applies rules to each I/O
 *	rules.c	  parses rules, and finds the one that an I/O meets
 *	point.c	  the rules and state of a device, and the commands of the control socket
 *	control.c the control socket itself
 *	cache.c	  a volatile write cache, which loses data at a power cut
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
	FAULT_FAIL,	/* ends with an error without reaching the child */
	FAULT_DELAY,
	FAULT_HANG,	/* is held until it is released */
	FAULT_SHORT,	/* a part reaches the child, then it ends with an error */
};

/* What a rule does with an I/O. */
struct fault_verdict {
	enum fault_action action;
	int error;		/* FAIL, SHORT: an errno value, positive */
	uint64_t amount;	/* DELAY: milliseconds; SHORT: bytes that are done */
};

struct fault_rule {
	struct list node;
	struct fault_verdict verdict;
	uint32_t ops;		/* bits: 1 << enum weft_op, FAULT_OPs */
	uint64_t from, length;	/* range in bytes that it applies to; length 0: all */
	uint64_t odds;		/* it meets each I/O with a chance of 1 in `odds` */
	uint64_t times;		/* it is removed after it has met this many I/Os; 0: never */
};

#define FAULT_OP_FUA (1u << 31)	/* writes and zeroes that must be durable */
/* Calls for the device as a whole; the word "all" does not include them. */
#define FAULT_OP_OPEN (1u << 30)
#define FAULT_OP_REFRESH (1u << 29)
#define FAULT_OP_CLOSE (1u << 28)

/* Makes a rule from words such as "fail read EIO at 4096+512". 0, or -errno with *error filled. */
int fault_rule_parse(struct fault_rule **ret_rule, const char *text, struct weft_error *error);
/* The verdict of the first rule that an I/O meets. Frees a rule that is used up. */
struct fault_verdict fault_rules_judge(struct list *rules, const struct weft_io *io,
				       uint64_t *random);
/* The same for opening, refreshing or closing the device: one of these FAULT_OPs. */
struct fault_verdict fault_rules_judge_call(struct list *rules, uint32_t op, uint64_t *random);
void fault_rules_free(struct list *rules);
/* "EIO" or "5" -> 5; 0: there is no such errno value. */
int fault_errno_parse(const char *text);
/* The next pseudo-random number; never 0 if *state is not 0. */
uint64_t fault_random(uint64_t *state);

/*
 * The rules and state of a device, which a control socket changes. With a socket,
 * the point has the socket's path and outlives the devices that use it, so that a
 * device can vanish and return. Without a socket it belongs to one device.
 */
struct fault_point {
	struct list node;
	char *path;			/* owned; NULL: it has no socket */
	int fd;				/* owned; listening */
	pthread_mutex_t lock;		/* guards all below */
	pthread_cond_t changed;		/* signals held_count and releases */
	struct list rules;
	struct list held;		/* struct fault_io.node: I/Os that hang */
	unsigned int held_count;	/* also counts calls (fault_point_call()) */
	unsigned int releases;		/* how often the held I/Os and calls were released */
	int release_error;		/* of the last release: positive; 0: they go on */
	bool gone;			/* the device disappeared */
	uint64_t random;
	uint64_t count[WEFT_OP_DISCARD + 1]; /* I/Os so far, by op */
	pthread_mutex_t device_lock;	/* guards all below; reactors never take it */
	struct fault_device *device;	/* borrowed: the one that is open now, or NULL */
};

/*
 * Called when a device opens. Finds the point of that path, or makes one, with rules
 * that are split by ';'. path and rules may be NULL. 0, or -errno with *error filled;
 * -ENODEV: the command "vanish" made the device disappear. Any thread.
 */
int fault_point_open(struct fault_point **ret_point, const char *path, const char *rules,
		     uint64_t seed, struct weft_error *error);
/* Sets the device that commands affect. */
void fault_point_attach(struct fault_point *point, struct fault_device *device);
/*
 * Applies the rules to opening, refreshing or closing the device; op: one of these
 * FAULT_OPs. Blocks while the call hangs. 0: it may go on; -errno: it fails.
 */
int fault_point_call(struct fault_point *point, uint32_t op);
/* Called when a device closes. */
void fault_point_close(struct fault_point *point, struct fault_device *device);
/* Runs one command. `reply` gets the text after "ok", "": none. 0, or -errno with *error filled. */
int fault_point_command(struct fault_point *point, char *line, char *reply, size_t reply_size,
			struct weft_error *error);
/* Listens, and serves clients on a thread that never ends. 0, or -errno with *error filled. */
int fault_control_start(struct fault_point *point, struct weft_error *error);

struct fault_device {
	struct weft_child *child;	/* owned */
	struct fault_point *point;	/* reference */
	struct weft_owner *owner;	/* borrowed: the owner that open() got */
	struct fault_cache *cache;	/* owned; NULL: none */
};

/* State of an I/O that is delayed or hangs, in the I/O's scratch. */
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
 * Makes a cache that keeps written blocks until they are flushed. At power loss
 * each block gets its content of the last flush, or that of any later write.
 */
/* NULL where memory ran out. */
struct fault_cache *fault_cache_new(struct fault_device *device, uint32_t block_size);
void fault_cache_free(struct fault_cache *cache);
void fault_cache_submit(struct fault_cache *cache, struct weft_io *io);
/*
 * Simulates power loss: from now on every I/O ends with ENODEV. `random` decides
 * which versions of blocks survive; returns when the child has them. *ret_dirty
 * is the number of blocks with unflushed writes, *ret_kept the number of those
 * that kept their last write. Any thread but a reactor's. 0 or -errno.
 */
int fault_cache_cut(struct fault_cache *cache, uint64_t *random, unsigned int *ret_dirty,
		    unsigned int *ret_kept);

#endif
