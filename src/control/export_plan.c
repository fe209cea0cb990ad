/* SPDX-License-Identifier: BSD-3-Clause */
/* Adds an export to a configuration. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weft/backend.h>

#include "config/model.h"
#include "control/fields.h"
#include "control/nqn.h"
#include "control/plan.h"
#include "util/cleanup.h"
#include "util/str.h"

static int no_memory(struct weft_error *error)
{
	return weft_error_set(error, ENOMEM, "out of memory");
}

int export_read(struct export_request *ret, json_t *body, struct weft_error *error)
{
	struct export_request request = { 0 };
	struct fields fields;
	int r;

	attrs_init(&namespace_type, &request.settings);
	fields_init(&fields, body, error);
	fields_string(&fields, "path", &request.path);
	fields_string(&fields, "nqn", &request.nqn);
	fields_strings(&fields, "hosts", &request.hosts);
	fields_size(&fields, "size", &request.size);
	fields_export(&fields, &namespace_type, &request.settings);
	fields_scalars(&fields, "options", &request.options);
	r = fields_done(&fields);
	if (r < 0)
		return r;
	if (request.path && request.path[0] != '/')
		return weft_error_set(error, EINVAL, "field \"path\" is \"%s\"; it must be an "
				      "absolute path", request.path);
	if (!request.path && strcmp(request.backend, "file") == 0)
		return weft_error_set(error, EINVAL, "field \"path\" is missing; it names the file "
				      "or the block device to export");
	*ret = request;
	return 0;
}

/* Refuses a path that has a namespace already: two namespaces would overwrite each other's data. */
static int refuse_twice(const struct config *config, const struct export_request *request,
			struct weft_error *error)
{
	for (size_t i = 0; request->path && i < config->subsystem_count; i++) {
		const struct config_subsystem *subsystem = &config->subsystems[i];

		for (size_t j = 0; j < subsystem->namespace_count; j++) {
			const struct config_namespace *ns = &subsystem->namespaces[j];

			if (config_uses_path(ns, request->path))
				return weft_error_set(error, EEXIST, "%s is exported already, as "
						      "namespace %u of %s; unexport it first",
						      request->path, ns->nsid, subsystem->nqn);
		}
	}
	return 0;
}

/* A port id that is not in use, or 0 if all are in use. */
static uint16_t free_portid(const struct config *config)
{
	for (unsigned int id = 1; id <= UINT16_MAX; id++)
		if (!config_find_port(config, (uint16_t)id))
			return (uint16_t)id;
	return 0;
}

static int add_port(struct config *draft, const struct export_site *site, uint16_t trsvcid,
		    bool discovery, struct weft_error *error)
{
	struct config_port *port = config_add_port(draft, free_portid(draft));

	if (!port)
		return no_memory(error);
	TEXT_SET(port->addr.adrfam, site->ipv6_only ? "ipv6" : "ipv4");
	TEXT_SET(port->addr.traddr, site->ipv6_only ? "::" : "0.0.0.0");
	port->addr.trsvcid = trsvcid;
	port->discovery = discovery;
	return 0;
}

/*
 * Adds a port if there are only discovery ports; if there are no ports, a discovery port, too.
 * *ret_made is true if a port was added.
 */
static int need_port(struct config *draft, const struct export_site *site, bool *ret_made,
		     struct weft_error *error)
{
	bool no_port_at_all = draft->port_count == 0;
	int r;

	for (size_t i = 0; i < draft->port_count; i++)
		if (!draft->ports[i].discovery)
			return 0;
	r = add_port(draft, site, PLAN_PORT, false, error);
	if (r == 0 && no_port_at_all)
		r = add_port(draft, site, PLAN_DISCOVERY_PORT, true, error);
	if (r == 0)
		*ret_made = true;
	return r;
}

/* Links a subsystem that is linked to no port to all ports except discovery ports. */
static int need_link(struct config *draft, const char *nqn, struct weft_error *error)
{
	for (size_t i = 0; i < draft->port_count; i++)
		if (config_is_linked(&draft->ports[i], nqn))
			return 0;
	for (size_t i = 0; i < draft->port_count; i++)
		if (!draft->ports[i].discovery && config_link(&draft->ports[i], nqn) < 0)
			return no_memory(error);
	return 0;
}

