/* SPDX-License-Identifier: BSD-3-Clause */
/* The last step of each command that changes the configuration: --save, or a hint to save. */
#ifndef WEFT_CLI_CHANGE_H
#define WEFT_CLI_CHANGE_H

#include <jansson.h>
#include <stdbool.h>

struct cli;

/*
 * If `save` is true, asks weftd to write its configuration file, and updates "unsaved"
 * in the reply. Returns an exit code.
 */
int change_save(const struct cli *cli, bool save, json_t *reply);
/* If the reply says that the change is not saved, prints a line on how to save it. */
void change_hint(const json_t *reply);

#endif
