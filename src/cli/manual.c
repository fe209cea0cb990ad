/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * At build time: weft(1) as scdoc(5) reads it, from standard input to standard
 * output, where the lines "; COMMANDS OF WEFTD" and "; COMMANDS OF HOSTS" become the
 * commands that talk to weftd, and those that are hosts.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

static void print_commands(bool of_hosts)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = commands[i];

		if ((command->kind == COMMAND_OF_HOST) != of_hosts)
			continue;
		printf("*%s*", command->name);
		if (*command->arguments) /* of two usages the first */
			printf(" _%.*s_", (int)strcspn(command->arguments, "\n"),
			       command->arguments);
		printf("\n\t%c%s.", toupper((unsigned char)command->summary[0]),
		       command->summary + 1);
		if (command->kind != COMMAND_ALONE)
			printf(" See *weft-%s*(1).", command->name);
		printf("\n\n");
	}
}

int main(void)
{
	char line[1024];

	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "; COMMANDS OF WEFTD\n") == 0)
			print_commands(false);
		else if (strcmp(line, "; COMMANDS OF HOSTS\n") == 0)
			print_commands(true);
		else
			fputs(line, stdout);
	}
	return ferror(stdin) || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
