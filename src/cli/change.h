/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of every command that changes something: --save, or a hint that it is not saved. */
#ifndef WEFT_CLI_CHANGE_H
#define WEFT_CLI_CHANGE_H

#include <jansson.h>
#include <stdbool.h>

struct cli;

/*
 * If `save`, has weftd write its configuration file, and updates "unsaved" in the
 * reply. Returns an exit code.
 */
int change_save(const struct cli *cli, bool save, json_t *reply);
/* One line that says how to keep the change, where the reply says that it is not saved. */
void change_hint(const json_t *reply);

#endif
