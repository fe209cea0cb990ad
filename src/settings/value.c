/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads and writes the fields that the rows describe. */
#include "settings/value.h"

#include <assert.h>
#include <string.h>

#include "settings/settings.h"

bool attr_is_number(const struct attr *attr)
{
	return attr->type != ATTR_TEXT && attr->type != ATTR_NQN && attr->type != ATTR_ID;
}

uint32_t attr_number(const struct attr *attr, const void *settings)
{
	const void *p = attr_field(attr, settings);

	switch (attr->type) {
	case ATTR_BOOL:
		return *(const bool *)p;
	case ATTR_U8:
		return *(const uint8_t *)p;
	case ATTR_U16:
		return *(const uint16_t *)p;
	case ATTR_ENUM:
		return (uint32_t)*(const int *)p;
	default:
		return *(const uint32_t *)p;
	}
}

void attr_set_number(const struct attr *attr, void *settings, uint32_t value)
{
	void *p = attr_field(attr, settings);

	switch (attr->type) {
	case ATTR_BOOL:
		*(bool *)p = value;
		break;
	case ATTR_U8:
		*(uint8_t *)p = (uint8_t)value;
		break;
	case ATTR_U16:
		*(uint16_t *)p = (uint16_t)value;
		break;
	case ATTR_ENUM:
		*(int *)p = (int)value;
		break;
	default:
		*(uint32_t *)p = value;
	}
}

void text_set(char *field, size_t size, const char *text)
{
	size_t length = strlen(text);

	assert(length < size);
	memset(field, 0, size);
	memcpy(field, text, length + 1);
}

void attr_set_text(const struct attr *attr, void *settings, const char *text)
{
	text_set(attr_field(attr, settings), attr->size, text);
}

bool attr_is_set(const struct attr *attr, const void *settings)
{
	const unsigned char *p = attr_field(attr, settings);

	if (!attr->optional)
		return true;
	if (attr->type == ATTR_ENUM)
		return attr_number(attr, settings) != 0;
	/* A text is set if its first byte is not 0. */
	for (size_t i = 0; i < attr->size; i++) {
		if (p[i])
			return true;
		if (attr->type == ATTR_TEXT || attr->type == ATTR_NQN)
			return false;
	}
	return false;
}

bool attr_is_default(const struct attr *attr, const void *settings)
{
	if (attr->optional || attr->type == ATTR_ID)
		return !attr_is_set(attr, settings);
	if (attr->type == ATTR_TEXT || attr->type == ATTR_NQN)
		return !strcmp(attr_field(attr, settings),
			       attr->fallback_text ? attr->fallback_text : "");
	return attr_number(attr, settings) == attr->fallback;
}

bool attr_same(const struct attr *attr, const void *a, const void *b)
{
	switch (attr->type) {
	case ATTR_TEXT:
	case ATTR_NQN:
		return !strcmp(attr_field(attr, a), attr_field(attr, b));
	case ATTR_ID:
		return !memcmp(attr_field(attr, a), attr_field(attr, b), attr->size);
	default:
		return attr_number(attr, a) == attr_number(attr, b);
	}
}
