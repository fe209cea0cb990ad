/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading, writing and checking an attribute by its line in a table. */
#include "config/attr.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/backend.h>

#include "config/model.h"
#include "util/str.h"

static const struct config_word bool_words[] = {
	{ "0", 0 }, { "1", 1 }, { "false", 0 }, { "true", 1 }, { "no", 0 },
	{ "yes", 1 }, { "off", 0 }, { "on", 1 }, { NULL, 0 },
};

const struct config_attr *config_attr_find(const struct config_attr *table, const char *name)
{
	for (; table->name; table++) {
		if (!strcmp(table->name, name))
			return table;
	}
	return NULL;
}

static void *field(const struct config_attr *attr, const void *object)
{
	return (char *)(uintptr_t)object + attr->offset;
}

static uint32_t get_number(const struct config_attr *attr, const void *object)
{
	const void *p = field(attr, object);

	switch (attr->type) {
	case CONFIG_ATTR_BOOL:
		return *(const bool *)p;
	case CONFIG_ATTR_U8:
		return *(const uint8_t *)p;
	case CONFIG_ATTR_U16:
		return *(const uint16_t *)p;
	case CONFIG_ATTR_ENUM:
		return (uint32_t)*(const int *)p;
	default:
		return *(const uint32_t *)p;
	}
}

static void set_number(const struct config_attr *attr, void *object, uint32_t value)
{
	void *p = field(attr, object);

	switch (attr->type) {
	case CONFIG_ATTR_BOOL:
		*(bool *)p = value;
		break;
	case CONFIG_ATTR_U8:
		*(uint8_t *)p = (uint8_t)value;
		break;
	case CONFIG_ATTR_U16:
		*(uint16_t *)p = (uint16_t)value;
		break;
	case CONFIG_ATTR_ENUM:
		*(int *)p = (int)value;
		break;
	default:
		*(uint32_t *)p = value;
	}
}

static int refuse(const struct config_attr *attr, const char *text, int code,
		  struct weft_error *error)
{
	return weft_error_set(error, code, "%s is \"%.80s\"; it must be %s", attr->name, text,
			      attr->right);
}

/* Is text one of the words? The empty list has one: the empty text. */
static bool is_unset(const char *words, const char *text)
{
	size_t length = strlen(text);

	if (!words)
		return false;
	for (;;) {
		size_t n = strcspn(words, " ");

		if (n == length && !memcmp(words, text, n))
			return true;
		if (!words[n])
			return false;
		words += n + 1;
	}
}

static bool find_word(const struct config_word *words, const char *text, uint32_t *ret)
{
	for (; words->text; words++) {
		if (!strcmp(words->text, text)) {
			*ret = (uint32_t)words->value;
			return true;
		}
	}
	return false;
}

static int parse_hex(const char *text, uint64_t high, uint32_t *ret)
{
	unsigned long long value;
	char *end;

	if (!isxdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 0);
	if (*end)
		return -EINVAL;
	if (errno || value > high)
		return -ERANGE;
	*ret = (uint32_t)value;
	return 0;
}

/* "2.1" -> 0x00020100. */
static int parse_version(const char *text, uint32_t *ret)
{
	static const uint32_t highest[3] = { 0xffff, 0xff, 0xff };
	static const unsigned int shifts[3] = { 16, 8, 0 };
	uint32_t version = 0;
	int parts = 0;

	for (;;) {
		unsigned long value;
		char *end;

		if (parts == 3 || !isdigit((unsigned char)*text))
			return -EINVAL;
		value = strtoul(text, &end, 10);
		if (value > highest[parts])
			return -ERANGE;
		version |= (uint32_t)value << shifts[parts++];
		if (!*end)
			break;
		if (*end != '.')
			return -EINVAL;
		text = end + 1;
	}
	if (parts < 2)
		return -EINVAL;
	*ret = version;
	return 0;
}

static int check_text(const struct config_attr *attr, const char *text, struct weft_error *error)
{
	size_t length = strlen(text);

	if (length > attr->high)
		return weft_error_set(error, ERANGE,
				      "%s has %zu characters (\"%.80s\"); it must be %s",
				      attr->name, length, text, attr->right);
	for (const char *c = text; *c; c++) {
		if (*c < 0x20 || *c > 0x7e)
			return weft_error_set(error, EINVAL,
					      "%s has a character that is not printable ASCII at "
					      "place %zu; it must be %s",
					      attr->name, (size_t)(c - text) + 1, attr->right);
	}
	return 0;
}

