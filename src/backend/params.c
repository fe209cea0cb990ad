/* SPDX-License-Identifier: BSD-3-Clause */
/* Options of a device: checked against the backend's table, read by its open(). */
#include "backend/backend.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/str.h"

#define OVERLAYS_MAX 8	/* on each other: they are checked and opened by recursion */

/* An option that an overlay hands on to its child, which checks it. */
struct handed {
	char *name, *value;			/* owned */
};

struct weft_params {
	const struct weft_backend *backend;	/* borrowed */
	struct weft_owner *owner;		/* borrowed; NULL: nobody */
	struct handed *handed;			/* owned */
	size_t handed_count;
	size_t count;				/* of the backend's options */
	char *values[];				/* owned; in the table's order; NULL: not given */
};

static size_t count_options(const struct weft_option *options)
{
	size_t count = 0;

	while (options && options[count].name)
		count++;
	return count;
}

struct weft_params *backend_params_new(const struct weft_backend *backend)
{
	size_t count = count_options(backend->options);
	struct weft_params *params = calloc(1, sizeof(*params) + count * sizeof(params->values[0]));

	if (params) {
		params->backend = backend;
		params->count = count;
	}
	return params;
}

void backend_params_free(struct weft_params *params)
{
	if (!params)
		return;
	for (size_t i = 0; i < params->count; i++)
		free(params->values[i]);
	for (size_t i = 0; i < params->handed_count; i++) {
		free(params->handed[i].name);
		free(params->handed[i].value);
	}
	free(params->handed);
	free(params);
}

void backend_params_own(struct weft_params *params, struct weft_owner *owner)
{
	params->owner = owner;
}

struct weft_owner *weft_params_owner(const struct weft_params *params)
{
	return params->owner;
}

/* The option's place in the table; params->count where there is none. */
static size_t find_option(const struct weft_params *params, const char *name)
{
	size_t i = 0;

	while (i < params->count && strcmp(params->backend->options[i].name, name))
		i++;
	return i;
}

static int parse_bool(const char *text, uint64_t *ret)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(text, words[i])) {
			*ret = i % 2;
			return 0;
		}
	return -EINVAL;
}

/* Checks the text; *ret_number is its value, or 0 for types that are no numbers. */
static int parse_value(enum weft_option_type type, const char *text, uint64_t *ret_number)
{
	switch (type) {
	case WEFT_OPTION_STRING:
		*ret_number = 0;
		return 0;
	case WEFT_OPTION_PATH:
		*ret_number = 0;
		return text[0] == '/' ? 0 : -EINVAL;
	case WEFT_OPTION_SIZE:
		return size_parse(text, ret_number);
	case WEFT_OPTION_NUMBER:
		return number_parse(text, 0, UINT64_MAX, ret_number);
	case WEFT_OPTION_BOOL:
		return parse_bool(text, ret_number);
	}
	return -EINVAL;
}

static const char *expected(enum weft_option_type type)
{
	switch (type) {
	case WEFT_OPTION_PATH:
		return "an absolute path, such as /srv/disk.img";
	case WEFT_OPTION_SIZE:
		return "a size in bytes or with a suffix, such as 64M or 1T";
	case WEFT_OPTION_NUMBER:
		return "a whole number, such as 4";
	case WEFT_OPTION_BOOL:
		return "true or false";
	default:
		return "a text";
	}
}

static int refuse_option(const struct weft_params *params, const char *name,
			 struct weft_error *error)
{
	struct strbuf names = { 0 };

	for (size_t i = 0; i < params->count; i++)
		strbuf_add(&names, "%s%s", i ? ", " : "", params->backend->options[i].name);
	weft_error_set(error, EINVAL, "backend '%s' has no option '%s'; it has: %s",
		       params->backend->name, name, names.data ? names.data : "none");
	strbuf_done(&names);
	return -EINVAL;
}

/* Keeps an option for the child. */
static int hand_on(struct weft_params *params, const char *name, const char *value,
		   struct weft_error *error)
{
	struct handed *grown = reallocarray(params->handed, params->handed_count + 1,
					    sizeof(*grown));
	struct handed *last;

	if (!grown)
		return weft_error_set(error, ENOMEM, "out of memory");
	params->handed = grown;
	last = &grown[params->handed_count++];
	last->name = strdup(name);
	last->value = strdup(value);
	return last->name && last->value ? 0 : weft_error_set(error, ENOMEM, "out of memory");
}

