/* SPDX-License-Identifier: BSD-3-Clause */
/* Values and schemas in JSON: see json.h. */
#include "settings/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <weft/backend.h>

#include "settings/value.h"
#include "util/str.h"

/* True for the groups in which nvmetcli writes every value as a string. */
static bool place_has_texts(enum attr_place place)
{
	return place != ATTR_IN_OBJECT && place != ATTR_IN_WEFT;
}

static bool is_json_number(const struct attr *attr)
{
	return attr->type == ATTR_U8 || attr->type == ATTR_U16 || attr->type == ATTR_U32;
}

static json_t *format_text(const struct attr *attr, const void *settings)
{
	struct strbuf text = { 0 };
	json_t *value = NULL;

	attr_format(attr, settings, &text);
	if (text.data && !text.failed)
		value = json_string(text.data);
	strbuf_done(&text);
	return value;
}

json_t *attr_to_request(const struct attr *attr, const void *settings)
{
	if (attr->type == ATTR_BOOL)
		return json_boolean(attr_number(attr, settings));
	if (is_json_number(attr))
		return json_integer(attr_number(attr, settings));
	return format_text(attr, settings);
}

json_t *attr_to_json(const struct attr *attr, const void *settings)
{
	if (!attr_is_set(attr, settings))
		return NULL;
	/* Outside of the groups, nvmetcli writes 0 and 1. */
	if (attr->place == ATTR_IN_OBJECT && attr->type == ATTR_BOOL)
		return json_integer(attr_number(attr, settings));
	return place_has_texts(attr->place) ? format_text(attr, settings) :
					      attr_to_request(attr, settings);
}

const char *json_type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "a number";
	case JSON_REAL:
		return "a number that is not whole";
	case JSON_NULL:
		return "null";
	default:
		return "a boolean";
	}
}

static int wrong_type(const struct attr *attr, const json_t *value, struct weft_error *error)
{
	return weft_error_set(error, EINVAL, "%s is %s; it must be %s", attr->name,
			      json_type_name(value), attr->right);
}

int attr_from_json(const struct attr *attr, void *settings, const json_t *value,
		   struct weft_error *error)
{
	char number[24];

	switch (json_typeof(value)) {
	case JSON_STRING:
		return attr_parse(attr, settings, json_string_value(value), error);
	case JSON_INTEGER:
		if (!attr_is_number(attr) && attr->type != ATTR_TEXT)
			break;
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		return attr_parse(attr, settings, number, error);
	case JSON_TRUE:
	case JSON_FALSE:
		if (attr->type != ATTR_BOOL)
			break;
		return attr_parse(attr, settings, json_is_true(value) ? "1" : "0", error);
	default:
		break;
	}
	return wrong_type(attr, value, error);
}

/* ---- schemas ---- */

/* The values of an enum in their first spelling; those of a number as numbers. */
static json_t *word_values(const struct attr *attr)
{
	json_t *array = json_array();

	for (const struct attr_word *word = attr->words; word->text; word++) {
		if (is_json_number(attr))
			json_array_append_new(array, json_integer(word->value));
		else if (*word->text)
			json_array_append_new(array, json_string(word->text));
	}
	return array;
}

static json_t *type_schema(const struct attr *attr)
{
	if (attr->type == ATTR_BOOL)
		return json_pack("{s:s}", "type", "boolean");
	if (attr->words)
		return json_pack("{s:s, s:o}", "type",
				 is_json_number(attr) ? "integer" : "string", "enum",
				 word_values(attr));
	if (is_json_number(attr))
		return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum",
				 (json_int_t)attr->low, "maximum", (json_int_t)attr->high);
	if (attr->type == ATTR_TEXT || attr->type == ATTR_NQN)
		return json_pack("{s:s, s:I}", "type", "string", "maxLength",
				 (json_int_t)attr->high);
	return json_pack("{s:s}", "type", "string");
}

