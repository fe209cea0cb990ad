/* SPDX-License-Identifier: BSD-3-Clause */
/* Options of commands from the rows of an object's attributes. */
#ifndef WEFT_CLI_ATTRS_H
#define WEFT_CLI_ATTRS_H

#include <jansson.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "settings/attr.h"

/* Ids of such options: this and up, in the order of the rows. */
#define ATTRS_ID 4096

/*
 * The option for the attribute of that place among those that an export may set; NULL: there are
 * no more. It holds until the end.
 */
const struct command_option *attrs_option(const struct object_type *type, size_t index);
/* Its attribute, by its id; NULL: it is another option's. */
const struct attr *attrs_find(const struct object_type *type, int id);
/* Puts an option's value into a request; `text` NULL: it takes none. CLI_OK or CLI_USAGE. */
int attrs_take(const struct cli *cli, const struct object_type *type, int id, const char *text,
	       json_t *request);

#endif
