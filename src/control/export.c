/* SPDX-License-Identifier: BSD-3-Clause */
/* /v1/exports: export and unexport, each in one request. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply/apply.h"
#include "control/address.h"
#include "control/create.h"
#include "control/exchange.h"
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

/* If traddr is a name, the addresses where the port listens stand in its place. */
static int describe_port(struct control *control, const struct config_port *port,
			 const struct address_list *list, json_t *array)
{
	const struct apply *apply = control->options.apply;
	const char *traddr = apply_port_address(apply, port->portid, 0);
	int r = 0;

	if (config_is_wildcard(&port->addr) || !traddr)
		return address_describe(array, port, list);
	for (size_t i = 0; r == 0 && traddr; traddr = apply_port_address(apply, port->portid, ++i))
		r = address_describe_at(array, port, traddr);
	return r;
}

/* Addresses to connect to, addresses of discovery services, and ports that do not listen. */
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
		r = describe_port(control, port, list, port->discovery ? discover : connect);
	}
	if (r == 0 && json_array_size(discover) == 0) /* every port has a discovery service */
		r = json_array_extend(discover, connect);
	return r;
}

/* Describes a new export and its addresses. NULL if memory ran out. */
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

/* ---- an export in progress ---- */

/* First its file is looked for or created, then the change is applied, then it is answered. */
struct export {
	struct apply_change change;
	struct exchange *exchange;	/* borrowed */
	json_t *body;			/* owned; `request` borrows from it */
	struct export_request request;
	struct address_list list;
	bool made;			/* the file was created for this export */
	struct export_result result;
	struct apply_namespace_state state; /* as judge_export() saw it */
	struct weft_error error;	/* why the export is refused */
};

static struct control *control_of(const struct export *export)
{
	return export->exchange->control;
}

static void export_free(struct export *export)
{
	address_list_done(&export->list);
	free(export->result.nqn);
	json_decref(export->body);
	free(export);
}

static void refuse(void *arg)
{
	struct export *export = arg;

	exchange_refuse(export->exchange, &export->error);
	export_free(export);
}

static int plan_export(struct apply_change *change, const struct config *now,
		       struct config **ret_wanted, struct weft_error *error)
{
	struct export *export = container_of(change, struct export, change);
	const struct address_list *list = &export->list;
	struct export_request planned = export->request;
	char host[256] = "localhost";
	const struct export_site site = {
		.host = host,
		.ipv6_only = address_list_has(list, true) && !address_list_has(list, false),
	};
	struct config *draft = config_dup(now);
	int r;

	if (!draft)
		return weft_error_set(error, ENOMEM, "out of memory");
	gethostname(host, sizeof(host) - 1);
	if (export->made)
		planned.size = 0; /* the whole file, also if it grows later */
	r = export_plan(draft, &planned, &site, &export->result, error);
	if (r < 0)
		config_free(draft);
	else
		*ret_wanted = draft;
	return r;
}

/* Refuses the change unless the namespace is ready or is being opened. */
static int judge_export(struct apply_change *change, struct weft_error *error)
{
	struct export *export = container_of(change, struct export, change);
	const struct apply_namespace_state *state = &export->state;

	if (!apply_namespace_state(control_of(export)->options.apply, export->result.nqn,
				   export->result.nsid, &export->state) ||
	    state->state == APPLY_READY || state->state == APPLY_OPENING)
		return 0;
	return weft_error_set(error, EBUSY, "cannot export it: %s",
			      state->reason ? state->reason : "the namespace did not open");
}

static void export_done(struct apply_change *change, int result, const struct weft_error *error)
{
	struct export *export = container_of(change, struct export, change);
	struct control *control = control_of(export);
	json_t *reply;

	if (result == 0) {
		control->unsaved = true;
		reply = describe(control, &export->result, &export->state, &export->list);
		exchange_reply(export->exchange, control_add_unsaved(control, reply));
		export_free(export);
		return;
	}
	export->error = *error;
	if (export->made)
		create_undo(control->offload, export->request.path, refuse, export);
	else
		refuse(export);
}

static void file_there(void *arg, bool made, const struct weft_error *error)
{
	struct export *export = arg;

	export->made = made;
	if (error) {
		export->error = *error;
		refuse(export);
		return;
	}
	apply_submit(control_of(export)->options.apply, &export->change);
}

/* Reads the request. 0, or -errno with *error filled. */
static int export_init(struct export *export, struct exchange *exchange, struct weft_error *error)
{
	int r;

	export->change = (struct apply_change){ .plan = plan_export, .judge = judge_export,
						.done = export_done };
	export->exchange = exchange;
	r = exchange_json(exchange, &export->body, error);
	if (r == 0)
		r = export_read(&export->request, export->body, error);
	if (r < 0)
		return r;
	r = address_list_read(&export->list);
	if (r < 0)
		weft_error_set(error, -r, "cannot list this machine's addresses: %s", strerror(-r));
	return r;
}

int control_post_export(struct exchange *exchange, json_t **ret_reply, struct weft_error *error)
{
	struct control *control = exchange->control;
	struct export *export = calloc(1, sizeof(*export));
	int r;

	if (!export)
		return weft_error_set(error, ENOMEM, "out of memory");
	r = export_init(export, exchange, error);
	if (r == 0 && strcmp(export->request.backend, "file") == 0)
		r = create_start(control->offload, export->request.path, export->request.size,
				 file_there, export, error);
	else if (r == 0)
		apply_submit(control->options.apply, &export->change);
	if (r == 0)
		return EXCHANGE_LATER;
	export_free(export);
	return r;
}

/* The arguments of a DELETE: ?path=, or ?nqn= with an optional &nsid=. */
static int read_unexport(const struct exchange *exchange, struct unexport_request *ret,
			 struct weft_error *error)
{
	const char *nsid = exchange_argument(exchange, "nsid");
	uint64_t number = 0;

	ret->nqn = exchange_argument(exchange, "nqn");
	ret->path = exchange_argument(exchange, "path");
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

static int plan_unexport(struct control_change *change, const struct config *now,
			 struct config **ret_wanted, struct weft_error *error)
{
	struct unexport_request wanted = {0};
	struct config *draft;
	json_t *removed;
	int r;

	r = read_unexport(change->exchange, &wanted, error);
	if (r < 0)
		return r;
	draft = config_dup(now);
	removed = json_array();
	if (draft)
		r = unexport_plan(draft, &wanted, removed, error);
	else
		r = weft_error_set(error, ENOMEM, "out of memory");
	if (r < 0) {
		config_free(draft);
		json_decref(removed);
		return r;
	}
	change->reply = json_pack("{s:o}", "removed", removed);
	*ret_wanted = draft;
	return 0;
}

int control_delete_export(struct exchange *exchange, json_t **ret_reply, struct weft_error *error)
{
	struct unexport_request wanted = {0};
	int r = read_unexport(exchange, &wanted, error);

	return r < 0 ? r : control_submit(exchange, plan_unexport, NULL, error);
}
