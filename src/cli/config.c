/* SPDX-License-Identifier: BSD-3-Clause */
/* weft save, restore and clear: the configuration as a whole. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/change.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/file.h"
#include "util/cleanup.h"
#include "util/replace.h"
#include "util/str.h"

/* Takes the options and at most one FILE (NULL: not given). False: end with *ret_exit. */
static bool take_file(struct cli *cli, int argc, char **argv, const char **ret_file, int *ret_exit)
{
	if (!cli_take_options(cli, argc, argv, ret_exit))
		return false;
	if (argc - optind > 1) {
		*ret_exit = cli_usage(cli, "one FILE only, not %s too", argv[optind + 1]);
		return false;
	}
	*ret_file = argv[optind];
	return true;
}

static int write_file(const struct cli *cli, const char *file, const struct strbuf *text)
{
	int r = replace_file(file, text->data, text->length);
	json_t *reply;

	if (r < 0)
		return cli_fail(cli, "cannot write %s: %s", file, strerror(-r));
	reply = json_pack("{s:s}", "file", file);
	if (cli->json)
		client_print(reply);
	else
		printf("saved to %s\n", file);
	json_decref(reply);
	return CLI_OK;
}

static int save_here(const struct cli *cli, const char *file)
{
	_cleanup_free_ char *text = NULL;
	struct strbuf buf = {0};
	json_t *config = NULL;
	int r;

	r = client_get(cli, "/v1/config", &config);
	if (r != CLI_OK)
		return r;
	text = json_dumps(config, JSON_INDENT(2) | JSON_SORT_KEYS);
	json_decref(config);
	if (text)
		strbuf_add(&buf, "%s\n", text);
	if (!buf.data || buf.failed) {
		r = cli_fail(cli, "out of memory");
	} else if (strcmp(file, "-") == 0) {
		fputs(buf.data, stdout);
	} else {
		r = write_file(cli, file, &buf);
	}
	strbuf_done(&buf);
	return r;
}

static int run_save(struct cli *cli, int argc, char **argv)
{
	const char *file;
	json_t *reply = NULL;
	int r;

	if (!take_file(cli, argc, argv, &file, &r))
		return r;
	if (file)
		return save_here(cli, file);
	r = client_call(cli, "POST", "/v1/config/save", "", 0, &reply);
	if (r != CLI_OK)
		return r;
	if (cli->json)
		client_print(reply);
	else
		change_hint(reply);
	json_decref(reply);
	return CLI_OK;
}

/* "2 subsystems, 3 namespaces, 1 port" */
static void print_counts(const char *what, const json_t *reply)
{
	static const char *const kinds[][2] = {
		{ "subsystems", "subsystem" }, { "namespaces", "namespace" }, { "ports", "port" },
	};

	printf("%s", what);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		long long count = json_integer_value(json_object_get(reply, kinds[i][0]));

		printf("%s %lld %s", i ? "," : "", count, kinds[i][count == 1]);
	}
	printf("\n");
}

static void print_warnings(const json_t *reply)
{
	json_t *warnings = json_object_get(reply, "warnings"), *warning;
	size_t i;

	fflush(stdout);
	json_array_foreach(warnings, i, warning)
		fprintf(stderr, "warning: %s\n", json_string_value(warning));
}

/* Sends the configuration in a file to weftd, which then applies it. */
static int send_file(const struct cli *cli, const char *file, json_t **ret_reply)
{
	_cleanup_free_ char *path = NULL;
	struct strbuf buf = {0};
	int r;

	r = file_read(file, &buf);
	path = client_path("/v1/config", "name", strcmp(file, "-") == 0 ? "standard input" : file);
	if (r < 0)
		r = cli_fail(cli, "cannot read %s: %s", file, strerror(-r));
	else if (!path)
		r = cli_fail(cli, "out of memory");
	else
		r = client_call(cli, "PUT", path, buf.data ? buf.data : "", buf.length, ret_reply);
	strbuf_done(&buf);
	return r;
}

static int run_restore(struct cli *cli, int argc, char **argv)
{
	const char *file;
	json_t *reply = NULL;
	int r;

	if (!take_file(cli, argc, argv, &file, &r))
		return r;
	r = file ? send_file(cli, file, &reply) :
		   client_call(cli, "POST", "/v1/config/restore", "", 0, &reply);
	if (r != CLI_OK)
		return r;
	if (cli->json) {
		client_print(reply);
	} else {
		print_counts("restored", reply);
		if (file)
			change_hint(reply);
	}
	print_warnings(reply);
	json_decref(reply);
	return CLI_OK;
}

static int run_clear(struct cli *cli, int argc, char **argv)
{
	json_t *reply = NULL;
	bool save = false;
	int c, r;

	while ((c = cli_next_option(cli, argc, argv, &r)) >= 0)
		save = true;
	if (c == -2)
		return r;
	if (optind < argc)
		return cli_usage(cli, "it takes no argument such as %s", argv[optind]);
	r = client_call(cli, "DELETE", "/v1/config", NULL, 0, &reply);
	if (r != CLI_OK)
		return r;
	r = change_save(cli, save, reply);
	if (cli->json) {
		client_print(reply);
	} else {
		print_counts("cleared", reply);
		change_hint(reply);
	}
	json_decref(reply);
	return r;
}

const struct command command_save = {
	.name = "save", .arguments = "[FILE]",
	.summary = "keep what is served when weftd starts again",
	.text = "Writes what weftd serves to its configuration file, so that it serves the "
		"same when it starts again; or to another FILE (- is standard output).",
	.kind = COMMAND_OF_WEFTD,
	.completes = COMPLETE_FILES,
	.run = run_save,
};

const struct command command_restore = {
	.name = "restore", .arguments = "[FILE]",
	.summary = "serve what a configuration file says",
	.text = "Serves what weftd's configuration file says, or what another FILE says (- is "
		"standard input), in place of what is served now. Hosts whose disks are in "
		"both stay attached. A file with a mistake is refused, and nothing changes.",
	.kind = COMMAND_OF_WEFTD,
	.example = "/etc/nvmet/config.json",
	.completes = COMPLETE_FILES,
	.run = run_restore,
};

static const struct command_option clear_options[] = {
	{ "save", CLI_OPT_OWN, NULL, "empty the configuration file too", NULL },
	{ NULL },
};

const struct command command_clear = {
	.name = "clear", .arguments = "",
	.summary = "end all that is served",
	.text = "Ends all that weftd serves: every host is disconnected, every port closed. "
		"The configuration file stays as it is until the next save.",
	.kind = COMMAND_OF_WEFTD, .options = clear_options,
	.run = run_clear,
};
