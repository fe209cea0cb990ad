/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that show a part of weftd's state: see show.h. */
#include "cli/show.h"

#include <getopt.h>

#include "cli/cli.h"
#include "cli/client.h"

int cli_show(struct cli *cli, int argc, char **argv, const char *path,
	     int (*print)(const struct cli *cli, const json_t *reply))
{
	json_t *reply = NULL;
	int r;

	if (!cli_take_options(cli, argc, argv, &r))
		return r;
	if (optind < argc)
		return cli_usage(cli, "it takes no argument such as %s", argv[optind]);
	r = client_get(cli, path, &reply);
	if (r != CLI_OK)
		return r;
	if (cli->json)
		client_print(reply);
	else
		r = print(cli, reply);
	json_decref(reply);
	return r;
}
