/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flushes that failed. After a failed flush, all later flushes of the namespace fail
 * (target/namespace.h) until the administrator acknowledges the failure by disabling or
 * removing the namespace, or by giving it another device. The failure outlives a device
 * that is lost and found again, and a restart of weftd. So it is a record of the state
 * (state.h), and the host gets the status of its failed flush once the record is stored.
 * A namespace that is missing when weftd starts does not count as removed by the
 * administrator: its record is kept until the namespace is configured again.
 */
#include <errno.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/internal.h"
#include "target/base/control_request.h"
#include "util/log.h"

/* How long the completion of a failed flush is delayed until the record is stored. */
#define STORE_TIMEOUT_MS 2000
#define ERRNO_MAX 4095

/* ---- the records ---- */

/* The records of the state (state.h): "NQN NSID" -> the device that was flushed, and the errno. */
#define KIND "flush"

struct record {
	const char *device;		/* borrowed: config_device_digest() */
	int error;			/* positive */
};

static void make_key(char key[STATE_KEY_MAX], const char *nqn, uint32_t nsid)
{
	snprintf(key, STATE_KEY_MAX, "%s %u", nqn, nsid);
}

/* False: the text is not a key. */
static bool parse_key(const char *key, char nqn[NVMF_NQN_SIZE], uint32_t *ret_nsid)
{
	const char *space = strrchr(key, ' ');
	uint64_t nsid;

	if (!space || space - key >= NVMF_NQN_SIZE ||
	    number_parse(space + 1, 1, UINT32_MAX, &nsid) < 0)
		return false;
	snprintf(nqn, NVMF_NQN_SIZE, "%.*s", (int)(space - key), key);
	*ret_nsid = (uint32_t)nsid;
	return true;
}

static bool parse_record(const json_t *value, struct record *ret)
{
	const char *device = json_string_value(json_object_get(value, "device"));
	json_int_t error = json_integer_value(json_object_get(value, "error"));

	if (!device || error < 1 || error > ERRNO_MAX)
		return false;
	*ret = (struct record){ .device = device, .error = (int)error };
	return true;
}

static bool recorded(const struct apply *apply, const char *nqn, uint32_t nsid)
{
	char key[STATE_KEY_MAX];

	make_key(key, nqn, nsid);
	return state_get(apply->state, KIND, key) != NULL;
}

static int put_record(struct apply *apply, const char *nqn, const struct config_namespace *want,
		      int error)
{
	char key[STATE_KEY_MAX], digest[UUID_TEXT];

	if (config_device_digest(want, apply->options.backends, digest) < 0)
		return -ENOMEM;
	make_key(key, nqn, want->nsid);
	return state_put(apply->state, KIND, key,
			 json_pack("{s:s, s:i}", "device", digest, "error", error));
}

/* True if this namespace is configured with the device whose flush failed. */
static bool same_device(const struct apply *apply, const struct config_namespace *want,
			const struct record *record)
{
	char digest[UUID_TEXT];

	return config_device_digest(want, apply->options.backends, digest) < 0 ||
	       !strcmp(digest, record->device);
}

/* ---- a failure ---- */

static void not_stored(const char *nqn, uint32_t nsid, int result)
{
	log_warning("namespace %u of %s: after a restart, its flushes may succeed again, for that "
		    "one failed is not stored yet (%s); weft keeps trying", nsid, nqn,
		    strerror(-result));
}

/* Logs that a record was not stored in time. */
struct record_waiter {
	struct state_waiter waiter;
	char nqn[NVMF_NQN_SIZE];
	uint32_t nsid;
};

static void record_stored(struct state_waiter *waiter, int result)
{
	struct record_waiter *record = container_of(waiter, struct record_waiter, waiter);

	if (result < 0)
		not_stored(record->nqn, record->nsid, result);
	free(record);
}

static void store(struct apply *apply, const char *nqn, const struct config_namespace *want,
		  int error)
{
	struct record_waiter *record = calloc(1, sizeof(*record));
	int r = record ? put_record(apply, nqn, want, error) : -ENOMEM;

	if (r < 0) {
		not_stored(nqn, want->nsid, r);
		free(record);
		return;
	}
	record->waiter.done = record_stored;
	record->nsid = want->nsid;
	snprintf(record->nqn, sizeof(record->nqn), "%s", nqn);
	state_wait(apply->state, &record->waiter, STORE_TIMEOUT_MS);
}

static void failed(struct apply *apply, const struct config_subsystem *subsystem,
		   const struct config_namespace *want, struct device *device, int error)
{
	device->flush_error = error;
	log_err("namespace %u of %s: " FLUSH_FAILED, want->nsid, subsystem->nqn, strerror(error));
	store(apply, subsystem->nqn, want, error);
	if (device->ns)
		namespace_flush_failed(device->ns, error);
}

