/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes paths that the user gives absolute, because weftd needs absolute paths. */
#include "cli/path.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/str.h"

/* Appends the components of a path, each after a slash. ".." removes the last component. */
static void add_parts(struct strbuf *buf, const char *path)
{
	while (*path) {
		size_t length = strcspn(path, "/");

		if (length == 2 && path[0] == '.' && path[1] == '.') {
			while (buf->length && buf->data[--buf->length] != '/')
				;
			if (buf->data)
				buf->data[buf->length] = '\0';
		} else if (length && !(length == 1 && path[0] == '.')) {
			strbuf_add_bytes(buf, "/", 1);
			strbuf_add_bytes(buf, path, length);
		}
		path += length;
		path += *path == '/';
	}
}

char *path_join(const char *folder, const char *path)
{
	struct strbuf buf = {0};

	if (path[0] != '/')
		add_parts(&buf, folder);
	add_parts(&buf, path);
	if (buf.length == 0)
		strbuf_add(&buf, "/");
	return strbuf_take(&buf);
}

char *path_absolute(const char *path)
{
	_cleanup_free_ char *folder = getcwd(NULL, 0);

	return folder ? path_join(folder, path) : NULL;
}
