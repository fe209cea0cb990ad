/* SPDX-License-Identifier: BSD-3-Clause */
/* weft status: shows a summary of weftd's state. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/rows.h"
#include "cli/show.h"
#include "cli/timestamp.h"
#include "util/str.h"

/* Adds a number of objects and their states: "3 (1 failed, 1 opening, 1 disabled)". */
static void add_census(struct rows *rows, const char *label, const json_t *census)
{
	static const char *const states[] = { "failed", "opening", "disabled" };
	long long all = json_integer_value(json_object_get(census, "ready"));
	char notes[128] = "";
	int length = 0;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		long long count = json_integer_value(json_object_get(census, states[i]));

		if (count)
			length += snprintf(notes + length, sizeof(notes) - (size_t)length,
					   "%s%lld %s", length ? ", " : " (", count, states[i]);
		all += count;
	}
	rows_add(rows, label, "%lld%s%s", all, notes, length ? ")" : "");
}

/* Adds a limit and its use: "12 of 16384 (3 refused)". Sizes of memory have units. */
static void add_limit(struct rows *rows, const char *label, const json_t *limits, const char *name,
		      bool bytes)
{
	const json_t *limit = json_object_get(limits, name);
	json_int_t refused = json_integer_value(json_object_get(limit, "refused"));
	uint64_t now = (uint64_t)json_integer_value(json_object_get(limit, "now"));
	uint64_t max = (uint64_t)json_integer_value(json_object_get(limit, "max"));
	char now_text[32], max_text[32], note[48] = "";

	if (refused)
		snprintf(note, sizeof(note), " (%lld refused)", (long long)refused);
	snprintf(now_text, sizeof(now_text), "%llu", (unsigned long long)now);
	snprintf(max_text, sizeof(max_text), "%llu", (unsigned long long)max);
	rows_add(rows, label, "%s of %s%s",
		 bytes ? size_format(now, now_text, sizeof(now_text)) : now_text,
		 bytes ? size_format(max, max_text, sizeof(max_text)) : max_text, note);
}

/* Adds the limits. Limits on one address or host are added only if they refused something. */
static void add_limits(struct rows *rows, const json_t *limits)
{
	static const struct {
		const char *label, *name;
		bool bytes, always;
	} table[] = {
		{ "connections", "connections", false, true },
		{ "of an address", "pending_connections", false, false },
		{ "of one host", "host_connections", false, false },
		{ "memory", "memory", true, true },
		{ "of one host", "host_memory", true, false },
		{ "buffers", "buffers", true, true },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const json_t *limit = json_object_get(limits, table[i].name);

		if (table[i].always || json_integer_value(json_object_get(limit, "refused")))
			add_limit(rows, table[i].label, limits, table[i].name, table[i].bytes);
	}
}

static int print_status(const struct cli *cli, const json_t *reply)
{
	const char *version = "?", *started = "?", *file = "?", *engine = "?";
	json_int_t pid = 0, uptime = 0, reactors = 0, subsystems = 0, sessions = 0;
	json_t *problems = json_object_get(reply, "problems"), *problem;
	struct rows rows = {0};
	char since[64], span[64];
	int unsaved = 0;
	size_t i;

	json_unpack((json_t *)reply, "{s:s, s:I, s:s, s:I, s:s, s:b, s:s, s:I, s:I, s:I}",
		    "version", &version, "pid", &pid, "started", &started, "uptime_seconds",
		    &uptime, "config_file", &file, "unsaved", &unsaved, "engine", &engine,
		    "reactors", &reactors, "subsystems", &subsystems, "sessions", &sessions);
	rows_add(&rows, "weftd", "%s, process %lld", version, (long long)pid);
	rows_add(&rows, "running", "since %s (%s)", timestamp_local(started, since, sizeof(since)),
		 span_format(uptime, span, sizeof(span)));
	rows_add(&rows, "reactors", "%lld, by %s", (long long)reactors, engine);
	rows_add(&rows, "subsystems", "%lld", (long long)subsystems);
	add_census(&rows, "namespaces", json_object_get(reply, "namespaces"));
	add_census(&rows, "ports", json_object_get(reply, "ports"));
	rows_add(&rows, "sessions", "%lld", (long long)sessions);
	add_limits(&rows, json_object_get(reply, "limits"));
	rows_add(&rows, "changes", "%s",
		 unsaved ? "not saved yet: 'weft save' keeps them" : "all saved");
	rows_add(&rows, "file", "%s", file);
	json_array_foreach(problems, i, problem)
		rows_add(&rows, i == 0 ? "problems" : "", "%s", json_string_value(problem));
	rows_print(&rows, "");
	return CLI_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
	return cli_show(cli, argc, argv, "/v1/status", print_status);
}

const struct command command_status = {
	.name = "status", .arguments = "",
	.summary = "show how weftd is",
	.text = "Shows whether weftd runs, what it serves, what fails and why, and whether "
		"there are changes that are not saved.",
	.kind = COMMAND_OF_WEFTD,
	.run = run,
};
