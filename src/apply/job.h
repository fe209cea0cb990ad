/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Jobs: opening, refreshing and closing a device. A backend may take long to do them,
 * or hang. So the control thread starts a job, a thread of a pool does it, and the
 * control thread checks later whether it has ended.
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
	atomic_bool ended;		/* set by the thread, its last access to the job */
	struct namespace *ns;		/* OPEN: owned, see job_take(); otherwise borrowed */
	int result;			/* 0 or -errno */
	struct weft_error error;	/* OPEN: filled where it failed */
	struct weft_info info;		/* REFRESH: the device's properties now */
	/* OPEN: */
	const struct config_backends *backends; /* borrowed */
	struct weft_params *params;	/* owned */
	uint32_t block_size;		/* as in struct config_namespace */
};

/* 0 or -errno. */
int jobs_init(struct jobs *jobs);
/* To be called when all jobs have ended. */
void jobs_done(struct jobs *jobs);
/* Waits until a job ends or `deadline`. Returns at once if one has ended since the last call. */
void jobs_wait(struct jobs *jobs, uint64_t deadline);
/* To be called from time to time: adds threads for jobs that wait behind others that hang. */
void jobs_look(struct jobs *jobs);

/* Opens the device of a namespace. 0, or -errno with *error filled and nothing started. */
int job_open(struct job **ret_job, struct jobs *jobs, struct target *target,
	     const struct config_namespace *want, const struct config_backends *backends,
	     struct weft_error *error);
/* Starts REFRESH or CLOSE: see target/namespace.h. NULL: out of memory, not started. */
struct job *job_start(struct jobs *jobs, enum job_kind kind, struct namespace *ns);
bool job_ended(const struct job *job);
/* Gives the opened namespace to the caller; NULL: opening failed. The job must have ended. */
struct namespace *job_take(struct job *job);
/* Frees a job, which must have ended. */
void job_free(struct job *job);

#endif
