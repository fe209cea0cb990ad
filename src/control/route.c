/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the route of a request. */
#include "control/route.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <weft/backend.h>

#include "util/cleanup.h"
#include "util/str.h"

const char *route_scope_name(enum route_scope scope)
{
	switch (scope) {
	case SCOPE_LOOK:
		return "look";
	case SCOPE_OPERATE:
		return "operate";
	case SCOPE_ADMINISTER:
		return "administer";
	}
	return "administer";
}

int route_argument_index(const struct route *route, const char *name)
{
	for (int i = 0; i < ROUTE_ARGUMENTS_MAX && route->arguments[i].name; i++)
		if (strcmp(route->arguments[i].name, name) == 0)
			return i;
	return -1;
}

bool route_is_of_path(const struct route *route, const struct route_argument *argument)
{
	const char *brace = route->path;
	size_t length = strlen(argument->name);

	while ((brace = strchr(brace, '{'))) {
		brace++;
		if (strncmp(brace, argument->name, length) == 0 && brace[length] == '}')
			return true;
	}
	return false;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *route_unescape(const char *text, size_t length)
{
	char *copy = malloc(length + 1), *to = copy;

	for (size_t i = 0; copy && i < length; i++) {
		int high = i + 2 < length && text[i] == '%' ? hex_digit(text[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(text[i + 2]) : -1;

		*to = text[i];
		if (low >= 0) {
			*to = (char)(high << 4 | low);
			i += 2;
		}
		if (*to++ == '\0') {
			free(copy);
			return NULL;
		}
	}
	if (copy)
		*to = '\0';
	return copy;
}

static void forget(char *values[ROUTE_ARGUMENTS_MAX])
{
	for (unsigned int i = 0; i < ROUTE_ARGUMENTS_MAX; i++) {
		free(values[i]);
		values[i] = NULL;
	}
}

/* True if a segment of the path matches one of the template. Keeps the value of an argument. */
static bool segment_matches(const struct route *route, const char *template, size_t template_length,
			    const char *segment, size_t length, char **values)
{
	_cleanup_free_ char *plain = route_unescape(segment, length), *name = NULL;
	int index;

	if (!plain)
		return false;
	if (template_length < 2 || template[0] != '{')
		return strlen(plain) == template_length &&
		       memcmp(plain, template, template_length) == 0;
	name = strndup(template + 1, template_length - 2);
	index = name ? route_argument_index(route, name) : -1;
	if (index < 0 || !*plain)
		return false;
	values[index] = TAKE_PTR(plain);
	return true;
}

static bool path_matches(const struct route *route, const char *path, char **values)
{
	const char *template = route->path;

	for (;;) {
		size_t template_length = strcspn(template, "/"), length = strcspn(path, "/");

		if (!segment_matches(route, template, template_length, path, length, values))
			break;
		template += template_length;
		path += length;
		if (!*template && !*path)
			return true;
		if (!*template || !*path)
			break;
		template++;
		path++;
	}
	forget(values);
	return false;
}

const struct route *route_find(const char *method, const char *path,
			       char *ret_values[ROUTE_ARGUMENTS_MAX], struct strbuf *allow,
			       struct weft_error *error)
{
	for (size_t i = 0; i < route_count; i++) {
		char *values[ROUTE_ARGUMENTS_MAX] = { NULL };

		if (!path_matches(&routes[i], path, values))
			continue;
		if (strcmp(routes[i].method, method) == 0) {
			memcpy(ret_values, values, sizeof(values));
			return &routes[i];
		}
		forget(values);
		strbuf_add(allow, "%s%s", allow->length ? ", " : "", routes[i].method);
	}
	if (allow->length)
		weft_error_set(error, ENOSYS, "%s cannot be used with %s; it takes %s", path,
			       method, allow->data);
	else
		weft_error_set(error, ENOENT, "there is nothing at %s", path);
	return NULL;
}
