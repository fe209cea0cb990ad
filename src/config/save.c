/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes a configuration in nvmetcli's dialect: see save.h. */
#include "config/save.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/backend.h>

#include "config/model.h"
#include "settings/json.h"
#include "util/cleanup.h"
#include "util/str.h"

/*
 * jansson's *_new() functions take over the value that they are given, and fail if it is
 * NULL. put() and append() keep such a failure in `failed`, which is checked once, at the end.
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

/* The object's group of that place, which is made if it does not exist. */
static json_t *group_of(struct writer *w, json_t *object, enum attr_place place)
{
	const char *name = attr_group(place);
	json_t *group = name ? json_object_get(object, name) : object;

	if (!group) {
		put(w, object, name, json_object());
		group = json_object_get(object, name);
	}
	return group;
}

/* Writes an object's attributes; those in weft's own group only if they differ from the default. */
static void put_settings(struct writer *w, json_t *object, const struct object_type *type,
			 const void *settings)
{
	for (const struct attr *attr = type->attrs; attr->name; attr++) {
		json_t *group;

		if (attr->place == ATTR_IN_WEFT && attr_is_default(attr, settings))
			continue;
		group = group_of(w, object, attr->place);
		if (attr_is_set(attr, settings))
			put(w, group, attr->name, attr_to_json(attr, settings));
	}
}

static json_t *write_names(struct writer *w, char *const *names, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		append(w, array, json_string(names[i]));
	return array;
}

/* ---- namespaces ---- */

/* Writes an option; "child.path" becomes the member "path" of the object "child". */
static void put_option(struct writer *w, json_t *group, const struct config_option *option)
{
	const char *name = option->name, *dot;

	while ((dot = strchr(name, '.'))) {
		_cleanup_free_ char *child = strndup(name, (size_t)(dot - name));
		json_t *object = child ? json_object_get(group, child) : NULL;

		w->failed |= !child;
		if (child && !json_is_object(object)) {
			object = json_object();
			put(w, group, child, object);
		}
		if (w->failed)
			return;
		group = object;
		name = dot + 1;
	}
	put_text(w, group, name, option->value);
}

static void put_options(struct writer *w, json_t *object, const struct config_namespace *ns)
{
	for (size_t i = 0; i < ns->option_count; i++) {
		bool is_path = !strcmp(ns->options[i].name, "path");

		put_option(w, group_of(w, object, is_path ? ATTR_IN_DEVICE : ATTR_IN_WEFT),
			   &ns->options[i]);
	}
}

static json_t *write_namespace(struct writer *w, const struct config_namespace *ns)
{
	json_t *object = json_object();

	put(w, object, "nsid", json_integer(ns->nsid));
	put_settings(w, object, &namespace_type, &ns->settings);
	put_options(w, object, ns);
	return object;
}

/* ---- subsystems, ports, hosts ---- */

static json_t *write_subsystem(struct writer *w, const struct config_subsystem *subsystem)
{
	json_t *object = json_object(), *namespaces = json_array();

	for (size_t i = 0; i < subsystem->namespace_count; i++)
		append(w, namespaces, write_namespace(w, &subsystem->namespaces[i]));
	put_text(w, object, "nqn", subsystem->nqn);
	put_settings(w, object, &subsystem_type, &subsystem->settings);
	put(w, object, "allowed_hosts",
	    write_names(w, subsystem->allowed_hosts, subsystem->allowed_host_count));
	put(w, object, "namespaces", namespaces);
	return object;
}

static json_t *write_ana_group(struct writer *w, const struct config_ana_group *group)
{
	json_t *object = json_object();

	put(w, object, "grpid", json_integer(group->grpid));
	put_settings(w, object, &ana_group_type, &group->settings);
	return object;
}

static json_t *write_referral(struct writer *w, const struct config_referral *referral)
{
	json_t *object = json_object();

	put_text(w, object, "name", referral->name);
	put_settings(w, object, &referral_type, &referral->settings);
	return object;
}

static json_t *write_port(struct writer *w, const struct config_port *port)
{
	json_t *object = json_object(), *groups = json_array(), *referrals = json_array();

	for (size_t i = 0; i < port->ana_group_count; i++)
		append(w, groups, write_ana_group(w, &port->ana_groups[i]));
	for (size_t i = 0; i < port->referral_count; i++)
		append(w, referrals, write_referral(w, &port->referrals[i]));
	put(w, object, "portid", json_integer(port->portid));
	put_settings(w, object, &port_type, &port->settings);
	put(w, object, "subsystems", write_names(w, port->subsystems, port->subsystem_count));
	put(w, object, "ana_groups", groups);
	put(w, object, "referrals", referrals);
	return object;
}

static json_t *write_config(struct writer *w, const struct config *config)
{
	json_t *root = json_object(), *hosts = json_array(), *subsystems = json_array();
	json_t *ports = json_array();

	for (size_t i = 0; i < config->host_count; i++) {
		json_t *host = json_object();

		put_text(w, host, "nqn", config->hosts[i].nqn);
		append(w, hosts, host);
	}
	for (size_t i = 0; i < config->subsystem_count; i++)
		append(w, subsystems, write_subsystem(w, &config->subsystems[i]));
	for (size_t i = 0; i < config->port_count; i++)
		append(w, ports, write_port(w, &config->ports[i]));
	put(w, root, "hosts", hosts);
	put(w, root, "subsystems", subsystems);
	put(w, root, "ports", ports);
	put_settings(w, root, &root_type, &config->settings);
	return root;
}

char *config_format(const struct config *config)
{
	struct writer w = { 0 };
	struct strbuf text = { 0 };
	json_t *root = write_config(&w, config);
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
