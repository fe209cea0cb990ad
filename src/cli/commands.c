/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of commands, in the order in which help and manual list them. */
#include <string.h>

#include "cli/attrs.h"
#include "cli/command.h"
#include "cli/hostcmd.h"

#define COMMANDS(X) \
	X(export) X(unexport) X(ls) X(status) X(sessions) X(save) X(restore) X(clear) \
	X(discover) X(identify) X(read) X(write) X(perf) X(help)

#define DECLARE(name) extern const struct command command_##name;
#define POINT(name) &command_##name,

COMMANDS(DECLARE)

const struct command *const commands[] = { COMMANDS(POINT) };
const size_t command_count = sizeof(commands) / sizeof(commands[0]);

static const struct command_option help_option = {
	"help", 'h', NULL, "print this and exit", NULL,
};

static const struct command_option *const alone[] = { &help_option };

static const struct command_option *const of_weftd[] = {
	&(const struct command_option){ "json", CLI_OPT_JSON, NULL, "print JSON", NULL },
	&(const struct command_option){ "socket", CLI_OPT_SOCKET, "PATH",
					"weftd's socket (default " CLI_SOCKET_DEFAULT ")",
					COMPLETE_FILES },
	&help_option,
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

const struct command_option *command_option(const struct command *command, size_t index)
{
	for (const struct command_option *own = command->options; own && own->name; own++)
		if (index-- == 0)
			return own;
	for (size_t i = 0; command->attrs && attrs_option(command->attrs, i); i++)
		if (index-- == 0)
			return attrs_option(command->attrs, i);
	switch (command->kind) {
	case COMMAND_OF_WEFTD:
		return index < sizeof(of_weftd) / sizeof(of_weftd[0]) ? of_weftd[index] : NULL;
	case COMMAND_OF_HOST:
		for (const struct command_option *target = hostcmd_options; target->name; target++)
			if (index-- == 0)
				return target;
		break;
	case COMMAND_ALONE:
		break;
	}
	return index == 0 ? alone[0] : NULL;
}
