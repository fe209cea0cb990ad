/* SPDX-License-Identifier: BSD-3-Clause */
/* The devices behind namespaces: opened, looked after, and closed when nothing uses them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/apply_internal.h"
#include "loop/loop.h"
#include "util/log.h"
#include "util/str.h"

#define REAP_PAUSE_NS 1000000
/* How long hosts have to notice that a namespace went, before another takes its number. */
#define IDENTITY_PAUSE_NS UINT64_C(1000000000)

int device_block_size(const struct config_namespace *want, const struct weft_info *info,
		      uint32_t *ret, struct weft_error *error)
{
	uint32_t size = want->block_size ? want->block_size : info->block_size;

	if (!want->block_size && size > 512)
		size = 4096;
	if (size < info->block_size)
		return weft_error_set(error, EINVAL, "block_size is %u, but the device has blocks "
				      "of %u bytes; it must be 4096",
				      size, info->block_size);
	if (info->size < size)
		return weft_error_set(error, ENOSPC, "the device has %llu bytes, which is not one "
				      "block of %u; it must be larger",
				      (unsigned long long)info->size, size);
	*ret = size;
	return 0;
}

/* ---- from one configuration to the next ---- */

static bool same_identity(const struct config_namespace *a, const struct config_namespace *b)
{
	return a->has_uuid == b->has_uuid && a->has_nguid == b->has_nguid &&
	       a->has_eui64 == b->has_eui64 && !memcmp(a->uuid, b->uuid, sizeof(a->uuid)) &&
	       !memcmp(a->nguid, b->nguid, sizeof(a->nguid)) &&
	       !memcmp(a->eui64, b->eui64, sizeof(a->eui64));
}

/*
 * Another disk under the same NSID: Linux drops the old one when it sees that the
 * identifiers have changed, and looks for the new one only when it is told once
 * more. So the old one goes, and a moment later the new one comes.
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

static void keep_one(struct apply *apply, const struct config_namespace *had,
		     struct device *from, const struct config_namespace *want, struct device *to)
{
	uint32_t block_size;

	from->kept = false;
	if (!want || !want->enable)
		return;
	hide_other(had, from, want, to);
	if (!config_same_device(had, want, apply->options.backends))
		return;
	to->flush_error = from->flush_error;
	if (!from->ns) {
		/* With another block size it may well succeed at once. */
		if (had->block_size == want->block_size)
			to->retry = from->retry;
	} else if (!device_block_size(want, &from->ns->info, &block_size, NULL)) {
		*to = *from;
		from->kept = true;
		hide_other(had, from, want, to);
	}
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

/* ---- the end ---- */

