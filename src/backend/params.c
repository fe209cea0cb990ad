/* SPDX-License-Identifier: BSD-3-Clause */
/* Options of a device: checked against the backend's table, read by its open(). */
#include "backend/backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/str.h"

#define OVERLAYS_MAX 8	/* limits the recursion that checks and opens children */
#define WHOSE 160

/* An option of a child, such as "base.path", which the child checks. */
struct handed {
	char *name, *value;			/* owned */
};

struct weft_params {
	const struct weft_backend *backend;	/* borrowed */
	struct weft_owner *owner;		/* borrowed; NULL: none */
	char *path;				/* owned: the child's path; NULL: not a child */
	struct handed *handed;			/* owned */
	size_t handed_count;
	size_t count;				/* number of the backend's options */
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
	free(params->path);
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

const char *backend_params_path(const struct weft_params *params)
{
	return params->path ? params->path : "";
}

/* "backend 'file'", or "base: backend 'file'", for messages. */
static const char *whose(const struct weft_params *params, char buf[WHOSE])
{
	snprintf(buf, WHOSE, "%s%sbackend '%s'", backend_params_path(params),
		 params->path ? ": " : "", params->backend->name);
	return buf;
}

/* The option's index in the table; params->count: there is no such option. */
static size_t find_option(const struct weft_params *params, const char *name)
{
	size_t i = 0;

	while (i < params->count && strcmp(params->backend->options[i].name, name))
		i++;
	return i;
}

/* The part after "NAME." of the name of a child's option; NULL: not an option of that child. */
static const char *of_child(const char *option, const char *child)
{
	size_t length = strlen(child);

	return !strncmp(option, child, length) && option[length] == '.' ? option + length + 1 :
									  NULL;
}

/* The option of type child that this option's name starts with; NULL: there is none. */
static const struct weft_option *find_child(const struct weft_params *params, const char *name)
{
	for (size_t i = 0; i < params->count; i++)
		if (params->backend->options[i].type == WEFT_OPTION_CHILD &&
		    of_child(name, params->backend->options[i].name))
			return &params->backend->options[i];
	return NULL;
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
	case WEFT_OPTION_CHILD:
		return -EINVAL;
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
	case WEFT_OPTION_CHILD:
		return "an object such as {\"backend\": \"file\", \"path\": \"/srv/disk.img\"}; "
		       "with --option, NAME.backend and NAME.path";
	default:
		return "a text";
	}
}

static int refuse_option(const struct weft_params *params, const char *name,
			 struct weft_error *error)
{
	struct strbuf names = { 0 };
	char buf[WHOSE];

	for (size_t i = 0; i < params->count; i++)
		strbuf_add(&names, "%s%s", i ? ", " : "", params->backend->options[i].name);
	weft_error_set(error, EINVAL, "%s has no option '%s'; it has: %s", whose(params, buf), name,
		       names.data ? names.data : "none");
	strbuf_done(&names);
	return -EINVAL;
}

/* Replaces a text by a copy of another one. */
static int replace_text(char **text, const char *with, struct weft_error *error)
{
	char *copy = strdup(with);

	if (!copy)
		return weft_error_set(error, ENOMEM, "out of memory");
	free(*text);
	*text = copy;
	return 0;
}

/* Keeps an option that is for a child. */
static int hand_on(struct weft_params *params, const char *name, const char *value,
		   struct weft_error *error)
{
	struct handed *grown, *last;

	for (size_t i = 0; i < params->handed_count; i++)
		if (!strcmp(params->handed[i].name, name))
			return replace_text(&params->handed[i].value, value, error);
	grown = reallocarray(params->handed, params->handed_count + 1, sizeof(*grown));
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
	char buf[WHOSE];

	if (i == params->count)
		return find_child(params, name) ? hand_on(params, name, value, error) :
						  refuse_option(params, name, error);
	option = &params->backend->options[i];
	if (parse_value(option->type, value, &number) < 0)
		return weft_error_set(error, EINVAL,
				      "%s, option '%s': '%s' is wrong; it must be %s",
				      whose(params, buf), name, value, expected(option->type));
	return replace_text(&params->values[i], value, error);
}

/* ---- children ---- */

