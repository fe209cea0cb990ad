/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks a namespace's options against the table of its backend. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/backend.h>

#include "config/check.h"
#include "util/cleanup.h"
#include "util/str.h"

/* True if the backend itself has the option; options of its children do not count. */
static bool has_option(const struct weft_backend *backend, const char *name)
{
	const struct weft_option *option;

	for (option = backend ? backend->options : NULL; option && option->name; option++) {
		if (!strcmp(option->name, name))
			return true;
	}
	return false;
}

static bool same_options(const struct config_namespace *a, const struct config_namespace *b)
{
	if (a->option_count != b->option_count)
		return false;
	for (size_t i = 0; i < a->option_count; i++) {
		const char *other = config_get_option(b, a->options[i].name);

		if (!other || strcmp(other, a->options[i].value))
			return false;
	}
	return true;
}

bool config_same_device(const struct config_namespace *a, const struct config_namespace *b,
			const struct config_backends *backends)
{
	const struct weft_backend *backend = backends->find(a->backend);

	if (!backend || strcmp(a->backend, b->backend) || !same_options(a, b))
		return false;
	if (a->block_size != b->block_size && has_option(backend, "block_size"))
		return false;
	return a->read_only == b->read_only || !has_option(backend, "read_only");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct config_option *)a)->name,
		      ((const struct config_option *)b)->name);
}

int config_device_digest(const struct config_namespace *ns, const struct config_backends *backends,
			 char ret_digest[UUID_TEXT])
{
	const struct weft_backend *backend = backends->find(ns->backend);
	size_t count = ns->option_count;
	_cleanup_free_ struct config_option *sorted = calloc(count + 1, sizeof(*sorted));
	struct strbuf buf = { 0 };

	if (!sorted)
		return -ENOMEM;
	if (count)
		memcpy(sorted, ns->options, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), by_name);
	strbuf_add(&buf, "%s\n", ns->backend);
	for (size_t i = 0; i < count; i++)
		strbuf_add(&buf, "%s=%s\n", sorted[i].name, sorted[i].value);
	if (has_option(backend, "block_size"))
		strbuf_add(&buf, "%u\n", ns->block_size);
	if (has_option(backend, "read_only"))
		strbuf_add(&buf, "%d\n", ns->read_only);
	return strbuf_take_uuid(&buf, ret_digest);
}

static int set_params(const struct config_namespace *ns, const struct config_backends *backends,
		      const struct weft_backend *backend, struct weft_params *params,
		      struct weft_error *error)
{
	char number[16];
	int r = 0;

	for (size_t i = 0; !r && i < ns->option_count; i++)
		r = backends->params_set(params, ns->options[i].name, ns->options[i].value, error);
	if (!r && ns->block_size && has_option(backend, "block_size")) {
		snprintf(number, sizeof(number), "%u", ns->block_size);
		r = backends->params_set(params, "block_size", number, error);
	}
	if (!r && ns->read_only && has_option(backend, "read_only"))
		r = backends->params_set(params, "read_only", "true", error);
	/* A namespace that is not enabled may lack a Required option, such as its path. */
	if (!r && ns->enable)
		r = backends->params_check(params, error);
	return r;
}

int config_namespace_params(const struct config_namespace *ns,
			    const struct config_backends *backends,
			    const struct weft_backend **ret_backend,
			    struct weft_params **ret_params, struct weft_error *error)
{
	const struct weft_backend *backend = backends->find(ns->backend);
	struct weft_params *params;
	int r;

	if (!backend)
		return backends->unknown(ns->backend, error);
	params = backends->params_new(backend);
	if (!params)
		return weft_error_set(error, ENOMEM, "out of memory");
	r = set_params(ns, backends, backend, params, error);
	if (r < 0) {
		backends->params_free(params);
		return r;
	}
	*ret_backend = backend;
	*ret_params = params;
	return 0;
}

static int check_options(struct check *check, const struct config_subsystem *subsystem,
			 const struct config_namespace *ns, const struct config_backends *backends)
{
	const struct weft_backend *backend;
	struct weft_params *params;
	struct weft_error inner;

	if (config_namespace_params(ns, backends, &backend, &params, &inner) < 0) {
		check_subject(check, ns->line, "subsystem %s, namespace %u", subsystem->nqn,
			      ns->nsid);
		return check_refuse(check, inner.code, "%s", inner.text);
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): 0 says that params was made */
	backends->params_free(params);
	return 0;
}

int config_validate_backends(const struct config *config, const struct config_backends *backends,
			     struct weft_error *error)
{
	struct check check = { .config = config, .error = error };
	int r = 0;

	for (size_t i = 0; !r && i < config->subsystem_count; i++) {
		const struct config_subsystem *subsystem = &config->subsystems[i];

		for (size_t j = 0; !r && j < subsystem->namespace_count; j++)
			r = check_options(&check, subsystem, &subsystem->namespaces[j], backends);
	}
	return r;
}
