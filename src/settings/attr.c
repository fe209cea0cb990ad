/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading, writing and checking one attribute by its row. */
#include "settings/attr.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/backend.h>

#include "spec/fabrics.h"
#include "settings/value.h"
#include "util/str.h"

static const struct attr_word bool_words[] = {
	{ "0", 0 }, { "1", 1 }, { "false", 0 }, { "true", 1 }, { "no", 0 },
	{ "yes", 1 }, { "off", 0 }, { "on", 1 }, { NULL, 0 },
};

const struct attr *attr_find(const struct object_type *type, const char *name)
{
	for (const struct attr *attr = type->attrs; attr->name; attr++) {
		if (!strcmp(attr->name, name))
			return attr;
	}
	return NULL;
}

static int refuse(const struct attr *attr, const char *text, int code, struct weft_error *error)
{
	return weft_error_set(error, code, "%s is \"%.80s\"; it must be %s", attr->name, text,
			      attr->right);
}

/* True if text is one of the words; an empty list stands for the empty text. */
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

/* 0 or -EINVAL. */
static int parse_word(const struct attr_word *words, const char *text, uint32_t *ret)
{
	for (; words->text; words++) {
		if (!strcmp(words->text, text)) {
			*ret = words->value;
			return 0;
		}
	}
	return -EINVAL;
}

static const char *word_of(const struct attr_word *words, uint32_t value)
{
	for (; words->text; words++) {
		if (words->value == value)
			return words->text;
	}
	return NULL;
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

/* Checks a number's range, step and words. 0, -EINVAL or -ERANGE. */
static int check_number(const struct attr *attr, uint32_t value)
{
	if (attr->type == ATTR_BOOL)
		return 0;
	if (attr->words)
		return word_of(attr->words, value) ? 0 : -EINVAL;
	if (value < attr->low || value > attr->high)
		return -ERANGE;
	return attr->step && value % attr->step ? -EINVAL : 0;
}

static int parse_number(const struct attr *attr, const char *text, uint32_t *ret)
{
	uint64_t number;
	int r;

	switch (attr->type) {
	case ATTR_BOOL:
		return parse_word(bool_words, text, ret);
	case ATTR_HEX:
		return parse_hex(text, attr->high, ret);
	case ATTR_VERSION:
		return parse_version(text, ret);
	default:
		if (attr->words)
			return parse_word(attr->words, text, ret);
		r = number_parse(text, attr->low, attr->high, &number);
		if (!r)
			*ret = (uint32_t)number;
		return r;
	}
}

static int check_text(const struct attr *attr, const char *text, struct weft_error *error)
{
	size_t length = strlen(text);

	if (length < attr->low)
		return refuse(attr, text, EINVAL, error);
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

static int check_nqn(const char *text, struct weft_error *error)
{
	enum nvmf_nqn_fault fault = nvmf_nqn_check(text, strlen(text) + 1, 0);

	if (fault == NVMF_NQN_OK)
		return 0;
	return weft_error_set(error, EINVAL, "NQN \"%.80s\" %s", text, nvmf_nqn_fault_str(fault));
}

static int parse_text(const struct attr *attr, void *settings, const char *text,
		      struct weft_error *error)
{
	int r = attr->type == ATTR_NQN ? check_nqn(text, error) : check_text(attr, text, error);

	if (r < 0)
		return r;
	/* nvmet's configfs shows an attribute that is not set as an empty line. */
	if (!*text && attr->fallback_text && !attr->optional)
		text = attr->fallback_text;
	attr_set_text(attr, settings, text);
	return 0;
}

static int parse_id(const struct attr *attr, void *settings, const char *text,
		    struct weft_error *error)
{
	uint8_t bytes[16] = { 0 };

	if (*text && hex_parse(strncmp(text, "0x", 2) ? text : text + 2, bytes, attr->size) < 0)
		return refuse(attr, text, EINVAL, error);
	memcpy(attr_field(attr, settings), bytes, attr->size);
	return 0;
}

int attr_parse(const struct attr *attr, void *settings, const char *text,
	       struct weft_error *error)
{
	uint32_t value = 0;
	int r;

	switch (attr->type) {
	case ATTR_TEXT:
	case ATTR_NQN:
		return parse_text(attr, settings, text, error);
	case ATTR_ID:
		return parse_id(attr, settings, text, error);
	default:
		break;
	}
	if (is_unset(attr->unset, text)) {
		attr_set_number(attr, settings, attr->optional ? 0 : attr->fallback);
		return 0;
	}
	r = parse_number(attr, text, &value);
	if (!r)
		r = check_number(attr, value);
	if (r < 0)
		return refuse(attr, text, -r, error);
	attr_set_number(attr, settings, value);
	return 0;
}

static void format_number(const struct attr *attr, uint32_t value, struct strbuf *text)
{
	switch (attr->type) {
	case ATTR_ENUM:
		strbuf_add(text, "%s", word_of(attr->words, value));
		break;
	case ATTR_HEX:
		strbuf_add(text, "0x%06x", value);
		break;
	case ATTR_VERSION:
		strbuf_add(text, "%u.%u", value >> 16, value >> 8 & 0xff);
		if (value & 0xff)
			strbuf_add(text, ".%u", value & 0xff);
		break;
	default:
		strbuf_add(text, "%u", value);
	}
}

static void format_id(const uint8_t *bytes, size_t size, struct strbuf *text)
{
	char uuid[UUID_TEXT];

	if (size == 16) {
		uuid_format(bytes, uuid);
		strbuf_add(text, "%s", uuid);
		return;
	}
	for (size_t i = 0; i < size; i++)
		strbuf_add(text, "%02x", bytes[i]);
}

int attr_format(const struct attr *attr, const void *settings, struct strbuf *text)
{
	if (!attr_is_set(attr, settings))
		return -ENODATA;
	switch (attr->type) {
	case ATTR_TEXT:
	case ATTR_NQN:
		strbuf_add(text, "%s", (const char *)attr_field(attr, settings));
		break;
	case ATTR_ID:
		format_id(attr_field(attr, settings), attr->size, text);
		break;
	default:
		format_number(attr, attr_number(attr, settings), text);
	}
	return 0;
}

int attr_check(const struct attr *attr, const void *settings, struct weft_error *error)
{
	char text[16];
	uint32_t value;
	int r;

	if (!attr_is_set(attr, settings))
		return 0;
	switch (attr->type) {
	case ATTR_TEXT:
		return check_text(attr, attr_field(attr, settings), error);
	case ATTR_NQN:
		return check_nqn(attr_field(attr, settings), error);
	case ATTR_ID:
		return 0;
	default:
		value = attr_number(attr, settings);
	}
	r = check_number(attr, value);
	if (!r)
		return 0;
	snprintf(text, sizeof(text), attr->type == ATTR_HEX || attr->type == ATTR_VERSION ?
		 "0x%x" : "%u", value);
	return refuse(attr, text, -r, error);
}

void attr_format_default(const struct attr *attr, struct strbuf *text)
{
	if (attr->fallback_help)
		strbuf_add(text, "%s", attr->fallback_help);
	else if (attr->fallback_text)
		strbuf_add(text, "%s", attr->fallback_text);
	else if (attr->type == ATTR_BOOL || attr->type == ATTR_ENUM ||
		 (attr_is_number(attr) && (attr->fallback || !attr->optional)))
		format_number(attr, attr->fallback, text);
}
