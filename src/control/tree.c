/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * /v1/tree and parts of it: the configuration as in GET /v1/config, where each subsystem,
 * namespace and port has one more member, "state", its state at runtime.
 */
#include <errno.h>
#include <string.h>

#include "apply/apply.h"
#include "config/save.h"
#include "control/exchange.h"
#include "control/internal.h"
#include "control/sessions.h"
#include "settings/json.h"
#include "target/model/namespace.h"
#include "util/cleanup.h"

static const char *state_name(enum apply_state state)
{
	switch (state) {
	case APPLY_DISABLED:
		return "disabled";
	case APPLY_READY:
		return "ready";
	case APPLY_OPENING:
		return "opening";
	case APPLY_FAILED:
		return "failed";
	}
	return "failed";
}

/* {"status", "reason", "trouble"}; "reason" and "trouble" only if they are set. */
static json_t *describe_state(enum apply_state state, const char *reason, const char *trouble)
{
	return json_pack("{s:s, s:o*, s:o*}", "status", state_name(state), "reason",
			 reason ? control_text("%s", reason) : NULL, "trouble",
			 trouble ? control_text("%s", trouble) : NULL);
}

static json_t *describe_counters(const struct namespace *ns)
{
	struct namespace_totals totals;

	namespace_totals(ns, &totals);
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "reads", (json_int_t)totals.reads,
			 "writes", (json_int_t)totals.writes,
			 "read_bytes", (json_int_t)totals.read_bytes,
			 "written_bytes", (json_int_t)totals.written_bytes,
			 "media_errors", (json_int_t)totals.media_errors);
}

static int merge_namespace(struct control *control, const char *nqn, json_t *object)
{
	uint32_t nsid = (uint32_t)json_integer_value(json_object_get(object, "nsid"));
	struct apply_namespace_state state;
	json_t *told;

	if (!apply_namespace_state(control->options.apply, nqn, nsid, &state))
		return 0;
	told = describe_state(state.state, state.reason, state.trouble);
	if (told && state.ns) {
		json_object_set_new(told, "size", json_integer((json_int_t)state.size));
		json_object_set_new(told, "block_size", json_integer(state.block_size));
		json_object_set_new(told, "counters", describe_counters(state.ns));
	}
	return json_object_set_new(object, "state", told);
}

/* The NVMe version that controllers report, such as "2.1". */
static json_t *describe_version(const struct config_subsystem *subsystem)
{
	struct subsystem_settings settings = subsystem->settings;

	attrs_resolve(&subsystem_type, &settings);
	return attr_to_json(attr_find(&subsystem_type, "version"), &settings);
}

static int merge_subsystem(struct control *control, json_t *object)
{
	const char *nqn = json_string_value(json_object_get(object, "nqn"));
	const struct config *config = apply_current(control->options.apply);
	unsigned int sessions = sessions_count(control->options.target, nqn);
	json_t *ns;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(object, "namespaces"), i, ns)
		r |= merge_namespace(control, nqn, ns);
	return r | json_object_set_new(object, "state",
				       json_pack("{s:i, s:o}", "sessions", (int)sessions, "version",
						 describe_version(config_find_subsystem(config,
											nqn))));
}

static json_t *describe_addresses(struct control *control, uint16_t portid)
{
	json_t *array = json_array();
	const char *address;

	for (size_t i = 0; (address = apply_port_address(control->options.apply, portid, i)); i++)
		json_array_append_new(array, json_string(address));
	return array;
}

static int merge_port(struct control *control, json_t *object)
{
	uint16_t portid = (uint16_t)json_integer_value(json_object_get(object, "portid"));
	struct apply_port_state state;
	json_t *told;

	if (!apply_port_state(control->options.apply, portid, &state))
		return 0;
	told = describe_state(state.state, state.reason, state.trouble);
	json_object_set_new(told, "addresses", describe_addresses(control, portid));
	return json_object_set_new(object, "state", told);
}

static int merge(struct control *control, json_t *tree)
{
	json_t *item;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(tree, "subsystems"), i, item)
		r |= merge_subsystem(control, item);
	json_array_foreach(json_object_get(tree, "ports"), i, item)
		r |= merge_port(control, item);
	return r;
}

/* The whole tree; NULL if memory ran out. */
static json_t *describe_tree(struct control *control)
{
	_cleanup_free_ char *text = config_format(apply_current(control->options.apply));
	json_t *tree = text ? json_loads(text, 0, NULL) : NULL;

	if (tree && merge(control, tree) < 0) {
		json_decref(tree);
		tree = NULL;
	}
	return tree;
}

int control_get_tree(struct exchange *exchange, json_t **ret_reply, struct weft_error *error)
{
	return control_reply(describe_tree(exchange->control), ret_reply, error);
}

int control_get_subsystem(struct exchange *exchange, json_t **ret_reply, struct weft_error *error)
{
	const char *nqn = exchange_argument(exchange, "nqn");
	json_t *tree, *object, *found = NULL;
	size_t i;

	if (!config_find_subsystem(apply_current(exchange->control->options.apply), nqn))
		return weft_error_set(error, ENOENT, "there is no subsystem %s; 'weft ls' shows "
				      "those there are", nqn);
	tree = describe_tree(exchange->control);
	json_array_foreach(json_object_get(tree, "subsystems"), i, object)
		if (strcmp(json_string_value(json_object_get(object, "nqn")), nqn) == 0)
			found = json_incref(object);
	json_decref(tree);
	return control_reply(found, ret_reply, error);
}
