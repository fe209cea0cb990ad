/* SPDX-License-Identifier: BSD-3-Clause */
/* weft sessions: shows the hosts that are connected. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/rows.h"
#include "cli/show.h"
#include "cli/timestamp.h"
#include "util/str.h"

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "?";
}

static long long number_at(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void add_address(struct rows *rows, const json_t *session)
{
	const json_t *peer = json_object_get(session, "address");
	const json_t *local = json_object_get(session, "local");

	rows_add(rows, "address", "%s port %lld, to %s port %lld (port id %lld)",
		 text_at(peer, "traddr"), number_at(peer, "trsvcid"), text_at(local, "traddr"),
		 number_at(local, "trsvcid"), number_at(session, "portid"));
}

static const char *digests(const json_t *session)
{
	const json_t *object = json_object_get(session, "digests");
	bool header = json_is_true(json_object_get(object, "header"));
	bool data = json_is_true(json_object_get(object, "data"));

	return header && data ? "header and data" : header ? "header" : data ? "data" : "none";
}

/* Adds the keep alive timeout in seconds, such as "5 s" or "0.5 s". */
static void add_keep_alive(struct rows *rows, const json_t *session)
{
	long long ms = number_at(session, "kato_ms");

	if (ms == 0)
		rows_add(rows, "keep alive", "off");
	else if (ms % 1000 == 0)
		rows_add(rows, "keep alive", "%lld s", ms / 1000);
	else
		rows_add(rows, "keep alive", "%lld ms", ms);
}

static void print_session(const json_t *session)
{
	const char *hostnqn = text_at(session, "hostnqn");
	struct rows rows = {0};
	char buf[64], more[64];

	printf("%s\n", *hostnqn ? hostnqn : "a host without an NQN");
	rows_add(&rows, "host ID", "%s", text_at(session, "hostid"));
	rows_add(&rows, "subsystem", "%s", text_at(session, "subsystem"));
	rows_add(&rows, "controller", "%lld%s", number_at(session, "cntlid"),
		 json_is_true(json_object_get(session, "discovery")) ? ", discovery" : "");
	add_address(&rows, session);
	rows_add(&rows, "queues", "admin and %lld for I/O", number_at(session, "io_queues"));
	add_keep_alive(&rows, session);
	rows_add(&rows, "digests", "%s", digests(session));
	rows_add(&rows, "since", "%s (%s)",
		 timestamp_local(text_at(session, "since"), buf, sizeof(buf)),
		 span_format(number_at(session, "age_seconds"), more, sizeof(more)));
	rows_add(&rows, "commands", "%lld, %lld of them failed", number_at(session, "commands"),
		 number_at(session, "errors"));
	rows_add(&rows, "data", "%s read, %s written",
		 size_format((uint64_t)number_at(session, "read_bytes"), buf, sizeof(buf)),
		 size_format((uint64_t)number_at(session, "written_bytes"), more, sizeof(more)));
	rows_print(&rows, "  ");
}

static int print_sessions(const struct cli *cli, const json_t *reply)
{
	json_t *sessions = json_object_get(reply, "sessions"), *session;
	size_t i;

	json_array_foreach(sessions, i, session) {
		if (i > 0)
			putchar('\n');
		print_session(session);
	}
	if (json_array_size(sessions) == 0)
		printf("nobody is connected\n");
	return CLI_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
	return cli_show(cli, argc, argv, "/v1/sessions", print_sessions);
}

const struct command command_sessions = {
	.name = "sessions", .arguments = "",
	.summary = "show who is connected",
	.text = "Shows who is connected: each host with its identifier and address, its "
		"subsystem, queues, keep alive and digests, since when, and how much it read "
		"and wrote.",
	.kind = COMMAND_OF_WEFTD,
	.run = run,
};
