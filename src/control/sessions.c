/* SPDX-License-Identifier: BSD-3-Clause */
/* /v1/sessions: the hosts that are connected. One entry for each controller. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/exchange.h"
#include "control/internal.h"
#include "control/sessions.h"
#include "control/timestamp.h"
#include "loop/loop.h"
#include "target/base/target.h"
#include "target/model/subsystem.h"
#include "target/queue/controller.h"
#include "target/queue/queue.h"
#include "target/queue/transport.h"

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
	char hostid[UUID_TEXT], since[TIMESTAMP_TEXT];
	bool header = false, data = false;
	struct totals totals = {0};

	admin->ops->addresses(admin, &local, &peer);
	admin->ops->digests(admin, &header, &data);
	add_queues(&totals, ctrl);
	uuid_format(ctrl->hostid, hostid);
	timestamp_format((time_t)admin->connected, since);
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

/* True if the controller's admin connection has ended, so that the controller ends soon. */
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

/* ---- the reply, in pieces ---- */

/* Sessions described at a time, while the target's lock is held. */
#define PIECE_SESSIONS 64

/* Identifies a controller so that it can be found again. Pointers are not dereferenced. */
struct session_key {
	const struct subsystem *subsystem;
	uint16_t cntlid;
};

struct session_stream {
	struct stream stream;
	struct target *target;		/* borrowed */
	struct session_key *keys;	/* owned: the controllers that existed at the beginning */
	size_t count, next;		/* number of keys, and of those that are described */
	bool any;			/* the reply has a session already */
};

static bool is_among(const struct controller *ctrl, const struct session_key *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (keys[i].cntlid == ctrl->cntlid && keys[i].subsystem == ctrl->subsystem)
			return true;
	return false;
}

/* Call it with the target's lock held. 0 or -ENOMEM. */
static int add_session(struct session_stream *sessions, const struct controller *ctrl,
		       struct strbuf *piece)
{
	json_t *object = describe(ctrl);
	char *text = object ? json_dumps(object, 0) : NULL;

	json_decref(object);
	if (!text)
		return -ENOMEM;
	strbuf_add(piece, "%s\n    %s", sessions->any ? "," : "", text);
	free(text);
	sessions->any = true;
	return 0;
}

/* Adds the controllers of some keys that still exist. 0 or -ENOMEM. */
static int add_sessions(struct session_stream *sessions, const struct session_key *keys,
			size_t count, struct strbuf *piece)
{
	int r = 0;

	pthread_mutex_lock(&sessions->target->lock);
	list_for_each(node, &sessions->target->subsystems) {
		list_for_each(ctrl_node, &list_entry(node, struct subsystem, node)->controllers) {
			const struct controller *ctrl =
				list_entry(ctrl_node, struct controller, node);

			if (r == 0 && !is_ending(ctrl) && is_among(ctrl, keys, count))
				r = add_session(sessions, ctrl, piece);
		}
	}
	pthread_mutex_unlock(&sessions->target->lock);
	return r;
}

static int next_piece(struct stream *stream, struct strbuf *piece)
{
	struct session_stream *sessions = container_of(stream, struct session_stream, stream);
	const struct session_key *keys = sessions->keys + sessions->next;
	size_t count = sessions->count - sessions->next;
	int r;

	if (count > PIECE_SESSIONS)
		count = PIECE_SESSIONS;
	if (sessions->next == 0)
		strbuf_add(piece, "{\n  \"sessions\": [");
	r = add_sessions(sessions, keys, count, piece);
	if (r < 0)
		return r;
	sessions->next += count;
	if (sessions->next < sessions->count)
		return 1;
	strbuf_add(piece, "%s]\n}\n", sessions->any ? "\n  " : "");
	return 0;
}

static void free_sessions(struct stream *stream)
{
	struct session_stream *sessions = container_of(stream, struct session_stream, stream);

	free(sessions->keys);
	free(sessions);
}

/* Reads the keys of all controllers. 0 or -ENOMEM. */
static int read_keys(struct session_stream *sessions)
{
	size_t capacity = 0;
	int r = 0;

	pthread_mutex_lock(&sessions->target->lock);
	list_for_each(node, &sessions->target->subsystems)
		list_for_each(ctrl, &list_entry(node, struct subsystem, node)->controllers)
			capacity++;
	sessions->keys = calloc(capacity + 1, sizeof(*sessions->keys));
	if (!sessions->keys)
		r = -ENOMEM;
	list_for_each(node, &sessions->target->subsystems) {
		const struct subsystem *subsystem = list_entry(node, struct subsystem, node);

		list_for_each(ctrl_node, &subsystem->controllers) {
			const struct controller *ctrl =
				list_entry(ctrl_node, struct controller, node);

			if (r == 0)
				sessions->keys[sessions->count++] =
					(struct session_key){ subsystem, ctrl->cntlid };
		}
	}
	pthread_mutex_unlock(&sessions->target->lock);
	return r;
}

int control_get_sessions(struct exchange *exchange, json_t **ret_reply, struct weft_error *error)
{
	struct session_stream *sessions = calloc(1, sizeof(*sessions));

	if (!sessions)
		return weft_error_set(error, ENOMEM, "out of memory");
	sessions->stream = (struct stream){ .next = next_piece, .free = free_sessions };
	sessions->target = exchange->control->options.target;
	if (read_keys(sessions) < 0) {
		free(sessions);
		return weft_error_set(error, ENOMEM, "out of memory");
	}
	exchange_stream(exchange, &sessions->stream);
	return EXCHANGE_LATER;
}
