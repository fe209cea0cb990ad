/* SPDX-License-Identifier: BSD-3-Clause */
/* The last step of each command that changes the configuration. */
#include "cli/change.h"

#include <stdio.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/command.h"

int change_save(const struct cli *cli, bool save, json_t *reply)
{
	json_t *saved = NULL;
	int r;

	if (!save)
		return CLI_OK;
	r = client_call(cli, "POST", "/v1/config/save", "", 0, &saved);
	if (r != CLI_OK) {
		fprintf(stderr, "weft %s: the change is made, but it is not saved\n",
			cli->command->name);
		return r;
	}
	json_object_update(reply, saved);
	json_decref(saved);
	return CLI_OK;
}

void change_hint(const json_t *reply)
{
	const char *file = json_string_value(json_object_get(reply, "file"));

	if (json_is_true(json_object_get(reply, "unsaved")))
		printf("not saved yet: 'weft save' keeps it when weftd starts again\n");
	else if (file)
		printf("saved to %s\n", file);
}
