/* SPDX-License-Identifier: BSD-3-Clause */
/* Attributes in JSON: their values, and the schemas of objects. */
#ifndef WEFT_SETTINGS_JSON_H
#define WEFT_SETTINGS_JSON_H

#include <jansson.h>

#include "settings/attr.h"

/*
 * The value as a configuration has it: text in nvmetcli's groups, a JSON number or boolean
 * elsewhere. NULL: it is not set (or memory ran out).
 */
json_t *attr_to_json(const struct attr *attr, const void *settings);
/* The same as a request has it: a number, a boolean or a string. An identifier may be unset. */
json_t *attr_to_request(const struct attr *attr, const void *settings);
/* Sets it from any scalar; a string with the value's text will always do. As attr_parse(). */
int attr_from_json(const struct attr *attr, void *settings, const json_t *value,
		   struct weft_error *error);

/*
 * Schemas (JSON Schema 2020-12, as OpenAPI 3.1 has them); the caller's, NULL where memory ran
 * out. That of an attribute describes the JSON value itself (a number, a boolean, ...).
 */
json_t *attr_schema(const struct attr *attr);
/*
 * That of an object describes it as configurations have it, with its groups, its key and its
 * lists. Objects in lists are references to "#/components/schemas/NAME" with NAME the type's
 * `schema`.
 * Texts are accepted in place of numbers and booleans.
 */
json_t *object_schema(const struct object_type *type);
/* Adds what `weft export` may set of a namespace to the "properties" of its request. 0 or -1. */
int export_schema_add(json_t *properties);

#endif
