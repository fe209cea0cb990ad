/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What JSON is to look like, written as one would write an example of it:
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
	const char *notation;	/* NULL: it comes from the type's rows */
	const struct object_type *type;
	bool exports;		/* with what an export may set of a namespace, too */
	const char *help;
};

extern const struct schema schemas[];
extern const size_t schema_count;

/* A schema of the table as a JSON Schema; NULL where memory ran out. */
json_t *schema_describe(const struct schema *schema);

/*
 * The notation as a JSON Schema (2020-12), where "Name" is {"$ref":
 * "#/components/schemas/Name"}. NULL where it is not well-formed, names a schema
 * that is not in the table, or where memory ran out.
 */
json_t *schema_render(const char *notation);

#endif
