/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes, searches and changes a configuration. The rules are in validate.c. */
#include "config/model.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Opens a zeroed gap at index `at` of a growing array and returns it. Capacity
 * is not stored: it is the next power of two.
 */
static void *array_insert(void **items, size_t *count, size_t size, size_t at)
{
	char *gap;

	if (!(*count & (*count - 1))) {
		void *moved = reallocarray(*items, *count ? *count * 2 : 1, size);

		if (!moved)
			return NULL;
		*items = moved;
	}
	gap = (char *)*items + at * size;
	memmove(gap + size, gap, (*count - at) * size);
	memset(gap, 0, size);
	(*count)++;
	return gap;
}

static void array_remove(void *items, size_t *count, size_t size, size_t at)
{
	char *gap = (char *)items + at * size;

	memmove(gap, gap + size, (*count - at - 1) * size);
	(*count)--;
}

#define INSERT(items, count, at) array_insert((void **)&(items), &(count), sizeof(*(items)), at)
#define APPEND(items, count) INSERT(items, count, count)
#define REMOVE(items, count, at) array_remove(items, &(count), sizeof(*(items)), at)

int config_set_string(char **field, const char *value)
{
	char *copy = NULL;

	if (value) {
		copy = strdup(value);
		if (!copy)
			return -ENOMEM;
	}
	free(*field);
	*field = copy;
	return 0;
}

/* ---- lists of names ---- */

static ssize_t names_find(char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(names[i], name))
			return (ssize_t)i;
	}
	return -1;
}

static int names_add(char ***names, size_t *count, const char *name)
{
	char *copy, **slot;

	if (names_find(*names, *count, name) >= 0)
		return 0;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	slot = APPEND(*names, *count);
	if (!slot) {
		free(copy);
		return -ENOMEM;
	}
	*slot = copy;
	return 0;
}

static void names_remove(char **names, size_t *count, const char *name)
{
	ssize_t at = names_find(names, *count, name);

	if (at < 0)
		return;
	free(names[at]);
	REMOVE(names, *count, (size_t)at);
}

static void names_free(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

/* ---- making and freeing ---- */

static void namespace_done(struct config_namespace *ns)
{
	for (size_t i = 0; i < ns->option_count; i++) {
		free(ns->options[i].name);
		free(ns->options[i].value);
	}
	free(ns->options);
}

static void subsystem_done(struct config_subsystem *subsystem)
{
	for (size_t i = 0; i < subsystem->namespace_count; i++)
		namespace_done(&subsystem->namespaces[i]);
	free(subsystem->namespaces);
	names_free(subsystem->allowed_hosts, subsystem->allowed_host_count);
	free(subsystem->nqn);
}

static void port_done(struct config_port *port)
{
	for (size_t i = 0; i < port->referral_count; i++)
		free(port->referrals[i].name);
	free(port->referrals);
	free(port->ana_groups);
	names_free(port->subsystems, port->subsystem_count);
}

struct config *config_new(void)
{
	struct config *config = calloc(1, sizeof(*config));

	if (config)
		attrs_init(&root_type, &config->settings);
	return config;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->subsystem_count; i++)
		subsystem_done(&config->subsystems[i]);
	for (size_t i = 0; i < config->port_count; i++)
		port_done(&config->ports[i]);
	for (size_t i = 0; i < config->host_count; i++)
		free(config->hosts[i].nqn);
	free(config->subsystems);
	free(config->ports);
	free(config->hosts);
	free(config->source);
	names_free(config->warnings, config->warning_count);
	free(config);
}

/* ---- finding ---- */

static ssize_t subsystem_index(const struct config *config, const char *nqn)
{
	for (size_t i = 0; i < config->subsystem_count; i++) {
		if (!strcmp(config->subsystems[i].nqn, nqn))
			return (ssize_t)i;
	}
	return -1;
}

