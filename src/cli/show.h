/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that show something of weftd's and take no argument. */
#ifndef WEFT_CLI_SHOW_H
#define WEFT_CLI_SHOW_H

#include <jansson.h>

struct cli;

/*
 * Runs such a command: takes the options, asks the API for `path`, and prints
 * the reply as JSON, or has it printed for people. Returns the exit code.
 */
int cli_show(struct cli *cli, int argc, char **argv, const char *path,
	     int (*print)(const struct cli *cli, const json_t *reply));

#endif
