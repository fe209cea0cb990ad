/* SPDX-License-Identifier: BSD-3-Clause */
/* weft export: exports a disk, so that other machines can attach it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/attrs.h"
#include "cli/change.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/path.h"
#include "util/cleanup.h"
#include "util/str.h"

enum { OPT_NQN = CLI_OPT_OWN, OPT_HOST, OPT_SIZE, OPT_OPTION, OPT_SAVE };

/* Adds an option "NAME=VALUE" to the request's "options". */
static int add_option(const struct cli *cli, json_t *request, const char *text)
{
	json_t *table = json_object_get(request, "options");
	const char *equals = strchr(text, '=');
	_cleanup_free_ char *name = NULL;

	if (!equals || equals == text)
		return cli_usage(cli, "--option %s: it must read NAME=VALUE", text);
	name = strndup(text, (size_t)(equals - text));
	if (!table) {
		table = json_object();
		json_object_set_new(request, "options", table);
	}
	json_object_set_new(table, name ? name : "", json_string(equals + 1));
	return CLI_OK;
}

static void add_host(json_t *request, const char *nqn)
{
	json_t *hosts = json_object_get(request, "hosts");

	if (!hosts) {
		hosts = json_array();
		json_object_set_new(request, "hosts", hosts);
	}
	json_array_append_new(hosts, json_string(nqn));
}

/* Adds a command-line option to the request's JSON. */
static int take_option(const struct cli *cli, int c, json_t *request, bool *save)
{
	uint64_t number;

	switch (c) {
	case OPT_NQN:
		json_object_set_new(request, "nqn", json_string(optarg));
		return CLI_OK;
	case OPT_HOST:
		add_host(request, optarg);
		return CLI_OK;
	case OPT_SIZE:
		if (size_parse(optarg, &number) < 0 || number == 0)
			return cli_usage(cli, "--size %s: it must be a size such as 64M or 10G",
					 optarg);
		json_object_set_new(request, "size", json_string(optarg));
		return CLI_OK;
	case OPT_OPTION:
		return add_option(cli, request, optarg);
	case OPT_SAVE:
		*save = true;
		return CLI_OK;
	default:
		return attrs_take(cli, &namespace_type, c, optarg, request);
	}
}

/* Takes the PATH argument. It is required for the backend "file" only. */
static int take_path(const struct cli *cli, int argc, char **argv, json_t *request)
{
	const char *backend = json_string_value(json_object_get(request, "backend"));
	_cleanup_free_ char *path = NULL;

	if (argc - optind > 1)
		return cli_usage(cli, "one PATH only, not %s too", argv[optind + 1]);
	if (argc == optind) {
		if (backend && strcmp(backend, "file") != 0)
			return CLI_OK;
		return cli_usage(cli, "which PATH?");
	}
	path = path_absolute(argv[optind]);
	if (!path)
		return cli_fail(cli, "cannot tell where %s is: %s", argv[optind], strerror(errno));
	if (json_object_set_new(request, "path", json_string(path)) < 0)
		return cli_fail(cli, "%s is not UTF-8; a configuration can hold UTF-8 paths only",
				path);
	return CLI_OK;
}

static void print_command(const char *verb, const json_t *where, const char *nqn)
{
	const char *traddr = json_string_value(json_object_get(where, "traddr"));

	printf("  nvme %s -t tcp -a %s -s %lld%s%s\n", verb, traddr ? traddr : "?",
	       (long long)json_integer_value(json_object_get(where, "trsvcid")), nqn ? " -n " : "",
	       nqn ? nqn : "");
}

/* True if one of the addresses is not a loopback address. */
static bool reaches_others(const json_t *connect)
{
	json_t *where;
	size_t i;

	json_array_foreach(connect, i, where) {
		const char *traddr = json_string_value(json_object_get(where, "traddr"));

		if (traddr && strncmp(traddr, "127.", 4) != 0 && strcmp(traddr, "::1") != 0)
			return true;
	}
	return false;
}

