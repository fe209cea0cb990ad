/* SPDX-License-Identifier: BSD-3-Clause */
/* weft ls: shows the configuration as a tree, like nvmetcli, with the state of each object. */
#include "cli/ls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/term.h"
#include "cli/treeview.h"
#include "settings/attr.h"
#include "util/str.h"

static const char *text_at(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* A scalar member as text, for names and summaries; "" if there is none. */
static const char *scalar_at(const json_t *object, const char *key, char *buf, size_t buf_size)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_integer(value))
		snprintf(buf, buf_size, "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		snprintf(buf, buf_size, "%d", json_is_true(value));
	else
		buf[0] = '\0';
	return buf;
}

/* Adds "key=value" to the summary if the member has a value. */
static void note_scalar(struct tree_node *node, const char *label, const json_t *object,
			const char *key)
{
	char buf[32];
	const char *value = scalar_at(object, key, buf, sizeof(buf));

	if (*value)
		tree_note(node, "%s=%s", label, value);
}

/* Adds the settings that `weft ls` shows. A value in "state" takes precedence over the setting. */
static void note_settings(struct tree_node *node, const struct object_type *type,
			  const json_t *object)
{
	for (const struct attr *attr = type->attrs; attr->name; attr++) {
		const char *name = attr_group(attr->place);
		const json_t *state = json_object_get(object, "state");
		const json_t *group = name ? json_object_get(object, name) : object;

		if (!attr->shown)
			continue;
		note_scalar(node, attr->shown, json_object_get(state, attr->name) ? state : group,
			    attr->name);
	}
}

static void note_state(struct tree_node *node, const json_t *state, const char *good)
{
	const char *status = text_at(state, "status"), *reason = text_at(state, "reason");
	const char *trouble = text_at(state, "trouble");

	if (!status)
		return;
	if (strcmp(status, "ready") == 0) {
		node->health = trouble ? TREE_BAD : TREE_GOOD;
		tree_note(node, "%s%s%s", good, trouble ? ": " : "", trouble ? trouble : "");
	} else {
		if (strcmp(status, "failed") == 0)
			node->health = TREE_BAD;
		tree_note(node, "%s%s%s", status, reason ? ": " : "", reason ? reason : "");
	}
}

static int by_name(const void *a, const void *b)
{
	const struct tree_node *x = *(struct tree_node *const *)a;
	const struct tree_node *y = *(struct tree_node *const *)b;

	return strverscmp(x->name, y->name);
}

static void sort_children(struct tree_node *node)
{
	if (node && node->child_count > 1)
		qsort(node->children, node->child_count, sizeof(node->children[0]), by_name);
}

/* Adds a folder of nodes without members: hosts, allowed hosts, linked subsystems. */
static struct tree_node *add_names(struct tree_node *parent, const char *name, const json_t *array,
				   const char *key)
{
	struct tree_node *folder = parent ? tree_add(parent, name) : NULL;
	json_t *item;
	size_t i;

	json_array_foreach(array, i, item) {
		const char *text = key ? text_at(item, key) : json_string_value(item);

		if (!folder || !text || !tree_add(folder, text))
			return NULL;
	}
	sort_children(folder);
	return folder;
}

/* Adds the paths of a backend's child backends, as child.path. */
static void note_children(struct tree_node *node, const char *name, json_t *options)
{
	const char *key;
	json_t *value;

	json_object_foreach(options, key, value) {
		char path[256];

		snprintf(path, sizeof(path), "%s%s%s", name, *name ? "." : "", key);
		if (json_is_object(value))
			note_children(node, path, value);
		else if (*name && !strcmp(key, "path"))
			note_scalar(node, path, options, key);
	}
}

static bool add_namespace(struct tree_node *folder, const json_t *object)
{
	const json_t *device = json_object_get(object, "device");
	const json_t *weft = json_object_get(object, "weft");
	const json_t *state = json_object_get(object, "state");
	const char *backend = text_at(weft, "backend");
	json_t *size = json_object_get(state, "size");
	char number[32];
	struct tree_node *node;

	node = tree_add(folder, scalar_at(object, "nsid", number, sizeof(number)));
	if (!node)
		return false;
	if (backend && strcmp(backend, "file") != 0)
		tree_note(node, "%s", backend);
	note_scalar(node, "path", device, "path");
	note_children(node, "", json_object_get(object, "weft"));
	note_settings(node, &namespace_type, object);
	if (size)
		tree_note(node, "%s", size_format((uint64_t)json_integer_value(size), number,
						  sizeof(number)));
	if (json_is_true(json_object_get(weft, "read_only")))
		tree_note(node, "read-only");
	note_state(node, state, "enabled");
	return true;
}

