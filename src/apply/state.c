/* SPDX-License-Identifier: BSD-3-Clause */
/* What survives restarts: GENCTR, and flushes that failed. See state.h. */
#include "apply/state.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <weft/backend.h>

#include "config/attr.h"
#include "config/model.h"
#include "config/save.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/str.h"

/* Further than counting leads; what is stored stays an integer that JSON can hold. */
#define GENCTR_MAX (INT64_MAX / 2)
#define ERRNO_MAX 4095

struct state {
	char *path;			/* owned; NULL: nothing is stored */
	uint64_t genctr;
	char digest[UUID_TEXT];		/* of the log that genctr stands for */
	struct state_flush *flushes;	/* owned */
	size_t flush_count;
	bool unsaved;			/* the file is older than this */
};

/* ---- what the log shows ---- */

static void add_attrs(struct strbuf *text, const struct config_attr *attrs, const void *object)
{
	for (; attrs->name; attrs++) {
		strbuf_add(text, " %s=", attrs->name);
		config_attr_format(attrs, object, text);
	}
	strbuf_add(text, "\n");
}

static void add_link(struct strbuf *text, const struct config *config, const char *nqn)
{
	const struct config_subsystem *subsystem = config_find_subsystem(config, nqn);

	strbuf_add(text, " subsystem %s any=%d", nqn, subsystem && subsystem->allow_any_host);
	for (size_t i = 0; subsystem && i < subsystem->allowed_host_count; i++)
		strbuf_add(text, " %s", subsystem->allowed_hosts[i]);
	strbuf_add(text, "\n");
}

static void add_port(struct strbuf *text, const struct config *config,
		     const struct config_port *port)
{
	strbuf_add(text, "port %u discovery=%d", port->portid, port->discovery);
	add_attrs(text, config_address_attrs, &port->addr);
	for (size_t i = 0; i < port->subsystem_count; i++)
		add_link(text, config, port->subsystems[i]);
	for (size_t i = 0; i < port->referral_count; i++) {
		if (!port->referrals[i].enable)
			continue;
		strbuf_add(text, " referral");
		add_attrs(text, config_referral_attrs, &port->referrals[i]);
	}
}

/* 0 or -ENOMEM. */
static int digest_of(const struct config *config, char ret_digest[UUID_TEXT])
{
	struct strbuf text = { 0 };

	strbuf_add(&text, "discovery %s\n", config->discovery_nqn ? config->discovery_nqn : "");
	for (size_t i = 0; i < config->port_count; i++)
		add_port(&text, config, &config->ports[i]);
	return strbuf_take_uuid(&text, ret_digest);
}

/* ---- flushes that failed ---- */

const struct state_flush *state_flushes(const struct state *state, size_t *ret_count)
{
	*ret_count = state->flush_count;
	return state->flushes;
}

const struct state_flush *state_find_flush(const struct state *state, const char *nqn,
					   uint32_t nsid)
{
	for (size_t i = 0; i < state->flush_count; i++)
		if (state->flushes[i].nsid == nsid && !strcmp(state->flushes[i].nqn, nqn))
			return &state->flushes[i];
	return NULL;
}

/* true: it is gone. */
static bool remove_flush(struct state *state, const char *nqn, uint32_t nsid)
{
	const struct state_flush *found = state_find_flush(state, nqn, nsid);

	if (!found)
		return false;
	free(found->nqn);
	state->flushes[found - state->flushes] = state->flushes[--state->flush_count];
	return true;
}