static void print_commands(const json_t *reply, const char *nqn)
{
	json_t *connect = json_object_get(reply, "connect"), *where;
	json_t *discover = json_object_get(reply, "discover");
	size_t i;

	if (json_array_size(connect) == 0) {
		printf("no port leads to it: no other machine can attach it\n");
		return;
	}
	printf("\non %s machine:\n", reaches_others(connect) ? "another" : "this");
	print_command("discover", json_array_get(discover, 0), NULL);
	json_array_foreach(connect, i, where)
		print_command("connect", where, nqn);
	printf("\n");
}

static void print_access(const json_t *reply)
{
	json_t *hosts = json_object_get(reply, "hosts"), *host;
	size_t i;

	if (json_is_true(json_object_get(reply, "allow_any_host"))) {
		puts("any host that reaches this machine may attach it; --host NQN names who may");
		return;
	}
	printf("only these hosts may attach it:\n");
	json_array_foreach(hosts, i, host)
		printf("  %s\n", json_string_value(host));
}

static void print_reply(const json_t *reply)
{
	const char *nqn = "?", *path = NULL, *backend = "?";
	json_t *problems = json_object_get(reply, "problems"), *problem;
	json_int_t nsid = 0, size = 0;
	char text[32];
	size_t i;

	json_unpack((json_t *)reply, "{s:s, s:I, s:s, s?s, s:I}", "nqn", &nqn, "nsid", &nsid,
		    "backend", &backend, "path", &path, "size", &size);
	printf("exported %s (%s%s) as namespace %lld of\n  %s\n", path ? path : backend,
	       size ? size_format((uint64_t)size, text, sizeof(text)) : "not open yet",
	       json_is_true(json_object_get(reply, "read_only")) ? ", read-only" : "",
	       (long long)nsid, nqn);
	print_access(reply);
	print_commands(reply, nqn);
	change_hint(reply);
	fflush(stdout);
	json_array_foreach(problems, i, problem)
		fprintf(stderr, "warning: %s\n", json_string_value(problem));
}

static int run(struct cli *cli, int argc, char **argv)
{
	json_t *request = json_object(), *reply = NULL;
	bool save = false;
	int c, r;

	while ((c = cli_next_option(cli, argc, argv, &r)) >= 0) {
		r = take_option(cli, c, request, &save);
		if (r != CLI_OK)
			break;
	}
	if (c == -1)
		r = take_path(cli, argc, argv, request);
	if (c != -1 || r != CLI_OK) {
		json_decref(request);
		return r;
	}
	r = client_call_json(cli, "POST", "/v1/exports", request, &reply);
	if (r != CLI_OK)
		return r;
	r = change_save(cli, save, reply);
	if (cli->json)
		client_print(reply);
	else
		print_reply(reply);
	json_decref(reply);
	return r;
}

static const struct command_option options[] = {
	{ "nqn", OPT_NQN, "NQN",
	  "the subsystem to make or to extend (default: from this machine's name and the last "
	  "part of PATH)", NULL },
	{ "host", OPT_HOST, "NQN", "let only this host attach; may be given more than once", NULL },
	{ "size", OPT_SIZE, "SIZE",
	  "make a missing file of this size; of one that is there, and of other backends, the "
	  "size to use (64M, 10G, ...)", NULL },
	{ "option", OPT_OPTION, "K=V",
	  "an option of the backend; may be given more than once", NULL },
	{ "save", OPT_SAVE, NULL, "keep it when weftd starts again, as 'weft save' does", NULL },
	{ NULL },
};

const struct command command_export = {
	.name = "export", .arguments = "PATH\n--backend NAME [PATH]",
	.summary = "make a file or a block device a disk for other machines",
	.text = "Makes a file or a block device a disk that other machines attach over "
		"NVMe/TCP. Without --host any machine that can reach this one may attach it.",
	.kind = COMMAND_OF_WEFTD, .options = options, .attrs = &namespace_type,
	.example = "/srv/disk.img --size 10G --save",
	.completes = COMPLETE_FILES,
	.run = run,
};