static int flush_error_of(const struct namespace *ns)
{
	return ns ? atomic_load(&ns->flush_error) : 0;
}

static bool look(struct apply *apply, const struct config_subsystem *subsystem,
		 const struct config_namespace *want, struct device *device)
{
	int error = flush_error_of(device->ns);

	if (!error && device->lost)
		error = flush_error_of(device->left);
	if (error && (!device->flush_error || !recorded(apply, subsystem->nqn, want->nsid)))
		failed(apply, subsystem, want, device, error);
	return false;
}

/* Passes the flush error of a lost namespace to the one that replaces it. */
static void inherit(struct apply *apply, const struct retired *retired)
{
	struct device *device = running_find_device(&apply->now, retired->nqn, retired->nsid);
	const struct config_subsystem *subsystem;
	int error = flush_error_of(retired->ns);

	if (!retired->lost || !error || !device || device->flush_error)
		return;
	subsystem = config_find_subsystem(apply->now.config, retired->nqn);
	failed(apply, subsystem, config_find_namespace(subsystem, retired->nsid), device, error);
}

void flushes_look(struct apply *apply)
{
	running_each(apply, &apply->now, look);
	for (size_t i = 0; i < apply->retired_count; i++)
		inherit(apply, &apply->retired[i]);
}

/* A reactor that waits for a record to be stored. */
struct answer {
	struct state_waiter waiter;
	struct control_request *request;
};

static void answer_stored(struct state_waiter *waiter, int result)
{
	struct answer *answer = container_of(waiter, struct answer, waiter);

	control_request_answer(answer->request, result);
	free(answer);
}

static void flush_failed(struct control_request *request, struct namespace *ns, void *context)
{
	struct apply *apply = context;
	struct answer *answer = malloc(sizeof(*answer));

	flushes_look(apply);
	if (!answer) {
		control_request_answer(request, -ENOMEM);
		return;
	}
	answer->waiter.done = answer_stored;
	answer->request = request;
	state_wait(apply->state, &answer->waiter, STORE_TIMEOUT_MS);
}

static void progress(void *context)
{
	struct apply *apply = context;

	state_run(apply->state);
}

const struct control_ops apply_control_ops = {
	.flush_failed = flush_failed,
	.progress = progress,
};

/* ---- from one configuration to the next, and from one weftd to the next ---- */

static bool recall(struct apply *apply, const struct config_subsystem *subsystem,
		   const struct config_namespace *want, struct device *device)
{
	char key[STATE_KEY_MAX];
	struct record record;

	if (!want->enable || device->ns || device->flush_error)
		return false;
	make_key(key, subsystem->nqn, want->nsid);
	if (!parse_record(state_get(apply->state, KIND, key), &record) ||
	    !same_device(apply, want, &record))
		return false;
	device->flush_error = record.error;
	log_err("namespace %u of %s: a flush failed (%s) before weftd was started: writes since "
		"the last good one may be lost; flushes fail until it is disabled and enabled "
		"again", want->nsid, subsystem->nqn, strerror(record.error));
	return true;
}

void flushes_recall(struct apply *apply, struct running *next)
{
	running_each(apply, next, recall);
}

static const struct config_namespace *find(const struct config *config, const char *nqn,
					   uint32_t nsid)
{
	const struct config_subsystem *subsystem = config_find_subsystem(config, nqn);

	return subsystem ? config_find_namespace(subsystem, nsid) : NULL;
}

/* The administrator's act that acknowledges the record, for the log; NULL: there is none. */
static const char *acknowledged(const struct apply *apply, const struct config *wanted,
				const char *nqn, uint32_t nsid, const struct record *record)
{
	const struct config_namespace *want = find(wanted, nqn, nsid);

	if (!want)
		return find(apply->now.config, nqn, nsid) ? "removed" : NULL;
	if (!want->enable)
		return "disabled";
	return same_device(apply, want, record) ? NULL : "given another device";
}

bool flushes_acknowledge(struct apply *apply, const struct config *wanted)
{
	const char *key, *how;
	struct record record;
	bool any = false;
	json_t *value;
	void *next;

	json_object_foreach_safe(state_kind(apply->state, KIND), next, key, value) {
		char nqn[NVMF_NQN_SIZE];
		uint32_t nsid;

		if (!parse_key(key, nqn, &nsid) || !parse_record(value, &record))
			continue;
		how = acknowledged(apply, wanted, nqn, nsid, &record);
		if (!how)
			continue;
		log_notice("namespace %u of %s was %s: that a flush failed counts as acknowledged",
			   nsid, nqn, how);
		state_remove(apply->state, KIND, key);
		any = true;
	}
	return any;
}
