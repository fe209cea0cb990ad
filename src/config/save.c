/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing a configuration in nvmetcli's dialect: see save.h. */
#include "config/save.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/backend.h>

#include "config/attr.h"
#include "config/model.h"
#include "util/cleanup.h"
#include "util/str.h"

/*
 * jansson's *_new() functions take what they are given, and all of them pass
 * NULL on as a failure. `failed` gathers these, so that each is looked at once.
 */
struct writer {
	bool failed;
};

static void put(struct writer *w, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		w->failed = true;
}

static void append(struct writer *w, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) < 0)
		w->failed = true;
}

static void put_text(struct writer *w, json_t *object, const char *key, const char *text)
{
	put(w, object, key, json_string(text));
}

static void put_hex(struct writer *w, json_t *object, const char *key, const uint8_t *bytes,
		    size_t count)
{
	char text[UUID_TEXT];

	if (count == 16) {
		uuid_format(bytes, text);
	} else {
		for (size_t i = 0; i < count; i++)
			sprintf(text + 2 * i, "%02x", bytes[i]);
	}
	put_text(w, object, key, text);
}

static json_t *write_attrs(struct writer *w, const struct config_attr *attrs, const void *from)
{
	json_t *object = json_object();

	for (; attrs->name; attrs++) {
		struct strbuf text = { 0 };

		if (config_attr_format(attrs, from, &text) == 0)
			put_text(w, object, attrs->name, text.data);
		strbuf_done(&text);
	}
	return object;
}

static json_t *write_names(struct writer *w, char *const *names, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		append(w, array, json_string(names[i]));
	return array;
}

/* ---- namespaces ---- */

static json_t *write_device(struct writer *w, const struct config_namespace *ns)
{
	json_t *device = json_object();
	const char *path = config_get_option(ns, "path");

	if (path)
		put_text(w, device, "path", path);
	if (ns->has_uuid)
		put_hex(w, device, "uuid", ns->uuid, sizeof(ns->uuid));
	if (ns->has_nguid)
		put_hex(w, device, "nguid", ns->nguid, sizeof(ns->nguid));
	return device;
}

static json_t *write_namespace_weft(struct writer *w, const struct config_namespace *ns)
{
	json_t *group = json_object();

	for (size_t i = 0; i < ns->option_count; i++) {
		if (strcmp(ns->options[i].name, "path"))
			put_text(w, group, ns->options[i].name, ns->options[i].value);
	}
	if (strcmp(ns->backend, "file"))
		put_text(w, group, "backend", ns->backend);
	if (ns->block_size)
		put(w, group, "block_size", json_integer(ns->block_size));
	if (ns->read_only)
		put(w, group, "read_only", json_true());
	if (ns->has_eui64)
		put_hex(w, group, "eui64", ns->eui64, sizeof(ns->eui64));
	return group;
}

/* Adds a group unless it is empty. */
static void put_group(struct writer *w, json_t *object, const char *key, json_t *group)
{
	if (group && !json_object_size(group))
		json_decref(group);
	else
		put(w, object, key, group);
}

static json_t *write_namespace(struct writer *w, const struct config_namespace *ns)
{
	json_t *object = json_object();

	put(w, object, "nsid", json_integer(ns->nsid));
	put(w, object, "enable", json_integer(ns->enable));
	put(w, object, "ana_grpid", json_integer(ns->ana_grpid));
	put(w, object, "device", write_device(w, ns));
	put_group(w, object, "weft", write_namespace_weft(w, ns));
	return object;
}

/* ---- subsystems, ports, hosts ---- */

static json_t *write_subsystem(struct writer *w, const struct config_subsystem *subsystem)
{
	json_t *object = json_object(), *namespaces = json_array();

	for (size_t i = 0; i < subsystem->namespace_count; i++)
		append(w, namespaces, write_namespace(w, &subsystem->namespaces[i]));
	put_text(w, object, "nqn", subsystem->nqn);
	put(w, object, "attr", write_attrs(w, config_subsystem_attrs, subsystem));
	put(w, object, "allowed_hosts",
	    write_names(w, subsystem->allowed_hosts, subsystem->allowed_host_count));
	put(w, object, "namespaces", namespaces);
	return object;
}

static json_t *write_ana_group(struct writer *w, const struct config_ana_group *group)
{
	json_t *object = json_object();

	put(w, object, "grpid", json_integer(group->grpid));
	put(w, object, "ana", write_attrs(w, config_ana_attrs, group));
	return object;
}

static json_t *write_referral(struct writer *w, const struct config_referral *referral)
{
	json_t *object = json_object();

	put_text(w, object, "name", referral->name);
	put(w, object, "addr", write_attrs(w, config_referral_attrs, referral));
	put(w, object, "enable", json_integer(referral->enable));
	return object;
}

static json_t *write_port(struct writer *w, const struct config_port *port)
{
	json_t *object = json_object(), *groups = json_array(), *referrals = json_array();
	json_t *weft = json_object();

	for (size_t i = 0; i < port->ana_group_count; i++)
		append(w, groups, write_ana_group(w, &port->ana_groups[i]));
	for (size_t i = 0; i < port->referral_count; i++)
		append(w, referrals, write_referral(w, &port->referrals[i]));
	if (port->discovery)
		put(w, weft, "discovery", json_true());
	put(w, object, "portid", json_integer(port->portid));
	put(w, object, "addr", write_attrs(w, config_address_attrs, &port->addr));
	put(w, object, "param", write_attrs(w, config_port_params, port));
	put(w, object, "subsystems", write_names(w, port->subsystems, port->subsystem_count));
	put(w, object, "ana_groups", groups);
	put(w, object, "referrals", referrals);
	put_group(w, object, "weft", weft);
	return object;
}

static json_t *write_config(struct writer *w, const struct config *config)
{
	json_t *root = json_object(), *hosts = json_array(), *subsystems = json_array();
	json_t *ports = json_array(), *weft = json_object();

	for (size_t i = 0; i < config->host_count; i++) {
		json_t *host = json_object();

		put_text(w, host, "nqn", config->hosts[i].nqn);
		append(w, hosts, host);
	}
	for (size_t i = 0; i < config->subsystem_count; i++)
		append(w, subsystems, write_subsystem(w, &config->subsystems[i]));
	for (size_t i = 0; i < config->port_count; i++)
		append(w, ports, write_port(w, &config->ports[i]));
	if (config->discovery_nqn)
		put_text(w, weft, "discovery_nqn", config->discovery_nqn);
	put(w, root, "hosts", hosts);
	put(w, root, "subsystems", subsystems);
	put(w, root, "ports", ports);
	put_group(w, root, "weft", weft);
	return root;
}

char *config_format(const struct config *config)
{
	struct writer w = { 0 };
	json_t *root = write_config(&w, config);
	struct strbuf text = { 0 };
	char *dump = NULL;

	if (!w.failed)
		dump = json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS);
	json_decref(root);
	if (!dump)
		return NULL;
	strbuf_add(&text, "%s\n", dump);
	free(dump);
	return strbuf_take(&text);
}

int config_save(const struct config *config, const char *path, struct weft_error *error)
{
	_cleanup_free_ char *text = config_format(config);

	if (!text)
		return weft_error_set(error, ENOMEM, "%s: out of memory", path);
	return config_write_file(path, text, strlen(text), error);
}
