/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The devices behind namespaces: which of them are kept from one configuration to
 * the next, and how they are closed when nothing uses them. opening.c opens them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/internal.h"
#include "loop/loop.h"
#include "util/log.h"

#define REAP_PAUSE_NS UINT64_C(1000000)
/* How long an NSID stays unused after its namespace was removed, so that hosts notice it. */
#define IDENTITY_PAUSE_NS UINT64_C(1000000000)

/* ---- from one configuration to the next ---- */

static bool same_identity(const struct config_namespace *a, const struct config_namespace *b)
{
	for (const struct attr *attr = namespace_type.attrs; attr->name; attr++) {
		if (attr->type == ATTR_ID && !attr_same(attr, &a->settings, &b->settings))
			return false;
	}
	return true;
}

/*
 * Hides a namespace that has another disk under the same NSID. Linux drops the old disk when
 * it sees that the identifiers have changed, and looks for the new one only after another
 * notification. So the old namespace is removed first, and the new one shown a moment later.
 */
static void hide_other(const struct config_namespace *had, struct device *from,
		       const struct config_namespace *want, struct device *to)
{
	to->hidden_until = from->hidden_until;
	if (!from->seen.generation || same_identity(had, want))
		return;
	to->hidden_until = loop_clock() + IDENTITY_PAUSE_NS;
	to->seen.generation = 0;
}

/* True if the device stays as it is, open or being opened. */
static bool stays(const struct config_namespace *had, const struct device *from,
		  const struct config_namespace *want)
{
	uint32_t block_size;

	if (from->ns)
		return !device_block_size(want->block_size, &from->ns->info, &block_size, NULL);
	return from->opening && had->block_size == want->block_size;
}

static void keep_one(struct apply *apply, const struct config_namespace *had,
		     struct device *from, const struct config_namespace *want, struct device *to)
{
	from->kept = false;
	from->reopened = false;
	if (!want || !want->enable)
		return;
	hide_other(had, from, want, to);
	if (!config_same_device(had, want, apply->options.backends))
		return;
	if (stays(had, from, want)) {
		struct job *beside = to->beside;

		*to = *from;
		to->beside = beside;
		from->kept = true;
		hide_other(had, from, want, to);
		return;
	}
	to->flush_error = from->ns ? atomic_load(&from->ns->flush_error) : from->flush_error;
	/* A device that failed to open may succeed with another block size. */
	if (!from->ns && had->block_size == want->block_size)
		to->retry = from->retry;
}

void devices_keep(struct apply *apply, struct running *next)
{
	const struct config *config = apply->now.config;

	for (size_t i = 0; i < config->subsystem_count; i++) {
		const struct config_subsystem *from = &config->subsystems[i];
		const struct config_subsystem *to = config_find_subsystem(next->config, from->nqn);
		size_t at = to ? (size_t)(to - next->config->subsystems) : 0;

		for (size_t j = 0; j < from->namespace_count; j++) {
			const struct config_namespace *had = &from->namespaces[j];
			const struct config_namespace *want =
				to ? config_find_namespace(to, had->nsid) : NULL;

			keep_one(apply, had, device_of(&apply->now, i, j), want,
				 want ? device_of(next, at, (size_t)(want - to->namespaces)) :
					NULL);
		}
	}
}

/* ---- retiring and closing ---- */

