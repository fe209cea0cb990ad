/* SPDX-License-Identifier: BSD-3-Clause */
/* An open namespace: a backend's device. */
#include "target/namespace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/target.h"

static bool info_plausible(const struct weft_info *info)
{
	uint32_t block = info->block_size;

	return block >= 512 && block <= 4096 && (block & (block - 1)) == 0;
}

int namespace_open(struct namespace **ret_ns, struct target *target,
		   const struct weft_backend *backend, const struct weft_params *params,
		   struct weft_error *error)
{
	struct namespace *ns = calloc(1, sizeof(*ns));
	int r;

	if (!ns)
		return weft_error_set(error, ENOMEM, "out of memory");
	ns->backend = backend;
	ns->target = target;
	ns->reactor_count = target->reactor_count;
	ns->buffers_max = target->buffer_limit / LIMITS_NAMESPACE_BUFFERS_SHARE;
	namespaces_sweep(target, false);
	ns->counters = aligned_alloc(64, target->reactor_count * sizeof(*ns->counters));
	if (!ns->counters) {
		r = weft_error_set(error, ENOMEM, "out of memory");
		goto fail;
	}
	memset(ns->counters, 0, target->reactor_count * sizeof(*ns->counters));
	r = backend->open(&ns->device, params, &ns->info, error);
	if (r < 0)
		goto fail;
	if (!info_plausible(&ns->info)) {
		r = weft_error_set(error, EINVAL,
				   "backend %s has blocks of %u bytes: 512 to 4096 can be served",
				   backend->name, ns->info.block_size);
		backend->close(ns->device);
		goto fail;
	}
	*ret_ns = ns;
	return 0;
fail:
	free(ns->counters);
	free(ns);
	return r;
}

int namespace_refresh(struct namespace *ns)
{
	struct weft_info info = ns->info;
	int r;

	if (!ns->backend->refresh)
		return 0;
	r = ns->backend->refresh(ns->device, &info);
	if (r < 0)
		return r;
	/* reactors read only what never changes here; the size reaches them through the view */
	if (info.size == ns->info.size)
		return 0;
	ns->info.size = info.size;
	return 1;
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

void namespace_close(struct namespace *ns)
{
	if (!ns)
		return;
	ns->backend->close(ns->device);
	if (has_buffers(ns))
		list_add_tail(&ns->target->closed_namespaces, &ns->node);
	else /* the target may be gone by now */
		namespace_free(ns);
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
