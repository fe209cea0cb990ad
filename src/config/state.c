/* SPDX-License-Identifier: BSD-3-Clause */
/* GENCTR across restarts: see state.h. */
#include "config/state.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
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

struct state {
	char *path;			/* owned; NULL: nothing is stored */
	uint64_t genctr;
	char digest[UUID_TEXT];		/* of the log that genctr stands for */
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
	_cleanup_free_ char *whole = NULL;
	uint8_t uuid[16];

	strbuf_add(&text, "discovery %s\n", config->discovery_nqn ? config->discovery_nqn : "");
	for (size_t i = 0; i < config->port_count; i++)
		add_port(&text, config, &config->ports[i]);
	whole = strbuf_take(&text);
	if (!whole)
		return -ENOMEM;
	uuid_from_text(whole, uuid);
	uuid_format(uuid, ret_digest);
	return 0;
}

/* ---- the file ---- */

static int load(struct state *state)
{
	json_error_t json_error;
	json_t *root = json_load_file(state->path, JSON_REJECT_DUPLICATES, &json_error);
	const char *digest = json_string_value(json_object_get(root, "discovery"));
	json_int_t genctr = json_integer_value(json_object_get(root, "genctr"));
	int r = -EINVAL;

	if (genctr > 0 && genctr < GENCTR_MAX && digest &&
	    strlen(digest) < sizeof(state->digest)) {
		state->genctr = (uint64_t)genctr;
		strcpy(state->digest, digest);
		r = 0;
	}
	json_decref(root);
	return r;
}

static int store(const struct state *state, struct weft_error *error)
{
	_cleanup_free_ char *text = NULL;
	int n;

	if (!state->path)
		return 0;
	n = asprintf(&text, "{\n  \"discovery\": \"%s\",\n  \"genctr\": %" PRIu64 "\n}\n",
		     state->digest, state->genctr);
	if (n < 0) {
		text = NULL;
		return weft_error_set(error, ENOMEM, "%s: out of memory", state->path);
	}
	return config_write_file(state->path, text, (size_t)n, error);
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
	if (state->path && access(state->path, F_OK) == 0 && load(state) < 0)
		log_warning("%s: it is not a state file or cannot be read; it will be replaced, "
			    "and the discovery log's counter begins at %" PRIu64, state->path,
			    state->genctr);
	*ret_state = state;
	return 0;
}

void state_close(struct state *state)
{
	if (!state)
		return;
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
	r = store(state, error);
	return r < 0 ? r : 1;
}

uint64_t state_genctr(const struct state *state)
{
	return state->genctr;
}
