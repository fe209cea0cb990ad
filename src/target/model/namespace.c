/* SPDX-License-Identifier: BSD-3-Clause */
/* An open namespace: a backend's device. */
#include "target/model/namespace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "target/base/target.h"

/* True if this weftd knows all values of the info. (<weft/backend.h>, Versions) */
static bool info_known(const struct weft_info *info)
{
	uint64_t reserved = 0;

	for (size_t i = 0; i < sizeof(info->reserved) / sizeof(info->reserved[0]); i++)
		reserved |= info->reserved[i];
	return !reserved;
}

static bool info_plausible(const struct weft_info *info)
{
	uint32_t block = info->block_size;

	return block >= 512 && block <= 4096 && (block & (block - 1)) == 0;
}

struct namespace *namespace_new(struct target *target, const struct weft_backend *backend)
{
	struct namespace *ns = calloc(1, sizeof(*ns));

	if (!ns)
		return NULL;
	ns->backend = backend;
	ns->target = target;
	ns->owner.alarm_fd = -1;
	ns->reactor_count = target->reactor_count;
	ns->buffers_max = target->buffer_limit / LIMITS_NAMESPACE_BUFFERS_SHARE;
	ns->counters = aligned_alloc(64, target->reactor_count * sizeof(*ns->counters));
	if (!ns->counters) {
		free(ns);
		return NULL;
	}
	memset(ns->counters, 0, target->reactor_count * sizeof(*ns->counters));
	return ns;
}

int namespace_open_device(struct namespace *ns, const struct weft_params *params,
			  struct weft_error *error)
{
	int r = ns->backend->open(&ns->device, params, &ns->info, error);

	if (r < 0)
		return r;
	if (info_plausible(&ns->info) && info_known(&ns->info))
		return 0;
	namespace_close_device(ns);
	if (!info_known(&ns->info))
		return weft_error_set(error, EPROTONOSUPPORT,
				      "backend %s says of the device what only a later weftd knows",
				      ns->backend->name);
	return weft_error_set(error, EINVAL,
			      "backend %s has blocks of %u bytes: 512 to 4096 can be served",
			      ns->backend->name, ns->info.block_size);
}

int namespace_open(struct namespace **ret_ns, struct target *target,
		   const struct weft_backend *backend, const struct weft_params *params,
		   struct weft_error *error)
{
	struct namespace *ns = namespace_new(target, backend);
	int r;

	if (!ns)
		return weft_error_set(error, ENOMEM, "out of memory");
	r = namespace_open_device(ns, params, error);
	if (r < 0)
		namespace_release(ns);
	else
		*ret_ns = ns;
	return r;
}

void namespace_flush_failed(struct namespace *ns, int error)
{
	int none = 0;

	atomic_compare_exchange_strong(&ns->flush_error, &none, error);
}

void weft_device_changed(struct weft_owner *owner)
{
	if (owner && !atomic_exchange(&owner->changed, true) && owner->alarm_fd >= 0)
		eventfd_write(owner->alarm_fd, 1);
}

bool namespace_take_change(struct namespace *ns)
{
	return atomic_exchange(&ns->owner.changed, false);
}

int namespace_refresh(const struct namespace *ns, struct weft_info *info)
{
	int r;

	info->trouble[0] = '\0';
	r = ns->backend->refresh ? ns->backend->refresh(ns->device, info) : 0;
	info->trouble[sizeof(info->trouble) - 1] = '\0';
	return r;
}

void namespace_update(struct namespace *ns, const struct weft_info *info)
{
	/* reactors read only constant members of info; the size reaches them through the view */
	ns->info.size = info->size;
	memcpy(ns->info.trouble, info->trouble, sizeof(ns->info.trouble));
}

bool namespace_idle(const struct namespace *ns)
{
	for (unsigned int i = 0; i < ns->target->reactor_count; i++)
		if (atomic_load_explicit(&ns->counters[i].pins, memory_order_acquire))
			return false;
	return true;
}

static bool has_buffers(const struct namespace *ns)
{
	for (unsigned int i = 0; i < ns->reactor_count; i++)
		if (atomic_load_explicit(&ns->counters[i].buffers, memory_order_acquire))
			return true;
	return false;
}

static void namespace_free(struct namespace *ns)
{
	free(ns->counters);
	free(ns);
}

void namespaces_sweep(struct target *target, bool all)
{
	list_for_each_safe(node, &target->closed_namespaces) {
		struct namespace *ns = list_entry(node, struct namespace, node);

		if (!all && has_buffers(ns))
			continue;
		list_del(&ns->node);
		namespace_free(ns);
	}
}

void namespace_close_device(struct namespace *ns)
{
	ns->backend->close(ns->device);
	ns->device = NULL;
}

void namespace_release(struct namespace *ns)
{
	if (has_buffers(ns))
		list_add_tail(&ns->target->closed_namespaces, &ns->node);
	else /* the target may be freed already */
		namespace_free(ns);
}

void namespace_close(struct namespace *ns)
{
	if (!ns)
		return;
	namespace_close_device(ns);
	namespace_release(ns);
}

void namespace_totals(const struct namespace *ns, struct namespace_totals *ret)
{
	struct namespace_totals totals = { 0 };

	for (unsigned int i = 0; i < ns->target->reactor_count; i++) {
		const struct namespace_counters *c = &ns->counters[i];

		totals.reads += atomic_load_explicit(&c->reads, memory_order_relaxed);
		totals.writes += atomic_load_explicit(&c->writes, memory_order_relaxed);
		totals.read_bytes += atomic_load_explicit(&c->read_bytes, memory_order_relaxed);
		totals.written_bytes +=
			atomic_load_explicit(&c->written_bytes, memory_order_relaxed);
		totals.media_errors +=
			atomic_load_explicit(&c->media_errors, memory_order_relaxed);
	}
	*ret = totals;
}