int devices_reserve(struct apply *apply, size_t count)
{
	size_t capacity = apply->retired_count + count;
	struct namespace **grown;

	if (capacity <= apply->retired_capacity)
		return 0;
	grown = reallocarray(apply->retired, capacity, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	apply->retired = grown;
	apply->retired_capacity = capacity;
	return 0;
}

static void retire(struct apply *apply, struct device *device)
{
	if (device->ns) {
		device->flush_error = atomic_load(&device->ns->flush_error);
		apply->retired[apply->retired_count++] = device->ns;
	}
	device->ns = NULL;
	device->lost = false;
	device->stalled = false;
	device->trouble[0] = '\0';
}


void devices_reap(struct apply *apply, size_t first, unsigned int timeout_ms)
{
	const struct timespec pause = { .tv_nsec = REAP_PAUSE_NS };
	uint64_t deadline = loop_clock() + timeout_ms * UINT64_C(1000000);

	for (;;) {
		size_t left = 0, earlier = 0;

		for (size_t i = 0; i < apply->retired_count; i++) {
			struct namespace *ns = apply->retired[i];

			if (namespace_idle(ns)) {
				namespace_close(ns);
				continue;
			}
			earlier += i < first;
			apply->retired[left++] = ns;
		}
		apply->retired_count = left;
		first = earlier;
		if (left == first || loop_clock() >= deadline)
			return;
		nanosleep(&pause, NULL);
	}
}

/* ---- opening and looking after ---- */

static void failed(const struct config_subsystem *subsystem, const struct config_namespace *want,
		   struct device *device, uint64_t began, const char *reason)
{
	if (retry_failed(&device->retry, began, reason))
		log_warning("namespace %u of %s is not served: %s; weft keeps trying", want->nsid,
			    subsystem->nqn, reason);
}

/* Opens the device of a namespace. 0, or -errno with *error filled. */
static int open_device(struct apply *apply, const struct config_namespace *want,
		       struct namespace **ret_ns, struct weft_error *error)
{
	const struct config_backends *backends = apply->options.backends;
	const struct weft_backend *backend;
	struct weft_params *params;
	struct namespace *ns = NULL;
	uint32_t block_size;
	int r = config_namespace_params(want, backends, &backend, &params, error);

	if (r < 0)
		return r;
	error->text[0] = '\0';
	r = namespace_open(&ns, apply->options.target, backend, params, error);
	backends->params_free(params);
	if (r < 0) {
		/* A plugin may have left it out. */
		if (!error->text[0])
			weft_error_set(error, -r, "%s", strerror(-r));
		return r;
	}
	r = device_block_size(want, &ns->info, &block_size, error);
	if (r < 0) {
		namespace_close(ns);
		return r;
	}
	*ret_ns = ns;
	return 0;
}

static bool open_one(struct apply *apply, const struct config_subsystem *subsystem,
		     const struct config_namespace *want, struct device *device)
{
	uint64_t began = loop_clock();
	struct weft_error error;
	char size[32];

	if (!want->enable || device->ns || !retry_due(&device->retry, began))
		return false;
	if (open_device(apply, want, &device->ns, &error) < 0) {
		failed(subsystem, want, device, began, error.text);
		return false;
	}
	retry_clear(&device->retry);
	device->seen.generation = 0;
	/* that it went and came back makes nothing durable */
	atomic_store(&device->ns->flush_error, device->flush_error);
	log_info("namespace %u of %s is served: %s, backend %s", want->nsid, subsystem->nqn,
		 size_format(device->ns->info.size, size, sizeof(size)), want->backend);
	return true;
}

/*
 * A device with other options takes the place of an open one: it is opened
 * while that one still serves, so that hosts never miss the namespace. What
 * cannot be opened twice is opened by devices_open(), after the old one is closed.
 */
static void open_beside(struct apply *apply, const struct config_subsystem *subsystem,
			const struct config_namespace *want, struct device *device)
{
	const struct device *old = running_find_device(&apply->now, subsystem->nqn, want->nsid);
	struct weft_error error;

	if (!want->enable || device->ns || device->hidden_until || !old || !old->ns || old->lost)
		return;
	if (open_device(apply, want, &device->ns, &error) < 0)
		device->ns = NULL;
}

void devices_open_beside(struct apply *apply, struct running *next)
{
	const struct config *config = next->config;

	for (size_t i = 0; i < config->subsystem_count; i++)
		for (size_t j = 0; j < config->subsystems[i].namespace_count; j++)
			open_beside(apply, &config->subsystems[i],
				    &config->subsystems[i].namespaces[j], device_of(next, i, j));
}

void devices_close_new(struct running *next, const struct running *now)
{
	for (size_t i = 0; i < next->device_count; i++) {
		struct namespace *ns = next->devices[i].ns;
		bool kept = false;

		for (size_t j = 0; j < now->device_count; j++)
			kept |= now->devices[j].ns == ns;
		if (!kept)
			namespace_close(ns);
	}
}

static bool refresh_one(struct apply *apply, const struct config_subsystem *subsystem,
			const struct config_namespace *want, struct device *device)
{
	uint64_t began = loop_clock();
	struct weft_error error;
	uint32_t block_size;
	char size[32];
	int r;

	if (!device->ns || device->lost || device->stalled) /* one that hangs may hang us */
		return false;
	r = namespace_refresh(device->ns);
	if (r == 0)
		return false;
	if (r < 0)
		weft_error_set(&error, -r, "the device is lost: %s", strerror(-r));
	else
		r = device_block_size(want, &device->ns->info, &block_size, &error);
	if (r < 0) {
		device->lost = true;
		failed(subsystem, want, device, began, error.text);
		return true;
	}
	log_info("namespace %u of %s is now %s", want->nsid, subsystem->nqn,
		 size_format(device->ns->info.size, size, sizeof(size)));
	return true;
}

static bool each_device(struct apply *apply,
			bool (*step)(struct apply *apply, const struct config_subsystem *subsystem,
				     const struct config_namespace *want, struct device *device))
{
	const struct config *config = apply->now.config;
	bool any = false;

	for (size_t i = 0; i < config->subsystem_count; i++) {
		const struct config_subsystem *subsystem = &config->subsystems[i];

		for (size_t j = 0; j < subsystem->namespace_count; j++)
			any |= step(apply, subsystem, &subsystem->namespaces[j],
				    device_of(&apply->now, i, j));
	}
	return any;
}

static bool retire_other(struct apply *apply, const struct config_subsystem *subsystem,
			 const struct config_namespace *want, struct device *device)
{
	if (device->kept || !device->ns)
		return false;
	log_info("namespace %u of %s is no longer served as it was", want->nsid, subsystem->nqn);
	retire(apply, device);
	return true;
}

void devices_retire_others(struct apply *apply)
{
	each_device(apply, retire_other);
}

bool devices_open(struct apply *apply)
{
	return each_device(apply, open_one);
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
	return each_device(apply, show_again);
}

bool devices_refresh(struct apply *apply)
{
	return each_device(apply, refresh_one);
}

void devices_drop_lost(struct apply *apply)
{
	for (size_t i = 0; i < apply->now.device_count; i++) {
		struct device *device = &apply->now.devices[i];

		/* Without memory it stays, out of the view, until the next tick. */
		if (device->lost && devices_reserve(apply, 1) == 0)
			retire(apply, device);
	}
}
