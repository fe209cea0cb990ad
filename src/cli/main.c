/* SPDX-License-Identifier: BSD-3-Clause */
/* weft: the command line. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "util/cleanup.h"

static int usage(const char *problem, const char *word)
{
	fprintf(stderr, "weft: %s%s%s\ntry: weft --help\n", problem, *word ? " " : "", word);
	return CLI_USAGE;
}

/*
 * Options before the command are treated as options after it: "weft --json ls" runs
 * "ls --json". Returns the command's index in argv, or 0 with *ret_exit.
 */
static int find_place(int argc, char **argv, int *ret_exit)
{
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			help_print();
			*ret_exit = CLI_OK;
			return 0;
		}
		if (strcmp(argv[i], "--version") == 0) {
			printf("weft %s\n", WEFT_VERSION);
			*ret_exit = CLI_OK;
			return 0;
		}
		if (strcmp(argv[i], "--socket") == 0) {
			i++; /* skip the option's value */
		} else if (strcmp(argv[i], "--json") != 0 &&
			   strncmp(argv[i], "--socket=", 9) != 0) {
			*ret_exit = usage("wrong option", argv[i]);
			return 0;
		}
	}
	if (i >= argc) {
		*ret_exit = usage("which command?", "");
		return 0;
	}
	return i;
}

int main(int argc, char **argv)
{
	_cleanup_free_ char **words = calloc((size_t)argc + 1, sizeof(*words));
	const struct command *command;
	struct cli cli;
	int place, r = CLI_FAILED;

	if (!words)
		return CLI_FAILED;
	if (argc > 1 && strcmp(argv[1], "--complete") == 0)
		return complete_print(argc - 2, argv + 2);
	place = find_place(argc, argv, &r);
	if (place == 0)
		return r;
	command = command_find(argv[place]);
	if (!command)
		return usage("there is no command", argv[place]);

	words[0] = argv[place];
	for (int i = 1; i < place; i++)
		words[i] = argv[i];
	for (int i = place + 1; i < argc; i++)
		words[i - 1] = argv[i];
	curl_global_init(CURL_GLOBAL_DEFAULT);
	cli_init(&cli, command);
	r = command->run(&cli, argc - 1, words);
	curl_global_cleanup();
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "weft %s: cannot write to standard output\n", command->name);
		return r == CLI_OK ? CLI_FAILED : r;
	}
	return r;
}
