/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands of weft(1) share: exit codes, common options, and the commands themselves. */
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

/* The options of every command that talks to weftd. */
struct cli {
	const char *command;		/* its name, for messages and help */
	const char *help;		/* what --help prints */
	const char *socket_path;	/* --socket, else $WEFT_SOCKET, else the default */
	bool json;			/* --json */
};

/* Values of the common options; a command's own begin at CLI_OPT_OWN or are letters. */
enum { CLI_OPT_SOCKET = 256, CLI_OPT_JSON, CLI_OPT_HELP, CLI_OPT_OWN };

#define CLI_COMMON_OPTIONS \
	{ "socket", required_argument, NULL, CLI_OPT_SOCKET }, \
	{ "json", no_argument, NULL, CLI_OPT_JSON }, \
	{ "help", no_argument, NULL, CLI_OPT_HELP }, \
	{ NULL, 0, NULL, 0 }

/* The end of each command's help. */
#define CLI_COMMON_HELP \
	"  --json           print JSON\n" \
	"  --socket PATH    weftd's socket (default " CLI_SOCKET_DEFAULT ")\n" \
	"  --help           print this and exit\n"

void cli_init(struct cli *cli, const char *command, const char *help);
/*
 * The next option that is the command's own, as getopt_long() would return it;
 * -1 at the end, with optind at the first argument. Common options are taken
 * here; where the command is to end now (--help, a wrong option), returns -2
 * with the exit code in *ret_exit.
 */
int cli_next_option(struct cli *cli, int argc, char **argv, const struct option *options,
		    int *ret_exit);
/* Takes all options of a command that has none of its own; false: end with *ret_exit. */
bool cli_take_options(struct cli *cli, int argc, char **argv, int *ret_exit);

/* "weft COMMAND: ..." on stderr, then how to get help. Returns CLI_USAGE. */
int cli_usage(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "weft COMMAND: ..." on stderr; with --json also an error object on stdout. Returns CLI_FAILED. */
int cli_fail(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The commands, each with argv[0] its name. They return the exit code. */
int cmd_export(int argc, char **argv);
int cmd_unexport(int argc, char **argv);
int cmd_ls(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_sessions(int argc, char **argv);
int cmd_save(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_clear(int argc, char **argv);
int cmd_discover(int argc, char **argv);
int cmd_identify(int argc, char **argv);
int cmd_read(int argc, char **argv);
int cmd_write(int argc, char **argv);
int cmd_perf(int argc, char **argv);

#endif
