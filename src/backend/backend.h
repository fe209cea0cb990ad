/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The registry of backends, and the options of devices.
 *
 * Built-in backends are in an array in registry.c; plugins are added to
 * them with backend_load_plugin(). The registry is filled before any other
 * thread runs and only read afterwards; no backend is ever removed.
 */
#ifndef WEFT_BACKEND_BACKEND_H
#define WEFT_BACKEND_BACKEND_H

#include <stdio.h>

#include <weft/backend.h>

/* The built-in backends; each has a file or a folder of its own. */
extern const struct weft_backend fault_backend;
extern const struct weft_backend file_backend;
extern const struct weft_backend memory_backend;
extern const struct weft_backend null_backend;

/* The backend of that name, or NULL. */
const struct weft_backend *backend_find(const char *name);
/* The backend at `index`: built-in ones first, then plugins in the order of loading; or NULL. */
const struct weft_backend *backend_at(size_t index);
/* Fills *error with a message that lists the known backends; returns -ENOENT. */
int backend_unknown(const char *name, struct weft_error *error);

/*
 * Adds a backend. The struct is copied, with NULL for members that it is too
 * short for; memory that it points to is not copied. origin: the plugin's path,
 * for messages. 0, or -errno with *error filled and the registry unchanged:
 * -EPROTONOSUPPORT (the struct is too short, or uses members that only a later
 * weftd has), -EINVAL (a required member is missing or wrong), -EEXIST (another
 * backend has the name), -ENOMEM.
 */
int backend_add(const struct weft_backend *backend, const char *origin, struct weft_error *error);
/*
 * Loads a shared object, never to unload it, and adds its backend. Returns as backend_add(), and
 * -ENOENT (no such file), -EACCES, -EINVAL (no path), -ELIBBAD (not a plugin).
 */
int backend_load_plugin(const char *path, struct weft_error *error);

/* Prints a backend's summary and its options: the output of `weftd --help-backend NAME`. */
void backend_print_help(const struct weft_backend *backend, FILE *out);

/*
 * The parameters of a device are its options. They are made empty, set one by one,
 * checked once and lent to the backend's open(), which doesn't keep them.
 */
/* NULL where memory ran out; freed with backend_params_free(). */
struct weft_params *backend_params_new(const struct weft_backend *backend);
void backend_params_free(struct weft_params *params);
/* Sets the owner, which is told when the device changes: weft_params_owner(). Default: NULL. */
void backend_params_own(struct weft_params *params, struct weft_owner *owner);
/*
 * Sets an option from text, in place of a former value. An option of a child is called
 * "NAME.option". 0, or -errno with *error filled: -EINVAL (the backend doesn't have the
 * option, or the value is of another type), -ENOMEM.
 */
int backend_params_set(struct weft_params *params, const char *name, const char *value,
		       struct weft_error *error);
/*
 * Checks that all required options are set; -EINVAL with *error filled: one is missing.
 * Checks the children of an overlay as well: -ENOENT (no such backend), or as
 * backend_params_set().
 */
int backend_params_check(const struct weft_params *params, struct weft_error *error);
/*
 * Gets the backend and the checked parameters of the child that the option `name`
 * describes. The caller frees the parameters with backend_params_free(). Returns as
 * backend_params_check().
 */
int backend_params_child(const struct weft_params *params, const char *name,
			 const struct weft_backend **ret_backend, struct weft_params **ret_child,
			 struct weft_error *error);
/* The child's path, such as "parent.base"; "": not a child. Valid as long as params. */
const char *backend_params_path(const struct weft_params *params);

#endif