/* In place of what it had. 0 or -ENOMEM. */
static int add_flush(struct state *state, const char *nqn, uint32_t nsid, const char *device,
		     int error)
{
	struct state_flush flush = { .nsid = nsid, .error = error };
	struct state_flush *grown =
		reallocarray(state->flushes, state->flush_count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	state->flushes = grown;
	flush.nqn = strdup(nqn);
	if (!flush.nqn)
		return -ENOMEM;
	snprintf(flush.device, sizeof(flush.device), "%s", device);
	remove_flush(state, nqn, nsid);
	state->flushes[state->flush_count++] = flush;
	return 0;
}

/* ---- the file ---- */

static int load_genctr(struct state *state, const json_t *root)
{
	const char *digest = json_string_value(json_object_get(root, "discovery"));
	json_int_t genctr = json_integer_value(json_object_get(root, "genctr"));

	if (genctr <= 0 || genctr >= GENCTR_MAX || !digest ||
	    strlen(digest) >= sizeof(state->digest))
		return -EINVAL;
	state->genctr = (uint64_t)genctr;
	strcpy(state->digest, digest);
	return 0;
}

static int load_flush(struct state *state, const json_t *entry)
{
	const char *nqn = json_string_value(json_object_get(entry, "subsystem"));
	const char *device = json_string_value(json_object_get(entry, "device"));
	json_int_t nsid = json_integer_value(json_object_get(entry, "nsid"));
	json_int_t error = json_integer_value(json_object_get(entry, "error"));

	if (!nqn || !device || strlen(device) >= UUID_TEXT || nsid < 1 ||
	    nsid > CONFIG_NSID_MAX || error < 1 || error > ERRNO_MAX)
		return -EINVAL;
	return add_flush(state, nqn, (uint32_t)nsid, device, (int)error);
}

/* Takes what it can. 0, or -errno where that is not all. */
static int load_flushes(struct state *state, const json_t *root)
{
	const json_t *entries = json_object_get(root, "failed_flushes");
	int r = entries && !json_is_array(entries) ? -EINVAL : 0;

	for (size_t i = 0; i < json_array_size(entries); i++)
		if (load_flush(state, json_array_get(entries, i)) < 0)
			r = -EINVAL;
	return r;
}

static void load(struct state *state)
{
	json_error_t json_error;
	json_t *root = json_load_file(state->path, JSON_REJECT_DUPLICATES, &json_error);

	if (load_genctr(state, root) < 0)
		log_warning("%s: it is not a state file or cannot be read; it will be replaced, "
			    "and the discovery log's counter begins at %" PRIu64, state->path,
			    state->genctr);
	if (!root || load_flushes(state, root) < 0)
		log_warning("%s: not all can be read that it may say of flushes that failed: "
			    "those are forgotten", state->path);
	json_decref(root);
}

static json_t *flushes_json(const struct state *state)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < state->flush_count; i++) {
		const struct state_flush *flush = &state->flushes[i];
		json_t *entry = json_pack("{s:s, s:i, s:s, s:i}", "subsystem", flush->nqn, "nsid",
					  (int)flush->nsid, "device", flush->device, "error",
					  flush->error);

		if (json_array_append_new(array, entry) < 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

/* For the caller to free(); NULL where memory ran out. */
static char *format(const struct state *state)
{
	json_t *root = json_pack("{s:s, s:I, s:o}", "discovery", state->digest, "genctr",
				 (json_int_t)state->genctr, "failed_flushes", flushes_json(state));
	_cleanup_free_ char *dump = json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS);
	struct strbuf text = { 0 };

	json_decref(root);
	if (!dump)
		return NULL;
	strbuf_add(&text, "%s\n", dump);
	return strbuf_take(&text);
}

int state_store(struct state *state, struct weft_error *error)
{
	_cleanup_free_ char *text = NULL;
	int r;

	if (!state->path || !state->unsaved)
		return 0;
	text = format(state);
	if (!text)
		return weft_error_set(error, ENOMEM, "%s: out of memory", state->path);
	r = config_write_file(state->path, text, strlen(text), error);
	if (r < 0)
		return r;
	state->unsaved = false;
	return 1;
}

static int store_change(struct state *state, struct weft_error *error)
{
	int r;

	state->unsaved = true;
	r = state_store(state, error);
	return r < 0 ? r : 0;
}

int state_add_flush(struct state *state, const char *nqn, uint32_t nsid, const char *device,
		    int flush_error, struct weft_error *error)
{
	if (add_flush(state, nqn, nsid, device, flush_error) < 0)
		return weft_error_set(error, ENOMEM, "out of memory");
	return store_change(state, error);
}

int state_remove_flush(struct state *state, const char *nqn, uint32_t nsid,
		       struct weft_error *error)
{
	return remove_flush(state, nqn, nsid) ? store_change(state, error) : 0;
}

int state_open(struct state **ret_state, const char *dir, struct weft_error *error)
{
	struct state *state = calloc(1, sizeof(*state));

	if (!state)
		return weft_error_set(error, ENOMEM, "out of memory");
	state->genctr = (uint64_t)time(NULL);
	if (dir && asprintf(&state->path, "%s/state.json", dir) < 0) {
		free(state);
		return weft_error_set(error, ENOMEM, "out of memory");
	}
	if (state->path && access(state->path, F_OK) == 0)
		load(state);
	*ret_state = state;
	return 0;
}

void state_close(struct state *state)
{
	if (!state)
		return;
	for (size_t i = 0; i < state->flush_count; i++)
		free(state->flushes[i].nqn);
	free(state->flushes);
	free(state->path);
	free(state);
}

int state_update(struct state *state, const struct config *config, struct weft_error *error)
{
	char digest[UUID_TEXT];
	int r;

	if (digest_of(config, digest) < 0)
		return weft_error_set(error, ENOMEM, "out of memory");
	if (!strcmp(digest, state->digest))
		return 0;
	strcpy(state->digest, digest);
	state->genctr++;
	r = store_change(state, error);
	return r < 0 ? r : 1;
}

uint64_t state_genctr(const struct state *state)
{
	return state->genctr;
}
