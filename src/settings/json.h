/* SPDX-License-Identifier: BSD-3-Clause */
/* Attributes in JSON: their values, and the schemas of objects. */
#ifndef WEFT_SETTINGS_JSON_H
#define WEFT_SETTINGS_JSON_H

#include <jansson.h>

#include "settings/attr.h"

/* What a value is, for messages: "an object", "a number that is not whole", ... */
const char *json_type_name(const json_t *value);

/*
 * The value in the form of a configuration: a string in nvmetcli's groups, a JSON number or
 * boolean elsewhere. NULL: it is not set, or memory ran out.
 */
json_t *attr_to_json(const struct attr *attr, const void *settings);
/*
 * The value in the form of a request: a number, a boolean or a string. An identifier may be
 * unset.
 */
json_t *attr_to_request(const struct attr *attr, const void *settings);
/*
 * Sets the attribute from any scalar; a string with the value's text is accepted for every type.
 * Returns what attr_parse() returns.
 */
int attr_from_json(const struct attr *attr, void *settings, const json_t *value,
		   struct weft_error *error);

/*
 * Schemas are JSON Schema 2020-12, which OpenAPI 3.1 uses. They belong to the caller; NULL: memory
 * ran out. The schema of an attribute describes the JSON value itself (a number, a boolean, ...).
 */
json_t *attr_schema(const struct attr *attr);
/*
 * The schema of an object describes its form in a configuration, with its groups, its key and its
 * lists. Objects in lists are references to "#/components/schemas/NAME", NAME being the `schema`
 * of their type. Strings are accepted in place of numbers and booleans.
 */
json_t *object_schema(const struct object_type *type);
/* Adds the attributes that `weft export` can set to the request's "properties". 0 or -1. */
int export_schema_add(json_t *properties);

#endif
