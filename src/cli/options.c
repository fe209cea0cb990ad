/* SPDX-License-Identifier: BSD-3-Clause */
/* The options that all commands have, and error messages of commands. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "util/cleanup.h"

#define OPTIONS_MAX 40u	/* of a command */

void cli_init(struct cli *cli, const struct command *command)
{
	const char *socket_path = getenv("WEFT_SOCKET");

	*cli = (struct cli){
		.command = command,
		.socket_path = socket_path && *socket_path ? socket_path : CLI_SOCKET_DEFAULT,
	};
	optind = 0; /* a fresh start for getopt_long() */
	opterr = 0;
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "weft %s: ", cli->command->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\ntry: weft %s --help\n", cli->command->name);
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
		fprintf(stderr, "weft %s: out of memory\n", cli->command->name);
		return CLI_FAILED;
	}
	fprintf(stderr, "weft %s: %s\n", cli->command->name, text);
	if (cli->json) {
		json_t *error = json_pack("{s:{s:s, s:s}}", "error", "code", "failed", "text",
					  text);

		json_dumpf(error, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(error);
	}
	return CLI_FAILED;
}

/* The word on the command line at which getopt_long() found an error. */
static const char *offender(int argc, char **argv)
{
	return optind > 0 && optind <= argc ? argv[optind - 1] : "?";
}

/* The options of a command in the form of getopt_long(). */
struct parser {
	struct option options[OPTIONS_MAX + 1];
	char letters[2 * OPTIONS_MAX + 2];
};

static void parser_init(struct parser *parser, const struct command *command)
{
	const struct command_option *option;
	size_t count = 0, length = 0;

	*parser = (struct parser){ .letters = ":" };
	length = 1;
	for (size_t i = 0; (option = command_option(command, i)) && count < OPTIONS_MAX; i++) {
		if (!*option->name)
			continue;
		parser->options[count++] = (struct option){
			option->name, option->value ? required_argument : no_argument, NULL,
			option->id,
		};
		if (option->id >= CLI_OPT_SOCKET)
			continue;
		parser->letters[length++] = (char)option->id;
		if (option->value)
			parser->letters[length++] = ':';
	}
}

int cli_next_option(struct cli *cli, int argc, char **argv, int *ret_exit)
{
	struct parser parser;

	parser_init(&parser, cli->command);
	for (;;) {
		int c = getopt_long(argc, argv, parser.letters, parser.options, NULL);

		switch (c) {
		case CLI_OPT_SOCKET:
			cli->socket_path = optarg;
			break;
		case CLI_OPT_JSON:
			cli->json = true;
			break;
		case 'h':
			help_print_command(cli->command);
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
	return cli_next_option(cli, argc, argv, ret_exit) == -1;
}
