/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs at build time. Copies the scdoc(5) source of weft-api(7) from standard input to
 * standard output. The line "; REQUESTS" is replaced by the routes, the line "; SCHEMAS"
 * by the schemas.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/route.h"
#include "control/schema.h"
#include "settings/json.h"

/* Prints notation, with each "*" escaped: scdoc(5) would make text bold. */
static void print_notation(const char *notation)
{
	for (const char *c = notation; *c; c++) {
		if (*c == '*')
			putchar('\\');
		putchar(*c);
	}
}

static void print_route(const struct route *route)
{
	printf("*%s %s*\n\t%s", route->method, route->path, route->summary);
	if (route->help)
		printf(" %s", route->help);
	printf("\n\n");
	for (int i = 0; i < ROUTE_ARGUMENTS_MAX && route->arguments[i].name; i++) {
		const struct route_argument *argument = &route->arguments[i];

		printf("\t%s_%s_ (%s): %s.\n\n", route_is_of_path(route, argument) ? "" : "?",
		       argument->name, argument->type, argument->help);
	}
	if (route->body) {
		printf("\tBody: ");
		print_notation(route->body);
		printf("\n\n");
	}
	printf("\tReply%s: ", route->status == 201 ? ", with status 201" : "");
	print_notation(route->reply);
	printf("\n\n");
}

/* Prints the attributes of a namespace that an export may set. */
static void print_exports(void)
{
	json_t *properties = json_object(), *property;
	const char *name;

	export_schema_add(properties);
	json_object_foreach(properties, name, property) {
		printf("\t\t_%s_ (%s): ", name,
		       json_string_value(json_object_get(property, "type")));
		print_notation(json_string_value(json_object_get(property, "description")));
		printf("\n\n");
	}
	json_decref(properties);
}

static void print_schema(const struct schema *schema)
{
	printf("*%s*\n\t", schema->name);
	if (schema->notation) {
		print_notation(schema->notation);
		printf("\n\n");
	}
	if (schema->help)
		printf("%s%s\n\n", schema->notation ? "\t" : "", schema->help);
	if (schema->exports)
		print_exports();
}

int main(void)
{
	char line[1024];

	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "; REQUESTS\n") == 0)
			for (size_t i = 0; i < route_count; i++)
				print_route(&routes[i]);
		else if (strcmp(line, "; SCHEMAS\n") == 0)
			for (size_t i = 0; i < schema_count; i++)
				print_schema(&schemas[i]);
		else
			fputs(line, stdout);
	}
	return ferror(stdin) || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
