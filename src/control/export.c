/* SPDX-License-Identifier: BSD-3-Clause */
/* /v1/exports: making a disk reachable in one request, and ending that. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply/apply.h"
#include "control/address.h"
#include "control/create.h"
#include "control/internal.h"
#include "control/plan.h"
#include "util/cleanup.h"

static json_t *describe_hosts(const struct config_subsystem *subsystem)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < subsystem->allowed_host_count; i++)
		json_array_append_new(array, json_string(subsystem->allowed_hosts[i]));
	return array;
}

/* Where a host attaches, where it discovers, and which of these ports do not work. */
static int describe_ports(struct control *control, const char *nqn,
			  const struct address_list *list, json_t *connect, json_t *discover,
			  json_t *problems)
{
	const struct config *config = apply_current(control->options.apply);
	int r = 0;

	for (size_t i = 0; i < config->port_count && r == 0; i++) {
		const struct config_port *port = &config->ports[i];
		struct apply_port_state state = { .state = APPLY_READY };

		if (!port->discovery && !config_is_linked(port, nqn))
			continue;
		apply_port_state(control->options.apply, port->portid, &state);
		if (state.state == APPLY_FAILED)
			json_array_append_new(problems, control_text("port %u does not listen: %s",
								     port->portid, state.reason));
		r = address_describe(port->discovery ? discover : connect, port, list);
	}
	if (r == 0 && json_array_size(discover) == 0) /* every port answers discovery */
		r = json_array_extend(discover, connect);
	return r;
}

/* What a new export is and how it is reached; NULL where memory ran out. */
static json_t *describe(struct control *control, const struct export_result *result,
			const struct apply_namespace_state *state,
			const struct address_list *list)
{
	const struct config *config = apply_current(control->options.apply);
	const struct config_subsystem *subsystem = config_find_subsystem(config, result->nqn);
	const struct config_namespace *ns = config_find_namespace(subsystem, result->nsid);
	json_t *connect = json_array(), *discover = json_array(), *problems = json_array();
	char uuid[UUID_TEXT];

	if (state->state == APPLY_OPENING)
		json_array_append_new(problems,
				      control_text("namespace %u is not there yet: %s; hosts see "
						   "it when it is open", result->nsid,
						   state->reason));
	describe_ports(control, result->nqn, list, connect, discover, problems);
	uuid_format(ns->uuid, uuid);
	return json_pack("{s:s, s:i, s:s, s:s, s:s*, s:I, s:i, s:b, s:s, s:b, s:b, s:b, s:o, s:o, "
			 "s:o, s:o}",
			 "nqn", result->nqn, "nsid", (int)result->nsid,
			 "status", state->state == APPLY_OPENING ? "opening" : "ready",
			 "backend", ns->backend, "path", config_get_option(ns, "path"),
			 "size", (json_int_t)state->size, "block_size", (int)state->block_size,
			 "read_only", ns->read_only, "uuid", uuid,
			 "new_subsystem", result->new_subsystem, "new_ports", result->new_ports,
			 "allow_any_host", subsystem->allow_any_host,
			 "hosts", describe_hosts(subsystem), "connect", connect,
			 "discover", discover, "problems", problems);
}

/*
 * Makes the draft run and sees that the namespace came up, or is at least being
 * opened; where it failed, goes back to what ran before. 0 or -errno.
 */
static int run(struct control *control, struct config *draft, const struct export_result *result,
	       struct apply_namespace_state *ret_state, struct weft_error *error)
{
	struct config *before = control_draft(control, error);
	bool unsaved = control->unsaved;
	struct weft_error ignored;
	int r;

	if (!before) {
		config_free(draft);
		return -ENOMEM;
	}
	r = control_commit(control, draft, error);
	if (r < 0) {
		config_free(before);
		return r;
	}
	if (!apply_namespace_state(control->options.apply, result->nqn, result->nsid, ret_state) ||
	    ret_state->state == APPLY_READY || ret_state->state == APPLY_OPENING) {
		config_free(before);
		return 0;
	}
	r = weft_error_set(error, EBUSY, "cannot export it: %s",
			   ret_state->reason ? ret_state->reason : "it did not come up");
	control_commit(control, before, &ignored);
	control->unsaved = unsaved;
	return r;
}

