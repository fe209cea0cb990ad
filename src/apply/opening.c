/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opens and refreshes devices. Both may take long, so backends do them in jobs on threads
 * (job.h). This file starts these jobs and collects their results.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "apply/internal.h"
#include "loop/loop.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/str.h"

static void failed(const struct config_subsystem *subsystem, const struct config_namespace *want,
		   struct device *device, const char *reason)
{
	if (retry_failed(&device->retry, reason))
		log_warning("namespace %u of %s is not served: %s; weft keeps trying", want->nsid,
			    subsystem->nqn, reason);
}

/* ---- opening ---- */

static void start_opening(struct apply *apply, const struct config_subsystem *subsystem,
			  const struct config_namespace *want, struct device *device)
{
	struct weft_error error;

	if (job_open(&device->opening, &apply->jobs, apply->options.target, want,
		     apply->options.backends, &error) < 0)
		failed(subsystem, want, device, error.text);
}

static bool open_one(struct apply *apply, const struct config_subsystem *subsystem,
		     const struct config_namespace *want, struct device *device)
{
	if (want->enable && !device->ns && !device->opening &&
	    retry_due(&device->retry, loop_clock()))
		start_opening(apply, subsystem, want, device);
	return false;
}

void devices_open(struct apply *apply)
{
	running_each(apply, &apply->now, open_one);
}

/* Lets go of the namespace's open device; it is retired once no view has it. */
static void leave(struct device *device)
{
	device->left = device->ns;
	device->left_job = device->refreshing;
	device->ns = NULL;
	device->refreshing = NULL;
	device->lost = false;
	device->seen.generation = 0;
	device->stalled = 0;
	device->trouble[0] = '\0';
}

/* The same for a device that the next one replaces with other options. */
static void leave_old(struct device *device)
{
	if (device->ns)
		device->flush_error = 0;
	leave(device);
}

/* From now on `ns`, which has opened, serves the namespace in place of the former one. */
static void take_over(struct device *device, struct namespace *ns)
{
	leave_old(device);
	device->ns = ns;
	/* a device that was lost and is back has not made the lost writes durable */
	atomic_store(&ns->flush_error, device->flush_error);
	retry_clear(&device->retry);
}

static bool opened(const struct config_subsystem *subsystem, const struct config_namespace *want,
		   struct device *device)
{
	struct job *job = device->opening;
	char size[32];

	if (!job || !job_ended(job))
		return false;
	device->opening = NULL;
	if (job->result < 0) {
		leave_old(device);
		failed(subsystem, want, device, job->error.text);
	} else {
		take_over(device, job_take(job));
		log_info("namespace %u of %s is served: %s, backend %s", want->nsid,
			 subsystem->nqn,
			 size_format(device->ns->info.size, size, sizeof(size)), want->backend);
	}
	device->slow = false;
	job_free(job);
	return true;
}

/* ---- opening beside ---- */

/* The open device that this one replaces, or NULL. */
static struct device *replaced_by(struct apply *apply, const struct config_subsystem *subsystem,
				  const struct config_namespace *want, const struct device *device)
{
	struct device *old = running_find_device(&apply->now, subsystem->nqn, want->nsid);

	return want->enable && !device->ns && !device->hidden_until && old && old->ns &&
	       !old->kept ? old : NULL;
}

/*
 * Starts to open a device that replaces an open one with other options. The old device
 * serves meanwhile, so that hosts never miss the namespace. A device that cannot be
 * opened twice is opened by devices_open(), after the old one is closed.
 */
static bool start_beside(struct apply *apply, const struct config_subsystem *subsystem,
			 const struct config_namespace *want, struct device *device)
{
	struct weft_error ignored;

	if (!replaced_by(apply, subsystem, want, device))
		return false;
	return job_open(&device->beside, &apply->jobs, apply->options.target, want,
			apply->options.backends, &ignored) == 0;
}

void devices_open_beside(struct apply *apply, struct running *next)
{
	running_each(apply, next, start_beside);
}

static bool opens_beside(struct apply *apply, const struct config_subsystem *subsystem,
			 const struct config_namespace *want, struct device *device)
{
	return device->beside && !job_ended(device->beside);
}

bool devices_opening_beside(struct apply *apply, struct running *next)
{
	return running_each(apply, next, opens_beside);
}

/* Opening takes too long: the old device serves until the new one is open or has failed. */
static void go_on_with_old(struct device *device, struct device *old, struct job *job)
{
	*device = *old;
	device->opening = job;
	device->slow = false;
	old->kept = true;
	old->reopened = true;
}

static bool settle_beside(struct apply *apply, const struct config_subsystem *subsystem,
			  const struct config_namespace *want, struct device *device)
{
	struct device *old = replaced_by(apply, subsystem, want, device);
	struct job *job = TAKE_PTR(device->beside);

	if (!job)
		return false;
	if (device->ns || device->opening) { /* the job is not needed any more */
		devices_retire_job(apply, subsystem, want->nsid, job);
	} else if (job_ended(job)) {
		if (job->result == 0)
			take_over(device, job_take(job));
		job_free(job);
	} else if (old) {
		go_on_with_old(device, old, job);
	} else { /* the device that it replaces was lost meanwhile */
		device->opening = job;
	}
	return true;
}

void devices_settle_beside(struct apply *apply, struct running *next)
{
	running_each(apply, next, settle_beside);
}

