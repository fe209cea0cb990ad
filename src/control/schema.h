/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Schemas of JSON values, in a short notation that looks like an example of the value:
 *
 *	string  integer  number  boolean  any	a value of that type
 *	"on" | "off"				one of these strings
 *	A | null				an alternative; any number of them
 *	[A]					an array of such
 *	{name: A, name?: B}			an object; "?": the member may be missing
 *	{*: A}					an object with any names
 *	Name					a schema of the table in schemas.c
 */
#ifndef WEFT_CONTROL_SCHEMA_H
#define WEFT_CONTROL_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct object_type;

struct schema {
	const char *name;
	const char *notation;	/* NULL: made from the attributes of `type` */
	const struct object_type *type;
	bool exports;		/* with the attributes of a namespace that an export may set */
	const char *help;
};

extern const struct schema schemas[];
extern const size_t schema_count;

/* A schema of the table as a JSON Schema; NULL if memory ran out. */
json_t *schema_describe(const struct schema *schema);

/*
 * The notation as a JSON Schema (2020-12), where "Name" is {"$ref":
 * "#/components/schemas/Name"}. NULL if the notation is not well-formed or names a
 * schema that is not in the table, or if memory ran out.
 */
json_t *schema_render(const char *notation);

#endif
