/* SPDX-License-Identifier: BSD-3-Clause */
/* The options that every command has, and how a command says what is wrong. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "util/cleanup.h"

void cli_init(struct cli *cli, const char *command, const char *help)
{
	const char *socket_path = getenv("WEFT_SOCKET");

	*cli = (struct cli){
		.command = command,
		.help = help,
		.socket_path = socket_path && *socket_path ? socket_path : CLI_SOCKET_DEFAULT,
	};
	optind = 0; /* a fresh start for getopt_long() */
	opterr = 0;
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "weft %s: ", cli->command);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\ntry: weft %s --help\n", cli->command);
	return CLI_USAGE;
}

int cli_fail(const struct cli *cli, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0) {
		text = NULL;
		fprintf(stderr, "weft %s: out of memory\n", cli->command);
		return CLI_FAILED;
	}
	fprintf(stderr, "weft %s: %s\n", cli->command, text);
	if (cli->json) {
		json_t *error = json_pack("{s:{s:s, s:s}}", "error", "code", "failed", "text",
					  text);

		json_dumpf(error, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(error);
	}
	return CLI_FAILED;
}

/* The word on the command line that getopt_long() stopped at. */
static const char *offender(int argc, char **argv)
{
	return optind > 0 && optind <= argc ? argv[optind - 1] : "?";
}

int cli_next_option(struct cli *cli, int argc, char **argv, const struct option *options,
		    int *ret_exit)
{
	for (;;) {
		int c = getopt_long(argc, argv, ":h", options, NULL);

		switch (c) {
		case CLI_OPT_SOCKET:
			cli->socket_path = optarg;
			break;
		case CLI_OPT_JSON:
			cli->json = true;
			break;
		case CLI_OPT_HELP:
		case 'h':
			fputs(cli->help, stdout);
			*ret_exit = CLI_OK;
			return -2;
		case ':':
			*ret_exit = cli_usage(cli, "option %s needs a value", offender(argc, argv));
			return -2;
		case '?':
			*ret_exit = cli_usage(cli, "wrong option %s", offender(argc, argv));
			return -2;
		default:
			return c;
		}
	}
}

bool cli_take_options(struct cli *cli, int argc, char **argv, int *ret_exit)
{
	static const struct option options[] = { CLI_COMMON_OPTIONS };

	return cli_next_option(cli, argc, argv, options, ret_exit) == -1;
}
