/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flushes that failed. From then on the namespace has no other one succeed
 * (target/namespace.h), until the administrator acknowledges it: by disabling or
 * removing the namespace, or giving it another device. Neither a device that goes
 * and comes back nor a restart of weftd ends it, so it is taken down (state.h). A
 * namespace that is missing when weftd starts has not been removed by somebody who
 * was told: its mark waits for it to be there again.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "apply/internal.h"
#include "util/log.h"

/* Is the device that this namespace is to have the one whose flush failed? */
static bool same_device(const struct apply *apply, const struct config_namespace *want,
			const struct state_flush *flush)
{
	char digest[UUID_TEXT];

	return config_device_digest(want, apply->options.backends, digest) < 0 ||
	       !strcmp(digest, flush->device);
}

/* ---- a failure ---- */

static void take_down(struct apply *apply, const struct config_subsystem *subsystem,
		      const struct config_namespace *want, int flush_error)
{
	char digest[UUID_TEXT];
	struct weft_error error;

	if (config_device_digest(want, apply->options.backends, digest) < 0)
		weft_error_set(&error, ENOMEM, "out of memory");
	else if (state_add_flush(apply->state, subsystem->nqn, want->nsid, digest, flush_error,
				 &error) == 0)
		return;
	log_warning("namespace %u of %s: after a restart, its flushes may succeed again, for that "
		    "one failed is not stored yet (%s); weft keeps trying", want->nsid,
		    subsystem->nqn, error.text);
}

static void failed(struct apply *apply, const struct config_subsystem *subsystem,
		   const struct config_namespace *want, struct device *device, int error)
{
	device->flush_error = error;
	log_err("namespace %u of %s: " FLUSH_FAILED, want->nsid, subsystem->nqn, strerror(error));
	take_down(apply, subsystem, want, error);
}

static bool look(struct apply *apply, const struct config_subsystem *subsystem,
		 const struct config_namespace *want, struct device *device)
{
	int error = device->ns ? atomic_load(&device->ns->flush_error) : 0;

	if (!error || device->flush_error)
		return false;
	failed(apply, subsystem, want, device, error);
	return true;
}

void flushes_look(struct apply *apply)
{
	running_each(apply, &apply->now, look);
}

void flushes_inherit(struct apply *apply, struct retired *retired)
{
	struct device *device = running_find_device(&apply->now, retired->nqn, retired->nsid);
	const struct config_subsystem *subsystem;
	int error = atomic_load(&retired->ns->flush_error);

	if (!retired->lost || !error || !device || device->flush_error)
		return;
	subsystem = config_find_subsystem(apply->now.config, retired->nqn);
	failed(apply, subsystem, config_find_namespace(subsystem, retired->nsid), device, error);
	if (device->ns)
		namespace_flush_failed(device->ns, error);
}

void flushes_store(struct apply *apply)
{
	struct weft_error ignored;

	if (state_store(apply->state, &ignored) > 0)
		log_notice("what is to survive a restart is stored again");
}

/* ---- from one configuration to the next, and from one weftd to the next ---- */

static bool recall(struct apply *apply, const struct config_subsystem *subsystem,
		   const struct config_namespace *want, struct device *device)
{
	const struct state_flush *flush =
		state_find_flush(apply->state, subsystem->nqn, want->nsid);

	if (!flush || !want->enable || device->ns || device->flush_error ||
	    !same_device(apply, want, flush))
		return false;
	device->flush_error = flush->error;
	log_err("namespace %u of %s: a flush failed (%s) before weftd was started: writes since "
		"the last good one may be lost; flushes fail until it is disabled and enabled "
		"again", want->nsid, subsystem->nqn, strerror(flush->error));
	return true;
}

void flushes_recall(struct apply *apply, struct running *next)
{
	running_each(apply, next, recall);
}

static const struct config_namespace *find(const struct config *config,
					   const struct state_flush *flush)
{
	const struct config_subsystem *subsystem = config_find_subsystem(config, flush->nqn);

	return subsystem ? config_find_namespace(subsystem, flush->nsid) : NULL;
}

/* What the administrator did with its namespace, in a word; NULL: nothing. */
static const char *acknowledged(const struct apply *apply, const struct config *wanted,
				const struct state_flush *flush)
{
	const struct config_namespace *want = find(wanted, flush);

	if (!want)
		return find(apply->now.config, flush) ? "removed" : NULL;
	if (!want->enable)
		return "disabled";
	return same_device(apply, want, flush) ? NULL : "given another device";
}

void flushes_acknowledge(struct apply *apply, const struct config *wanted)
{
	const struct state_flush *flushes;
	struct weft_error error;
	const char *how;
	size_t count;

	flushes = state_flushes(apply->state, &count);
	while (count--) {
		const struct state_flush flush = flushes[count];

		how = acknowledged(apply, wanted, &flush);
		if (!how)
			continue;
		log_notice("namespace %u of %s was %s: that a flush failed counts as acknowledged",
			   flush.nsid, flush.nqn, how);
		if (state_remove_flush(apply->state, flush.nqn, flush.nsid, &error) < 0)
			log_warning("%s; after a restart, its flushes may fail until it is "
				    "acknowledged again", error.text);
	}
}
