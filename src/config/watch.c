/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watches the devices that are served: a backend that keeps a command for too
 * long, and a flush that failed. Each is logged once, and shown as long as it
 * lasts.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/apply_internal.h"
#include "util/log.h"

#define SECOND UINT64_C(1000000000)
/* Longer than a disk takes that spins up on the way; hosts lose patience at 30 s. */
#define STALLED_AFTER (5 * SECOND)

static void watch_stall(const struct config_subsystem *subsystem, uint32_t nsid,
			struct device *device, bool surveyed)
{
	uint64_t age = 0;
	uint32_t kept = surveyed ? namespace_kept(device->ns, &age) : 0;
	bool stalled = age >= STALLED_AFTER;

	if (stalled)
		snprintf(device->trouble, sizeof(device->trouble),
			 "its backend has not answered for %llu s; %u command%s wait%s",
			 (unsigned long long)(age / SECOND), kept, kept == 1 ? "" : "s",
			 kept == 1 ? "s" : "");
	if (stalled == device->stalled)
		return;
	device->stalled = stalled;
	if (stalled)
		log_warning("namespace %u of %s: %s; hosts wait or abort, other namespaces go on",
			    nsid, subsystem->nqn, device->trouble);
	else
		log_notice("namespace %u of %s: its backend answers again", nsid, subsystem->nqn);
}

static void watch_flush(const struct config_subsystem *subsystem, uint32_t nsid,
			struct device *device)
{
	int error = atomic_load(&device->ns->flush_error);

	if (!error)
		return;
	snprintf(device->trouble, sizeof(device->trouble),
		 "a flush failed (%s): writes since the last good one may be lost; "
		 "flushes fail until it is disabled and enabled again", strerror(error));
	if (device->flush_error == error)
		return;
	device->flush_error = error;
	log_err("namespace %u of %s: %s", nsid, subsystem->nqn, device->trouble);
}

/* Those with I/O under way, in apply->watched; 0 as well where memory ran out. */
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

void devices_watch(struct apply *apply)
{
	const struct config *config = apply->now.config;
	size_t busy = gather(apply), next = 0;

	if (busy) /* asking wakes the reactors */
		namespaces_survey(apply->options.target, apply->watched, busy);
	for (size_t i = 0; i < config->subsystem_count; i++) {
		const struct config_subsystem *subsystem = &config->subsystems[i];

		for (size_t j = 0; j < subsystem->namespace_count; j++) {
			struct device *device = device_of(&apply->now, i, j);
			uint32_t nsid = subsystem->namespaces[j].nsid;
			bool surveyed = next < busy && device->ns == apply->watched[next];

			if (!device->ns)
				continue;
			next += surveyed;
			device->trouble[0] = '\0';
			watch_stall(subsystem, nsid, device, surveyed);
			watch_flush(subsystem, nsid, device);
		}
	}
}
