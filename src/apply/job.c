/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening, refreshing and closing devices, on threads: see job.h. */
#include "apply/job.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "apply/internal.h"
#include "loop/loop.h"
#include "target/model/namespace.h"
#include "util/cleanup.h"

#define THREADS 4	/* more are added while jobs hang */
#define LOOK_NS UINT64_C(10000000)

/* Uses nothing but the job, because the target may be freed meanwhile. */
static void open_device(struct job *job)
{
	struct weft_error *error = &job->error;
	uint32_t block_size;

	error->text[0] = '\0';
	job->result = namespace_open_device(job->ns, job->params, error);
	if (job->result < 0) {
		/* A plugin may not have filled the error. */
		if (!error->text[0])
			weft_error_set(error, -job->result, "%s", strerror(-job->result));
		return;
	}
	job->result = device_block_size(job->block_size, &job->ns->info, &block_size, error);
	if (job->result < 0)
		namespace_close_device(job->ns);
}

static void run(struct pool_job *queued, void *context)
{
	struct job *job = container_of(queued, struct job, queued);
	struct jobs *jobs = context;

	if (job->kind == JOB_OPEN)
		open_device(job);
	else if (job->kind == JOB_REFRESH)
		job->result = namespace_refresh(job->ns, &job->info);
	else
		namespace_close_device(job->ns);
	atomic_store_explicit(&job->ended, true, memory_order_release);
	eventfd_write(jobs->fd, 1);
}

int jobs_init(struct jobs *jobs)
{
	struct pool_options options = {
		.run = run, .context = jobs, .threads = THREADS, .lane_threads = 1,
	};

	jobs->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (jobs->fd < 0)
		return -errno;
	jobs->pool = pool_new(&options);
	if (jobs->pool)
		return 0;
	close(jobs->fd);
	return -ENOMEM;
}

void jobs_done(struct jobs *jobs)
{
	pool_free(jobs->pool);
	close(jobs->fd);
}

void jobs_look(struct jobs *jobs)
{
	pool_look(jobs->pool);
}

void jobs_wait(struct jobs *jobs, uint64_t deadline)
{
	struct pollfd pollfd = { .fd = jobs->fd, .events = POLLIN };
	uint64_t now = loop_clock();
	eventfd_t count;

	while (now < deadline) {
		uint64_t left = deadline - now < LOOK_NS ? deadline - now : LOOK_NS;

		if (poll(&pollfd, 1, (int)((left + 999999) / 1000000)) > 0)
			break;
		jobs_look(jobs);
		now = loop_clock();
	}
	eventfd_read(jobs->fd, &count);
}

static struct job *job_new(struct jobs *jobs, enum job_kind kind)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->jobs = jobs;
	job->kind = kind;
	job->began = loop_clock();
	return job;
}

int job_open(struct job **ret_job, struct jobs *jobs, struct target *target,
	     const struct config_namespace *want, const struct config_backends *backends,
	     struct weft_error *error)
{
	struct job *job = job_new(jobs, JOB_OPEN);
	const struct weft_backend *backend;
	int r;

	if (!job)
		return weft_error_set(error, ENOMEM, "out of memory");
	job->backends = backends;
	job->block_size = want->block_size;
	r = config_namespace_params(want, backends, &backend, &job->params, error);
	if (r < 0)
		goto fail;
	job->ns = namespace_new(target, backend);
	if (!job->ns) {
		r = weft_error_set(error, ENOMEM, "out of memory");
		goto fail;
	}
	job->ns->owner.alarm_fd = jobs->fd;
	backends->params_own(job->params, &job->ns->owner);
	r = pool_start(jobs->pool, POOL_NO_LANE, &job->queued);
	if (r < 0) {
		weft_error_set(error, -r, "no thread to open it: %s", strerror(-r));
		goto fail;
	}
	*ret_job = job;
	return 0;
fail:
	job->result = r;
	job_free(job);
	return r;
}

struct job *job_start(struct jobs *jobs, enum job_kind kind, struct namespace *ns)
{
	struct job *job = job_new(jobs, kind);

	if (!job)
		return NULL;
	job->ns = ns;
	job->info = ns->info;
	if (pool_start(jobs->pool, POOL_NO_LANE, &job->queued) >= 0)
		return job;
	free(job);
	return NULL;
}

bool job_ended(const struct job *job)
{
	return atomic_load_explicit(&job->ended, memory_order_acquire);
}

struct namespace *job_take(struct job *job)
{
	return job->kind == JOB_OPEN && job->result == 0 ? TAKE_PTR(job->ns) : NULL;
}

void job_free(struct job *job)
{
	if (job->params)
		job->backends->params_free(job->params);
	if (job->kind == JOB_OPEN && job->ns)
		namespace_release(job->ns);
	free(job);
}
