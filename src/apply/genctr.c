/* SPDX-License-Identifier: BSD-3-Clause */
/* The generation counter of the discovery log: see genctr.h. */
#include "apply/genctr.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "apply/state.h"
#include "config/model.h"

/* More than is ever counted; the stored value stays an integer that JSON can hold. */
#define GENCTR_MAX (INT64_MAX / 2)
#define KIND "discovery"
#define KEY "log"

/* Adds the settings that the discovery log shows: those whose change affects the log. */
static void add_settings(struct strbuf *text, const struct object_type *type, const void *settings)
{
	for (const struct attr *attr = type->attrs; attr->name; attr++) {
		if (attr->effect != ATTR_IN_LOG && attr->effect != ATTR_LISTENS_ANEW &&
		    attr->effect != ATTR_ENDS)
			continue;
		strbuf_add(text, " %s=", attr->name);
		attr_format(attr, settings, text);
	}
	strbuf_add(text, "\n");
}

static void add_link(struct strbuf *text, const struct config *config, const char *nqn)
{
	const struct config_subsystem *subsystem = config_find_subsystem(config, nqn);

	if (!subsystem)
		return;
	strbuf_add(text, " subsystem %s", nqn);
	add_settings(text, &subsystem_type, &subsystem->settings);
	for (size_t i = 0; i < subsystem->allowed_host_count; i++)
		strbuf_add(text, " %s", subsystem->allowed_hosts[i]);
	strbuf_add(text, "\n");
}

static void add_port(struct strbuf *text, const struct config *config,
		     const struct config_port *port)
{
	strbuf_add(text, "port %u", port->portid);
	add_settings(text, &port_type, &port->settings);
	for (size_t i = 0; i < port->subsystem_count; i++)
		add_link(text, config, port->subsystems[i]);
	for (size_t i = 0; i < port->referral_count; i++) {
		if (!port->referrals[i].enable)
			continue;
		strbuf_add(text, " referral");
		add_settings(text, &referral_type, &port->referrals[i].settings);
	}
}

/* 0 or -ENOMEM. */
static int digest_of(const struct config *config, char ret_digest[UUID_TEXT])
{
	struct strbuf text = { 0 };

	add_settings(&text, &root_type, &config->settings);
	for (size_t i = 0; i < config->port_count; i++)
		add_port(&text, config, &config->ports[i]);
	return strbuf_take_uuid(&text, ret_digest);
}

void genctr_recall(struct genctr *genctr, const struct state *state)
{
	const json_t *record = state_get(state, KIND, KEY);
	const char *digest = json_string_value(json_object_get(record, "digest"));
	json_int_t value = json_integer_value(json_object_get(record, "genctr"));

	*genctr = (struct genctr){ .value = (uint64_t)time(NULL) };
	if (state_damaged(state) || value <= 0 || value >= GENCTR_MAX || !digest ||
	    strlen(digest) >= sizeof(genctr->digest))
		return;
	genctr->value = (uint64_t)value;
	strcpy(genctr->digest, digest);
}

int genctr_move(struct genctr *genctr, struct state *state)
{
	genctr->value++;
	return state_put(state, KIND, KEY, json_pack("{s:s, s:I}", "digest", genctr->digest,
						     "genctr", (json_int_t)genctr->value));
}

int genctr_update(struct genctr *genctr, struct state *state, const struct config *config)
{
	char digest[UUID_TEXT];
	int r;

	if (digest_of(config, digest) < 0)
		return -ENOMEM;
	if (!strcmp(digest, genctr->digest))
		return 0;
	strcpy(genctr->digest, digest);
	r = genctr_move(genctr, state);
	return r < 0 ? r : 1;
}
