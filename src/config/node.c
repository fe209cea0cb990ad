/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON values with their lines: see node.h. */
#include "config/node.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/model.h"
#include "settings/json.h"
#include "spec/fabrics.h"

/*
 * jansson's message quotes the text at a mistake. That text may be a key that authenticates a
 * host, and the message is logged. So only single characters and the names of duplicate members are
 * quoted.
 */
static const char *explain(json_error_t *error)
{
	char *shown = strstr(error->text, " near '");

	if (shown && json_error_code(error) != json_error_duplicate_key &&
	    strlen(shown) > strlen(" near 'x'"))
		*shown = '\0';
	return error->text;
}

int document_open(struct document *document, const char *text, size_t length, const char *name,
		  struct config *config, struct weft_error *error)
{
	json_error_t json_error;
	int r;

	*document = (struct document){ .name = name, .error = error, .config = config };
	if (length > CONFIG_TEXT_MAX)
		return weft_error_set(error, EFBIG, "%s: the file is larger than %d MiB", name,
				      CONFIG_TEXT_MAX >> 20);
	r = outline_make(document, text, length);
	if (r < 0)
		goto fail;
	document->root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &json_error);
	if (!document->root) {
		r = weft_error_set(error, EINVAL, "%s:%d: it is not valid JSON: %s", name,
				   json_error.line > 0 ? json_error.line : 1, explain(&json_error));
		goto fail;
	}
	if (json_is_object(document->root))
		return 0;
	r = weft_error_set(error, EINVAL, "%s:1: a configuration must be a JSON object: { ... }",
			   name);
fail:
	document_close(document);
	return r;
}

void document_close(struct document *document)
{
	json_decref(document->root);
	free(document->entries);
	document->root = NULL;
	document->entries = NULL;
}

struct node document_root(struct document *document)
{
	return (struct node){ .document = document, .value = document->root };
}

bool node_next(const struct node *parent, struct node *child)
{
	bool first = !child->value;

	if (first)
		*child = (struct node){ .document = parent->document, .parent = parent,
					.entry = parent->entry + 1 };
	else
		child->entry = parent->document->entries[child->entry].next;
	if (json_is_array(parent->value)) {
		child->index = first ? 0 : child->index + 1;
		child->value = json_array_get(parent->value, child->index);
		return child->value;
	}
	child->iterator = first ? json_object_iter(parent->value) :
				  json_object_iter_next(parent->value, child->iterator);
	child->value = json_object_iter_value(child->iterator);
	child->key = json_object_iter_key(child->iterator);
	return child->value && child->key; /* at the end, both are NULL */
}

bool node_get(const struct node *parent, const char *key, struct node *ret_child)
{
	struct node child = { 0 };

	while (node_next(parent, &child)) {
		if (!child.key || strcmp(child.key, key))
			continue;
		if (json_is_null(child.value))
			break;
		*ret_child = child;
		return true;
	}
	*ret_child = (struct node){ 0 };
	return false;
}

unsigned int node_line(const struct node *node)
{
	return node->document->entries[node->entry].line;
}

/* ---- messages ---- */

static void add_path(const struct node *node, struct strbuf *text)
{
	if (!node->parent)
		return;
	add_path(node->parent, text);
	if (!node->key)
		strbuf_add(text, "[%zu]", node->index);
	else
		strbuf_add(text, "%s%.100s", node->parent->parent ? "." : "", node->key);
}

/* Appends "file:line: path: ". */
static void add_place(const struct node *node, struct strbuf *text)
{
	strbuf_add(text, "%s:%u: ", node->document->name, node_line(node));
	add_path(node, text);
	if (node->parent)
		strbuf_add(text, ": ");
}

/* Formats "file:line: path: " and a message; NULL: no memory. */
__attribute__((format(printf, 2, 0)))
static char *place_text(const struct node *node, const char *format, va_list args)
{
	struct strbuf text = { 0 };
	char *tail;

	if (vasprintf(&tail, format, args) < 0)
		return NULL;
	add_place(node, &text);
	strbuf_add(&text, "%s", tail);
	free(tail);
	return strbuf_take(&text);
}

