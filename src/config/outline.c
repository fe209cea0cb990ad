/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes the outline of a JSON text. This runs before jansson's parser, so it bounds
 * the depth, and assumes nothing about the text: the outline of invalid JSON is wrong,
 * but not used, because jansson refuses the text. Comments, a trailing comma and a byte
 * order mark are refused here by name; jansson would only say that it expected
 * something else.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/model.h"
#include "config/node.h"

struct outliner {
	struct document *document;
	const char *at, *end;
	size_t capacity;
	uint32_t line;
	const char *line_start;
	const char *comma;		/* the comma just before `at`; NULL: there is none */
	uint32_t comma_line;
	const char *comma_line_start;
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

/* The column of `at` in its line, counted from 1 in characters of UTF-8. */
static unsigned int column(const char *line_start, const char *at)
{
	unsigned int n = 1;

	for (const char *c = line_start; c < at; c++)
		n += (*c & 0xc0) != 0x80;
	return n;
}

/* Refuses the text at `at`. Returns -EINVAL. */
static int refuse(struct outliner *o, const char *text)
{
	return weft_error_set(o->document->error, EINVAL, "%s:%u:%u: %s", o->document->name,
			      o->line, column(o->line_start, o->at), text);
}

static void begin_line(struct outliner *o)
{
	o->line++;
	o->line_start = o->at + 1;
}

static void skip_string(struct outliner *o)
{
	for (o->at++; o->at < o->end && *o->at != '"'; o->at++) {
		if (*o->at == '\\' && o->at + 1 < o->end)
			o->at++;
		if (*o->at == '\n')
			begin_line(o);
	}
	if (o->at < o->end)
		o->at++;
}

static void skip_blanks(struct outliner *o)
{
	for (; o->at < o->end; o->at++) {
		if (*o->at == '\n')
			begin_line(o);
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

static int close_container(struct outliner *o)
{
	if (o->comma) {
		bool is_object = *o->at == '}';

		o->at = o->comma;
		o->line = o->comma_line;
		o->line_start = o->comma_line_start;
		return refuse(o, is_object ? "JSON has no comma after the last member; remove it" :
					     "JSON has no comma after the last value; remove it");
	}
	o->at++;
	o->keyed = false;
	if (o->depth)
		o->document->entries[o->open[--o->depth]].next =
			(uint32_t)o->document->entry_count;
	return 0;
}

static void comma(struct outliner *o)
{
	o->comma = o->at++;
	o->comma_line = o->line;
	o->comma_line_start = o->line_start;
}

/* Refuses a comment; 0: there is none. */
static int refuse_comment(struct outliner *o)
{
	if (*o->at == '#')
		return refuse(o, "JSON has no comments; remove \"# ...\"");
	if (*o->at != '/' || o->at + 1 == o->end)
		return 0;
	if (o->at[1] == '/')
		return refuse(o, "JSON has no comments; remove \"// ...\"");
	return o->at[1] == '*' ? refuse(o, "JSON has no comments; remove \"/* ... */\"") : 0;
}

/* Skips a number, true, false, null, or text that jansson will refuse. */
static int word(struct outliner *o)
{
	int r = refuse_comment(o);

	if (!r)
		r = begin_value(o);
	/* strchr() also finds the zero at its end: a zero byte ends a word. */
	do
		o->at++;
	while (o->at < o->end && !strchr(" \t\r\n,:]}[{\"/#", *o->at));
	return r;
}

static int step(struct outliner *o)
{
	if (*o->at != '}' && *o->at != ']')
		o->comma = NULL;
	switch (*o->at) {
	case '"':
		return string(o);
	case '{':
	case '[':
		return open_container(o);
	case '}':
	case ']':
		return close_container(o);
	case ',':
		comma(o);
		return 0;
	case ':':
		o->at++;
		return 0;
	case '\0':
		/* jansson ignores zero bytes in some places. */
		return weft_error_set(o->document->error, EINVAL,
				      "%s:%u: it is not valid JSON: there is a zero byte",
				      o->document->name, o->line);
	default:
		return word(o);
	}
}

/* Some editors begin a file with a byte order mark. */
static int refuse_byte_order_mark(struct outliner *o)
{
	size_t length = (size_t)(o->end - o->at);

	if (length >= 3 && !memcmp(o->at, "\xef\xbb\xbf", 3))
		return refuse(o, "there is a byte order mark, which JSON does not have; save the "
			      "file as UTF-8 without it");
	if (length >= 2 && (!memcmp(o->at, "\xff\xfe", 2) || !memcmp(o->at, "\xfe\xff", 2)))
		return refuse(o, "this is UTF-16, by its byte order mark; save the file as UTF-8 "
			      "without one");
	return 0;
}

int outline_make(struct document *document, const char *text, size_t length)
{
	struct outliner o = { .document = document, .at = text, .end = text + length, .line = 1,
			      .line_start = text };
	int r = refuse_byte_order_mark(&o);

	for (skip_blanks(&o); !r && o.at < o.end; skip_blanks(&o))
		r = step(&o);
	return r;
}
