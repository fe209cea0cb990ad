/* SPDX-License-Identifier: BSD-3-Clause */
/* Functions for all attributes of an object. */
#include <string.h>

#include "settings/value.h"

static void set_default(const struct attr *attr, void *settings)
{
	if (attr_is_number(attr))
		attr_set_number(attr, settings, attr->fallback);
	else if (attr->fallback_text)
		attr_set_text(attr, settings, attr->fallback_text);
}

void attrs_init(const struct object_type *type, void *ret_settings)
{
	memset(ret_settings, 0, type->size);
	for (const struct attr *attr = type->attrs; attr->name; attr++) {
		if (!attr->optional)
			set_default(attr, ret_settings);
	}
}

void attrs_resolve(const struct object_type *type, void *settings)
{
	for (const struct attr *attr = type->attrs; attr->name; attr++) {
		if (!attr_is_set(attr, settings))
			set_default(attr, settings);
	}
}

bool attrs_same(const struct object_type *type, const void *a, const void *b)
{
	for (const struct attr *attr = type->attrs; attr->name; attr++) {
		if (!attr_same(attr, a, b))
			return false;
	}
	return true;
}

enum attr_effect attrs_effect(const struct object_type *type, const void *a, const void *b)
{
	enum attr_effect effect = ATTR_UNNOTICED;

	for (const struct attr *attr = type->attrs; attr->name; attr++) {
		if (attr->effect > effect && !attr_same(attr, a, b))
			effect = attr->effect;
	}
	return effect;
}

int attrs_check(const struct object_type *type, const void *settings, struct weft_error *error)
{
	for (const struct attr *attr = type->attrs; attr->name; attr++) {
		int r = attr_check(attr, settings, error);

		if (r < 0)
			return r;
	}
	return 0;
}

const char *attr_group(enum attr_place place)
{
	static const char *const names[ATTR_PLACES] = {
		[ATTR_IN_ATTR] = "attr",   [ATTR_IN_PARAM] = "param",
		[ATTR_IN_ADDR] = "addr",   [ATTR_IN_ANA] = "ana",
		[ATTR_IN_DEVICE] = "device", [ATTR_IN_WEFT] = "weft",
	};

	return names[place];
}

const char *attr_effect_words(enum attr_effect effect)
{
	static const char *const words[ATTR_EFFECTS] = {
		[ATTR_UNNOTICED] = "no host notices",
		[ATTR_AT_CONNECT] = "hosts get it when they connect again",
		[ATTR_TOLD] = "hosts are told at once and go on",
		[ATTR_AT_ONCE] = "it holds at once: commands beyond a lower limit fail until hosts "
				 "connect again",
		[ATTR_IN_LOG] = "the discovery log changes, and hosts that follow it are told",
		[ATTR_LISTENS_ANEW] = "hosts that are connected stay; the port listens anew, and "
				      "the discovery log changes",
		[ATTR_SHOWS] = "the namespace comes to its hosts, or leaves them",
		[ATTR_REPLACES] = "the namespace leaves its hosts, and comes back a second later",
		[ATTR_ENDS] = "connections that are no longer allowed end",
	};

	return words[effect];
}
