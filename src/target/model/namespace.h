/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An open namespace: a backend's device and its use. The control thread owns it;
 * views and I/O only point to it. Functions that call the backend to open, refresh
 * or close the device may block or hang, so they may run on another thread, one at
 * a time.
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

/* Records weft_device_changed() for the control thread. */
struct weft_owner {
	atomic_bool changed;		/* since the last refresh began */
	int alarm_fd;			/* borrowed: an eventfd that wakes it; -1: none */
};

/* Written by one reactor, read by any thread (relaxed). */
struct namespace_counters {
	_Alignas(64) _Atomic uint64_t pins;	/* I/O under way, payload being sent */
	_Atomic uint64_t reads, writes;		/* commands that succeeded */
	_Atomic uint64_t read_bytes, written_bytes;
	_Atomic uint64_t media_errors;		/* commands that the medium failed */
	/* as of the last namespaces_survey() */
	_Atomic uint32_t kept;			/* I/Os that the backend holds */
	_Atomic uint64_t oldest;		/* loop_clock() of the oldest one's start */
	_Atomic uint64_t buffers;		/* bytes of I/O buffers held by its commands */
	uint64_t buffers_claimed;	/* the last pass in which one waited (buffer_share.h) */
};

struct namespace {
	const struct weft_backend *backend;	/* borrowed: built in, or of a plugin that stays */
	void *device;				/* owned */
	struct weft_info info;			/* as of the last open or refresh; control thread */
	struct target *target;
	unsigned int reactor_count;
	uint64_t buffers_max;			/* limit of `buffers` on a reactor, bytes */
	struct namespace_counters *counters;	/* owned: one for each reactor */
	struct list node;			/* in target->closed_namespaces */
	/*
	 * The errno of the first flush or durable write that failed; 0: none has failed.
	 * The kernel drops data that it could not write, and reports the next flush as a
	 * success. So every later flush fails until the device is opened anew.
	 */
	_Atomic int flush_error;
	/* flush_error is stored, or cannot be: further flushes fail without asking control. */
	_Atomic bool flush_error_settled;
	struct weft_owner owner;	/* given to the backend */
};

/* Makes a namespace without a device. Control thread. NULL where memory ran out. */
struct namespace *namespace_new(struct target *target, const struct weft_backend *backend);
/* Opens its device. Any thread. 0, or -errno with *error filled. */
int namespace_open_device(struct namespace *ns, const struct weft_params *params,
			  struct weft_error *error);
/* namespace_new() and namespace_open_device(). */
int namespace_open(struct namespace **ret_ns, struct target *target,
		   const struct weft_backend *backend, const struct weft_params *params,
		   struct weft_error *error);
/* Records that a flush or durable write failed with this errno value (positive). Only the first is
 * kept. Any thread. */
void namespace_flush_failed(struct namespace *ns, int error);
/* Refreshes *info, which is a copy of ns->info, from the device. Any thread. 0 or -errno. */
int namespace_refresh(const struct namespace *ns, struct weft_info *info);
/* True if the backend reported a change of the device since the last call. Control thread. */
bool namespace_take_change(struct namespace *ns);
/* Takes over the size and the trouble that a refresh found. Control thread. */
void namespace_update(struct namespace *ns, const struct weft_info *info);
/* True if no I/O is under way on any reactor. Valid once no published view has the namespace. */
bool namespace_idle(const struct namespace *ns);
/* Closes the device, which must be idle and in no view. Any thread. */
void namespace_close_device(struct namespace *ns);
/*
 * Frees a namespace without a device. While buffers of its commands are still being sent to
 * hosts, namespaces_sweep() frees it later. Control thread.
 */
void namespace_release(struct namespace *ns);
/* namespace_close_device() and namespace_release(). NULL is allowed. */
void namespace_close(struct namespace *ns);
/* Frees the closed namespaces: all of them, or those whose buffers have come back. */
void namespaces_sweep(struct target *target, bool all);
/*
 * Counts the I/Os that the backends of these namespaces hold now. Calls every reactor, so
 * it should not be called while all are idle. Control thread.
 */
void namespaces_survey(struct target *target, struct namespace *const *namespaces, size_t count);
/* The result of the survey: the number of I/Os, and the age (ns) of the oldest. */
uint32_t namespace_kept(const struct namespace *ns, uint64_t *ret_age);
/* The sum of all reactors' counters. */
struct namespace_totals {
	uint64_t reads, writes, read_bytes, written_bytes, media_errors;
};
void namespace_totals(const struct namespace *ns, struct namespace_totals *ret);

/* Keeps the device open for an I/O of this reactor, until the unpin on the same reactor. */
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

/* Bytes of I/O buffers that the namespace's commands hold on that reactor. */
static inline uint64_t namespace_buffers(const struct namespace *ns, unsigned int reactor)
{
	return atomic_load_explicit(&ns->counters[reactor].buffers, memory_order_relaxed);
}

/* True if a buffer of that many bytes is within the namespace's share. */
static inline bool namespace_may_buffer(const struct namespace *ns, unsigned int reactor,
					uint64_t bytes)
{
	return namespace_buffers(ns, reactor) + bytes <= ns->buffers_max;
}

/* Counts a buffer that was given out (or, negative, came back). On that reactor. */
static inline void namespace_count_buffer(struct namespace *ns, unsigned int reactor, int64_t bytes)
{
	_Atomic uint64_t *buffers = &ns->counters[reactor].buffers;

	atomic_store_explicit(buffers,
			      atomic_load_explicit(buffers, memory_order_relaxed) + (uint64_t)bytes,
			      memory_order_release);
}

#endif