static bool drop_beside(struct apply *apply, const struct config_subsystem *subsystem,
			const struct config_namespace *want, struct device *device)
{
	devices_retire_job(apply, subsystem, want->nsid, device->beside);
	device->beside = NULL;
	return true;
}

void devices_drop_beside(struct apply *apply, struct running *next)
{
	running_each(apply, next, drop_beside);
}

/* ---- refreshing ---- */

static bool start_refreshing(struct apply *apply, const struct config_subsystem *subsystem,
			     const struct config_namespace *want, struct device *device)
{
	/* A device whose backend hangs is not refreshed: its hosts decide how long they wait. */
	if (device->ns && device->ns->backend->refresh && !device->refreshing && !device->stalled) {
		namespace_take_change(device->ns);
		device->refreshing = job_start(&apply->jobs, JOB_REFRESH, device->ns);
	}
	return false;
}

/* A device that changes during a refresh is refreshed again when that has ended. */
static bool start_if_changed(struct apply *apply, const struct config_subsystem *subsystem,
			     const struct config_namespace *want, struct device *device)
{
	if (device->ns && !device->refreshing && namespace_take_change(device->ns))
		start_refreshing(apply, subsystem, want, device);
	return false;
}

void devices_refresh_changed(struct apply *apply)
{
	running_each(apply, &apply->now, start_if_changed);
}

void devices_refresh(struct apply *apply)
{
	running_each(apply, &apply->now, start_refreshing);
}

static void report_size(const struct config_subsystem *subsystem,
			const struct config_namespace *want, uint64_t before, uint64_t after)
{
	char old[32], new[32];

	size_format(before, old, sizeof(old));
	size_format(after, new, sizeof(new));
	if (after > before)
		log_info("namespace %u of %s is now %s", want->nsid, subsystem->nqn, new);
	else
		log_warning("namespace %u of %s has shrunk from %s to %s: what hosts kept beyond "
			    "that is gone, and a file system there may be damaged", want->nsid,
			    subsystem->nqn, old, new);
}

static void report_trouble(const struct config_subsystem *subsystem,
			   const struct config_namespace *want, const char *before,
			   const char *after)
{
	if (!strcmp(before, after))
		return;
	if (after[0])
		log_warning("namespace %u of %s: %s", want->nsid, subsystem->nqn, after);
	else
		log_notice("namespace %u of %s is as it was: what was wrong with its device is "
			   "mended", want->nsid, subsystem->nqn);
}

/* Applies the result of a refresh. Positive: the size has changed; -1: it cannot be served. */
static int update(const struct config_subsystem *subsystem, const struct config_namespace *want,
		  struct namespace *ns, const struct weft_info *info, struct weft_error *error)
{
	uint64_t size = ns->info.size;
	uint32_t block_size;

	report_trouble(subsystem, want, ns->info.trouble, info->trouble);
	namespace_update(ns, info);
	if (info->size == size)
		return 0;
	if (device_block_size(want->block_size, &ns->info, &block_size, error) < 0)
		return -1;
	report_size(subsystem, want, size, info->size);
	return 1;
}

static bool refreshed(const struct config_subsystem *subsystem,
		      const struct config_namespace *want, struct device *device)
{
	struct job *job = device->refreshing;
	struct weft_error error;
	int r;

	if (!job || !job_ended(job))
		return false;
	device->refreshing = NULL;
	r = job->result;
	if (r < 0)
		weft_error_set(&error, -r, "the device is lost: %s", strerror(-r));
	else
		r = update(subsystem, want, device->ns, &job->info, &error);
	job_free(job);
	if (r < 0) {
		device->flush_error = atomic_load(&device->ns->flush_error);
		leave(device);
		device->lost = true;
		failed(subsystem, want, device, error.text);
	}
	return r != 0;
}

/* ---- collecting results ---- */

static bool collect_one(struct apply *apply, const struct config_subsystem *subsystem,
			const struct config_namespace *want, struct device *device)
{
	bool changed;

	if (device->left) /* the published view still has the former device */
		return false;
	changed = refreshed(subsystem, want, device);
	return (!device->left && opened(subsystem, want, device)) || changed;
}

bool devices_collect(struct apply *apply)
{
	return running_each(apply, &apply->now, collect_one);
}

static bool is_opening(struct apply *apply, const struct config_subsystem *subsystem,
		       const struct config_namespace *want, struct device *device)
{
	return device->opening && device->opening->began >= apply->changes.opening_since;
}

bool devices_opening(struct apply *apply)
{
	return running_each(apply, &apply->now, is_opening);
}

/* A namespace that has failed is opened again, too, but hosts need not wait for it. */
static bool is_coming(struct apply *apply, const struct config_subsystem *subsystem,
		      const struct config_namespace *want, struct device *device)
{
	return device->opening && !device->ns && !device->retry.reason[0];
}

bool devices_coming(struct apply *apply)
{
	return running_each(apply, &apply->now, is_coming);
}

static bool show_again(struct apply *apply, const struct config_subsystem *subsystem,
		       const struct config_namespace *want, struct device *device)
{
	if (!device->hidden_until || loop_clock() < device->hidden_until)
		return false;
	device->hidden_until = 0;
	return true;
}

bool devices_show_again(struct apply *apply)
{
	return running_each(apply, &apply->now, show_again);
}
