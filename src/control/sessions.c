/* SPDX-License-Identifier: BSD-3-Clause */
/* /v1/sessions: who is connected. One entry for each controller. */
#include <errno.h>
#include <string.h>

#include "control/internal.h"
#include "control/sessions.h"
#include "control/when.h"
#include "loop/loop.h"
#include "target/controller.h"
#include "target/queue.h"
#include "target/subsystem.h"
#include "target/target.h"
#include "target/transport.h"

#define NS_PER_SECOND 1000000000u

struct totals {
	unsigned int io_queues;
	uint64_t commands, read_bytes, written_bytes, errors;
};

static void add_queue(struct totals *totals, const struct queue *queue)
{
	const struct queue_counters *counters = &queue->counters;

	totals->commands += atomic_load_explicit(&counters->commands, memory_order_relaxed);
	totals->read_bytes += atomic_load_explicit(&counters->read_bytes, memory_order_relaxed);
	totals->written_bytes += atomic_load_explicit(&counters->written_bytes,
						      memory_order_relaxed);
	totals->errors += atomic_load_explicit(&counters->errors, memory_order_relaxed);
}

static void add_queues(struct totals *totals, const struct controller *ctrl)
{
	add_queue(totals, ctrl->admin);
	for (unsigned int qid = 1; qid <= CONTROLLER_QUEUES_MAX; qid++) {
		if (!ctrl->io[qid])
			continue;
		add_queue(totals, ctrl->io[qid]);
		totals->io_queues++;
	}
}

static json_t *describe_address(const struct transport_address *address)
{
	return json_pack("{s:s, s:i}", "traddr", address->traddr, "trsvcid",
			 (int)address->trsvcid);
}

static json_t *describe(const struct controller *ctrl)
{
	const struct queue *admin = ctrl->admin;
	struct transport_address local = {0}, peer = {0};
	char hostid[UUID_TEXT], since[WHEN_TEXT];
	bool header = false, data = false;
	struct totals totals = {0};

	admin->ops->addresses(admin, &local, &peer);
	admin->ops->digests(admin, &header, &data);
	add_queues(&totals, ctrl);
	uuid_format(ctrl->hostid, hostid);
	when_format((time_t)admin->connected, since);
	return json_pack("{s:s, s:s, s:s, s:b, s:i, s:i, s:s, s:o, s:o, s:i, s:I, s:{s:b, s:b}, "
			 "s:s, s:I, s:I, s:I, s:I, s:I}",
			 "hostnqn", ctrl->hostnqn, "hostid", hostid,
			 "subsystem", ctrl->subsystem->nqn, "discovery", ctrl->discovery,
			 "cntlid", (int)ctrl->cntlid, "portid", (int)ctrl->portid,
			 "trtype", admin->ops->name, "address", describe_address(&peer),
			 "local", describe_address(&local), "io_queues", (int)totals.io_queues,
			 "kato_ms", (json_int_t)ctrl->kato_ms,
			 "digests", "header", header, "data", data, "since", since,
			 "age_seconds",
			 (json_int_t)((loop_clock() - admin->uptime_start) / NS_PER_SECOND),
			 "commands", (json_int_t)totals.commands,
			 "read_bytes", (json_int_t)totals.read_bytes,
			 "written_bytes", (json_int_t)totals.written_bytes,
			 "errors", (json_int_t)totals.errors);
}

/* Its connection is gone, and soon it is too. */
static bool is_ending(const struct controller *ctrl)
{
	return !ctrl->admin;
}

unsigned int sessions_count(struct target *target, const char *nqn)
{
	unsigned int count = 0;

	pthread_mutex_lock(&target->lock);
	list_for_each(node, &target->subsystems) {
		const struct subsystem *subsystem = list_entry(node, struct subsystem, node);

		if (nqn && strcmp(nqn, subsystem->nqn) != 0)
			continue;
		list_for_each(ctrl, &subsystem->controllers)
			count += !is_ending(list_entry(ctrl, struct controller, node));
	}
	pthread_mutex_unlock(&target->lock);
	return count;
}

/* Under the target's lock. 0 or -ENOMEM. */
static int describe_subsystem(json_t *sessions, const struct subsystem *subsystem)
{
	list_for_each(node, &subsystem->controllers) {
		const struct controller *ctrl = list_entry(node, struct controller, node);

		if (!is_ending(ctrl) && json_array_append_new(sessions, describe(ctrl)) < 0)
			return -ENOMEM;
	}
	return 0;
}

int control_get_sessions(struct control *control, const struct http_request *request,
			 json_t **ret_reply, struct weft_error *error)
{
	struct target *target = control->options.target;
	json_t *sessions = json_array();
	int r = 0;

	if (!sessions)
		return weft_error_set(error, ENOMEM, "out of memory");
	pthread_mutex_lock(&target->lock);
	list_for_each(node, &target->subsystems)
		if (r == 0)
			r = describe_subsystem(sessions, list_entry(node, struct subsystem, node));
	pthread_mutex_unlock(&target->lock);
	if (r < 0) {
		json_decref(sessions);
		return weft_error_set(error, -r, "out of memory");
	}
	return control_reply(json_pack("{s:o}", "sessions", sessions), ret_reply, error);
}
