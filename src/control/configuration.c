/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration as a whole: read, replaced, cleared, saved and restored. */
#include <errno.h>
#include <string.h>

#include "apply/apply.h"
#include "config/load.h"
#include "config/save.h"
#include "control/exchange.h"
#include "control/folder.h"
#include "control/internal.h"
#include "util/cleanup.h"
#include "util/log.h"

int control_get_config(struct exchange *exchange, json_t **ret_reply, struct weft_error *error)
{
	const struct control *control = exchange->control;
	_cleanup_free_ char *text = config_format(apply_current(control->options.apply));

	return control_reply(text ? json_loads(text, 0, NULL) : NULL, ret_reply, error);
}

static size_t count_namespaces(const struct config *config)
{
	size_t count = 0;

	for (size_t i = 0; i < config->subsystem_count; i++)
		count += config->subsystems[i].namespace_count;
	return count;
}

static json_t *describe_counts(const struct config *config)
{
	return json_pack("{s:I, s:I, s:I, s:I}",
			 "subsystems", (json_int_t)config->subsystem_count,
			 "namespaces", (json_int_t)count_namespaces(config),
			 "ports", (json_int_t)config->port_count,
			 "hosts", (json_int_t)config->host_count);
}

static json_t *describe_warnings(const struct config *config)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < config->warning_count; i++)
		json_array_append_new(array, json_string(config->warnings[i]));
	return array;
}

static void log_warnings(const struct config *config)
{
	for (size_t i = 0; i < config->warning_count; i++)
		log_warning("%s", config->warnings[i]);
}

/* Asks for a configuration that replaces the running one. The reply has its counts. */
static int want(struct control_change *change, struct config *config, struct config **ret_wanted)
{
	log_warnings(config);
	change->reply = describe_counts(config);
	json_object_set_new(change->reply, "warnings", describe_warnings(config));
	*ret_wanted = config;
	return 0;
}

static int plan_put(struct control_change *change, const struct config *now,
		    struct config **ret_wanted, struct weft_error *error)
{
	return want(change, TAKE_PTR(change->wanted), ret_wanted);
}

int control_put_config(struct exchange *exchange, json_t **ret_reply, struct weft_error *error)
{
	const char *name = exchange_argument(exchange, "name");
	struct config *config;
	int r;

	if (exchange->body.length == 0)
		return weft_error_set(error, EINVAL, "the request has no body; it must be a "
				      "configuration in JSON, {} for an empty one");
	r = config_parse(exchange->body.data, exchange->body.length, name ? name : "request",
			 &config, error);
	if (r < 0) {
		if (r != -ENOMEM)
			error->code = EINVAL; /* a mistake in it is one in the request */
		return r;
	}
	return control_submit(exchange, plan_put, config, error);
}

static int plan_clear(struct control_change *change, const struct config *now,
		      struct config **ret_wanted, struct weft_error *error)
{
	struct config *empty = config_new();

	if (!empty)
		return weft_error_set(error, ENOMEM, "out of memory");
	change->reply = describe_counts(now);
	log_notice("the configuration is cleared");
	*ret_wanted = empty;
	return 0;
}

int control_delete_config(struct exchange *exchange, json_t **ret_reply, struct weft_error *error)
{
	return control_submit(exchange, plan_clear, NULL, error);
}

/* Save is queued as a change, so that the saved file has all changes requested before it. */
static int plan_save(struct control_change *change, const struct config *now,
		     struct config **ret_wanted, struct weft_error *error)
{
	const char *path = change->exchange->control->options.config_path;
	int r;

	folder_make(path, 0700);
	r = config_save(now, path, error);
	if (r < 0)
		return r;
	log_info("saved the configuration to %s", path);
	change->saved = true;
	change->reply = json_pack("{s:s}", "file", path);
	*ret_wanted = NULL;
	return 0;
}

int control_save(struct exchange *exchange, json_t **ret_reply, struct weft_error *error)
{
	return control_submit(exchange, plan_save, NULL, error);
}

static int plan_restore(struct control_change *change, const struct config *now,
			struct config **ret_wanted, struct weft_error *error)
{
	const char *path = change->exchange->control->options.config_path;
	struct config *config;
	int r = config_load(path, &config, error);

	if (r < 0)
		return r;
	log_info("restoring the configuration from %s", path);
	want(change, config, ret_wanted);
	change->saved = true;
	json_object_set_new(change->reply, "file", json_string(path));
	return 0;
}

int control_restore(struct exchange *exchange, json_t **ret_reply, struct weft_error *error)
{
	return control_submit(exchange, plan_restore, NULL, error);
}
