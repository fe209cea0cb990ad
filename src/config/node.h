/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON values with their lines. jansson keeps no positions, so an outline of the text
 * is made first: an entry for each value, in the order of the text, with the value's
 * line and the index of the entry that follows it. A node is a jansson value with its
 * entry in the outline and a pointer to its parent, from which messages get its path
 * ("subsystems[0].attr.serial").
 *
 * Nodes are small values on the caller's stack; a child borrows its parent.
 */
#ifndef WEFT_CONFIG_NODE_H
#define WEFT_CONFIG_NODE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/backend.h>

#include "settings/attr.h"
#include "util/str.h"

struct config;

struct outline_entry {
	uint32_t line;			/* of the value; of a member: of its key */
	uint32_t next;			/* the entry after this value and all values in it */
};

struct document {
	const char *name;		/* borrowed: the file's, for messages */
	json_t *root;			/* owned */
	struct outline_entry *entries;	/* owned */
	size_t entry_count;
	struct weft_error *error;	/* borrowed: of the first failure; may be NULL */
	struct config *config;		/* borrowed: gets the warnings */
};

struct node {
	struct document *document;
	const struct node *parent;	/* NULL: the root */
	json_t *value;			/* borrowed; NULL: no such node, or not begun */
	const char *key;		/* of a member of an object; else NULL */
	size_t index;			/* of an element of an array */
	size_t entry;			/* its index in the outline */
	void *iterator;			/* jansson's, of the object around it */
};

/*
 * Parses a text; its root must be an object. 0, or -errno with *error filled and nothing to
 * close. `name` is borrowed until document_close(), the text only during the call.
 */
int document_open(struct document *document, const char *text, size_t length, const char *name,
		  struct config *config, struct weft_error *error);
void document_close(struct document *document);
struct node document_root(struct document *document);

/* Makes the outline (outline.c). 0, or -errno with *error filled. */
int outline_make(struct document *document, const char *text, size_t length);

/* The next child of an array or object; begin with a zeroed child. False: there are no more. */
bool node_next(const struct node *parent, struct node *child);
/* The member of that name; false if there is none, or it is null. */
bool node_get(const struct node *parent, const char *key, struct node *ret_child);
unsigned int node_line(const struct node *node);

/* Fills the document's error with "file:line: path: ..."; returns -code. */
int node_refuse(const struct node *node, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds a message of the same form to the configuration's warnings. */
void node_warn(const struct node *node, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* True if the member's key is one of the names (NULL-terminated; NULL: there are none). */
bool node_key_in(const struct node *member, const char *const *names);
void node_warn_unknown(const struct node *member);
/* Warns of each member whose key is not among the names. */
void node_only(const struct node *object, const char *const *names);

/* 0, or -EINVAL with the error filled. */
int node_want_object(const struct node *node);
int node_want_array(const struct node *node);
/* The member as an array (object); its value is NULL if there is none. 0 or -errno. */
int node_get_array(const struct node *parent, const char *key, struct node *ret_child);
int node_get_object(const struct node *parent, const char *key, struct node *ret_child);

#define NODE_NUMBER 24
/*
 * The text of a scalar; that of a number or a boolean is written to buf.
 * NULL with the error filled: the node is no scalar.
 */
const char *node_text(const struct node *node, char buf[NODE_NUMBER]);
/* A whole number in a range, written as a number or as a string. 0 or -errno. */
int node_number(const struct node *node, uint64_t low, uint64_t high, uint64_t *ret);
/* A valid NQN, borrowed. NULL with the error filled: the node is none. */
const char *node_nqn(const struct node *node);
/* The same of a member, which must be there. */
const char *node_get_nqn(const struct node *parent, const char *key);

/* Sets one attribute. 0 or -errno. */
int node_attr(const struct node *node, const struct attr *attr, void *settings);

/*
 * Reads a member that is no attribute; `place` is its group, ATTR_IN_OBJECT the object itself. 0,
 * -errno with the error filled, or 1: it is not known.
 */
typedef int node_other(const struct node *member, enum attr_place place, void *object);

/* How a dialect lays out the settings of an object. */
struct node_form {
	bool flat;			/* no groups but "weft" and "device": "addr_traddr", ... */
	const char *const *also;	/* members that are ignored; ends with NULL */
	node_other *other;		/* reads other members; NULL: there are none */
	void *object;			/* for other() */
};

/*
 * Reads all settings of an object. Skips its key and its lists, and warns of each member that is
 * not known. 0 or -errno.
 */
int node_settings(const struct node *node, const struct object_type *type,
		  const struct node_form *form, void *settings);

#endif
