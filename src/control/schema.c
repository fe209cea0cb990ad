/* SPDX-License-Identifier: BSD-3-Clause */
/* The notation of schemas as JSON Schema: see schema.h. */
#include "control/schema.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "settings/json.h"
#include "util/cleanup.h"

#define DEPTH_MAX 16	/* levels of nested objects and arrays */

struct reader {
	const char *at;
	unsigned int depth;
};

static json_t *read_type(struct reader *reader);

static void skip_space(struct reader *reader)
{
	while (isspace((unsigned char)*reader->at))
		reader->at++;
}

/* True if the next character is c; then it is consumed. */
static bool accept(struct reader *reader, char c)
{
	skip_space(reader);
	if (*reader->at != c)
		return false;
	reader->at++;
	return true;
}

/* A name, owned by the caller; NULL if the text does not continue with a name. */
static char *read_name(struct reader *reader)
{
	size_t length = 0;

	skip_space(reader);
	while (isalnum((unsigned char)reader->at[length]) || reader->at[length] == '_')
		length++;
	reader->at += length;
	return length ? strndup(reader->at - length, length) : NULL;
}

static json_t *render_name(const char *name)
{
	static const char *const types[] = { "string", "integer", "number", "boolean", "null" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i], name) == 0)
			return json_pack("{s:s}", "type", name);
	if (strcmp(name, "any") == 0)
		return json_object();
	for (size_t i = 0; i < schema_count; i++)
		if (strcmp(schemas[i].name, name) == 0)
			return json_pack("{s:o}", "$ref",
					 json_sprintf("#/components/schemas/%s", name));
	return NULL;
}

static json_t *read_text(struct reader *reader)
{
	size_t length = strcspn(reader->at, "\"");
	json_t *value = json_pack("{s:s%}", "const", reader->at, length);

	reader->at += length;
	if (accept(reader, '"'))
		return value;
	json_decref(value);
	return NULL;
}

/* Reads the members of an object up to its closing brace. False if they are not well-formed. */
static bool read_members(struct reader *reader, json_t *properties, json_t *required)
{
	do {
		_cleanup_free_ char *name = read_name(reader);
		bool optional = accept(reader, '?');
		json_t *type = name && accept(reader, ':') ? read_type(reader) : NULL;

		if (!type || json_object_set_new(properties, name, type) < 0)
			return false;
		if (!optional)
			json_array_append_new(required, json_string(name));
	} while (accept(reader, ','));
	return accept(reader, '}');
}

static json_t *read_object(struct reader *reader)
{
	json_t *properties, *required, *object;

	if (accept(reader, '*')) {
		object = accept(reader, ':') ? read_type(reader) : NULL;
		if (object && accept(reader, '}'))
			return json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
					 object);
		json_decref(object);
		return NULL;
	}
	properties = json_object();
	required = json_array();
	if (read_members(reader, properties, required))
		return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties",
				 properties, "required", required, "additionalProperties", false);
	json_decref(properties);
	json_decref(required);
	return NULL;
}

static json_t *read_array(struct reader *reader)
{
	json_t *items = read_type(reader);

	if (items && accept(reader, ']'))
		return json_pack("{s:s, s:o}", "type", "array", "items", items);
	json_decref(items);
	return NULL;
}

static json_t *read_one(struct reader *reader)
{
	_cleanup_free_ char *name = NULL;

	if (accept(reader, '{'))
		return read_object(reader);
	if (accept(reader, '['))
		return read_array(reader);
	if (accept(reader, '"'))
		return read_text(reader);
	name = read_name(reader);
	return name ? render_name(name) : NULL;
}

static json_t *read_type(struct reader *reader)
{
	json_t *first, *alternatives;

	if (reader->depth == DEPTH_MAX)
		return NULL;
	reader->depth++;
	first = read_one(reader);
	alternatives = json_pack("[O*]", first);
	while (first && accept(reader, '|')) {
		if (json_array_append_new(alternatives, read_one(reader)) == 0)
			continue;
		json_decref(first);
		first = NULL;
	}
	if (first && json_array_size(alternatives) > 1) {
		json_decref(first);
		first = json_pack("{s:O}", "anyOf", alternatives);
	}
	json_decref(alternatives);
	reader->depth--;
	return first;
}

json_t *schema_render(const char *notation)
{
	struct reader reader = { .at = notation };
	json_t *schema = read_type(&reader);

	skip_space(&reader);
	if (!*reader.at)
		return schema;
	json_decref(schema);
	return NULL;
}

json_t *schema_describe(const struct schema *schema)
{
	json_t *object = schema->type ? object_schema(schema->type) :
					schema_render(schema->notation);

	if (object && schema->help)
		json_object_set_new(object, "description", json_string(schema->help));
	if (object && schema->exports &&
	    export_schema_add(json_object_get(object, "properties")) < 0) {
		json_decref(object);
		object = NULL;
	}
	return object;
}
