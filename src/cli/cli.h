/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands of weft(1) share this: exit codes, common options, error messages. */
#ifndef WEFT_CLI_CLI_H
#define WEFT_CLI_CLI_H

#include <getopt.h>
#include <stdbool.h>

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,		/* refused or failed */
	CLI_USAGE = 2,		/* the command line is wrong */
	CLI_UNREACHABLE = 3,	/* weftd does not answer */
};

#define CLI_SOCKET_DEFAULT "/run/weft/weft.sock"

struct command;

/* A command that runs. */
struct cli {
	const struct command *command;
	const char *socket_path;	/* --socket, else $WEFT_SOCKET, else the default */
	bool json;			/* --json */
};

/* Values of the common options; a command's own begin at CLI_OPT_OWN or are letters. */
enum { CLI_OPT_SOCKET = 256, CLI_OPT_JSON, CLI_OPT_OWN };

void cli_init(struct cli *cli, const struct command *command);
/*
 * The id of the next of the command's options (command.h), its value in optarg; -1 at
 * the end, with optind at the first argument. --json, --socket and --help are taken
 * here; where the command is to end now (--help, a wrong option), returns -2 with the
 * exit code in *ret_exit.
 */
int cli_next_option(struct cli *cli, int argc, char **argv, int *ret_exit);
/* Takes all options of a command that has none of its own; false: end with *ret_exit. */
bool cli_take_options(struct cli *cli, int argc, char **argv, int *ret_exit);

/* "weft COMMAND: ..." on stderr, then how to get help. Returns CLI_USAGE. */
int cli_usage(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "weft COMMAND: ..." on stderr; with --json also an error object on stdout. Returns CLI_FAILED. */
int cli_fail(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
