/* SPDX-License-Identifier: BSD-3-Clause */
/* Help texts, made from the rows of the commands; and weft help. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command.h"

#define WIDTH 86	/* columns of a line of help */

/* Prints a text in lines that begin at a column. The cursor is at that column already. */
static void print_filled(const char *text, int column)
{
	int at = column;

	while (*text) {
		int length = (int)strcspn(text, " ");

		if (at > column && at + 1 + length > WIDTH) {
			printf("\n%*s", column, "");
			at = column;
		} else if (at > column) {
			putchar(' ');
			at++;
		}
		printf("%.*s", length, text);
		at += length;
		text += length;
		while (*text == ' ')
			text++;
	}
	putchar('\n');
}

/*
 * Formats "  -i, --namespace-id NSID". If `letters` is true, an option without a letter gets
 * blanks in its place. Returns the number of columns.
 */
static int format_option(const struct command_option *option, bool letters, char *buf, size_t size)
{
	char letter[8] = "";

	if (letters && option->id < 256)
		snprintf(letter, sizeof(letter), "-%c, ", option->id);
	return snprintf(buf, size, "  %*s--%s%s%s", letters ? -4 : 0, letter, option->name,
			option->value ? " " : "", option->value ? option->value : "");
}

static void print_options(const struct command *command)
{
	bool letters = command->kind == COMMAND_OF_HOST;
	int column = letters ? 29 : 19;
	const struct command_option *option;
	char text[80];

	for (size_t i = 0; (option = command_option(command, i)); i++) {
		if (!*option->name) {
			printf("%s:\n", option->help);
			continue;
		}
		if (format_option(option, letters, text, sizeof(text)) >= column) {
			printf("%s  %s\n", text, option->help);
			continue;
		}
		printf("%-*s", column, text);
		print_filled(option->help, column);
	}
}

/* Prints the command's usage, one line for each line of its arguments. */
static void print_usage(const struct command *command)
{
	const char *arguments = command->arguments;
	const char *lead = "usage:";

	do {
		int length = (int)strcspn(arguments, "\n");

		printf("%-6s weft %s%s%.*s [OPTION...]\n", lead, command->name, length ? " " : "",
		       length, arguments);
		arguments += length;
		lead = "";
	} while (*arguments++ == '\n');
}

void help_print_command(const struct command *command)
{
	print_usage(command);
	putchar('\n');
	print_filled(command->text, 0);
	putchar('\n');
	print_options(command);
	printf("\nexample: weft %s%s%s\n", command->name, command->example ? " " : "",
	       command->example ? command->example : "");
}

void help_print(void)
{
	fputs("usage: weft [--socket PATH] [--json] COMMAND [ARGUMENT...]\n"
	      "\n"
	      "Shares disks with other machines over NVMe/TCP. weftd serves them; weft tells it "
	      "what.\n\n", stdout);
	for (size_t i = 0; i < command_count; i++)
		printf("  %-9s %-18.*s %s\n", commands[i]->name,
		       (int)strcspn(commands[i]->arguments, "\n"), commands[i]->arguments,
		       commands[i]->summary);
	fputs("\n"
	      "  --json           print JSON\n"
	      "  --socket PATH    weftd's socket (default " CLI_SOCKET_DEFAULT ")\n"
	      "  --version        print the version and exit\n"
	      "  --help           print this and exit; after a command, its own help\n"
	      "\n"
	      "exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 weftd does not answer\n"
	      "example: weft export /srv/disk.img --size 10G\n", stdout);
}

static int run(struct cli *cli, int argc, char **argv)
{
	const struct command *command;
	int r;

	if (!cli_take_options(cli, argc, argv, &r))
		return r;
	if (optind == argc) {
		help_print();
		return CLI_OK;
	}
	command = command_find(argv[optind]);
	if (!command)
		return cli_usage(cli, "there is no command %s", argv[optind]);
	if (argc - optind > 1)
		return cli_usage(cli, "one COMMAND only, not %s too", argv[optind + 1]);
	help_print_command(command);
	return CLI_OK;
}

const struct command command_help = {
	.name = "help", .arguments = "[COMMAND]", .summary = "explain a command",
	.text = "Explains a command and its options, or lists all commands.",
	.kind = COMMAND_ALONE, .example = "export", .completes = COMPLETE_COMMANDS, .run = run,
};
