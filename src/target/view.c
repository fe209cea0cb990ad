/* SPDX-License-Identifier: BSD-3-Clause */
/* Views: built by the control thread, published to the reactors. */
#include "target/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/commands.h"
#include "target/controller.h"
#include "target/queue.h"
#include "target/reactor.h"
#include "target/subsystem.h"
#include "target/target.h"

struct view *view_new(void)
{
	return calloc(1, sizeof(struct view));
}

/* Appends a pointer to an owned array of them. */
static int append(void *array_p, size_t *count, void *element)
{
	void ***array = array_p;
	void **grown = reallocarray(*array, *count + 1, sizeof(void *));

	if (!grown)
		return -ENOMEM;
	grown[(*count)++] = element;
	*array = grown;
	return 0;
}

static void *append_new(void *array_p, size_t *count, size_t size)
{
	void *element = calloc(1, size);

	if (element && append(array_p, count, element) < 0) {
		free(element);
		return NULL;
	}
	return element;
}

struct view_subsystem *view_add_subsystem(struct view *view)
{
	return append_new(&view->subsystems, &view->subsystem_count,
			  sizeof(struct view_subsystem));
}

struct view_port *view_add_port(struct view *view)
{
	return append_new(&view->ports, &view->port_count, sizeof(struct view_port));
}

struct view_namespace *view_add_namespace(struct view_subsystem *subsystem, uint32_t nsid)
{
	struct view_namespace *ns;

	if (!nsid || nsid > VIEW_NSID_MAX || subsystem->namespaces[nsid])
		return NULL;
	ns = calloc(1, sizeof(*ns));
	if (!ns)
		return NULL;
	ns->nsid = nsid;
	subsystem->namespaces[nsid] = ns;
	subsystem->namespace_count++;
	return ns;
}

int view_link(struct view_port *port, struct view_subsystem *subsystem)
{
	return append(&port->subsystems, &port->subsystem_count, subsystem);
}

struct view_referral *view_add_referral(struct view_port *port)
{
	struct view_referral *grown =
		reallocarray(port->referrals, port->referral_count + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	port->referrals = grown;
	memset(&grown[port->referral_count], 0, sizeof(*grown));
	return &grown[port->referral_count++];
}

static void subsystem_view_free(struct view_subsystem *subsystem)
{
	for (uint32_t nsid = 1; nsid <= VIEW_NSID_MAX; nsid++)
		free(subsystem->namespaces[nsid]);
	for (size_t i = 0; i < subsystem->allowed_host_count; i++)
		free(subsystem->allowed_hosts[i]);
	free(subsystem->allowed_hosts);
	free(subsystem->nqn);
	free(subsystem->serial);
	free(subsystem->model);
	free(subsystem->firmware);
	subsystem_unref(subsystem->subsystem);
	free(subsystem);
}

static void port_view_free(struct view_port *port)
{
	for (size_t i = 0; i < port->referral_count; i++)
		free(port->referrals[i].traddr);
	free(port->referrals);
	free(port->subsystems);
	free(port->traddr);
	free(port);
}

void view_free(struct view *view)
{
	if (!view)
		return;
	for (size_t i = 0; i < view->port_count; i++)
		port_view_free(view->ports[i]);
	for (size_t i = 0; i < view->subsystem_count; i++)
		subsystem_view_free(view->subsystems[i]);
	free(view->ports);
	free(view->subsystems);
	free(view->discovery_nqn);
	free(view);
}

struct view_port *view_find_port(const struct view *view, uint16_t portid)
{
	for (size_t i = 0; i < view->port_count; i++)
		if (view->ports[i]->portid == portid)
			return view->ports[i];
	return NULL;
}

struct view_subsystem *view_find_subsystem(const struct view *view, const char *nqn)
{
	for (size_t i = 0; i < view->subsystem_count; i++)
		if (strcmp(view->subsystems[i]->nqn, nqn) == 0)
			return view->subsystems[i];
	return NULL;
}

bool view_linked(const struct view_port *port, const struct view_subsystem *subsystem)
{
	for (size_t i = 0; i < port->subsystem_count; i++)
		if (port->subsystems[i] == subsystem)
			return true;
	return false;
}

bool view_host_allowed(const struct view_subsystem *subsystem, const char *hostnqn)
{
	if (subsystem->allow_any_host)
		return true;
	for (size_t i = 0; i < subsystem->allowed_host_count; i++)
		if (strcmp(subsystem->allowed_hosts[i], hostnqn) == 0)
			return true;
	return false;
}

/* Points a queue to the new view; false: the view no longer has a place for it. */
static bool move_queue(struct queue *queue, const struct view *view)
{
	const struct view_subsystem *subsystem;

	queue->port = view_find_port(view, queue->portid);
	queue->subsystem = NULL;
	if (!queue->port)
		return false;
	if (!queue->live || queue->ctrl->discovery)
		return true;
	subsystem = view_find_subsystem(view, queue->ctrl->subsystem->nqn);
	if (!subsystem || queue->port->discovery || !view_linked(queue->port, subsystem) ||
	    !view_host_allowed(subsystem, queue->ctrl->hostnqn))
		return false;
	queue->subsystem = subsystem;
	return true;
}

/* Data on its way into lent memory was allowed by the old view. */
static void check_lent(struct queue *queue)
{
	list_for_each(node, &queue->busy_requests)
		nvm_check_lent(list_entry(node, struct request, node));
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

		check_lent(queue);
		if (!stays)
			queue_disconnect(queue);
		else if (queue->live && !queue->qid && !queue->closing)
			controller_view_changed(queue->ctrl, old_port, old_subsystem);
	}
	buffer_lines_review(reactor);
}

void view_publish(struct target *target, struct view *view)
{
	struct view *old = target->view;

	reactor_call_all(target, adopt, view);
	target->view = view;
	view_free(old);
}