int devices_reserve(struct apply *apply, size_t count)
{
	size_t capacity = apply->retired_count + apply->retired_promised +
			  RETIRED_OF_A_DEVICE * count;
	struct retired *grown;

	if (capacity <= apply->retired_capacity)
		return 0;
	grown = reallocarray(apply->retired, capacity, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	apply->retired = grown;
	apply->retired_capacity = capacity;
	return 0;
}

int devices_promise(struct apply *apply, size_t count)
{
	if (devices_reserve(apply, count) < 0)
		return -ENOMEM;
	apply->retired_promised = RETIRED_OF_A_DEVICE * count;
	return 0;
}

/* NULL: there was nothing to retire. */
static struct retired *retire(struct apply *apply, const struct config_subsystem *subsystem,
			      uint32_t nsid, struct namespace *ns, struct job *job)
{
	struct retired *retired = &apply->retired[apply->retired_count];

	if (!ns && !job)
		return NULL;
	*retired = (struct retired){ .ns = ns, .job = job, .since = loop_clock(), .nsid = nsid };
	snprintf(retired->nqn, sizeof(retired->nqn), "%s", subsystem->nqn);
	snprintf(retired->what, sizeof(retired->what), "namespace %u of %s", nsid, subsystem->nqn);
	apply->retired_count++;
	return retired;
}

void devices_retire_job(struct apply *apply, const struct config_subsystem *subsystem,
			uint32_t nsid, struct job *job)
{
	retire(apply, subsystem, nsid, NULL, job);
}

static void retire_all(struct apply *apply, const struct config_subsystem *subsystem,
		       uint32_t nsid, struct device *device)
{
	retire(apply, subsystem, nsid, device->left, device->left_job);
	retire(apply, subsystem, nsid, device->ns, device->refreshing);
	retire(apply, subsystem, nsid, NULL, device->opening);
}

/* The administrator removed the namespace or its device: flush errors are not passed on. */
static void settle_lost(struct apply *apply, const char *nqn, uint32_t nsid)
{
	for (size_t i = 0; i < apply->retired_count; i++) {
		struct retired *retired = &apply->retired[i];

		if (retired->nsid == nsid && !strcmp(retired->nqn, nqn))
			retired->lost = false;
	}
}

static bool retire_other(struct apply *apply, const struct config_subsystem *subsystem,
			 const struct config_namespace *want, struct device *device)
{
	if (device->reopened)
		retire(apply, subsystem, want->nsid, NULL, device->opening);
	if (device->kept)
		return false;
	settle_lost(apply, subsystem->nqn, want->nsid);
	if (device->ns)
		log_info("the former device of namespace %u of %s is no longer served", want->nsid,
			 subsystem->nqn);
	retire_all(apply, subsystem, want->nsid, device);
	return true;
}

void devices_retire_others(struct apply *apply)
{
	size_t first = apply->retired_count;

	running_each(apply, &apply->now, retire_other);
	for (size_t i = first; i < apply->retired_count; i++)
		apply->retired[i].awaited = true;
}

static bool drop_new(struct apply *apply, const struct config_subsystem *subsystem,
		     const struct config_namespace *want, struct device *device)
{
	const struct device *old = running_find_device(&apply->now, subsystem->nqn, want->nsid);

	if (!old || device->ns != old->ns)
		retire(apply, subsystem, want->nsid, device->ns, NULL);
	if (!old || device->opening != old->opening)
		retire(apply, subsystem, want->nsid, NULL, device->opening);
	return true;
}

void devices_drop_new(struct apply *apply, struct running *next)
{
	running_each(apply, next, drop_new);
}

static bool retire_left(struct apply *apply, const struct config_subsystem *subsystem,
			const struct config_namespace *want, struct device *device)
{
	struct retired *retired;

	/* Without memory `left` stays, out of the view, until the next call. */
	if (!device->left || devices_reserve(apply, 1) < 0)
		return false;
	retired = retire(apply, subsystem, want->nsid, device->left, device->left_job);
	if (retired)
		retired->lost = device->lost;
	device->left = NULL;
	device->left_job = NULL;
	return true;
}

void devices_retire_left(struct apply *apply)
{
	running_each(apply, &apply->now, retire_left);
}

static bool retire_any(struct apply *apply, const struct config_subsystem *subsystem,
		       const struct config_namespace *want, struct device *device)
{
	retire_all(apply, subsystem, want->nsid, device);
	return true;
}

void devices_retire_all(struct apply *apply)
{
	running_each(apply, &apply->now, retire_any);
}

/* Handles the result of the job, which has ended. */
static void retired_job_ended(struct retired *retired)
{
	struct job *job = retired->job;

	if (job->kind == JOB_OPEN) {
		retired->ns = job_take(job);
	} else if (job->kind == JOB_CLOSE) {
		namespace_release(job->ns);
		retired->ns = NULL;
	}
	if (retired->trouble[0])
		log_notice("%s, which was removed: its backend answers again", retired->what);
	retired->trouble[0] = '\0';
	retired->since = loop_clock();
	job_free(job);
	retired->job = NULL;
}

/* Does the next step of closing, if it is due. False: the device is closed. */
static bool reap_one(struct apply *apply, struct retired *retired)
{
	if (retired->job && job_ended(retired->job))
		retired_job_ended(retired);
	if (retired->job)
		return true;
	if (!retired->ns)
		return false;
	if (apply->ending || namespace_idle(retired->ns))
		retired->job = job_start(&apply->jobs, JOB_CLOSE, retired->ns);
	return true;
}

void devices_reap(struct apply *apply)
{
	size_t left = 0;

	for (size_t i = 0; i < apply->retired_count; i++)
		if (reap_one(apply, &apply->retired[i]))
			apply->retired[left++] = apply->retired[i];
	apply->retired_count = left;
}

void devices_reap_all(struct apply *apply, unsigned int timeout_ms)
{
	uint64_t deadline = loop_clock() + timeout_ms * UINT64_C(1000000);

	for (;;) {
		uint64_t now = loop_clock();

		devices_reap(apply);
		if (apply->retired_count == 0 || now >= deadline)
			return;
		/* The end of the last I/O is not signalled, so poll for it. */
		jobs_wait(&apply->jobs, now + REAP_PAUSE_NS);
	}
}

bool devices_closing(const struct apply *apply)
{
	for (size_t i = 0; i < apply->retired_count; i++)
		if (apply->retired[i].awaited)
			return true;
	return false;
}
