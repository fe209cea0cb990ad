/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by the commands of weft(1): exit codes, common options, error messages. */
#ifndef WEFT_CLI_CLI_H
#define WEFT_CLI_CLI_H

#include <getopt.h>
#include <stdbool.h>

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,		/* the command was refused or has failed */
	CLI_USAGE = 2,		/* the command line is wrong */
	CLI_UNREACHABLE = 3,	/* weftd does not answer */
};

#define CLI_SOCKET_DEFAULT "/run/weft/weft.sock"

struct command;

/* The running command. */
struct cli {
	const struct command *command;
	const char *socket_path;	/* --socket, else $WEFT_SOCKET, else the default */
	bool json;			/* --json */
};

/* Ids of the common options. Ids of a command's own options are letters, or CLI_OPT_OWN and up. */
enum { CLI_OPT_SOCKET = 256, CLI_OPT_JSON, CLI_OPT_OWN };

void cli_init(struct cli *cli, const struct command *command);
/*
 * Returns the id of the command's next option (command.h), with its value in optarg; -1
 * after the last option, with optind at the first argument. Handles --json, --socket and
 * --help itself. Returns -2 if the command must end now (--help, a wrong option), with
 * the exit code in *ret_exit.
 */
int cli_next_option(struct cli *cli, int argc, char **argv, int *ret_exit);
/* Takes the options of a command without options of its own. False: end with *ret_exit. */
bool cli_take_options(struct cli *cli, int argc, char **argv, int *ret_exit);

/* Prints "weft COMMAND: ..." to stderr, then how to get help. Returns CLI_USAGE. */
int cli_usage(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/*
 * Prints "weft COMMAND: ..." to stderr, and with --json an error object to stdout. Returns
 * CLI_FAILED.
 */
int cli_fail(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
