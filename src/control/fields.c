/* SPDX-License-Identifier: BSD-3-Clause */
/* Typed reading of a request's JSON object. */
#include "control/fields.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <weft/backend.h>

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

/* The member, or NULL where there is none or something failed before. */
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

void fields_bool(struct fields *fields, const char *name, bool *ret)
{
	json_t *value = member(fields, name);

	if (!value)
		return;
	if (!json_is_boolean(value))
		wrong_type(fields, name, value, "true or false");
	else
		*ret = json_is_true(value);
}

void fields_number(struct fields *fields, const char *name, uint64_t low, uint64_t high,
		   uint64_t *ret)
{
	json_t *value = member(fields, name);
	json_int_t number;

	if (!value)
		return;
	if (!json_is_integer(value)) {
		wrong_type(fields, name, value, "a whole number");
		return;
	}
	number = json_integer_value(value);
	if (number < 0 || (uint64_t)number < low || (uint64_t)number > high)
		fields_fail(fields, "field \"%s\" is %lld; it must lie in %llu..%llu", name,
			    (long long)number, (unsigned long long)low, (unsigned long long)high);
	else
		*ret = (uint64_t)number;
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

void fields_uuid(struct fields *fields, const char *name, uint8_t ret_uuid[16], bool *ret_given)
{
	static const uint8_t zero[16];
	const char *text = NULL;
	uint8_t uuid[16];

	fields_string(fields, name, &text);
	if (!text)
		return;
	if (hex_parse(text, uuid, sizeof(uuid)) < 0 || memcmp(uuid, zero, sizeof(uuid)) == 0) {
		fields_fail(fields, "field \"%s\" is \"%s\"; it must be 32 hex digits, not all 0, "
			    "such as 1b4e28ba-2fa1-41d2-883f-0016d3cca427", name, text);
		return;
	}
	memcpy(ret_uuid, uuid, sizeof(uuid));
	*ret_given = true;
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