/* The number of overlays above a child of these parameters. */
static unsigned int depth(const struct weft_params *params)
{
	unsigned int count = 1;

	if (!params->path)
		return count;
	count++;
	for (const char *dot = params->path; (dot = strchr(dot, '.')); dot++)
		count++;
	return count;
}

/* The parameters of a child, with its path, but not its options. NULL where memory ran out. */
static struct weft_params *new_child(const struct weft_params *params, const char *name,
				     const struct weft_backend *backend)
{
	struct weft_params *child = backend_params_new(backend);

	if (!child)
		return NULL;
	child->owner = params->owner;
	if (asprintf(&child->path, "%s%s%s", backend_params_path(params), params->path ? "." : "",
		     name) >= 0)
		return child;
	child->path = NULL;
	backend_params_free(child);
	return NULL;
}

/* The backend of a child: the value of NAME.backend, or "file". NULL with *error filled. */
static const struct weft_backend *child_backend(const struct weft_params *params,
						const char *name, struct weft_error *error)
{
	const struct weft_backend *backend;
	const char *wanted = "file", *rest;
	struct weft_error unknown;

	for (size_t i = 0; i < params->handed_count; i++) {
		rest = of_child(params->handed[i].name, name);
		if (rest && !strcmp(rest, "backend"))
			wanted = params->handed[i].value;
	}
	backend = backend_find(wanted);
	if (!backend) {
		backend_unknown(wanted, &unknown);
		weft_error_set(error, ENOENT, "%s%s%s: %s", backend_params_path(params),
			       params->path ? "." : "", name, unknown.text);
	}
	return backend;
}

static int set_child_options(const struct weft_params *params, const char *name,
			     struct weft_params *child, struct weft_error *error)
{
	int r = 0;

	for (size_t i = 0; !r && i < params->handed_count; i++) {
		const char *rest = of_child(params->handed[i].name, name);

		if (rest && strcmp(rest, "backend"))
			r = backend_params_set(child, rest, params->handed[i].value, error);
	}
	return r ? r : backend_params_check(child, error);
}

int backend_params_child(const struct weft_params *params, const char *name,
			 const struct weft_backend **ret_backend, struct weft_params **ret_child,
			 struct weft_error *error)
{
	const struct weft_backend *backend;
	struct weft_params *child;
	char buf[WHOSE];
	int r;

	if (depth(params) > OVERLAYS_MAX)
		return weft_error_set(error, EINVAL, "%s, option '%s': too many overlays stand on "
				      "each other; there may be %u",
				      whose(params, buf), name, OVERLAYS_MAX);
	backend = child_backend(params, name, error);
	if (!backend)
		return -ENOENT;
	child = new_child(params, name, backend);
	if (!child)
		return weft_error_set(error, ENOMEM, "out of memory");
	r = set_child_options(params, name, child, error);
	if (r < 0) {
		backend_params_free(child);
		return r;
	}
	*ret_backend = backend;
	*ret_child = child;
	return 0;
}

static int check_child(const struct weft_params *params, const char *name,
		       struct weft_error *error)
{
	const struct weft_backend *backend;
	struct weft_params *child;
	int r = backend_params_child(params, name, &backend, &child, error);

	if (!r) /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): 0 says that it was made */
		backend_params_free(child);
	return r;
}

static bool is_given(const struct weft_params *params, size_t option)
{
	if (params->backend->options[option].type != WEFT_OPTION_CHILD)
		return params->values[option];
	for (size_t i = 0; i < params->handed_count; i++)
		if (of_child(params->handed[i].name, params->backend->options[option].name))
			return true;
	return false;
}

int backend_params_check(const struct weft_params *params, struct weft_error *error)
{
	const struct weft_option *options = params->backend->options;
	char buf[WHOSE];
	int r = 0;

	for (size_t i = 0; i < params->count; i++)
		if (options[i].required && !is_given(params, i))
			return weft_error_set(error, EINVAL, "%s needs the option '%s' (%s): %s",
					      whose(params, buf), options[i].name, options[i].help,
					      expected(options[i].type));
	for (size_t i = 0; !r && i < params->count; i++)
		if (options[i].type == WEFT_OPTION_CHILD && is_given(params, i))
			r = check_child(params, options[i].name, error);
	return r;
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
