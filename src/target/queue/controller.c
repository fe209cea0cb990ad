/* SPDX-License-Identifier: BSD-3-Clause */
/* A controller: made at Connect, enabled by CC, ended with its admin queue. */
#include "target/queue/controller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/log.h"
#include "spec/property.h"
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "target/model/subsystem.h"
#include "target/queue/queue.h"

#define KAS_MS 1000		/* granularity of the keep alive timer: Identify KAS 10 */
#define READY_TIMEOUT 15	/* CAP.TO, 500 ms units */

/* Tells one reactor to end the controller's queues there. */
struct controller_stop {
	struct loop_message message;
	struct controller *_Atomic ctrl; /* reference while the message is under way */
	struct reactor *reactor;
};

static void keep_alive_fire(struct loop_timer *timer);
static void stop_queues(struct loop_message *message);

static void defaults(struct controller *ctrl)
{
	ctrl->cc = 0;
	ctrl->csts = 0;
	ctrl->queues_frozen = false;
	features_reset(ctrl);
}

static void controller_destroy(struct controller *ctrl)
{
	free(ctrl->changed_ns);
	free(ctrl->errors);
	free(ctrl->stops);
	free(ctrl);
}

const char *host_name(const char *hostnqn)
{
	return hostnqn[0] ? hostnqn : "without an NQN";
}

uint64_t controller_memory(const struct target *target)
{
	return sizeof(struct controller) + NVME_CHANGED_NS_MAX * sizeof(uint32_t) +
	       CONTROLLER_ERROR_LOG * sizeof(struct nvme_log_error) +
	       target->reactor_count * sizeof(struct controller_stop);
}

static bool cntlid_in_use(const struct subsystem *subsystem, uint16_t cntlid)
{
	list_for_each(node, &subsystem->controllers)
		if (list_entry(node, struct controller, node)->cntlid == cntlid)
			return true;
	return false;
}

/* Takes the identifier in [min, max] that is unused for longest. 0: none is. Under the lock. */
static uint16_t take_cntlid(struct subsystem *subsystem, uint16_t min, uint16_t max)
{
	uint32_t count = (uint32_t)max - min + 1;
	uint32_t cntlid = subsystem->next_cntlid;

	for (uint32_t i = 0; i < count; i++, cntlid++) {
		if (cntlid < min || cntlid > max)
			cntlid = min;
		if (!cntlid_in_use(subsystem, (uint16_t)cntlid)) {
			subsystem->next_cntlid = (uint16_t)(cntlid + 1);
			return (uint16_t)cntlid;
		}
	}
	return 0;
}

struct controller *controller_find(struct subsystem *subsystem, uint16_t cntlid)
{
	list_for_each(node, &subsystem->controllers) {
		struct controller *ctrl = list_entry(node, struct controller, node);

		if (ctrl->cntlid == cntlid && !ctrl->dead)
			return ctrl;
	}
	return NULL;
}

struct nvme_status controller_new(struct controller **ret_ctrl, struct subsystem *subsystem,
				  struct queue *admin, uint16_t cntlid_min, uint16_t cntlid_max,
				  const char *hostnqn, const uint8_t hostid[16], uint32_t kato_ms)
{
	struct target *target = subsystem->target;
	struct controller *ctrl = calloc(1, sizeof(*ctrl));

	if (!ctrl)
		return nvme_status(NVME_SC_CONNECT_CTRL_BUSY);
	ctrl->changed_ns = calloc(NVME_CHANGED_NS_MAX, sizeof(*ctrl->changed_ns));
	ctrl->stops = calloc(target->reactor_count, sizeof(*ctrl->stops));
	if (!ctrl->changed_ns || !ctrl->stops)
		goto busy;
	for (unsigned int i = 0; i < target->reactor_count; i++) {
		ctrl->stops[i].reactor = target->reactors[i];
		ctrl->stops[i].message.run = stop_queues;
	}
	ctrl->refs = 1;
	ctrl->reactor = admin->reactor;
	ctrl->discovery = subsystem->discovery;
	ctrl->portid = admin->portid;
	strncpy(ctrl->hostnqn, hostnqn, sizeof(ctrl->hostnqn) - 1);
	snprintf(ctrl->peer, sizeof(ctrl->peer), "%.*s", LOG_PEER_NAME - 1,
		 limits_peer(&admin->place));
	memcpy(ctrl->hostid, hostid, sizeof(ctrl->hostid));
	ctrl->keep_alive.fire = keep_alive_fire;
	defaults(ctrl);
	pthread_mutex_lock(&target->lock);
	ctrl->cntlid = take_cntlid(subsystem, cntlid_min, cntlid_max);
	if (ctrl->cntlid) {
		ctrl->subsystem = subsystem_ref(subsystem);
		list_add_tail(&subsystem->controllers, &ctrl->node);
	}
	pthread_mutex_unlock(&target->lock);
	if (!ctrl->cntlid)
		goto busy;
	controller_set_kato(ctrl, kato_ms);
	*ret_ctrl = ctrl;
	return NVME_SUCCESS;
busy:
	controller_destroy(ctrl);
	return nvme_status(NVME_SC_CONNECT_CTRL_BUSY);
}

