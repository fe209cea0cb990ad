/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts the I/Os that backends hold, and their age, to find backends that hang. */
#include "loop/loop.h"
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "target/model/namespace.h"
#include "target/queue/queue.h"

static void note(struct namespace_counters *c, uint64_t submitted)
{
	uint32_t kept = atomic_load_explicit(&c->kept, memory_order_relaxed);
	uint64_t oldest = atomic_load_explicit(&c->oldest, memory_order_relaxed);

	if (!kept || submitted < oldest)
		atomic_store_explicit(&c->oldest, submitted, memory_order_relaxed);
	atomic_store_explicit(&c->kept, kept + 1, memory_order_relaxed);
}

static void survey(struct reactor *reactor, void *arg)
{
	list_for_each(at, &reactor->queues) {
		const struct queue *queue = list_entry(at, struct queue, node);

		list_for_each(node, &queue->busy_requests) {
			const struct request *req = list_entry(node, struct request, node);

			if (req->state == REQUEST_EXECUTING && req->hold.pin)
				note(&req->hold.pin->counters[reactor->index], req->submitted);
		}
	}
}

void namespaces_survey(struct target *target, struct namespace *const *namespaces, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (unsigned int j = 0; j < target->reactor_count; j++)
			atomic_store_explicit(&namespaces[i]->counters[j].kept, 0,
					      memory_order_relaxed);
	reactor_call_all(target, survey, NULL);
}

uint32_t namespace_kept(const struct namespace *ns, uint64_t *ret_age)
{
	uint64_t now = loop_clock(), oldest = now;
	uint32_t kept = 0;

	for (unsigned int i = 0; i < ns->target->reactor_count; i++) {
		const struct namespace_counters *c = &ns->counters[i];
		uint64_t since = atomic_load_explicit(&c->oldest, memory_order_relaxed);

		if (!atomic_load_explicit(&c->kept, memory_order_relaxed))
			continue;
		kept += atomic_load_explicit(&c->kept, memory_order_relaxed);
		if (since < oldest)
			oldest = since;
	}
	*ret_age = now - oldest;
	return kept;
}
