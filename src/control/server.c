/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP: the table of routes, requests and their replies, and the daemon's hold on all of it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "config/load.h"
#include "control/internal.h"
#include "control/socket.h"
#include "util/cleanup.h"
#include "util/log.h"

#define BODY_MAX CONFIG_TEXT_MAX	/* bytes of a request */
#define CONNECTION_MAX 32u
#define IDLE_SECONDS 30u
#define TURNS_MAX 64		/* of HTTP in one control_run(): then it is the daemon's */

static const struct route {
	const char *method, *path;
	control_handler *handle;
	unsigned int status;		/* of success */
} routes[] = {
	{ "GET", "/v1/status", control_get_status, MHD_HTTP_OK },
	{ "GET", "/v1/config", control_get_config, MHD_HTTP_OK },
	{ "PUT", "/v1/config", control_put_config, MHD_HTTP_OK },
	{ "DELETE", "/v1/config", control_delete_config, MHD_HTTP_OK },
	{ "POST", "/v1/config/save", control_save, MHD_HTTP_OK },
	{ "POST", "/v1/config/restore", control_restore, MHD_HTTP_OK },
	{ "POST", "/v1/exports", control_post_export, MHD_HTTP_CREATED },
	{ "DELETE", "/v1/exports", control_delete_export, MHD_HTTP_OK },
	{ "GET", "/v1/tree", control_get_tree, MHD_HTTP_OK },
	{ "GET", "/v1/sessions", control_get_sessions, MHD_HTTP_OK },
};

#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))

/* From the first header to the last byte of the reply. */
struct exchange {
	struct strbuf body;
	bool too_large;
};

const char *http_argument(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

struct argument_check {
	const char *const *names;
	struct weft_error *error;
	int result;
};

static enum MHD_Result check_argument(void *cls, enum MHD_ValueKind kind, const char *key,
				      const char *value)
{
	struct argument_check *check = cls;

	for (const char *const *name = check->names; *name; name++)
		if (strcmp(*name, key) == 0)
			return MHD_YES;
	check->result = weft_error_set(check->error, EINVAL, "unknown argument \"%s\"", key);
	return MHD_NO;
}

int http_only(const struct http_request *request, const char *const *names,
	      struct weft_error *error)
{
	struct argument_check check = { .names = names, .error = error };

	MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, check_argument,
				  &check);
	return check.result;
}

int http_json(const struct http_request *request, json_t **ret, struct weft_error *error)
{
	json_error_t where;
	json_t *body;

	if (request->length == 0) {
		*ret = NULL;
		return 0;
	}
	body = json_loadb(request->text, request->length, JSON_REJECT_DUPLICATES, &where);
	if (!body)
		return weft_error_set(error, EINVAL, "the request's body is not JSON: line %d, "
				      "column %d: %s", where.line, where.column, where.text);
	*ret = body;
	return 0;
}

int control_reply(json_t *reply, json_t **ret_reply, struct weft_error *error)
{
	if (!reply)
		return weft_error_set(error, ENOMEM, "out of memory");
	*ret_reply = reply;
	return 0;
}

