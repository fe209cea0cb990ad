/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that show a part of weftd's state and take no argument. */
#ifndef WEFT_CLI_SHOW_H
#define WEFT_CLI_SHOW_H

#include <jansson.h>

struct cli;

/*
 * Runs such a command: takes the options, gets `path` from the API, and prints the reply,
 * with --json as JSON, else with the given function. Returns the exit code.
 */
int cli_show(struct cli *cli, int argc, char **argv, const char *path,
	     int (*print)(const struct cli *cli, const json_t *reply));

#endif
