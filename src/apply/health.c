/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watches devices for backends that keep a command for too long, or take too long to
 * open, refresh or close a device. Each of these faults, and each failed flush
 * (flushes.c), is logged once and shown as long as it lasts.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/internal.h"
#include "loop/loop.h"
#include "util/log.h"

#define SECOND UINT64_C(1000000000)
/* Longer than a disk takes to spin up, and less than the I/O timeout of hosts, 30 s. */
#define STALLED_AFTER (5 * SECOND)

static uint64_t age_of(const struct job *job)
{
	return job ? loop_clock() - job->began : 0;
}

static void watch_stall(const struct config_subsystem *subsystem, uint32_t nsid,
			struct device *device, bool surveyed)
{
	uint64_t age = 0, refreshing = age_of(device->refreshing);
	uint32_t kept = surveyed ? namespace_kept(device->ns, &age) : 0;
	uint64_t before = device->stalled;

	if (refreshing > age)
		age = refreshing;
	device->stalled = age >= STALLED_AFTER ? age / SECOND : 0;
	if (device->stalled) {
		int n = snprintf(device->trouble, sizeof(device->trouble),
				 "its backend has not answered for %llu s",
				 (unsigned long long)device->stalled);

		if (kept)
			snprintf(device->trouble + n, sizeof(device->trouble) - (size_t)n,
				 "; %u command%s wait%s", kept, kept == 1 ? "" : "s",
				 kept == 1 ? "s" : "");
	}
	if (device->stalled && !before)
		log_warning("namespace %u of %s: %s; hosts wait or abort, other namespaces go on",
			    nsid, subsystem->nqn, device->trouble);
	else if (before && !device->stalled)
		log_notice("namespace %u of %s: its backend answers again, after about %llu s",
			   nsid, subsystem->nqn, (unsigned long long)before);
}

static void watch_opening(const struct config_subsystem *subsystem, uint32_t nsid,
			  struct device *device)
{
	uint64_t age = age_of(device->opening);

	if (age < STALLED_AFTER)
		return;
	snprintf(device->trouble, sizeof(device->trouble),
		 device->ns ? "it is served with its old options: its backend has been opening the "
			      "new device for %llu s" :
			      "its backend has been opening the device for %llu s",
		 (unsigned long long)(age / SECOND));
	if (!device->slow)
		log_warning("namespace %u of %s: %s; weft waits for it, other namespaces go on",
			    nsid, subsystem->nqn, device->trouble);
	device->slow = true;
}

static void watch_flush(struct device *device)
{
	int error = atomic_load(&device->ns->flush_error);

	if (!error)
		return;
	snprintf(device->trouble, sizeof(device->trouble), FLUSH_FAILED, strerror(error));
}

/* Appends the trouble that the backend reports to the trouble that weft has found. */
static void watch_trouble(struct device *device)
{
	size_t length = strlen(device->trouble);

	if (device->ns->info.trouble[0])
		snprintf(device->trouble + length, sizeof(device->trouble) - length, "%s%s",
			 length ? "; " : "", device->ns->info.trouble);
}

/* Puts namespaces with I/O under way into apply->watched. Their count; 0 without memory, too. */
static size_t gather(struct apply *apply)
{
	struct running *now = &apply->now;
	size_t count = 0;

	if (apply->watched_capacity < now->device_count) {
		struct namespace **grown = reallocarray(apply->watched, now->device_count,
							sizeof(*grown));

		if (!grown)
			return 0;
		apply->watched = grown;
		apply->watched_capacity = now->device_count;
	}
	for (size_t i = 0; i < now->device_count; i++) {
		struct namespace *ns = now->devices[i].ns;

		if (ns && !namespace_idle(ns))
			apply->watched[count++] = ns;
	}
	return count;
}

static const char *missing(const struct retired *retired)
{
	if (!retired->job)
		return "finished its commands";
	switch (retired->job->kind) {
	case JOB_OPEN:
		return "opened the device, which is to be closed";
	case JOB_CLOSE:
		return "closed the device";
	default:
		return "said what the device is";
	}
}

static void watch_retired(struct retired *retired)
{
	uint64_t age = loop_clock() - retired->since;
	bool known = retired->trouble[0];

	if (age < STALLED_AFTER)
		return;
	snprintf(retired->trouble, sizeof(retired->trouble),
		 "%s, which was removed: for %llu s its backend has not %s", retired->what,
		 (unsigned long long)(age / SECOND), missing(retired));
	if (!known)
		log_warning("%s; weft waits for it", retired->trouble);
}

void devices_watch(struct apply *apply)
{
	const struct config *config = apply->now.config;
	size_t busy = gather(apply), next = 0;

	if (busy) /* a survey wakes the reactors, so only if it is needed */
		namespaces_survey(apply->options.target, apply->watched, busy);
	for (size_t i = 0; i < config->subsystem_count; i++) {
		const struct config_subsystem *subsystem = &config->subsystems[i];

		for (size_t j = 0; j < subsystem->namespace_count; j++) {
			struct device *device = device_of(&apply->now, i, j);
			uint32_t nsid = subsystem->namespaces[j].nsid;
			bool surveyed = next < busy && device->ns == apply->watched[next];

			next += surveyed;
			device->trouble[0] = '\0';
			watch_opening(subsystem, nsid, device);
			if (!device->ns)
				continue;
			watch_stall(subsystem, nsid, device, surveyed);
			watch_flush(device);
			watch_trouble(device);
		}
	}
	for (size_t i = 0; i < apply->retired_count; i++)
		watch_retired(&apply->retired[i]);
}