void controller_show(struct controller *ctrl, struct queue *admin)
{
	struct target *target = ctrl->subsystem->target;

	pthread_mutex_lock(&target->lock);
	ctrl->admin = admin;
	pthread_mutex_unlock(&target->lock);
}

struct controller *controller_ref(struct controller *ctrl)
{
	atomic_fetch_add(&ctrl->refs, 1);
	return ctrl;
}

void controller_unref(struct controller *ctrl)
{
	struct subsystem *subsystem = ctrl->subsystem;

	if (atomic_fetch_sub(&ctrl->refs, 1) != 1)
		return;
	pthread_mutex_lock(&subsystem->target->lock);
	list_del(&ctrl->node);
	pthread_mutex_unlock(&subsystem->target->lock);
	controller_destroy(ctrl);
	subsystem_unref(subsystem);
}

/* True if the queue must end: its controller is dead, or was reset after the queue was made. */
static bool queue_must_end(const struct queue *queue, const struct controller *ctrl)
{
	return ctrl->dead || (queue->qid && queue->resets != atomic_load(&ctrl->resets));
}

static void stop_queues(struct loop_message *message)
{
	struct controller_stop *stop = container_of(message, struct controller_stop, message);
	/* first, so that a later stop posts the message again */
	struct controller *ctrl = atomic_exchange(&stop->ctrl, NULL);

	list_for_each_safe(node, &stop->reactor->queues) {
		struct queue *queue = list_entry(node, struct queue, node);

		if (queue->ctrl == ctrl && queue_must_end(queue, ctrl))
			queue_disconnect(queue);
	}
	controller_unref(ctrl);
}

/* Ends the I/O queues on all reactors; if the controller is dead, the admin queue too. */
static void post_stops(struct controller *ctrl)
{
	struct target *target = ctrl->subsystem->target;

	for (unsigned int i = 0; i < target->reactor_count; i++) {
		struct controller_stop *stop = &ctrl->stops[i];

		if (atomic_load(&stop->ctrl))
			continue; /* a message is on its way and will have the same effect */
		atomic_store(&stop->ctrl, controller_ref(ctrl));
		loop_post(stop->reactor->loop, &stop->message);
	}
}

void controller_stop(struct controller *ctrl, const char *why)
{
	if (atomic_exchange(&ctrl->dead, true))
		return;
	ctrl->ready = false;
	loop_timer_stop(ctrl->reactor->loop, &ctrl->keep_alive);
	log_peer(LOG_INFO, ctrl->peer, "host %s left %s: controller %u, %s",
		 host_name(ctrl->hostnqn), ctrl->subsystem->nqn, ctrl->cntlid, why);
	post_stops(ctrl);
}

void controller_queue_gone(struct controller *ctrl, struct queue *queue)
{
	struct target *target = ctrl->subsystem->target;

	pthread_mutex_lock(&target->lock);
	if (!queue->qid)
		ctrl->admin = NULL;
	else if (ctrl->io[queue->qid] == queue)
		ctrl->io[queue->qid] = NULL;
	pthread_mutex_unlock(&target->lock);
	if (!queue->qid) {
		ctrl->aer_count = 0;
		controller_stop(ctrl, "its connection ended");
	}
}

/* The timer's period, nanoseconds. */
static uint64_t half_kato(const struct controller *ctrl)
{
	return (uint64_t)ctrl->kato_ms * 500000;
}

/* Fires each half of KATO: two periods without a command end the controller. */
static void keep_alive_fire(struct loop_timer *timer)
{
	struct controller *ctrl = container_of(timer, struct controller, keep_alive);

	if (atomic_exchange(&ctrl->traffic, false))
		ctrl->quiet_periods = 0;
	else if (++ctrl->quiet_periods >= 2) {
		log_peer(LOG_WARNING, ctrl->peer,
			 "host %s sent no keep alive for %u ms: its controller %u of %s ends",
			 host_name(ctrl->hostnqn), ctrl->kato_ms, ctrl->cntlid,
			 ctrl->subsystem->nqn);
		ctrl->csts |= NVME_CSTS_CFS;
		controller_stop(ctrl, "keep alive expired");
		return;
	}
	loop_timer_start(ctrl->reactor->loop, timer, half_kato(ctrl));
}