static enum MHD_Result send_json(struct MHD_Connection *connection, unsigned int status,
				 const json_t *reply, const char *allow)
{
	static const char no_memory[] =
		"{\"error\": {\"code\": \"failed\", \"text\": \"out of memory\"}}\n";
	char *text = reply ? json_dumps(reply, JSON_INDENT(2) | JSON_ENCODE_ANY) : NULL;
	struct strbuf buf = {0};
	struct MHD_Response *response;
	enum MHD_Result result;

	if (text)
		strbuf_add(&buf, "%s\n", text);
	free(text);
	if (!text || buf.failed) {
		strbuf_done(&buf);
		status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		response = MHD_create_response_from_buffer(sizeof(no_memory) - 1, (void *)no_memory,
							   MHD_RESPMEM_PERSISTENT);
	} else {
		response = MHD_create_response_from_buffer(buf.length, buf.data,
							   MHD_RESPMEM_MUST_FREE);
		if (!response)
			strbuf_done(&buf);
	}
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	if (allow)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result send_error(struct MHD_Connection *connection, const struct weft_error *error,
				  const char *allow)
{
	const struct control_error *told = control_error_for(error->code);
	json_t *reply = json_pack("{s:{s:s, s:o}}", "error", "code", told->word, "text",
				  control_text("%s", error->text));
	enum MHD_Result result;

	result = send_json(connection, told->http, reply, allow);
	json_decref(reply);
	return result;
}

static enum MHD_Result run_route(struct control *control, const struct route *route,
				 const struct http_request *request)
{
	struct weft_error error = { .code = EIO, .text = "failed" };
	json_t *reply = NULL;
	enum MHD_Result result;

	if (route->handle(control, request, &reply, &error) < 0)
		return send_error(request->connection, &error, NULL);
	result = send_json(request->connection, route->status, reply, NULL);
	json_decref(reply);
	return result;
}

/* No such path, or the path has other methods. */
static enum MHD_Result send_no_route(struct MHD_Connection *connection, const char *path,
				     const char *method)
{
	struct strbuf allow = {0};
	struct weft_error error;
	enum MHD_Result result;

	for (size_t i = 0; i < ROUTE_COUNT; i++)
		if (strcmp(routes[i].path, path) == 0)
			strbuf_add(&allow, "%s%s", allow.length ? ", " : "", routes[i].method);
	if (allow.length)
		weft_error_set(&error, ENOSYS, "%s cannot be used with %s; it takes %s", path,
			       method, allow.data);
	else
		weft_error_set(&error, ENOENT, "there is nothing at %s", path);
	result = send_error(connection, &error, allow.data);
	strbuf_done(&allow);
	return result;
}

static enum MHD_Result serve(void *cls, struct MHD_Connection *connection, const char *url,
			     const char *method, const char *version, const char *upload_data,
			     size_t *upload_data_size, void **con_cls)
{
	struct control *control = cls;
	struct exchange *exchange = *con_cls;
	struct http_request request;

	if (!exchange) { /* headers only: the body follows */
		*con_cls = calloc(1, sizeof(*exchange));
		return *con_cls ? MHD_YES : MHD_NO;
	}
	if (*upload_data_size) {
		if (exchange->body.length + *upload_data_size > BODY_MAX)
			exchange->too_large = true;
		else
			strbuf_add_bytes(&exchange->body, upload_data, *upload_data_size);
		*upload_data_size = 0;
		return MHD_YES;
	}
	if (exchange->too_large || exchange->body.failed) {
		struct weft_error error;

		weft_error_set(&error, EFBIG, "the request's body is larger than %d bytes",
			       BODY_MAX);
		return send_error(connection, &error, NULL);
	}
	request = (struct http_request){ connection, exchange->body.data, exchange->body.length };
	for (size_t i = 0; i < ROUTE_COUNT; i++)
		if (strcmp(routes[i].path, url) == 0 && strcmp(routes[i].method, method) == 0)
			return run_route(control, &routes[i], &request);
	return send_no_route(connection, url, method);
}

static void completed(void *cls, struct MHD_Connection *connection, void **con_cls,
		      enum MHD_RequestTerminationCode why)
{
	struct exchange *exchange = *con_cls;

	if (!exchange)
		return;
	strbuf_done(&exchange->body);
	free(exchange);
	*con_cls = NULL;
}

static void http_log(void *cls, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void http_log(void *cls, const char *format, va_list args)
{
	char text[256];

	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	log_debug("API: %s", text);
}

/* Sets the timer to the time when HTTP wants its next turn without an event. */
static void arm_timer(struct control *control)
{
	struct itimerspec when = { .it_value = { 0 } };
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(control->http, &ms) == MHD_YES) {
		when.it_value.tv_sec = (time_t)(ms / 1000);
		when.it_value.tv_nsec = (long)(ms % 1000) * 1000000;
		if (ms == 0)
			when.it_value.tv_nsec = 1; /* 0 would stop the timer */
	}
	timerfd_settime(control->timer_fd, 0, &when, NULL);
}

void control_run(struct control *control)
{
	MHD_UNSIGNED_LONG_LONG ms;
	uint64_t expirations;

	while (read(control->timer_fd, &expirations, sizeof(expirations)) > 0)
		;
	for (int turn = 0; turn < TURNS_MAX; turn++) {
		MHD_run(control->http);
		/* Never less than two: where connections end at the limit, the next accepts. */
		if (turn > 0 && (MHD_get_timeout(control->http, &ms) != MHD_YES || ms > 0))
			break;
	}
	arm_timer(control);
}

int control_fd(const struct control *control)
{
	return control->epoll_fd;
}

void control_reloaded(struct control *control)
{
	control->unsaved = false;
}

static int watch(struct control *control, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(control->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int start_http(struct control *control, struct weft_error *error)
{
	const union MHD_DaemonInfo *info;

	control->http = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, serve, control,
		MHD_OPTION_EXTERNAL_LOGGER, http_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, control->socket_fd,
		MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTION_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_END);
	if (!control->http)
		return weft_error_set(error, EIO, "cannot start HTTP on %s",
				      control->options.socket_path);
	control->socket_fd = -1; /* HTTP's now */

	info = MHD_get_daemon_info(control->http, MHD_DAEMON_INFO_EPOLL_FD);
	control->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	control->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (!info || control->epoll_fd < 0 || control->timer_fd < 0 ||
	    watch(control, info->epoll_fd) < 0 || watch(control, control->timer_fd) < 0)
		return weft_error_set(error, errno, "cannot wait for requests on %s: %s",
				      control->options.socket_path, strerror(errno));
	return 0;
}

int control_open(struct control **ret_control, const struct control_options *options,
		 struct weft_error *error)
{
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return weft_error_set(error, ENOMEM, "out of memory");
	control->options = *options;
	control->socket_fd = control->epoll_fd = control->timer_fd = -1;
	control->started = time(NULL);
	r = socket_listen(options->socket_path, options->socket_group, &control->socket_fd, error);
	if (r < 0) {
		free(control); /* nothing was bound: another's socket stays */
		return r;
	}
	r = start_http(control, error);
	if (r < 0) {
		control_close(control);
		return r;
	}
	arm_timer(control);
	*ret_control = control;
	return 0;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	if (control->http)
		MHD_stop_daemon(control->http);
	if (control->socket_fd >= 0)
		close(control->socket_fd);
	if (control->epoll_fd >= 0)
		close(control->epoll_fd);
	if (control->timer_fd >= 0)
		close(control->timer_fd);
	unlink(control->options.socket_path);
	free(control);
}
