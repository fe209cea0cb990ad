/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An open namespace: a backend's device and who uses it. It belongs to the
 * control thread; views and I/O only point to it. What asks the backend may
 * block, or hang, and may be called on another thread: opening, refreshing and
 * closing, one at a time.
 */
#ifndef WEFT_TARGET_MODEL_NAMESPACE_H
#define WEFT_TARGET_MODEL_NAMESPACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/backend.h>

#include "loop/buffer.h"
#include "util/list.h"

struct reactor;
struct target;

/* What a backend tells that its device changed. */
struct weft_owner {
	atomic_bool changed;		/* since the last refresh began */
	int alarm_fd;			/* borrowed: an eventfd to write to; -1: none */
};

/* Written by one reactor, read by any thread (relaxed). */
struct namespace_counters {
	_Alignas(64) _Atomic uint64_t pins;	/* I/O under way, payload being sent */
	_Atomic uint64_t reads, writes;		/* commands that succeeded */
	_Atomic uint64_t read_bytes, written_bytes;
	_Atomic uint64_t media_errors;		/* commands that the medium failed */
	/* as of the last namespaces_survey() */
	_Atomic uint32_t kept;			/* I/Os that the backend has */
	_Atomic uint64_t oldest;		/* since when it has the oldest: loop_clock() */
	_Atomic uint64_t buffers;		/* bytes of I/O buffers that its commands hold */
	uint64_t buffers_claimed;	/* the last pass in which one had to wait */
};

struct namespace {
	const struct weft_backend *backend;	/* borrowed: built in, or of a plugin that stays */
	void *device;				/* owned */
	struct weft_info info;			/* as of the last open or refresh; control thread */
	struct target *target;
	unsigned int reactor_count;
	uint64_t buffers_max;			/* that its commands hold on a reactor, bytes */
	struct namespace_counters *counters;	/* owned: one for each reactor */
	struct list node;			/* in target->closed_namespaces */
	/*
	 * The errno of the first flush, or durable write, that failed; 0: none has.
	 * The kernel forgets what it could not write and would call the next flush
	 * a success, so from here on none is, until the device is opened anew.
	 */
	_Atomic int flush_error;
	/* That is stored, or cannot be: hosts are told at once that a flush fails. */
	_Atomic bool flush_error_settled;
	struct weft_owner owner;	/* given to its backend */
};

/* One without a device. Control thread. NULL where memory ran out. */
struct namespace *namespace_new(struct target *target, const struct weft_backend *backend);
/* Opens its device. Any thread. 0, or -errno with *error filled. */
int namespace_open_device(struct namespace *ns, const struct weft_params *params,
			  struct weft_error *error);
/* Both, at once. */
int namespace_open(struct namespace **ret_ns, struct target *target,
		   const struct weft_backend *backend, const struct weft_params *params,
		   struct weft_error *error);
/* A flush, or a durable write, failed with that errno value (positive): the first counts. Any
 * thread. */
void namespace_flush_failed(struct namespace *ns, int error);
/* Asks the device what it is now; *info is a copy of ns->info. Any thread. 0 or -errno. */
int namespace_refresh(const struct namespace *ns, struct weft_info *info);
/* Has the backend said that the device changed, since the last call? Control thread. */
bool namespace_take_change(struct namespace *ns);
/* Takes over what refreshing found: the size, and what is wrong with it. Control thread. */
void namespace_update(struct namespace *ns, const struct weft_info *info);
/* true: no I/O is under way on any reactor. Meaningful once no published view points to it. */
bool namespace_idle(const struct namespace *ns);
/* Closes the device. Only when idle and in no view. Any thread. */
void namespace_close_device(struct namespace *ns);
/*
 * Once it has no device: frees, or leaves it to namespaces_sweep() where buffers of its
 * commands are still with their hosts. Control thread.
 */
void namespace_release(struct namespace *ns);
/* Both, at once. NULL is harmless. */
void namespace_close(struct namespace *ns);
/* Frees those that were closed: all of them, or those whose buffers have come back. */
void namespaces_sweep(struct target *target, bool all);
/*
 * Counts what the backends of these namespaces have at the moment. Asks every
 * reactor, so leave it out while all are idle. Control thread.
 */
void namespaces_survey(struct target *target, struct namespace *const *namespaces, size_t count);
/* What the survey found: how many I/Os, and for how long (ns) the oldest is there already. */
uint32_t namespace_kept(const struct namespace *ns, uint64_t *ret_age);
/* The sum of all reactors' counters. */
struct namespace_totals {
	uint64_t reads, writes, read_bytes, written_bytes, media_errors;
};
void namespace_totals(const struct namespace *ns, struct namespace_totals *ret);

/* Keeps the device open for an I/O of this reactor; each needs its unpin on the same reactor. */
static inline void namespace_pin(struct namespace *ns, unsigned int reactor)
{
	_Atomic uint64_t *pins = &ns->counters[reactor].pins;

	atomic_store_explicit(pins, atomic_load_explicit(pins, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

static inline void namespace_unpin(struct namespace *ns, unsigned int reactor)
{
	_Atomic uint64_t *pins = &ns->counters[reactor].pins;

	atomic_store_explicit(pins, atomic_load_explicit(pins, memory_order_relaxed) - 1,
			      memory_order_release);
}

/* Bytes of I/O buffers that its commands hold on that reactor. */
static inline uint64_t namespace_buffers(const struct namespace *ns, unsigned int reactor)
{
	return atomic_load_explicit(&ns->counters[reactor].buffers, memory_order_relaxed);
}

/* May a command have a buffer of that many bytes? */
static inline bool namespace_may_buffer(const struct namespace *ns, unsigned int reactor,
					uint64_t bytes)
{
	return namespace_buffers(ns, reactor) + bytes <= ns->buffers_max;
}

/* Counts a buffer that was given out (or, negative, came back); on that reactor. */
static inline void namespace_count_buffer(struct namespace *ns, unsigned int reactor, int64_t bytes)
{
	_Atomic uint64_t *buffers = &ns->counters[reactor].buffers;

	atomic_store_explicit(buffers,
			      atomic_load_explicit(buffers, memory_order_relaxed) + (uint64_t)bytes,
			      memory_order_release);
}

#endif
