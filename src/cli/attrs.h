/* SPDX-License-Identifier: BSD-3-Clause */
/* Command options made from the attributes of an object type. */
#ifndef WEFT_CLI_ATTRS_H
#define WEFT_CLI_ATTRS_H

#include <jansson.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "settings/attr.h"

/* The id of the first such option. Ids count up in the order of the attributes. */
#define ATTRS_ID 4096

/*
 * The option for the attribute at an index, counted among the attributes that an export may set;
 * NULL after the last. The option stays valid until the process ends.
 */
const struct command_option *attrs_option(const struct object_type *type, size_t index);
/* The attribute of an option's id; NULL if the id is not of such an option. */
const struct attr *attrs_find(const struct object_type *type, int id);
/* Adds an option's value to a request. `text` NULL: it takes no value. CLI_OK or CLI_USAGE. */
int attrs_take(const struct cli *cli, const struct object_type *type, int id, const char *text,
	       json_t *request);

#endif