static bool add_subsystem(struct tree_node *folder, const json_t *object)
{
	const json_t *state = json_object_get(object, "state");
	long long sessions = json_integer_value(json_object_get(state, "sessions"));
	struct tree_node *node, *namespaces;
	json_t *item;
	size_t i;

	node = tree_add(folder, text_at(object, "nqn") ? text_at(object, "nqn") : "?");
	if (!node)
		return false;
	note_settings(node, &subsystem_type, object);
	if (sessions)
		tree_note(node, "%lld session%s", sessions, sessions == 1 ? "" : "s");
	if (!add_names(node, "allowed_hosts", json_object_get(object, "allowed_hosts"), NULL))
		return false;
	namespaces = tree_add(node, "namespaces");
	json_array_foreach(json_object_get(object, "namespaces"), i, item)
		if (!namespaces || !add_namespace(namespaces, item))
			return false;
	sort_children(namespaces);
	return namespaces != NULL;
}

static bool add_ana_groups(struct tree_node *parent, const json_t *array)
{
	struct tree_node *folder = tree_add(parent, "ana_groups"), *node;
	char number[32];
	json_t *item;
	size_t i;

	json_array_foreach(array, i, item) {
		if (!folder)
			return false;
		node = tree_add(folder, scalar_at(item, "grpid", number, sizeof(number)));
		if (!node)
			return false;
		note_settings(node, &ana_group_type, item);
	}
	return folder != NULL;
}

/* Adds the addresses where a port listens, if they differ from its traddr. */
static void note_addresses(struct tree_node *node, const json_t *object)
{
	const json_t *addresses = json_object_get(json_object_get(object, "state"), "addresses");
	const char *traddr = text_at(json_object_get(object, "addr"), "traddr");
	const char *first = json_string_value(json_array_get(addresses, 0));
	struct strbuf text = { 0 };
	json_t *address;
	size_t i;

	if (!first || (json_array_size(addresses) == 1 && traddr && !strcmp(first, traddr)))
		return;
	json_array_foreach(addresses, i, address)
		strbuf_add(&text, "%s%s", i ? " " : "", json_string_value(address));
	if (text.data)
		tree_note(node, "on %s", text.data);
	strbuf_done(&text);
}

static bool add_port(struct tree_node *folder, const json_t *object)
{
	const json_t *weft = json_object_get(object, "weft");
	char number[32];
	struct tree_node *node;

	node = tree_add(folder, scalar_at(object, "portid", number, sizeof(number)));
	if (!node)
		return false;
	note_settings(node, &port_type, object);
	if (json_is_true(json_object_get(weft, "discovery")))
		tree_note(node, "discovery only");
	note_addresses(node, object);
	note_state(node, json_object_get(object, "state"), "listening");
	return add_ana_groups(node, json_object_get(object, "ana_groups")) &&
	       add_names(node, "referrals", json_object_get(object, "referrals"), "name") &&
	       add_names(node, "subsystems", json_object_get(object, "subsystems"), NULL);
}

static bool add_folder(struct tree_node *root, const char *name, const json_t *array,
		       bool (*add)(struct tree_node *folder, const json_t *object))
{
	struct tree_node *folder = tree_add(root, name);
	json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
		if (!folder || !add(folder, item))
			return false;
	sort_children(folder);
	return folder != NULL;
}

struct tree_node *ls_tree(const json_t *tree)
{
	struct tree_node *root = tree_add(NULL, "/");

	if (root && add_names(root, "hosts", json_object_get(tree, "hosts"), "nqn") &&
	    add_folder(root, "ports", json_object_get(tree, "ports"), add_port) &&
	    add_folder(root, "subsystems", json_object_get(tree, "subsystems"), add_subsystem))
		return root;
	tree_free(root);
	return NULL;
}

static int print_tree(const struct cli *cli, const json_t *reply)
{
	struct tree_node *root = ls_tree(reply);
	struct strbuf text = {0};
	int r = CLI_OK;

	if (root)
		tree_render(&text, root, term_width(), term_colour());
	if (text.data && !text.failed)
		fputs(text.data, stdout);
	else
		r = cli_fail(cli, "out of memory");
	tree_free(root);
	strbuf_done(&text);
	return r;
}

static int run(struct cli *cli, int argc, char **argv)
{
	return cli_show(cli, argc, argv, "/v1/tree", print_tree);
}

const struct command command_ls = {
	.name = "ls", .arguments = "",
	.summary = "show all that is served, as a tree",
	.text = "Shows all that weftd serves as a tree: hosts, ports and subsystems, with the "
		"state of each port and namespace.",
	.kind = COMMAND_OF_WEFTD,
	.run = run,
};
