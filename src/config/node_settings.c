/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads settings from JSON, by the attribute tables of their object. */
#include <string.h>

#include "config/node.h"
#include "settings/json.h"

int node_attr(const struct node *node, const struct attr *attr, void *settings)
{
	struct weft_error inner;

	if (attr_from_json(attr, settings, node->value, &inner) < 0)
		return node_refuse(node, inner.code, "%s", inner.text);
	return 0;
}

/* The attribute of that name in this place; NULL: there is none. */
static const struct attr *find_in(const struct object_type *type, enum attr_place place,
				  const char *name)
{
	for (const struct attr *attr = type->attrs; attr->name; attr++) {
		if ((attr->place == place || (attr->also_in_device && place == ATTR_IN_DEVICE)) &&
		    !strcmp(attr->name, name))
			return attr;
	}
	return NULL;
}

/* The prefix of attribute names in the flat form; NULL: the flat form uses a group as well. */
static const char *flat_prefix(enum attr_place place)
{
	switch (place) {
	case ATTR_IN_ADDR:
		return "addr_";
	case ATTR_IN_PARAM:
		return "param_";
	case ATTR_IN_WEFT:
		return NULL;
	default:
		return "";
	}
}

static const struct attr *find_flat(const struct object_type *type, const char *name)
{
	for (int place = 0; place < ATTR_PLACES; place++) {
		const char *prefix = flat_prefix((enum attr_place)place);
		const struct attr *attr;

		if (!prefix || strncmp(name, prefix, strlen(prefix)))
			continue;
		attr = find_in(type, (enum attr_place)place, name + strlen(prefix));
		if (attr)
			return attr;
	}
	return NULL;
}

/* The place of the group with that name; ATTR_IN_OBJECT: the object has no such group. */
static enum attr_place find_group(const struct object_type *type, bool flat, const char *name)
{
	for (const struct attr *attr = type->attrs; attr->name; attr++) {
		const char *group = attr_group(attr->place);

		if (flat && attr->place != ATTR_IN_DEVICE && attr->place != ATTR_IN_WEFT)
			continue;
		if (group && !strcmp(group, name))
			return attr->place;
	}
	return ATTR_IN_OBJECT;
}

static bool is_list_or_key(const struct object_type *type, const char *name)
{
	if (type->key && !strcmp(type->key->name, name))
		return true;
	for (const struct object_list *list = type->lists; list && list->name; list++) {
		if (!strcmp(list->name, name))
			return true;
	}
	return false;
}

static int read_other(const struct node *member, enum attr_place place,
		      const struct node_form *form)
{
	int r = form->other ? form->other(member, place, form->object) : 1;

	if (r > 0) {
		node_warn_unknown(member);
		r = 0;
	}
	return r;
}

static int read_group(const struct node *group, enum attr_place place,
		      const struct object_type *type, const struct node_form *form, void *settings)
{
	struct node member = { 0 };
	int r = node_want_object(group);

	while (!r && node_next(group, &member)) {
		const struct attr *attr = find_in(type, place, member.key);

		if (json_is_null(member.value))
			continue;
		r = attr ? node_attr(&member, attr, settings) : read_other(&member, place, form);
	}
	return r;
}

static int read_member(const struct node *member, const struct object_type *type,
		       const struct node_form *form, void *settings)
{
	const struct attr *attr = form->flat ? find_flat(type, member->key) :
					       find_in(type, ATTR_IN_OBJECT, member->key);
	enum attr_place group = find_group(type, form->flat, member->key);

	if (attr)
		return node_attr(member, attr, settings);
	if (group != ATTR_IN_OBJECT && (!form->flat || json_is_object(member->value)))
		return read_group(member, group, type, form, settings);
	/* Every object may have the group "weft". */
	if (!strcmp(member->key, "weft"))
		return read_group(member, ATTR_IN_WEFT, type, form, settings);
	if (is_list_or_key(type, member->key) || node_key_in(member, form->also))
		return 0;
	return read_other(member, ATTR_IN_OBJECT, form);
}

int node_settings(const struct node *node, const struct object_type *type,
		  const struct node_form *form, void *settings)
{
	struct node member = { 0 };
	int r = node_want_object(node);

	while (!r && node_next(node, &member)) {
		if (!json_is_null(member.value))
			r = read_member(&member, type, form, settings);
	}
	return r;
}
