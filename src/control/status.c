/* SPDX-License-Identifier: BSD-3-Clause */
/* /v1/status: a summary of the daemon's state. */
#include <errno.h>
#include <unistd.h>

#include "apply/apply.h"
#include "control/exchange.h"
#include "control/internal.h"
#include "control/sessions.h"
#include "control/timestamp.h"
#include "target/base/target.h"
#include "util/heap.h"

/* The numbers of objects, by state. */
struct census {
	json_int_t of[APPLY_FAILED + 1];
};

static void count_namespaces(struct control *control, const struct config *config,
			     struct census *census, json_t *problems)
{
	for (size_t i = 0; i < config->subsystem_count; i++) {
		const struct config_subsystem *subsystem = &config->subsystems[i];

		for (size_t j = 0; j < subsystem->namespace_count; j++) {
			uint32_t nsid = subsystem->namespaces[j].nsid;
			struct apply_namespace_state state;

			if (!apply_namespace_state(control->options.apply, subsystem->nqn, nsid,
						   &state))
				continue;
			census->of[state.state]++;
			if (state.reason || state.trouble)
				json_array_append_new(problems,
						      control_text("namespace %u of %s: %s", nsid,
								   subsystem->nqn,
								   state.trouble ? state.trouble :
										   state.reason));
		}
	}
}

static void count_ports(struct control *control, const struct config *config,
			struct census *census, json_t *problems)
{
	for (size_t i = 0; i < config->port_count; i++) {
		uint16_t portid = config->ports[i].portid;
		struct apply_port_state state;

		if (!apply_port_state(control->options.apply, portid, &state))
			continue;
		census->of[state.state]++;
		if (state.reason || state.trouble)
			json_array_append_new(problems,
					      control_text("port %u: %s", portid,
							   state.trouble ? state.trouble :
									   state.reason));
	}
}

static json_t *describe_census(const struct census *census)
{
	return json_pack("{s:I, s:I, s:I}", "ready", census->of[APPLY_READY],
			 "failed", census->of[APPLY_FAILED], "disabled",
			 census->of[APPLY_DISABLED]);
}

static json_t *describe_namespaces(const struct census *census)
{
	json_t *counts = describe_census(census);

	if (counts)
		json_object_set_new(counts, "opening", json_integer(census->of[APPLY_OPENING]));
	return counts;
}

/* Adds problems with objects that are no longer configured. */
static void add_leftovers(const struct apply *apply, json_t *problems)
{
	const char *text;

	for (size_t i = 0; (text = apply_leftover(apply, i)); i++)
		json_array_append_new(problems, control_text("%s", text));
}

int control_get_status(struct exchange *exchange, json_t **ret_reply, struct weft_error *error)
{
	struct control *control = exchange->control;
	const struct control_options *options = &control->options;
	const struct config *config = apply_current(options->apply);
	struct census namespaces = {0}, ports = {0};
	json_t *problems = json_array();
	char started[TIMESTAMP_TEXT];

	count_namespaces(control, config, &namespaces, problems);
	count_ports(control, config, &ports, problems);
	add_leftovers(options->apply, problems);
	return control_reply(
		json_pack("{s:s, s:I, s:s, s:I, s:s, s:b, s:s, s:I, s:I, s:o, s:o, s:I, s:o, s:I, "
			  "s:I, s:o}",
			  "version", WEFT_VERSION, "pid", (json_int_t)getpid(),
			  "started", timestamp_format(control->started, started),
			  "uptime_seconds", (json_int_t)(time(NULL) - control->started),
			  "config_file", options->config_path, "unsaved", control->unsaved,
			  "engine", options->engine, "reactors", (json_int_t)options->reactors,
			  "subsystems", (json_int_t)config->subsystem_count,
			  "namespaces", describe_namespaces(&namespaces),
			  "ports", describe_census(&ports),
			  "sessions", (json_int_t)sessions_count(options->target, NULL),
			  "limits", control_limits(options->target),
			  "heap", (json_int_t)heap_in_use(),
			  "genctr", (json_int_t)apply_genctr(options->apply),
			  "problems", problems),
		ret_reply, error);
}