static int set_access(struct config *draft, struct config_subsystem *subsystem, bool is_new,
		      const json_t *hosts, struct weft_error *error)
{
	json_t *host;
	size_t i;

	if (is_new)
		subsystem->allow_any_host = json_array_size(hosts) == 0;
	else if (json_array_size(hosts) > 0 && subsystem->allow_any_host)
		return weft_error_set(error, EEXIST, "%s exists and lets any host attach, so a "
				      "list of hosts would not guard the new namespace; choose "
				      "another NQN",
				      subsystem->nqn);
	json_array_foreach(hosts, i, host)
		if (config_allow_host(draft, subsystem, json_string_value(host)) < 0)
			return no_memory(error);
	return 0;
}

static int set_scalar(struct config_namespace *ns, const char *name, const json_t *value)
{
	char number[24];

	switch (json_typeof(value)) {
	case JSON_STRING:
		return config_set_option(ns, name, json_string_value(value));
	case JSON_INTEGER:
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		return config_set_option(ns, name, number);
	default:
		return config_set_option(ns, name, json_is_true(value) ? "true" : "false");
	}
}

static int set_options(struct config_namespace *ns, const struct export_request *request)
{
	const char *name;
	json_t *value;
	char size[24];
	int r = 0;

	json_object_foreach(request->options, name, value)
		if (r == 0)
			r = set_scalar(ns, name, value);
	if (r == 0 && request->path)
		r = config_set_option(ns, "path", request->path);
	if (r == 0 && request->size) {
		snprintf(size, sizeof(size), "%llu", (unsigned long long)request->size);
		r = config_set_option(ns, "size", size);
	}
	return r;
}

/*
 * Hosts recognize a disk by its UUID. The UUID is derived from NQN and path, so that a
 * file keeps it with any NSID. A namespace without a path gets a random UUID.
 */
static void set_uuid(struct config_namespace *ns, const struct export_request *request,
		     const char *nqn)
{
	struct strbuf seed = {0};

	if (ID_SET(ns->uuid))
		return;
	if (request->path)
		strbuf_add(&seed, "%s %s", nqn, request->path);
	if (seed.data && !seed.failed)
		uuid_from_text(seed.data, ns->uuid);
	else
		uuid_random(ns->uuid);
	strbuf_done(&seed);
}

static int add_namespace(struct config_subsystem *subsystem, const struct export_request *request,
			 uint32_t *ret_nsid, struct weft_error *error)
{
	uint32_t nsid = config_free_nsid(subsystem);
	struct config_namespace *ns;

	if (nsid == 0)
		return weft_error_set(error, ENOSPC, "%s has %d namespaces already, and more do "
				      "not fit; choose another NQN", subsystem->nqn,
				      CONFIG_NAMESPACES_MAX);
	ns = config_add_namespace(subsystem, nsid);
	if (!ns || set_options(ns, request) < 0)
		return no_memory(error);
	ns->settings = request->settings;
	set_uuid(ns, request, subsystem->nqn);
	*ret_nsid = nsid;
	return 0;
}

int export_plan(struct config *draft, const struct export_request *request,
		const struct export_site *site, struct export_result *ret,
		struct weft_error *error)
{
	struct export_result result = {0};
	struct config_subsystem *subsystem;
	_cleanup_free_ char *nqn = NULL;
	int r;

	r = refuse_twice(draft, request, error);
	if (r < 0)
		return r;
	nqn = request->nqn ? strdup(request->nqn) :
	      nqn_default(site->host, request->path ? nqn_base_name(request->path) :
							request->backend);
	if (!nqn)
		return no_memory(error);
	subsystem = config_find_subsystem(draft, nqn);
	if (!subsystem) {
		result.new_subsystem = true;
		subsystem = config_add_subsystem(draft, nqn);
		if (!subsystem)
			return no_memory(error);
	}
	r = set_access(draft, subsystem, result.new_subsystem, request->hosts, error);
	if (r == 0)
		r = add_namespace(subsystem, request, &result.nsid, error);
	if (r == 0)
		r = need_port(draft, site, &result.new_ports, error);
	if (r == 0)
		r = need_link(draft, nqn, error);
	if (r < 0)
		return r;
	result.nqn = TAKE_PTR(nqn);
	*ret = result;
	return 0;
}
