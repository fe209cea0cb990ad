/* SPDX-License-Identifier: BSD-3-Clause */
/* Typed reading of a request's JSON object. */
#include "control/fields.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <weft/backend.h>

#include "settings/json.h"
#include "util/str.h"

static const char *type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	default:
		return "null";
	}
}

#define fields_fail(fields, ...) \
	((fields)->result = weft_error_set((fields)->error, EINVAL, __VA_ARGS__))

void fields_init(struct fields *fields, json_t *body, struct weft_error *error)
{
	*fields = (struct fields){ .object = body, .error = error };
	if (body && !json_is_object(body))
		fields_fail(fields, "the request's body is %s; it must be a JSON object",
			    type_name(body));
}

/* The member, or NULL if it is missing or an earlier call failed. */
static json_t *member(struct fields *fields, const char *name)
{
	json_t *value;

	assert(fields->known_count < FIELDS_MAX);
	fields->known[fields->known_count++] = name;
	if (fields->result)
		return NULL;
	value = json_object_get(fields->object, name);
	return json_is_null(value) ? NULL : value;
}

static void wrong_type(struct fields *fields, const char *name, const json_t *value,
		       const char *wanted)
{
	fields_fail(fields, "field \"%s\" is %s; it must be %s", name, type_name(value), wanted);
}

void fields_string(struct fields *fields, const char *name, const char **ret)
{
	json_t *value = member(fields, name);

	if (!value)
		return;
	if (!json_is_string(value))
		wrong_type(fields, name, value, "a string");
	else if (json_string_length(value) == 0)
		fields_fail(fields, "field \"%s\" is empty; leave it out or give a value", name);
	else
		*ret = json_string_value(value);
}

void fields_size(struct fields *fields, const char *name, uint64_t *ret)
{
	json_t *value = member(fields, name);
	uint64_t size = 0;

	if (!value)
		return;
	if (json_is_integer(value)) {
		if (json_integer_value(value) > 0)
			size = (uint64_t)json_integer_value(value);
	} else if (!json_is_string(value)) {
		wrong_type(fields, name, value, "a number of bytes or text such as \"64M\"");
		return;
	} else if (size_parse(json_string_value(value), &size) < 0) {
		fields_fail(fields, "field \"%s\" is \"%s\"; a size is a number of bytes or text "
			    "such as \"64M\" or \"1G\"", name, json_string_value(value));
		return;
	}
	if (size == 0)
		fields_fail(fields, "field \"%s\" must be greater than 0", name);
	else
		*ret = size;
}

/*
 * The JSON type that the attribute needs, or NULL if the value has it. In a request, a
 * string is not accepted as a number.
 */
static const char *wanted_type(const struct attr *attr, const json_t *value)
{
	switch (attr->type) {
	case ATTR_BOOL:
		return json_is_boolean(value) ? NULL : "true or false";
	case ATTR_U8:
	case ATTR_U16:
	case ATTR_U32:
		return json_is_integer(value) ? NULL : "a whole number";
	default:
		return json_is_string(value) ? NULL : "a string";
	}
}

static void field_attr(struct fields *fields, const struct attr *attr, void *settings)
{
	const json_t *value = member(fields, attr->name);
	const char *wanted = value ? wanted_type(attr, value) : NULL;
	struct weft_error inner;
	int r;

	if (wanted)
		wrong_type(fields, attr->name, value, wanted);
	if (!value || wanted)
		return;
	r = attr_from_json(attr, settings, value, &inner);
	/* A value that is given must set the attribute. */
	if (!r && attr->optional && !attr_is_set(attr, settings))
		fields_fail(fields, "field \"%s\" stands for nothing; leave it out, or let it "
			    "be %s", attr->name, attr->right);
	else if (r < 0 && !strncmp(inner.text, attr->name, strlen(attr->name)))
		fields_fail(fields, "field \"%s\"%s", attr->name,
			    inner.text + strlen(attr->name));
	else if (r < 0)
		fields_fail(fields, "field \"%s\": %s", attr->name, inner.text);
}

void fields_export(struct fields *fields, const struct object_type *type, void *settings)
{
	for (const struct attr *attr = type->attrs; attr->name; attr++) {
		if (attr->value)
			field_attr(fields, attr, settings);
	}
}

void fields_strings(struct fields *fields, const char *name, json_t **ret_array)
{
	json_t *value = member(fields, name), *item;
	size_t i;

	if (!value)
		return;
	if (!json_is_array(value)) {
		wrong_type(fields, name, value, "an array of strings");
		return;
	}
	json_array_foreach(value, i, item) {
		if (!json_is_string(item) || json_string_length(item) == 0) {
			fields_fail(fields, "field \"%s\": element %zu is %s; each must be a "
				    "string that is not empty", name, i,
				    json_is_string(item) ? "empty" : type_name(item));
			return;
		}
	}
	*ret_array = value;
}

void fields_scalars(struct fields *fields, const char *name, json_t **ret_object)
{
	json_t *value = member(fields, name), *item;
	const char *key;

	if (!value)
		return;
	if (!json_is_object(value)) {
		wrong_type(fields, name, value, "an object");
		return;
	}
	json_object_foreach(value, key, item) {
		if (!json_is_string(item) && !json_is_integer(item) && !json_is_boolean(item)) {
			fields_fail(fields, "field \"%s.%s\" is %s; it must be a string, a whole "
				    "number or a boolean", name, key, type_name(item));
			return;
		}
	}
	*ret_object = value;
}

int fields_done(struct fields *fields)
{
	const char *key;
	json_t *value;

	if (fields->result)
		return fields->result;
	json_object_foreach(fields->object, key, value) {
		unsigned int i;

		for (i = 0; i < fields->known_count; i++)
			if (strcmp(fields->known[i], key) == 0)
				break;
		if (i < fields->known_count)
			continue;

		struct strbuf names = {0};

		for (i = 0; i < fields->known_count; i++)
			strbuf_add(&names, "%s%s", i ? ", " : "", fields->known[i]);
		fields_fail(fields, "unknown field \"%s\"; known are: %s", key,
			    names.data ? names.data : "none");
		strbuf_done(&names);
		return fields->result;
	}
	return 0;
}