/* Makes the file where need be, and plans the export on the draft. */
static int prepare(struct config *draft, const struct export_request *request,
		   const struct address_list *list, struct export_result *ret, bool *ret_made,
		   struct weft_error *error)
{
	struct export_request planned = *request;
	char host[256] = "localhost";
	const struct export_site site = {
		.host = host,
		.ipv6_only = address_list_has(list, true) && !address_list_has(list, false),
	};
	bool made = false;
	int r = 0;

	gethostname(host, sizeof(host) - 1);
	if (strcmp(request->backend, "file") == 0)
		r = create_file(request->path, request->size, &made, error);
	if (r < 0)
		return r;
	if (made)
		planned.size = 0; /* all of it, also when it grows later */
	r = export_plan(draft, &planned, &site, ret, error);
	if (r < 0 && made)
		unlink(request->path);
	else
		*ret_made = made;
	return r;
}

static int do_export(struct control *control, const struct export_request *request,
		     const struct address_list *list, json_t **ret_reply,
		     struct weft_error *error)
{
	struct config *draft = control_draft(control, error);
	struct apply_namespace_state state = {0};
	struct export_result result = {0};
	_cleanup_free_ char *nqn = NULL;
	bool made = false;
	int r;

	if (!draft)
		return -ENOMEM;
	r = prepare(draft, request, list, &result, &made, error);
	if (r < 0) {
		config_free(draft);
		return r;
	}
	nqn = result.nqn;
	r = run(control, draft, &result, &state, error);
	if (r < 0) {
		if (made)
			unlink(request->path);
		return r;
	}
	return control_reply_change(control, describe(control, &result, &state, list), ret_reply,
				    error);
}

int control_post_export(struct control *control, const struct http_request *request,
			json_t **ret_reply, struct weft_error *error)
{
	struct address_list list = {0};
	struct export_request wanted;
	json_t *body;
	int r;

	r = http_json(request, &body, error);
	if (r < 0)
		return r;
	r = export_read(&wanted, body, error);
	if (r == 0) {
		r = address_list_read(&list);
		if (r < 0)
			weft_error_set(error, -r, "cannot list this machine's addresses: %s",
				       strerror(-r));
	}
	if (r == 0)
		r = do_export(control, &wanted, &list, ret_reply, error);
	address_list_done(&list);
	json_decref(body);
	return r;
}

/* The arguments of a DELETE: ?path=, or ?nqn= and perhaps &nsid=. */
static int read_unexport(const struct http_request *request, struct unexport_request *ret,
			 struct weft_error *error)
{
	static const char *const names[] = { "nqn", "nsid", "path", NULL };
	const char *nsid = http_argument(request, "nsid");
	uint64_t number = 0;
	int r;

	r = http_only(request, names, error);
	if (r < 0)
		return r;
	ret->nqn = http_argument(request, "nqn");
	ret->path = http_argument(request, "path");
	if (!ret->nqn == !ret->path)
		return weft_error_set(error, EINVAL, "say what to unexport: either ?nqn= (and "
				      "nsid=) or ?path=");
	if (nsid && !ret->nqn)
		return weft_error_set(error, EINVAL, "argument \"nsid\" needs \"nqn\"");
	if (nsid && number_parse(nsid, 1, CONFIG_NSID_MAX, &number) < 0)
		return weft_error_set(error, EINVAL, "argument \"nsid\" is \"%s\"; it must lie in "
				      "1..%d", nsid, CONFIG_NSID_MAX);
	ret->nsid = (uint32_t)number;
	return 0;
}

int control_delete_export(struct control *control, const struct http_request *request,
			  json_t **ret_reply, struct weft_error *error)
{
	struct unexport_request wanted = {0};
	json_t *removed;
	struct config *draft;
	int r;

	r = read_unexport(request, &wanted, error);
	if (r < 0)
		return r;
	draft = control_draft(control, error);
	if (!draft)
		return -ENOMEM;
	removed = json_array();
	r = unexport_plan(draft, &wanted, removed, error);
	if (r < 0)
		config_free(draft);
	else
		r = control_commit(control, draft, error);
	if (r < 0) {
		json_decref(removed);
		return r;
	}
	return control_reply_change(control, json_pack("{s:o}", "removed", removed), ret_reply,
				    error);
}
