/* SPDX-License-Identifier: BSD-3-Clause */
/* The child backends of overlays: see <weft/backend.h>. */
#include "backend/backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct weft_child {
	const struct weft_backend *backend;	/* borrowed */
	void *device;				/* owned */
	char path[];				/* names from the namespace down: "parent.base" */
};

/* Puts the child's path before a message, unless the message has a path below it already. */
static void name_child(const char *path, char *text, size_t size)
{
	size_t length = strlen(path), rest = strnlen(text, size - 1);

	if (!strncmp(text, path, length) && text[length] == '.')
		return;
	if (length + 2 >= size)
		return;
	if (rest > size - 1 - (length + 2))
		rest = size - 1 - (length + 2);
	memmove(text + length + 2, text, rest);
	memcpy(text, path, length);
	memcpy(text + length, ": ", 2);
	text[length + 2 + rest] = '\0';
}

static int open_child(struct weft_child *child, const struct weft_params *params,
		      struct weft_info *ret_info, struct weft_error *error)
{
	struct weft_info info = { 0 };
	struct weft_error inner = { 0 };
	int r = child->backend->open(&child->device, params, &info, &inner);

	if (r >= 0) {
		*ret_info = info;
		return 0;
	}
	if (!inner.text[0]) /* a plugin may not have filled it */
		weft_error_set(&inner, -r, "%s", strerror(-r));
	name_child(child->path, inner.text, sizeof(inner.text));
	if (error)
		*error = inner;
	return r;
}

int weft_child_open(struct weft_child **ret_child, const struct weft_params *params,
		    const char *name, struct weft_info *ret_info, struct weft_error *error)
{
	const struct weft_backend *backend;
	struct weft_params *of_child;
	struct weft_child *child;
	const char *path;
	int r = backend_params_child(params, name, &backend, &of_child, error);

	if (r < 0)
		return r;
	path = backend_params_path(of_child);
	child = calloc(1, sizeof(*child) + strlen(path) + 1);
	if (child) {
		child->backend = backend;
		strcpy(child->path, path);
		r = open_child(child, of_child, ret_info, error);
	} else {
		r = weft_error_set(error, ENOMEM, "out of memory");
	}
	backend_params_free(of_child);
	if (r < 0)
		free(child);
	else
		*ret_child = child;
	return r;
}

void weft_child_close(struct weft_child *child)
{
	if (!child)
		return;
	child->backend->close(child->device);
	free(child);
}

int weft_child_refresh(struct weft_child *child, struct weft_info *info)
{
	int r;

	if (!child->backend->refresh)
		return 0;
	r = child->backend->refresh(child->device, info);
	if (r >= 0 && info->trouble[0])
		name_child(child->path, info->trouble, sizeof(info->trouble));
	return r;
}

void weft_child_submit(struct weft_child *child, struct weft_io *io)
{
	child->backend->submit(child->device, io);
}
