/* SPDX-License-Identifier: BSD-3-Clause */
/* weft status: weftd at a glance. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/rows.h"
#include "cli/show.h"
#include "cli/when.h"

static const char help[] =
	"usage: weft status [OPTION...]\n"
	"\n"
	"Shows whether weftd runs, what it serves, what fails and why, and whether there are\n"
	"changes that are not saved.\n"
	"\n"
	CLI_COMMON_HELP
	"\n"
	"example: weft status\n";

/* "3 (1 failed, 1 disabled)" */
static void add_census(struct rows *rows, const char *label, const json_t *census)
{
	long long ready = json_integer_value(json_object_get(census, "ready"));
	long long failed = json_integer_value(json_object_get(census, "failed"));
	long long disabled = json_integer_value(json_object_get(census, "disabled"));
	char notes[64] = "";

	if (failed && disabled)
		snprintf(notes, sizeof(notes), " (%lld failed, %lld disabled)", failed, disabled);
	else if (failed)
		snprintf(notes, sizeof(notes), " (%lld failed)", failed);
	else if (disabled)
		snprintf(notes, sizeof(notes), " (%lld disabled)", disabled);
	rows_add(rows, label, "%lld%s", ready + failed + disabled, notes);
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
	rows_add(&rows, "running", "since %s (%s)", when_local(started, since, sizeof(since)),
		 span_format(uptime, span, sizeof(span)));
	rows_add(&rows, "reactors", "%lld, by %s", (long long)reactors, engine);
	rows_add(&rows, "subsystems", "%lld", (long long)subsystems);
	add_census(&rows, "namespaces", json_object_get(reply, "namespaces"));
	add_census(&rows, "ports", json_object_get(reply, "ports"));
	rows_add(&rows, "sessions", "%lld", (long long)sessions);
	rows_add(&rows, "changes", "%s",
		 unsaved ? "not saved yet: 'weft save' keeps them" : "all saved");
	rows_add(&rows, "file", "%s", file);
	json_array_foreach(problems, i, problem)
		rows_add(&rows, i == 0 ? "problems" : "", "%s", json_string_value(problem));
	rows_print(&rows, "");
	return CLI_OK;
}

int cmd_status(int argc, char **argv)
{
	return cli_show(argc, argv, help, "/v1/status", print_status);
}
