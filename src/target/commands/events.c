/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asynchronous events (Base 2.1, 5.1.2): the events that follow from a change of the
 * configuration, and their delivery.
 *
 * An event is sent once. It is sent again only after the host has read the event's log
 * page with Retain Asynchronous Event cleared.
 */
#include <string.h>

#include "spec/feature.h"
#include "spec/log.h"
#include "target/commands/admin.h"
#include "target/queue/controller.h"
#include "target/queue/queue.h"

/* The bit of feature 0Bh that enables the events about this log page. */
static uint32_t event_bit(uint8_t log)
{
	switch (log) {
	case NVME_LOG_SMART:
		return NVME_SMART_TEMPERATURE;
	case NVME_LOG_CHANGED_NS:
		return NVME_AEC_NS_ATTR;
	case NVME_LOG_ANA:
		return NVME_AEC_ANA;
	case NVME_LOG_DISCOVERY:
		return NVME_AEC_DISC_LOG;
	default:
		return 0;
	}
}

static void remove_request(struct controller *ctrl, unsigned int index)
{
	struct request *req = ctrl->aer[index];

	ctrl->aer_count--;
	memmove(&ctrl->aer[index], &ctrl->aer[index + 1],
		(ctrl->aer_count - index) * sizeof(ctrl->aer[0]));
	req->queue->held--;
	req->state = REQUEST_EXECUTING;
}

void events_forget_request(struct request *req)
{
	struct controller *ctrl = req->queue->ctrl;

	for (unsigned int i = 0; i < ctrl->aer_count; i++) {
		if (ctrl->aer[i] == req) {
			remove_request(ctrl, i);
			return;
		}
	}
}

/* Removes a waiting event; the order of the others stays. */
static struct controller_event take_event(struct controller *ctrl, unsigned int index)
{
	struct controller_event event = ctrl->events[index];

	ctrl->event_count--;
	memmove(&ctrl->events[index], &ctrl->events[index + 1],
		(ctrl->event_count - index) * sizeof(ctrl->events[0]));
	return event;
}

/* Gives waiting events to waiting requests, the oldest to the oldest. */
static void send_events(struct controller *ctrl)
{
	while (ctrl->event_count && ctrl->aer_count) {
		struct controller_event event = take_event(ctrl, 0);
		struct request *req = ctrl->aer[0];

		remove_request(ctrl, 0);
		req->cqe.dw0 = le32_of(nvme_aer_dw0(event.type, event.info, event.log));
		request_complete(req, NVME_SUCCESS);
	}
}

void controller_event(struct controller *ctrl, uint8_t type, uint8_t info, uint8_t log)
{
	uint32_t bit = event_bit(log);

	if (!(ctrl->async_config & bit) || (ctrl->events_masked & bit))
		return;
	/* each event waits at most once, so there is always a free place */
	if (ctrl->event_count == CONTROLLER_EVENTS_MAX)
		return;
	ctrl->events_masked |= bit;
	ctrl->events[ctrl->event_count++] =
		(struct controller_event){ .type = type, .info = info, .log = log };
	send_events(ctrl);
}

void controller_event_clear(struct controller *ctrl, uint8_t log)
{
	ctrl->events_masked &= ~event_bit(log);
	/* drop the waiting events of the page: the host has just read it */
	for (unsigned int i = ctrl->event_count; i-- > 0;)
		if (ctrl->events[i].log == log)
			take_event(ctrl, i);
}

void controller_async_request(struct request *req)
{
	struct controller *ctrl = req->queue->ctrl;

	req->state = REQUEST_HELD;
	req->queue->held++;
	ctrl->aer[ctrl->aer_count++] = req;
	send_events(ctrl);
}

struct nvme_status async_event_parse(struct request *req)
{
	if (req->queue->ctrl->aer_count == CONTROLLER_AER_MAX)
		return nvme_status_dnr(NVME_SC_ASYNC_LIMIT);
	req->execute = controller_async_request;
	return NVME_SUCCESS;
}

/* ---- changes of the view ---- */

/* Adds to the list of changed namespaces, which is ascending and names each once. */
static void note_changed(struct controller *ctrl, uint32_t nsid)
{
	unsigned int low = 0, high = ctrl->changed_ns_count;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (ctrl->changed_ns[middle] < nsid)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < ctrl->changed_ns_count && ctrl->changed_ns[low] == nsid)
		return;
	if (ctrl->changed_ns_count == NVME_CHANGED_NS_MAX) {
		ctrl->changed_ns_many = true;
		return;
	}
	memmove(&ctrl->changed_ns[low + 1], &ctrl->changed_ns[low],
		(ctrl->changed_ns_count - low) * sizeof(ctrl->changed_ns[0]));
	ctrl->changed_ns[low] = nsid;
	ctrl->changed_ns_count++;
}

static void namespaces_changed(struct controller *ctrl, const struct view_changes *changes)
{
	if (!changes->count && !changes->many)
		return;
	ctrl->changed_ns_many |= changes->many;
	for (uint32_t i = 0; i < changes->count && !ctrl->changed_ns_many; i++)
		note_changed(ctrl, changes->nsids[i]);
	controller_event(ctrl, NVME_AER_NOTICE, NVME_AER_NOTICE_NS_CHANGED, NVME_LOG_CHANGED_NS);
}

/* True if an ANA group changed its state on the port, or a namespace its group. */
static bool ana_changed(const struct view_port *old, const struct view_port *new,
			const struct view_changes *changes)
{
	return changes->regrouped ||
	       memcmp(old->ana_states, new->ana_states, sizeof(old->ana_states)) != 0;
}

static void compare_discovery(struct controller *ctrl, const struct queue *admin)
{
	uint64_t digest;

	/* the host has not enabled the event */
	if (!(ctrl->async_config & NVME_AEC_DISC_LOG))
		return;
	digest = discovery_log_digest(admin);
	if (digest == ctrl->discovery_digest)
		return;
	ctrl->discovery_digest = digest;
	controller_event(ctrl, NVME_AER_NOTICE, NVME_AER_NOTICE_DISC_CHANGED, NVME_LOG_DISCOVERY);
}

void controller_view_changed(struct controller *ctrl, const struct view_port *old_port,
			     const struct view_subsystem *old_subsystem)
{
	const struct queue *admin = ctrl->admin;

	if (!admin || !admin->port)
		return;
	if (ctrl->discovery) {
		compare_discovery(ctrl, admin);
		return;
	}
	if (!old_port || !old_subsystem || !admin->subsystem)
		return;
	if (ctrl->mnan && ctrl->mnan < admin->subsystem->namespace_count) {
		controller_stop(ctrl, "there are more namespaces than it was told there could be");
		return;
	}
	namespaces_changed(ctrl, &admin->subsystem->changes);
	if (ana_changed(old_port, admin->port, &admin->subsystem->changes))
		controller_event(ctrl, NVME_AER_NOTICE, NVME_AER_NOTICE_ANA, NVME_LOG_ANA);
}
