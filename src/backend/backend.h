/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The backends that this daemon knows, and the options given to a device.
 *
 * Built-in backends stand in one array in registry.c; plugins are added to
 * them with backend_load_plugin(). The registry is filled before any other
 * thread runs and only read afterwards; nothing leaves it.
 */
#ifndef WEFT_BACKEND_BACKEND_H
#define WEFT_BACKEND_BACKEND_H

#include <stdio.h>

#include <weft/backend.h>

/* Built in; each is a file or a folder of its own. */
extern const struct weft_backend fault_backend;
extern const struct weft_backend file_backend;
extern const struct weft_backend memory_backend;
extern const struct weft_backend null_backend;

/* The backend of that name, or NULL. */
const struct weft_backend *backend_find(const char *name);
/* The index'th backend, or NULL: built-in ones first, then plugins in the order of loading. */
const struct weft_backend *backend_at(size_t index);
/* Fills *error with "no such backend" and the names there are; returns -ENOENT. */
int backend_unknown(const char *name, struct weft_error *error);

/*
 * Adds a backend. The struct is copied, what it is too short for is NULL; what
 * it points to is not. origin: where it comes from, for messages. 0, or -errno
 * with *error filled and the registry as it was: -EPROTONOSUPPORT (it is too
 * short, or has what only a later weftd knows), -EINVAL (a required member is
 * missing or wrong), -EEXIST (the name is taken), -ENOMEM.
 */
int backend_add(const struct weft_backend *backend, const char *origin, struct weft_error *error);
/*
 * Loads a shared object, for good, and adds its backend. As backend_add(), and
 * -ENOENT (no such file), -EACCES, -EINVAL (no path), -ELIBBAD (not a plugin).
 */
int backend_load_plugin(const char *path, struct weft_error *error);

/* Prints what a backend is and its options, as of `weftd --help-backend NAME`. */
void backend_print_help(const struct weft_backend *backend, FILE *out);

/*
 * The options of one device: made empty, set one by one, checked once and lent
 * to the backend's open(), which doesn't keep them.
 */
/* NULL where memory ran out; freed with backend_params_free(). */
struct weft_params *backend_params_new(const struct weft_backend *backend);
void backend_params_free(struct weft_params *params);
/* Who is told when the device changes: weft_params_owner(). Unset: nobody, NULL. */
void backend_params_own(struct weft_params *params, struct weft_owner *owner);
/*
 * Sets (again: replaces) an option from its text; a child's is called "NAME.option".
 * 0, or -EINVAL or -ENOMEM with *error filled: an option that the backend doesn't
 * have, or a value of another type.
 */
int backend_params_set(struct weft_params *params, const char *name, const char *value,
		       struct weft_error *error);
/*
 * 0, or -EINVAL with *error filled: a required option is missing. Of an overlay
 * it checks the children as well: -ENOENT (no such backend), or as backend_params_set().
 */
int backend_params_check(const struct weft_params *params, struct weft_error *error);
/*
 * The backend and the checked parameters of a child, which is an option of that
 * name: the caller's, freed with backend_params_free(). As backend_params_check().
 */
int backend_params_child(const struct weft_params *params, const char *name,
			 const struct weft_backend **ret_backend, struct weft_params **ret_child,
			 struct weft_error *error);
/* Whose they are: "parent.base", a child's names; "": the namespace's own. As long as params. */
const char *backend_params_path(const struct weft_params *params);

#endif
