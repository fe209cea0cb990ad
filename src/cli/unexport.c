/* SPDX-License-Identifier: BSD-3-Clause */
/* weft unexport: ends an export. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/change.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/path.h"
#include "cli/unexport.h"
#include "util/cleanup.h"
#include "util/str.h"

/* The "/NSID" at the end of the target, or NULL. */
static char *find_nsid(char *target)
{
	char *slash = strrchr(target, '/');

	if (!slash || !slash[1] || slash[1 + strspn(slash + 1, "0123456789")])
		return NULL;
	return slash;
}

bool unexport_split(char *target, const char **ret_nsid)
{
	char *slash = find_nsid(target);
	size_t length = slash ? (size_t)(slash - target) : strlen(target);

	*ret_nsid = NULL;
	if (strncmp(target, "nqn.", 4) != 0 &&
	    (length == 0 || memchr(target, '/', length) || access(target, F_OK) == 0))
		return false;
	if (slash) {
		*slash = '\0';
		*ret_nsid = slash + 1;
	}
	return true;
}

/* The API's path for the user's PATH or NQN; owned by the caller. */
static char *request_path(char *target)
{
	_cleanup_free_ char *path = NULL;
	const char *nsid;

	if (unexport_split(target, &nsid)) {
		struct strbuf buf = {0};

		path = client_path("/v1/exports", "nqn", target);
		strbuf_add(&buf, "%s%s%s", path ? path : "", nsid ? "&nsid=" : "",
			   nsid ? nsid : "");
		return strbuf_take(&buf);
	}
	path = path_absolute(target);
	return path ? client_path("/v1/exports", "path", path) : NULL;
}

static void print_reply(const json_t *reply)
{
	json_t *removed = json_object_get(reply, "removed"), *entry;
	size_t i;

	json_array_foreach(removed, i, entry) {
		const char *nqn = json_string_value(json_object_get(entry, "nqn"));
		const char *path = json_string_value(json_object_get(entry, "path"));
		json_t *nsid = json_object_get(entry, "nsid");

		if (nsid)
			printf("unexported namespace %lld of %s%s%s%s\n",
			       (long long)json_integer_value(nsid), nqn, path ? " (" : "",
			       path ? path : "", path ? ")" : "");
		else
			printf("unexported %s, a subsystem without namespaces\n", nqn);
	}
	change_hint(reply);
}

static int run(struct cli *cli, int argc, char **argv)
{
	_cleanup_free_ char *target = NULL, *path = NULL;
	json_t *reply = NULL;
	bool save = false;
	int c, r;

	while ((c = cli_next_option(cli, argc, argv, &r)) >= 0)
		save = true;
	if (c == -2)
		return r;
	if (argc - optind != 1)
		return cli_usage(cli, argc == optind ? "which PATH or NQN?" :
				 "one PATH or NQN only");
	target = strdup(argv[optind]);
	path = target ? request_path(target) : NULL;
	if (!path)
		return cli_fail(cli, "cannot tell where %s is: %s", argv[optind], strerror(errno));
	r = client_call(cli, "DELETE", path, NULL, 0, &reply);
	if (r != CLI_OK)
		return r;
	r = change_save(cli, save, reply);
	if (cli->json)
		client_print(reply);
	else
		print_reply(reply);
	json_decref(reply);
	return r;
}

static const struct command_option options[] = {
	{ "save", CLI_OPT_OWN, NULL,
	  "keep the change when weftd starts again, as 'weft save' does", NULL },
	{ NULL },
};

const struct command command_unexport = {
	.name = "unexport", .arguments = "PATH|NQN[/NSID]",
	.summary = "end that",
	.text = "Takes a disk away from the hosts that have it attached. A subsystem that has "
		"no namespace left goes too; the file or the device itself stays as it is.",
	.kind = COMMAND_OF_WEFTD, .options = options,
	.example = "/srv/disk.img",
	.completes = COMPLETE_EXPORTS,
	.run = run,
};