void controller_set_kato(struct controller *ctrl, uint32_t kato_ms)
{
	if (!kato_ms && ctrl->discovery)
		kato_ms = DISCOVERY_KATO_MS;
	if (kato_ms > CONTROLLER_KATO_MAX_MS)
		kato_ms = CONTROLLER_KATO_MAX_MS;
	kato_ms = (kato_ms + KAS_MS - 1) / KAS_MS * KAS_MS;
	ctrl->kato_ms = kato_ms;
	ctrl->quiet_periods = 0;
	if (kato_ms)
		loop_timer_start(ctrl->reactor->loop, &ctrl->keep_alive, half_kato(ctrl));
	else
		loop_timer_stop(ctrl->reactor->loop, &ctrl->keep_alive);
}

uint64_t controller_cap(const struct queue *queue)
{
	uint32_t entries = queue->port ? queue->port->max_queue_size : QUEUE_SIZE_MIN;

	return (uint64_t)(entries - 1) << NVME_CAP_MQES_SHIFT | NVME_CAP_CQR |
	       (uint64_t)READY_TIMEOUT << NVME_CAP_TO_SHIFT | NVME_CAP_CSS_NVM |
	       NVME_CAP_CSS_IOCSS;
}

uint32_t controller_vs(const struct queue *queue)
{
	if (queue->subsystem && queue->subsystem->version)
		return queue->subsystem->version;
	return NVME_VS(2, 1, 0);
}

/* True if CAP offers the values in CC. (Base 2.1, 3.1.4.5) */
static bool cc_valid(const struct controller *ctrl, uint32_t cc)
{
	uint32_t css = cc & NVME_CC_CSS_MASK;

	if (css != NVME_CC_CSS_NVM && css != NVME_CC_CSS_IOCSS && css != NVME_CC_CSS_ADMIN)
		return false;
	if (cc & (NVME_CC_MPS_MASK | NVME_CC_AMS_MASK))
		return false;
	/* entry sizes of I/O queues: a host that makes no I/O queues may leave them 0 */
	if (ctrl->discovery)
		return true;
	if ((cc & NVME_CC_IOSQES_MASK) && (cc & NVME_CC_IOSQES_MASK) >> NVME_CC_IOSQES_SHIFT !=
	    NVME_SQES)
		return false;
	if ((cc & NVME_CC_IOCQES_MASK) && (cc & NVME_CC_IOCQES_MASK) >> NVME_CC_IOCQES_SHIFT !=
	    NVME_CQES)
		return false;
	return true;
}

/* Drops commands that wait for events or buffers: a reset ends them without an answer. */
static void drop_commands(struct controller *ctrl)
{
	struct list *waiters = &ctrl->admin->replies.waiters;

	while (!list_empty(waiters))
		request_release(list_entry(waiters->next, struct request, wait));
	while (ctrl->aer_count) {
		struct request *req = ctrl->aer[--ctrl->aer_count];

		req->queue->held--;
		request_release(req);
	}
	ctrl->event_count = 0;
	ctrl->events_masked = 0;
}

void controller_set_cc(struct controller *ctrl, uint32_t cc)
{
	uint32_t old = ctrl->cc;

	if (nvme_cc_enabled(cc) && !nvme_cc_enabled(old)) {
		ctrl->cc = cc;
		if (!cc_valid(ctrl, cc)) {
			ctrl->csts |= NVME_CSTS_CFS;
			return;
		}
		ctrl->csts = NVME_CSTS_RDY;
		ctrl->ready = true;
	} else if (!nvme_cc_enabled(cc) && nvme_cc_enabled(old)) {
		ctrl->ready = false;
		drop_commands(ctrl);
		/* Connects of I/O queues read some of these members */
		pthread_mutex_lock(&ctrl->subsystem->target->lock);
		defaults(ctrl);
		atomic_fetch_add(&ctrl->resets, 1);
		pthread_mutex_unlock(&ctrl->subsystem->target->lock);
		ctrl->cc = cc & ~NVME_CC_SHN_MASK;
		post_stops(ctrl);
	} else {
		ctrl->cc = cc;
	}
	if ((cc & NVME_CC_SHN_MASK) && !(old & NVME_CC_SHN_MASK))
		ctrl->csts = (ctrl->csts & ~NVME_CSTS_SHST_MASK) | NVME_CSTS_SHST_COMPLETE;
	else if (!(cc & NVME_CC_SHN_MASK))
		ctrl->csts &= ~NVME_CSTS_SHST_MASK;
}
