/* SPDX-License-Identifier: BSD-3-Clause */
/* weft: the command line. A table of commands; each is a file of its own. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "util/cleanup.h"

static const struct command {
	const char *name, *arguments, *summary;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "export", "PATH", "make a file or a block device a disk for other machines", cmd_export },
	{ "unexport", "PATH|NQN", "end that", cmd_unexport },
	{ "ls", "", "show all that is served, as a tree", cmd_ls },
	{ "status", "", "show how weftd is", cmd_status },
	{ "sessions", "", "show who is connected", cmd_sessions },
	{ "save", "[FILE]", "keep what is served when weftd starts again", cmd_save },
	{ "restore", "[FILE]", "serve what a configuration file says", cmd_restore },
	{ "clear", "", "end all that is served", cmd_clear },
	{ "discover", "[ADDRESS]", "ask a machine what it serves", cmd_discover },
	{ "identify", "[ADDRESS] NQN", "show what a remote disk is", cmd_identify },
	{ "read", "[ADDRESS] NQN", "read from a remote disk into a file", cmd_read },
	{ "write", "[ADDRESS] NQN", "write a file to a remote disk", cmd_write },
	{ "perf", "[ADDRESS] NQN", "measure a remote disk", cmd_perf },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
	fputs("usage: weft [--socket PATH] [--json] COMMAND [ARGUMENT...]\n"
	      "\n"
	      "Shares disks with other machines over NVMe/TCP. weftd serves them; weft tells it "
	      "what.\n\n", out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-9s %-14s %s\n", commands[i].name, commands[i].arguments,
			commands[i].summary);
	fputs("\n"
	      "  --json           print JSON\n"
	      "  --socket PATH    weftd's socket (default " CLI_SOCKET_DEFAULT ")\n"
	      "  --version        print the version and exit\n"
	      "  --help           print this and exit; after a command, its own help\n"
	      "\n"
	      "exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 weftd does not answer\n"
	      "example: weft export /srv/disk.img --size 10G\n", out);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int usage(const char *problem, const char *word)
{
	fprintf(stderr, "weft: %s%s%s\ntry: weft --help\n", problem, *word ? " " : "", word);
	return CLI_USAGE;
}

/*
 * Options before the command are the command's own: "weft --json ls" is run as
 * "ls --json". Returns the command's place in argv, or 0 with *ret_exit.
 */
static int find_place(int argc, char **argv, int *ret_exit)
{
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			print_help(stdout);
			*ret_exit = CLI_OK;
			return 0;
		}
		if (strcmp(argv[i], "--version") == 0) {
			printf("weft %s\n", WEFT_VERSION);
			*ret_exit = CLI_OK;
			return 0;
		}
		if (strcmp(argv[i], "--socket") == 0) {
			i++; /* its value */
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
	int place, r = CLI_FAILED;

	if (!words)
		return CLI_FAILED;
	place = find_place(argc, argv, &r);
	if (place == 0)
		return r;
	command = find_command(argv[place]);
	if (!command)
		return usage("there is no command", argv[place]);

	words[0] = argv[place];
	for (int i = 1; i < place; i++)
		words[i] = argv[i];
	for (int i = place + 1; i < argc; i++)
		words[i - 1] = argv[i];
	curl_global_init(CURL_GLOBAL_DEFAULT);
	r = command->run(argc - 1, words);
	curl_global_cleanup();
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "weft %s: cannot write to standard output\n", command->name);
		return r == CLI_OK ? CLI_FAILED : r;
	}
	return r;
}
