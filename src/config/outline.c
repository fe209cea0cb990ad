/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The outline of a JSON text. It runs before jansson's parser, so it bounds
 * the depth, and trusts nothing: of a text that is no JSON it makes an outline
 * that nobody will use.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/load.h"
#include "config/node.h"

struct outliner {
	struct document *document;
	const char *at, *end;
	size_t capacity;
	uint32_t line;
	unsigned int depth;
	size_t open[CONFIG_DEPTH_MAX];	/* entries of the containers around */
	bool is_object[CONFIG_DEPTH_MAX];
	bool keyed;			/* the entry of the coming value was made at its key */
};

static int add_entry(struct outliner *o)
{
	struct document *document = o->document;
	struct outline_entry *entry;

	if (document->entry_count == o->capacity) {
		size_t capacity = o->capacity ? o->capacity * 2 : 64;
		struct outline_entry *grown;

		grown = reallocarray(document->entries, capacity, sizeof(*grown));
		if (!grown)
			return weft_error_set(document->error, ENOMEM, "out of memory");
		document->entries = grown;
		o->capacity = capacity;
	}
	entry = &document->entries[document->entry_count++];
	entry->line = o->line;
	entry->next = (uint32_t)document->entry_count;
	return 0;
}

static int begin_value(struct outliner *o)
{
	if (o->keyed) {
		o->keyed = false;
		return 0;
	}
	return add_entry(o);
}

static void skip_string(struct outliner *o)
{
	for (o->at++; o->at < o->end && *o->at != '"'; o->at++) {
		if (*o->at == '\\' && o->at + 1 < o->end)
			o->at++;
		if (*o->at == '\n')
			o->line++;
	}
	if (o->at < o->end)
		o->at++;
}

static void skip_blanks(struct outliner *o)
{
	for (; o->at < o->end; o->at++) {
		if (*o->at == '\n')
			o->line++;
		else if (*o->at != ' ' && *o->at != '\t' && *o->at != '\r')
			return;
	}
}

static int string(struct outliner *o)
{
	bool is_key = !o->keyed && o->depth && o->is_object[o->depth - 1];
	int r = begin_value(o);

	skip_string(o);
	o->keyed = is_key;
	return r;
}

static int open_container(struct outliner *o)
{
	int r = begin_value(o);

	if (r < 0)
		return r;
	if (o->depth == CONFIG_DEPTH_MAX)
		return weft_error_set(o->document->error, EINVAL,
				      "%s:%u: objects and arrays are nested deeper than %d; no "
				      "configuration needs that",
				      o->document->name, o->line, CONFIG_DEPTH_MAX);
	o->open[o->depth] = o->document->entry_count - 1;
	o->is_object[o->depth++] = *o->at++ == '{';
	return 0;
}

static void close_container(struct outliner *o)
{
	o->at++;
	o->keyed = false;
	if (o->depth)
		o->document->entries[o->open[--o->depth]].next =
			(uint32_t)o->document->entry_count;
}

/* A number, true, false, null, or garbage that jansson will refuse. */
static int word(struct outliner *o)
{
	int r = begin_value(o);

	/* strchr() also finds the zero at its end: a zero byte ends a word. */
	while (o->at < o->end && !strchr(" \t\r\n,:]}[{\"", *o->at))
		o->at++;
	return r;
}

static int step(struct outliner *o)
{
	switch (*o->at) {
	case '"':
		return string(o);
	case '{':
	case '[':
		return open_container(o);
	case '}':
	case ']':
		close_container(o);
		return 0;
	case ',':
	case ':':
		o->at++;
		return 0;
	case '\0':
		/* jansson passes over some of these. */
		return weft_error_set(o->document->error, EINVAL,
				      "%s:%u: it is not valid JSON: there is a zero byte",
				      o->document->name, o->line);
	default:
		return word(o);
	}
}

int outline_make(struct document *document, const char *text, size_t length)
{
	struct outliner o = { .document = document, .at = text, .end = text + length, .line = 1 };
	int r = 0;

	for (skip_blanks(&o); !r && o.at < o.end; skip_blanks(&o))
		r = step(&o);
	return r;
}