static json_t *default_value(const struct attr *attr)
{
	struct strbuf text = { 0 };
	json_t *value = NULL;

	if (attr->fallback_help && !attr->fallback && !attr->fallback_text)
		return NULL;
	if (attr->type == ATTR_BOOL)
		return json_boolean(attr->fallback);
	if (is_json_number(attr))
		return attr->fallback || !attr->optional ? json_integer(attr->fallback) : NULL;
	if (attr->fallback_text)
		return json_string(attr->fallback_text);
	attr_format_default(attr, &text);
	if (text.data && !text.failed)
		value = json_string(text.data);
	strbuf_done(&text);
	return value;
}

json_t *attr_schema(const struct attr *attr)
{
	json_t *schema = type_schema(attr), *value = default_value(attr);
	struct strbuf text = { 0 };

	if (attr->step)
		json_object_set_new(schema, "multipleOf", json_integer(attr->step));
	if (value)
		json_object_set_new(schema, "default", value);
	strbuf_add(&text, "%s", attr->help);
	if (attr->unit)
		strbuf_add(&text, " In %s.", attr->unit);
	if (attr->fallback_help)
		strbuf_add(&text, " Default: %s.", attr->fallback_help);
	if (text.failed || !text.data ||
	    json_object_set_new(schema, "description", json_string(text.data)) < 0) {
		json_decref(schema);
		schema = NULL;
	}
	strbuf_done(&text);
	return schema;
}

/* The schema of a member of a configuration, where a string is accepted for any value. */
static json_t *member_schema(const struct attr *attr)
{
	json_t *schema = attr_schema(attr);

	if (attr->type == ATTR_BOOL)
		json_object_set_new(schema, "type",
				    json_pack("[s, s, s]", "boolean", "integer", "string"));
	else if (is_json_number(attr))
		json_object_set_new(schema, "type", json_pack("[s, s]", "integer", "string"));
	else
		return schema;
	/* The enum [512, 4096] would refuse the string "512". */
	json_object_del(schema, "enum");
	return schema;
}

static json_t *group_schema(const struct object_type *type, enum attr_place place)
{
	json_t *properties = json_object();

	for (const struct attr *attr = type->attrs; attr->name; attr++) {
		if (attr->place == place ||
		    (attr->also_in_device && place == ATTR_IN_DEVICE))
			json_object_set_new(properties, attr->name, member_schema(attr));
	}
	if (properties && !json_object_size(properties)) {
		json_decref(properties);
		return NULL;
	}
	return json_pack("{s:s, s:o}", "type", "object", "properties", properties);
}

static json_t *list_schema(const struct object_list *list)
{
	json_t *items = list->of ? json_object() : json_pack("{s:s}", "type", "string");

	if (list->of)
		json_object_set_new(items, "$ref",
				    json_sprintf("#/components/schemas/%s", list->of->schema));
	return json_pack("{s:s, s:s, s:o}", "type", "array", "description", list->help, "items",
			 items);
}

json_t *object_schema(const struct object_type *type)
{
	json_t *properties = json_object(), *schema;

	if (type->key)
		json_object_set_new(properties, type->key->name, member_schema(type->key));
	for (const struct attr *attr = type->attrs; attr->name; attr++) {
		if (attr->place == ATTR_IN_OBJECT)
			json_object_set_new(properties, attr->name, member_schema(attr));
	}
	for (int place = ATTR_IN_OBJECT + 1; place < ATTR_PLACES; place++) {
		json_t *group = group_schema(type, (enum attr_place)place);

		if (group)
			json_object_set_new(properties, attr_group((enum attr_place)place), group);
	}
	for (const struct object_list *list = type->lists; list && list->name; list++)
		json_object_set_new(properties, list->name, list_schema(list));
	schema = json_pack("{s:s, s:s, s:o}", "type", "object", "description", type->help,
			   "properties", properties);
	/* A key with a default, such as an NSID, may be left out. */
	if (type->key && !type->key->fallback_help)
		json_object_set_new(schema, "required", json_pack("[s]", type->key->name));
	return schema;
}

int export_schema_add(json_t *properties)
{
	for (const struct attr *attr = namespace_type.attrs; attr->name; attr++) {
		if (attr->value &&
		    json_object_set_new(properties, attr->name, attr_schema(attr)) < 0)
			return -1;
	}
	return 0;
}