static int parse_text(const struct config_attr *attr, void *object, const char *text,
		      struct weft_error *error)
{
	char **string = field(attr, object);
	int r = check_text(attr, text, error);

	if (r < 0)
		return r;
	/* The kernel shows what is not set as an empty line. */
	if (config_set_string(string, *text ? text : NULL) < 0)
		return weft_error_set(error, ENOMEM, "out of memory");
	return 0;
}

int config_attr_parse(const struct config_attr *attr, void *object, const char *text,
		      struct weft_error *error)
{
	uint32_t value = 0;
	uint64_t number;
	int r = 0;

	if (attr->type == CONFIG_ATTR_TEXT)
		return parse_text(attr, object, text, error);
	if (is_unset(attr->unset, text)) {
		set_number(attr, object, attr->fallback);
		return 0;
	}
	switch (attr->type) {
	case CONFIG_ATTR_BOOL:
		r = find_word(bool_words, text, &value) ? 0 : -EINVAL;
		break;
	case CONFIG_ATTR_ENUM:
		r = find_word(attr->words, text, &value) ? 0 : -EINVAL;
		break;
	case CONFIG_ATTR_HEX:
		r = parse_hex(text, attr->high, &value);
		break;
	case CONFIG_ATTR_VERSION:
		r = parse_version(text, &value);
		if (!r && (value < attr->low || value > attr->high))
			r = -ERANGE;
		break;
	default:
		r = number_parse(text, attr->low, attr->high, &number);
		if (!r)
			value = (uint32_t)number;
	}
	if (r < 0)
		return refuse(attr, text, -r, error);
	set_number(attr, object, value);
	return 0;
}

static const char *word_of(const struct config_word *words, uint32_t value)
{
	for (; words->text; words++) {
		if ((uint32_t)words->value == value)
			return words->text;
	}
	return NULL;
}

int config_attr_format(const struct config_attr *attr, const void *object, struct strbuf *text)
{
	uint32_t value;

	if (attr->type == CONFIG_ATTR_TEXT) {
		const char *string = *(char *const *)field(attr, object);

		if (!string)
			return -ENODATA;
		strbuf_add(text, "%s", string);
		return 0;
	}
	value = get_number(attr, object);
	switch (attr->type) {
	case CONFIG_ATTR_BOOL:
		strbuf_add(text, "%d", value != 0);
		return 0;
	case CONFIG_ATTR_ENUM:
		strbuf_add(text, "%s", word_of(attr->words, value));
		return 0;
	case CONFIG_ATTR_HEX:
		if (!value)
			return -ENODATA;
		strbuf_add(text, "0x%06x", value);
		return 0;
	case CONFIG_ATTR_VERSION:
		if (!value)
			return -ENODATA;
		strbuf_add(text, "%u.%u", value >> 16, value >> 8 & 0xff);
		if (value & 0xff)
			strbuf_add(text, ".%u", value & 0xff);
		return 0;
	default:
		if (!value && attr->unset && !attr->fallback)
			return -ENODATA;
		strbuf_add(text, "%u", value);
		return 0;
	}
}

int config_attr_check(const struct config_attr *attr, const void *object,
		      struct weft_error *error)
{
	char text[16];
	uint32_t value;

	if (attr->type == CONFIG_ATTR_TEXT) {
		const char *string = *(char *const *)field(attr, object);

		return string ? check_text(attr, string, error) : 0;
	}
	value = get_number(attr, object);
	switch (attr->type) {
	case CONFIG_ATTR_BOOL:
		return 0;
	case CONFIG_ATTR_ENUM:
		snprintf(text, sizeof(text), "%u", value);
		return word_of(attr->words, value) ? 0 : refuse(attr, text, EINVAL, error);
	case CONFIG_ATTR_VERSION:
	case CONFIG_ATTR_HEX:
		snprintf(text, sizeof(text), "0x%x", value);
		break;
	default:
		snprintf(text, sizeof(text), "%u", value);
	}
	/* 0 stands for the default where there is no other one. */
	if (!value && !attr->fallback && (attr->unset || attr->type == CONFIG_ATTR_VERSION))
		return 0;
	if (value < attr->low || value > attr->high)
		return refuse(attr, text, ERANGE, error);
	return 0;
}