/* The index of the first namespace with this nsid or a higher one, where this nsid is inserted. */
static size_t namespace_place(const struct config_subsystem *subsystem, uint32_t nsid)
{
	size_t low = 0, high = subsystem->namespace_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (subsystem->namespaces[middle].nsid < nsid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t port_place(const struct config *config, uint16_t portid)
{
	size_t i = 0;

	while (i < config->port_count && config->ports[i].portid < portid)
		i++;
	return i;
}

struct config_subsystem *config_find_subsystem(const struct config *config, const char *nqn)
{
	ssize_t at = subsystem_index(config, nqn);

	return at < 0 ? NULL : &config->subsystems[at];
}

struct config_namespace *config_find_namespace(const struct config_subsystem *subsystem,
					       uint32_t nsid)
{
	size_t at = namespace_place(subsystem, nsid);

	if (at == subsystem->namespace_count || subsystem->namespaces[at].nsid != nsid)
		return NULL;
	return &subsystem->namespaces[at];
}

struct config_port *config_find_port(const struct config *config, uint16_t portid)
{
	size_t at = port_place(config, portid);

	if (at == config->port_count || config->ports[at].portid != portid)
		return NULL;
	return &config->ports[at];
}

uint32_t config_free_nsid(const struct config_subsystem *subsystem)
{
	size_t low = 0, high = subsystem->namespace_count;

	/* Namespaces before the first gap have an nsid of their index plus 1. */
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (subsystem->namespaces[middle].nsid == middle + 1)
			low = middle + 1;
		else
			high = middle;
	}
	return subsystem->namespace_count < CONFIG_NAMESPACES_MAX ? (uint32_t)low + 1 : 0;
}

/* ---- adding and removing ---- */

struct config_subsystem *config_add_subsystem(struct config *config, const char *nqn)
{
	struct config_subsystem *subsystem;
	char *copy = strdup(nqn);

	if (!copy)
		return NULL;
	subsystem = APPEND(config->subsystems, config->subsystem_count);
	if (!subsystem) {
		free(copy);
		return NULL;
	}
	subsystem->nqn = copy;
	attrs_init(&subsystem_type, &subsystem->settings);
	return subsystem;
}

struct config_namespace *config_add_namespace(struct config_subsystem *subsystem, uint32_t nsid)
{
	struct config_namespace *ns = INSERT(subsystem->namespaces, subsystem->namespace_count,
					     namespace_place(subsystem, nsid));

	if (!ns)
		return NULL;
	ns->nsid = nsid;
	attrs_init(&namespace_type, &ns->settings);
	return ns;
}

struct config_port *config_add_port(struct config *config, uint16_t portid)
{
	struct config_port *port;

	port = INSERT(config->ports, config->port_count, port_place(config, portid));
	if (!port)
		return NULL;
	port->portid = portid;
	attrs_init(&port_type, &port->settings);
	return port;
}

struct config_referral *config_add_referral(struct config_port *port, const char *name)
{
	struct config_referral *referral;
	char *copy = strdup(name);

	referral = copy ? APPEND(port->referrals, port->referral_count) : NULL;
	if (!referral) {
		free(copy);
		return NULL;
	}
	referral->name = copy;
	attrs_init(&referral_type, &referral->settings);
	return referral;
}

void config_remove_subsystem(struct config *config, const char *nqn)
{
	ssize_t at = subsystem_index(config, nqn);

	if (at < 0)
		return;
	for (size_t i = 0; i < config->port_count; i++)
		config_unlink(&config->ports[i], config->subsystems[at].nqn);
	subsystem_done(&config->subsystems[at]);
	REMOVE(config->subsystems, config->subsystem_count, (size_t)at);
}

void config_remove_namespace(struct config_subsystem *subsystem, uint32_t nsid)
{
	struct config_namespace *ns = config_find_namespace(subsystem, nsid);

	if (!ns)
		return;
	namespace_done(ns);
	REMOVE(subsystem->namespaces, subsystem->namespace_count,
	       (size_t)(ns - subsystem->namespaces));
}

void config_remove_port(struct config *config, uint16_t portid)
{
	struct config_port *port = config_find_port(config, portid);

	if (!port)
		return;
	port_done(port);
	REMOVE(config->ports, config->port_count, (size_t)(port - config->ports));
}

int config_add_host(struct config *config, const char *nqn)
{
	struct config_host *host;
	char *copy;

	for (size_t i = 0; i < config->host_count; i++) {
		if (!strcmp(config->hosts[i].nqn, nqn))
			return 0;
	}
	copy = strdup(nqn);
	if (!copy)
		return -ENOMEM;
	host = APPEND(config->hosts, config->host_count);
	if (!host) {
		free(copy);
		return -ENOMEM;
	}
	host->nqn = copy;
	return 0;
}

int config_allow_host(struct config *config, struct config_subsystem *subsystem, const char *nqn)
{
	int r = config_add_host(config, nqn);

	if (r < 0)
		return r;
	return names_add(&subsystem->allowed_hosts, &subsystem->allowed_host_count, nqn);
}

void config_disallow_host(struct config_subsystem *subsystem, const char *nqn)
{
	names_remove(subsystem->allowed_hosts, &subsystem->allowed_host_count, nqn);
}

int config_link(struct config_port *port, const char *nqn)
{
	return names_add(&port->subsystems, &port->subsystem_count, nqn);
}

void config_unlink(struct config_port *port, const char *nqn)
{
	names_remove(port->subsystems, &port->subsystem_count, nqn);
}

bool config_is_linked(const struct config_port *port, const char *nqn)
{
	return names_find(port->subsystems, port->subsystem_count, nqn) >= 0;
}

struct config_ana_group *config_add_ana_group(struct config_port *port, uint32_t grpid)
{
	struct config_ana_group *group;

	for (size_t i = 0; i < port->ana_group_count; i++) {
		if (port->ana_groups[i].grpid == grpid)
			return &port->ana_groups[i];
	}
	group = APPEND(port->ana_groups, port->ana_group_count);
	if (!group)
		return NULL;
	attrs_init(&ana_group_type, &group->settings);
	group->grpid = grpid;
	if (grpid == 1)
		group->state = NVME_ANA_OPTIMIZED;
	return group;
}

int config_set_ana_group(struct config_port *port, uint32_t grpid, enum nvme_ana_state state)
{
	struct config_ana_group *group = config_add_ana_group(port, grpid);

	if (!group)
		return -ENOMEM;
	group->state = state;
	return 0;
}

enum nvme_ana_state config_ana_state(const struct config_port *port, uint32_t grpid)
{
	for (size_t i = 0; i < port->ana_group_count; i++) {
		if (port->ana_groups[i].grpid == grpid)
			return (enum nvme_ana_state)port->ana_groups[i].state;
	}
	return grpid == 1 ? NVME_ANA_OPTIMIZED : NVME_ANA_INACCESSIBLE;
}

static struct config_option *option_find(const struct config_namespace *ns, const char *name)
{
	for (size_t i = 0; i < ns->option_count; i++) {
		if (!strcmp(ns->options[i].name, name))
			return &ns->options[i];
	}
	return NULL;
}

int config_set_option(struct config_namespace *ns, const char *name, const char *value)
{
	struct config_option *option = option_find(ns, name);

	if (!value) {
		if (!option)
			return 0;
		free(option->name);
		free(option->value);
		REMOVE(ns->options, ns->option_count, (size_t)(option - ns->options));
		return 0;
	}
	if (!option) {
		char *copy = strdup(name), *text = strdup(value);

		option = copy && text ? APPEND(ns->options, ns->option_count) : NULL;
		if (!option) {
			free(copy);
			free(text);
			return -ENOMEM;
		}
		option->name = copy;
		option->value = text;
		return 0;
	}
	return config_set_string(&option->value, value);
}

const char *config_get_option(const struct config_namespace *ns, const char *name)
{
	const struct config_option *option = option_find(ns, name);

	return option ? option->value : NULL;
}

bool config_uses_path(const struct config_namespace *ns, const char *path)
{
	for (size_t i = 0; i < ns->option_count; i++) {
		const char *dot = strrchr(ns->options[i].name, '.');

		if (!strcmp(dot ? dot + 1 : ns->options[i].name, "path") &&
		    !strcmp(ns->options[i].value, path))
			return true;
	}
	return false;
}

void config_warn(struct config *config, const char *format, ...)
{
	char *text = NULL, **slot;
	va_list args;

	if (config->warning_count >= CONFIG_WARNINGS_MAX)
		return;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (!text)
		return;
	slot = APPEND(config->warnings, config->warning_count);
	if (slot)
		*slot = text;
	else
		free(text);
}
