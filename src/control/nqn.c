/* SPDX-License-Identifier: BSD-3-Clause */
/* The default NQN of an export. */
#include "control/nqn.h"

#include <stdbool.h>
#include <string.h>

#include "util/str.h"

#define HOST_SLUG_MAX 64	/* a label of DNS is 63 at most: leaves room for the name */

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static bool is_edge(char c)
{
	return c == '.' || c == '_' || c == '-';
}

/* Appends the text as a slug of at most `max` bytes, or `fallback` if the slug is empty. */
static void add_slug(struct strbuf *buf, const char *text, size_t max, const char *fallback)
{
	size_t start = buf->length;
	bool gap = false;

	for (; *text && buf->length - start < max; text++) {
		char c = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;

		if (!is_plain(c)) {
			gap = true;
			continue;
		}
		if (buf->length == start && is_edge(c))
			continue;
		if (gap && buf->length > start && buf->length - start + 1 < max)
			strbuf_add(buf, "-");
		gap = false;
		strbuf_add_bytes(buf, &c, 1);
	}
	while (buf->length > start && is_edge(buf->data[buf->length - 1]))
		buf->data[--buf->length] = '\0';
	if (buf->length == start)
		strbuf_add(buf, "%s", fallback);
}

char *nqn_default(const char *host, const char *name)
{
	struct strbuf buf = {0};

	strbuf_add(&buf, "%s:", NQN_AUTHORITY);
	add_slug(&buf, host, HOST_SLUG_MAX, "localhost");
	strbuf_add(&buf, ":");
	add_slug(&buf, name, NQN_LENGTH_MAX - buf.length, "subsystem");
	return strbuf_take(&buf);
}

const char *nqn_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
