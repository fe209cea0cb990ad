/* SPDX-License-Identifier: BSD-3-Clause */
/* Renders a tree like nvmetcli: bars, dots and summaries. */
#include "cli/treeview.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "util/cleanup.h"

struct tree_node *tree_add(struct tree_node *parent, const char *name)
{
	struct tree_node *node = calloc(1, sizeof(*node)), **children;

	if (!node)
		return NULL;
	node->name = strdup(name);
	if (!node->name)
		goto fail;
	if (parent) {
		children = reallocarray(parent->children, parent->child_count + 1,
					sizeof(struct tree_node *));
		if (!children)
			goto fail;
		parent->children = children;
		children[parent->child_count++] = node;
	}
	return node;
fail:
	tree_free(node);
	return NULL;
}

void tree_note(struct tree_node *node, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	struct strbuf buf = {0};
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		text = NULL;
	if (n <= 0)
		return;
	if (node->summary)
		strbuf_add(&buf, "%s, ", node->summary);
	strbuf_add(&buf, "%s", text);
	free(node->summary);
	node->summary = strbuf_take(&buf);
}

void tree_free(struct tree_node *root)
{
	if (!root)
		return;
	for (size_t i = 0; i < root->child_count; i++)
		tree_free(root->children[i]);
	free(root->children);
	free(root->name);
	free(root->summary);
	free(root);
}

static const char *colour_of(enum tree_health health)
{
	switch (health) {
	case TREE_GOOD:
		return "\033[32m";
	case TREE_BAD:
		return "\033[31m";
	default:
		return "";
	}
}

/* `bars` is the text before the node's own mark. */
static void render(struct strbuf *buf, const struct tree_node *node, const char *bars, bool last,
		   bool root, size_t width, bool colour)
{
	const char *summary = node->summary ? node->summary : "...";
	bool paint = colour && node->health != TREE_PLAIN;
	size_t used = text_width(bars) + 3 + text_width(node->name) + 1 + 1 +
		      text_width(summary) + 2;
	struct strbuf below = {0};

	strbuf_add(buf, "%so- %s%s%s ", bars, colour ? "\033[1m" : "", node->name,
		   colour ? "\033[0m" : "");
	for (size_t dots = used < width ? width - used : 1; dots; dots--)
		strbuf_add(buf, ".");
	strbuf_add(buf, " [%s%s%s]\n", paint ? colour_of(node->health) : "", summary,
		   paint ? "\033[0m" : "");

	strbuf_add(&below, "%s%s", bars, root || last ? "  " : "| ");
	for (size_t i = 0; i < node->child_count; i++)
		render(buf, node->children[i], below.data ? below.data : "",
		       i + 1 == node->child_count, false, width, colour);
	strbuf_done(&below);
}

void tree_render(struct strbuf *buf, const struct tree_node *root, size_t width, bool colour)
{
	render(buf, root, "", true, true, width, colour);
}