int node_refuse(const struct node *node, int code, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = place_text(node, format, args);
	va_end(args);
	weft_error_set(node->document->error, code, "%s", text ? text : "out of memory");
	free(text);
	return -code;
}

void node_warn(const struct node *node, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = place_text(node, format, args);
	va_end(args);
	if (text)
		config_warn(node->document->config, "%s", text);
	free(text);
}

bool node_key_in(const struct node *member, const char *const *names)
{
	for (; member->key && names && *names; names++) {
		if (!strcmp(*names, member->key))
			return true;
	}
	return false;
}

void node_warn_unknown(const struct node *member)
{
	node_warn(member, "weft does not know this; it is ignored");
}

void node_only(const struct node *object, const char *const *names)
{
	struct node child = { 0 };

	while (node_next(object, &child)) {
		if (!node_key_in(&child, names))
			node_warn_unknown(&child);
	}
}

/* ---- types ---- */

int node_want_object(const struct node *node)
{
	if (json_is_object(node->value))
		return 0;
	return node_refuse(node, EINVAL, "it is %s; it must be an object: { ... }",
			   json_type_name(node->value));
}

int node_want_array(const struct node *node)
{
	if (json_is_array(node->value))
		return 0;
	return node_refuse(node, EINVAL, "it is %s; it must be an array: [ ... ]",
			   json_type_name(node->value));
}

int node_get_array(const struct node *parent, const char *key, struct node *ret_child)
{
	return node_get(parent, key, ret_child) ? node_want_array(ret_child) : 0;
}

int node_get_object(const struct node *parent, const char *key, struct node *ret_child)
{
	return node_get(parent, key, ret_child) ? node_want_object(ret_child) : 0;
}

const char *node_text(const struct node *node, char buf[NODE_NUMBER])
{
	switch (json_typeof(node->value)) {
	case JSON_STRING:
		return json_string_value(node->value);
	case JSON_INTEGER:
		snprintf(buf, NODE_NUMBER, "%lld", (long long)json_integer_value(node->value));
		return buf;
	case JSON_TRUE:
		return "1";
	case JSON_FALSE:
		return "0";
	default:
		node_refuse(node, EINVAL, "it is %s; it must be a string, a whole number or a "
			    "boolean",
			    json_type_name(node->value));
		return NULL;
	}
}

int node_number(const struct node *node, uint64_t low, uint64_t high, uint64_t *ret)
{
	char buf[NODE_NUMBER];
	const char *text = node_text(node, buf);

	if (!text)
		return -EINVAL;
	if (json_is_boolean(node->value) || number_parse(text, low, high, ret) < 0)
		return node_refuse(node, EINVAL,
				   "it is \"%.80s\"; it must be a whole number in %llu..%llu",
				   json_is_boolean(node->value) ? "a boolean" : text,
				   (unsigned long long)low, (unsigned long long)high);
	return 0;
}

const char *node_nqn(const struct node *node)
{
	char buf[NODE_NUMBER];
	const char *text = node_text(node, buf);
	enum nvmf_nqn_fault fault;

	if (!text)
		return NULL;
	if (!json_is_string(node->value)) {
		node_refuse(node, EINVAL, "it is %s; it must be a string",
			    json_type_name(node->value));
		return NULL;
	}
	fault = nvmf_nqn_check(text, strlen(text) + 1, 0);
	if (fault != NVMF_NQN_OK) {
		node_refuse(node, EINVAL, "NQN \"%.80s\" %s", text, nvmf_nqn_fault_str(fault));
		return NULL;
	}
	return text;
}

const char *node_get_nqn(const struct node *parent, const char *key)
{
	struct node child;

	if (node_get(parent, key, &child))
		return node_nqn(&child);
	node_refuse(parent, EINVAL, "%s is missing", key);
	return NULL;
}
