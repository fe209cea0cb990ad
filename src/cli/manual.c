/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs at build time. Copies the scdoc(5) source of weft(1) or weft-export(1) from standard
 * input to standard output. The line "; COMMANDS OF WEFTD" is replaced by the commands that
 * talk to weftd, "; COMMANDS OF HOSTS" by the commands that are NVMe hosts, "; ATTRIBUTES"
 * by the options of weft export that are made from the attributes of a namespace.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/attrs.h"
#include "cli/command.h"
#include "util/str.h"

static void print_commands(bool of_hosts)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = commands[i];

		if ((command->kind == COMMAND_OF_HOST) != of_hosts)
			continue;
		printf("*%s*", command->name);
		if (*command->arguments) /* only the first usage */
			printf(" _%.*s_", (int)strcspn(command->arguments, "\n"),
			       command->arguments);
		printf("\n\t%c%s.", toupper((unsigned char)command->summary[0]),
		       command->summary + 1);
		if (command->kind != COMMAND_ALONE)
			printf(" See *weft-%s*(1).", command->name);
		printf("\n\n");
	}
}

/* Prints the options of weft export that are made from the attributes of a namespace. */
static void print_attrs(void)
{
	const struct attr *attr;

	for (int id = ATTRS_ID; (attr = attrs_find(&namespace_type, id)); id++) {
		const struct command_option *option =
			attrs_option(&namespace_type, (size_t)(id - ATTRS_ID));
		struct strbuf text = { 0 };

		printf("*--%s*", option->name);
		if (option->value)
			printf(" _%s_", option->value);
		printf("\n\t%s", attr->help);
		if (option->value) {
			attr_format_default(attr, &text);
			printf(" %c%s.", toupper((unsigned char)attr->right[0]), attr->right + 1);
		}
		if (text.data)
			printf(" Default: %s.", text.data);
		printf("\n\n");
		strbuf_done(&text);
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
		else if (strcmp(line, "; ATTRIBUTES\n") == 0)
			print_attrs();
		else
			fputs(line, stdout);
	}
	return ferror(stdin) || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
