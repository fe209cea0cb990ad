/* SPDX-License-Identifier: BSD-3-Clause */
/* Publishes a view to all reactors, and finds its differences to the previous view. */
#include <stdlib.h>
#include <string.h>

#include "spec/log.h"
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "target/model/subsystem.h"
#include "target/model/view.h"
#include "target/queue/command.h"
#include "target/queue/controller.h"
#include "target/queue/queue.h"

/* by_nsid has at most this many entries for each of its namespaces ... */
#define DENSE_SHARE 4
/* ... or this many in all. */
#define DENSE_MIN 64

/* ---- the index by NSID ---- */

/* Indexes namespaces as far as NSIDs are dense. Without memory there is no index. */
static void index_namespaces(struct view_subsystem *subsystem)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < subsystem->namespace_count; i++) {
		uint32_t nsid = subsystem->namespaces[i].nsid;

		if (nsid < DENSE_MIN || nsid <= DENSE_SHARE * (i + 1))
			last = nsid;
	}
	subsystem->by_nsid = last ? calloc(last + 1, sizeof(*subsystem->by_nsid)) : NULL;
	if (!subsystem->by_nsid)
		return;
	subsystem->by_nsid_count = last + 1;
	for (uint32_t i = 0; i < subsystem->namespace_count; i++)
		if (subsystem->namespaces[i].nsid <= last)
			subsystem->by_nsid[subsystem->namespaces[i].nsid] =
				&subsystem->namespaces[i];
}

/* ---- differences to the previous view ---- */

static void note_changed(struct view_changes *changes, uint32_t nsid)
{
	if (!changes->nsids)
		changes->nsids = calloc(NVME_CHANGED_NS_MAX, sizeof(*changes->nsids));
	/* without memory, hosts are told that many changed, and check all */
	if (changes->count < NVME_CHANGED_NS_MAX && changes->nsids)
		changes->nsids[changes->count++] = nsid;
	else
		changes->many = true;
}

/* Merges both lists. True if namespaces were added, removed or moved to another ANA group. */
static bool compare_namespaces(const struct view_subsystem *old, struct view_subsystem *new)
{
	struct view_changes *changes = &new->changes;
	uint32_t i = 0, j = 0;
	bool members = false;

	while (i < old->namespace_count || j < new->namespace_count) {
		const struct view_namespace *before =
			i < old->namespace_count ? &old->namespaces[i] : NULL;
		const struct view_namespace *after =
			j < new->namespace_count ? &new->namespaces[j] : NULL;

		if (before && after && before->nsid == after->nsid) {
			if (before->generation != after->generation)
				note_changed(changes, after->nsid);
			changes->regrouped |= before->ana_grpid != after->ana_grpid;
			i++;
			j++;
		} else if (before && (!after || before->nsid < after->nsid)) {
			note_changed(changes, before->nsid);
			members = true;
			i++;
		} else if (after) {
			note_changed(changes, after->nsid);
			members = true;
			j++;
		}
	}
	return members || changes->regrouped;
}

static bool compare_subsystems(struct view *view)
{
	bool differ = false;

	for (size_t i = 0; i < view->subsystem_count; i++) {
		struct view_subsystem *subsystem = view->subsystems[i];

		if (subsystem->subsystem->published)
			differ |= compare_namespaces(subsystem->subsystem->published, subsystem);
	}
	return differ;
}

static bool ports_differ(const struct view *old, const struct view *new)
{
	for (size_t i = 0; i < new->port_count; i++) {
		const struct view_port *before = view_find_port(old, new->ports[i]->portid);

		if (before && memcmp(before->ana_states, new->ports[i]->ana_states,
				     sizeof(before->ana_states)) != 0)
			return true;
	}
	return false;
}

static void set_published(const struct view *old, const struct view *new)
{
	for (size_t i = 0; old && i < old->subsystem_count; i++)
		old->subsystems[i]->subsystem->published = NULL;
	for (size_t i = 0; i < new->subsystem_count; i++)
		new->subsystems[i]->subsystem->published = new->subsystems[i];
}

/* ---- the switch of the reactors ---- */

/* Points a queue to the new view. False if the view does not allow the queue: it must end. */
static bool move_queue(struct queue *queue, const struct view *view)
{
	const struct view_subsystem *subsystem;

	queue->port = view_find_port(view, queue->portid);
	queue_set_view(queue, NULL,
		       queue_connected(queue) ? view_find_host(view, queue->ctrl->hostnqn) : NULL);
	if (!queue->port)
		return false;
	if (!queue_connected(queue) || queue->ctrl->discovery)
		return true;
	subsystem = queue->ctrl->subsystem->published;
	if (!subsystem || queue->port->discovery || !view_linked(queue->port, subsystem) ||
	    !view_host_allowed(subsystem, queue->host))
		return false;
	queue_set_view(queue, subsystem, queue->host);
	return true;
}

/* Has commands whose data is on its way, which the old view allowed, checked by the new view. */
static void tell_commands(struct queue *queue)
{
	list_for_each(node, &queue->busy_requests) {
		struct request *req = list_entry(node, struct request, node);

		if (req->command && req->command->view_changed)
			req->command->view_changed(req);
	}
}

static void adopt(struct reactor *reactor, void *arg)
{
	const struct view *view = arg;

	reactor->view = view;
	list_for_each_safe(node, &reactor->queues) {
		struct queue *queue = list_entry(node, struct queue, node);
		const struct view_port *old_port = queue->port;
		const struct view_subsystem *old_subsystem = queue->subsystem;
		bool stays = move_queue(queue, view);

		tell_commands(queue);
		if (!stays)
			queue_disconnect(queue);
		else if (queue_connected(queue) && !queue->qid && queue->phase < QUEUE_CLOSING)
			controller_view_changed(queue->ctrl, old_port, old_subsystem);
	}
	buffer_lines_review(reactor);
}

void view_publish(struct target *target, struct view *view)
{
	struct view *old = target->view;
	bool ana = compare_subsystems(view);

	ana |= old && ports_differ(old, view);
	view->ana_change_count = (old ? old->ana_change_count : 0) + (ana || !old);
	for (size_t i = 0; i < view->subsystem_count; i++)
		index_namespaces(view->subsystems[i]);
	set_published(old, view);
	reactor_call_all(target, adopt, view);
	target->view = view;
	view_free(old);
}