int backend_params_set(struct weft_params *params, const char *name, const char *value,
		       struct weft_error *error)
{
	size_t i = find_option(params, name);
	const struct weft_option *option;
	uint64_t number;
	char *copy;

	if (i == params->count)
		return params->backend->flags & WEFT_BACKEND_OVERLAY ?
			       hand_on(params, name, value, error) :
			       refuse_option(params, name, error);
	option = &params->backend->options[i];
	if (parse_value(option->type, value, &number) < 0)
		return weft_error_set(error, EINVAL,
				      "backend '%s', option '%s': '%s' is wrong; it must be %s",
				      params->backend->name, name, value, expected(option->type));
	copy = strdup(value);
	if (!copy)
		return weft_error_set(error, ENOMEM, "out of memory");
	free(params->values[i]);
	params->values[i] = copy;
	return 0;
}

/* How many more there are below a child such as "fault:fault:file": colons. */
static unsigned int overlays_below(const char *child)
{
	unsigned int count = 0;

	while ((child = strchr(child, ':'))) {
		child++;
		count++;
	}
	return count;
}

/*
 * The backend that an overlay's option "child" names, and what that one stands on ("": nothing).
 * NULL, with *error filled.
 */
static const struct weft_backend *find_child(const struct weft_params *params,
					     const char **ret_below, struct weft_error *error)
{
	const struct weft_backend *backend;
	const char *child = weft_param_string(params, "child");
	size_t length;
	char name[64];

	assert(child); /* required, and checked before a device is opened */
	if (overlays_below(child) >= OVERLAYS_MAX) {
		weft_error_set(error, EINVAL, "backend '%s', option 'child': too many "
			       "overlays stand on each other; there may be %u",
			       params->backend->name, OVERLAYS_MAX);
		return NULL;
	}
	length = strcspn(child, ":");
	snprintf(name, sizeof(name), "%.*s", (int)length, child);
	*ret_below = child[length] ? child + length + 1 : "";
	backend = backend_find(name);
	if (!backend)
		backend_unknown(name, error);
	return backend;
}

int backend_params_child(const struct weft_params *params, const struct weft_backend **ret_backend,
			 struct weft_params **ret_child, struct weft_error *error)
{
	const char *below = "";
	const struct weft_backend *backend = find_child(params, &below, error);
	struct weft_params *child;
	int r = 0;

	if (!backend)
		return -EINVAL;
	child = backend_params_new(backend);
	if (!child)
		return weft_error_set(error, ENOMEM, "out of memory");
	child->owner = params->owner;
	if (*below)
		r = backend_params_set(child, "child", below, error);
	for (size_t i = 0; !r && i < params->handed_count; i++)
		r = backend_params_set(child, params->handed[i].name, params->handed[i].value,
				       error);
	if (!r)
		r = backend_params_check(child, error);
	if (r < 0) {
		backend_params_free(child);
		return r;
	}
	*ret_backend = backend;
	*ret_child = child;
	return 0;
}

static int check_child(const struct weft_params *params, struct weft_error *error)
{
	const struct weft_backend *backend;
	struct weft_params *child;
	int r = backend_params_child(params, &backend, &child, error);

	if (!r) /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): 0 says that it was made */
		backend_params_free(child);
	return r;
}

int backend_params_check(const struct weft_params *params, struct weft_error *error)
{
	const struct weft_option *options = params->backend->options;

	for (size_t i = 0; i < params->count; i++)
		if (options[i].required && !params->values[i])
			return weft_error_set(error, EINVAL,
					      "backend '%s' needs the option '%s' (%s): %s",
					      params->backend->name, options[i].name,
					      options[i].help, expected(options[i].type));
	return params->backend->flags & WEFT_BACKEND_OVERLAY ? check_child(params, error) : 0;
}

const char *weft_param_string(const struct weft_params *params, const char *name)
{
	size_t i = find_option(params, name);

	return i < params->count ? params->values[i] : NULL;
}

uint64_t weft_param_number(const struct weft_params *params, const char *name, uint64_t fallback)
{
	size_t i = find_option(params, name);
	uint64_t number = fallback;

	if (i < params->count && params->values[i])
		parse_value(params->backend->options[i].type, params->values[i], &number);
	return number;
}

bool weft_param_bool(const struct weft_params *params, const char *name, bool fallback)
{
	return weft_param_number(params, name, fallback) != 0;
}
