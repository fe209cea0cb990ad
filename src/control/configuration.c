/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration as a whole: read, replaced, cleared, saved and restored. */
#include <errno.h>
#include <string.h>

#include "apply/apply.h"
#include "config/load.h"
#include "config/save.h"
#include "control/folder.h"
#include "control/internal.h"
#include "util/cleanup.h"
#include "util/log.h"

int control_get_config(struct control *control, const struct http_request *request,
		       json_t **ret_reply, struct weft_error *error)
{
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

/* Makes a configuration run in place of all there is, and says what it holds. */
static int replace(struct control *control, struct config *config, bool saved, json_t **ret_reply,
		   struct weft_error *error)
{
	json_t *reply = json_pack("{s:I, s:I, s:I, s:I, s:o}",
				  "subsystems", (json_int_t)config->subsystem_count,
				  "namespaces", (json_int_t)count_namespaces(config),
				  "ports", (json_int_t)config->port_count,
				  "hosts", (json_int_t)config->host_count,
				  "warnings", describe_warnings(config));
	int r = control_commit(control, config, error);

	if (r < 0) {
		json_decref(reply);
		return r;
	}
	log_warnings(apply_current(control->options.apply));
	control->unsaved = !saved;
	return control_reply_change(control, reply, ret_reply, error);
}

int control_put_config(struct control *control, const struct http_request *request,
		       json_t **ret_reply, struct weft_error *error)
{
	const char *name = http_argument(request, "name");
	struct config *config;
	int r;

	if (request->length == 0)
		return weft_error_set(error, EINVAL, "the request has no body; it must be a "
				      "configuration in JSON, {} for an empty one");
	r = config_parse(request->text, request->length, name ? name : "request", &config, error);
	if (r < 0) {
		if (r != -ENOMEM)
			error->code = EINVAL; /* whatever is wrong in it, the request is */
		return r;
	}
	return replace(control, config, false, ret_reply, error);
}

int control_delete_config(struct control *control, const struct http_request *request,
			  json_t **ret_reply, struct weft_error *error)
{
	const struct config *current = apply_current(control->options.apply);
	json_t *reply = json_pack("{s:I, s:I, s:I, s:I}",
				  "subsystems", (json_int_t)current->subsystem_count,
				  "namespaces", (json_int_t)count_namespaces(current),
				  "ports", (json_int_t)current->port_count,
				  "hosts", (json_int_t)current->host_count);
	struct config *empty = config_new();
	int r;

	if (!reply || !empty) {
		config_free(empty);
		json_decref(reply);
		return weft_error_set(error, ENOMEM, "out of memory");
	}
	r = control_commit(control, empty, error);
	if (r < 0) {
		json_decref(reply);
		return r;
	}
	log_notice("the configuration was cleared");
	return control_reply_change(control, reply, ret_reply, error);
}

int control_save(struct control *control, const struct http_request *request, json_t **ret_reply,
		 struct weft_error *error)
{
	const char *path = control->options.config_path;
	int r;

	folder_make(path, 0700);
	r = config_save(apply_current(control->options.apply), path, error);
	if (r < 0)
		return r;
	control->unsaved = false;
	log_info("saved the configuration to %s", path);
	return control_reply_change(control, json_pack("{s:s}", "file", path), ret_reply, error);
}

int control_restore(struct control *control, const struct http_request *request, json_t **ret_reply,
		    struct weft_error *error)
{
	const char *path = control->options.config_path;
	struct config *config;
	int r = config_load(path, &config, error);

	if (r < 0)
		return r;
	r = replace(control, config, true, ret_reply, error);
	if (r < 0)
		return r;
	log_info("restored the configuration from %s", path);
	json_object_set_new(*ret_reply, "file", json_string(path));
	return 0;
}
