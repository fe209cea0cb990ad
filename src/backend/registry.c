/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of backends: built-in ones and those of plugins. */
#include "backend/backend.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/str.h"

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-"
/* The size of the required members, which every version of struct weft_backend has. */
#define SIZE_MIN (offsetof(struct weft_backend, submit) + \
		  sizeof(((struct weft_backend *)NULL)->submit))
/* A larger `size` cannot be the size of the struct. */
#define SIZE_MAX_OF_ANY 65536
#define OPTION_CHARACTERS "abcdefghijklmnopqrstuvwxyz_"

static const struct weft_backend *const built_in[] = {
	&fault_backend,
	&file_backend,
	&memory_backend,
	&null_backend,
};

#define BUILT_IN_COUNT (sizeof(built_in) / sizeof(built_in[0]))

static struct weft_backend **plugins; /* owned; copies of the plugins' structs */
static size_t plugin_count;

const struct weft_backend *backend_at(size_t index)
{
	if (index < BUILT_IN_COUNT)
		return built_in[index];
	index -= BUILT_IN_COUNT;
	return index < plugin_count ? plugins[index] : NULL;
}

const struct weft_backend *backend_find(const char *name)
{
	const struct weft_backend *backend;

	for (size_t i = 0; (backend = backend_at(i)); i++)
		if (!strcmp(backend->name, name))
			return backend;
	return NULL;
}

int backend_unknown(const char *name, struct weft_error *error)
{
	const struct weft_backend *backend;
	struct strbuf names = { 0 };

	for (size_t i = 0; (backend = backend_at(i)); i++)
		strbuf_add(&names, "%s%s", i ? ", " : "", backend->name);
	weft_error_set(error, ENOENT, "there is no backend '%s'; there are: %s", name,
		       names.data ? names.data : "");
	strbuf_done(&names);
	return -ENOENT;
}

static bool consists_of(const char *text, const char *characters)
{
	return text && *text && !text[strspn(text, characters)];
}

/* A message about the first fault of a plugin's struct; NULL: it has none. */
static const char *fault_of(const struct weft_backend *backend)
{
	const struct weft_option *option;

	if (!consists_of(backend->name, NAME_CHARACTERS))
		return "its name must be made of [a-z0-9-]";
	if (!backend->summary)
		return "it has no summary";
	if (!backend->open || !backend->close || !backend->submit)
		return "it must have open, close and submit";
	if (!backend->lend_write != !backend->written)
		return "it must have both of lend_write and written, or none";
	for (option = backend->options; option && option->name; option++) {
		if (!consists_of(option->name, OPTION_CHARACTERS))
			return "the names of its options must be made of [a-z_]";
		if (option->type > WEFT_OPTION_CHILD)
			return "one of its options has an unknown type";
		if (!option->help)
			return "one of its options has no help";
	}
	return NULL;
}

static bool all_zero(const void *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (((const unsigned char *)bytes)[i])
			return false;
	return true;
}

/* True if the plugin uses members that only a later weftd has (<weft/backend.h>, Versions). */
static bool of_later_weftd(const struct weft_backend *backend)
{
	const struct weft_option *option;

	if (backend->size > sizeof(*backend) &&
	    !all_zero(backend + 1, backend->size - sizeof(*backend)))
		return true;
	if (backend->flags & ~(uint32_t)WEFT_BACKEND_FLAGS)
		return true;
	for (option = backend->options; option && option->name; option++)
		if (!all_zero(option->reserved, sizeof(option->reserved)))
			return true;
	return false;
}

static int check_version(const struct weft_backend *backend, const char *origin,
			 struct weft_error *error)
{
	if (backend->size < SIZE_MIN || backend->size > SIZE_MAX_OF_ANY)
		return weft_error_set(error, EPROTONOSUPPORT,
				      "plugin %s: its struct weft_backend says that it has %zu "
				      "bytes, this weftd's has %zu; build it against this weftd's "
				      "<weft/backend.h>",
				      origin, backend->size, sizeof(*backend));
	if (of_later_weftd(backend))
		return weft_error_set(error, EPROTONOSUPPORT,
				      "plugin %s uses a part of the backend interface that this "
				      "weftd does not know; it needs a later weftd, or must be "
				      "built against this one's <weft/backend.h>",
				      origin);
	return 0;
}

static int check_backend(const struct weft_backend *backend, const char *origin,
			 struct weft_error *error)
{
	const char *fault = fault_of(backend);

	if (fault)
		return weft_error_set(error, EINVAL, "plugin %s cannot be used: %s", origin, fault);
	if (backend_find(backend->name))
		return weft_error_set(error, EEXIST,
				      "plugin %s: there is a backend '%s' already; each name can "
				      "be used once",
				      origin, backend->name);
	return 0;
}

int backend_add(const struct weft_backend *backend, const char *origin, struct weft_error *error)
{
	_cleanup_free_ struct weft_backend *copy = calloc(1, sizeof(*copy));
	struct weft_backend **grown;
	int r;

	if (!copy)
		return weft_error_set(error, ENOMEM, "out of memory");
	r = check_version(backend, origin, error);
	if (r < 0)
		return r;
	memcpy(copy, backend, backend->size < sizeof(*copy) ? backend->size : sizeof(*copy));
	copy->size = sizeof(*copy);
	r = check_backend(copy, origin, error);
	if (r < 0)
		return r;
	grown = reallocarray(plugins, plugin_count + 1, sizeof(*plugins));
	if (!grown)
		return weft_error_set(error, ENOMEM, "out of memory");
	plugins = grown;
	plugins[plugin_count++] = TAKE_PTR(copy);
	return 0;
}

int backend_load_plugin(const char *path, struct weft_error *error)
{
	const struct weft_backend *(*entry)(void);
	const struct weft_backend *backend;
	void *object;
	int r;

	/* dlopen() would look for a name without a slash in the system's library folders. */
	if (!strchr(path, '/'))
		return weft_error_set(error, EINVAL, "plugin %s: give its path, such as ./%s", path,
				      path);
	if (access(path, R_OK) < 0) {
		r = errno;
		return weft_error_set(error, r, "plugin %s: %s", path, strerror(r));
	}
	object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!object)
		return weft_error_set(error, ELIBBAD, "plugin %s: %s", path, dlerror());
	entry = (const struct weft_backend *(*)(void))dlsym(object, "weft_plugin");
	if (!entry) {
		r = weft_error_set(error, ELIBBAD,
				   "%s is no weft plugin: it does not export weft_plugin()", path);
		goto fail;
	}
	backend = entry();
	if (!backend) {
		r = weft_error_set(error, ELIBBAD, "plugin %s: weft_plugin() returned no backend",
				   path);
		goto fail;
	}
	r = backend_add(backend, path, error);
	if (!r)
		return 0;
fail:
	dlclose(object);
	return r;
}
