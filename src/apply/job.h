/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What only a backend can do, and may take its time for, or hang: opening,
 * refreshing and closing a device. Each is a job, done by a thread of a pool; the
 * control thread starts it, goes on, and looks whether it has ended.
 */
#ifndef WEFT_APPLY_JOB_H
#define WEFT_APPLY_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <weft/backend.h>

#include "config/model.h"
#include "util/pool.h"

struct namespace;
struct target;

struct jobs {
	struct pool *pool;		/* owned */
	int fd;				/* owned: an eventfd, readable when a job has ended */
};

enum job_kind { JOB_OPEN, JOB_REFRESH, JOB_CLOSE };

struct job {
	struct pool_job queued;
	struct jobs *jobs;		/* borrowed */
	enum job_kind kind;
	uint64_t began;			/* loop_clock() */
	atomic_bool ended;		/* set by the thread, which leaves it alone from then on */
	struct namespace *ns;		/* OPEN: owned, see job_take(); else borrowed */
	int result;			/* 0 or -errno */
	struct weft_error error;	/* OPEN: filled where it failed */
	struct weft_info info;		/* REFRESH: what it is now */
	/* OPEN: */
	const struct config_backends *backends; /* borrowed */
	struct weft_params *params;	/* owned */
	uint32_t block_size;		/* as config_namespace */
};

/* 0 or -errno. */
int jobs_init(struct jobs *jobs);
/* All have ended. */
void jobs_done(struct jobs *jobs);
/* Waits until a job ends, or has ended since the last call; until `deadline` at the most. */
void jobs_wait(struct jobs *jobs, uint64_t deadline);
/* From time to time: helps jobs along that wait for others that hang. */
void jobs_look(struct jobs *jobs);

/* Opens the device of a namespace. 0, or -errno with *error filled and nothing started. */
int job_open(struct job **ret_job, struct jobs *jobs, struct target *target,
	     const struct config_namespace *want, const struct config_backends *backends,
	     struct weft_error *error);
/* REFRESH or CLOSE: see target/namespace.h. NULL where memory ran out: not started. */
struct job *job_start(struct jobs *jobs, enum job_kind kind, struct namespace *ns);
bool job_ended(const struct job *job);
/* What was opened, now the caller's; NULL: nothing was. Of one that has ended. */
struct namespace *job_take(struct job *job);
/* One that has ended. */
void job_free(struct job *job);

#endif
