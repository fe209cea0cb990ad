/* SPDX-License-Identifier: BSD-3-Clause */
/* Renders a tree like nvmetcli: bars, dots and summaries. */
#ifndef WEFT_CLI_TREEVIEW_H
#define WEFT_CLI_TREEVIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "util/str.h"

enum tree_health { TREE_PLAIN, TREE_GOOD, TREE_BAD };

struct tree_node {
	char *name, *summary;		/* owned; an empty summary shows as [...] */
	enum tree_health health;
	struct tree_node **children;	/* owned */
	size_t child_count;
};

/* Adds a child to `parent`, or makes a root if `parent` is NULL. NULL if memory ran out. */
struct tree_node *tree_add(struct tree_node *parent, const char *name);
/* Appends to the summary, after ", " if it is not empty. Empty text appends nothing. */
void tree_note(struct tree_node *node, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void tree_free(struct tree_node *root);

/* One line of `width` columns a node, dots between name and summary; colour shows health. */
void tree_render(struct strbuf *buf, const struct tree_node *root, size_t width, bool colour);

#endif
