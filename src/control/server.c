/* SPDX-License-Identifier: BSD-3-Clause */
/* The HTTP server: runs libmicrohttpd, and hands its requests to exchanges. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "control/exchange.h"
#include "control/internal.h"
#include "control/offload.h"
#include "control/socket.h"
#include "util/log.h"

#define IDLE_SECONDS 30u
#define TURNS_MAX 64		/* calls of MHD_run() in one control_run(), so that it returns */

int control_reply(json_t *reply, json_t **ret_reply, struct weft_error *error)
{
	if (!reply)
		return weft_error_set(error, ENOMEM, "out of memory");
	*ret_reply = reply;
	return 0;
}

static enum MHD_Result serve(void *cls, struct MHD_Connection *connection, const char *url,
			     const char *method, const char *version, const char *upload_data,
			     size_t *upload_data_size, void **con_cls)
{
	struct exchange *exchange = *con_cls;

	if (!exchange) { /* headers only: the body follows */
		*con_cls = exchange_new(cls, connection);
		return *con_cls ? MHD_YES : MHD_NO;
	}
	if (*upload_data_size) {
		exchange_receive(exchange, upload_data, *upload_data_size);
		*upload_data_size = 0;
		return MHD_YES;
	}
	return exchange_run(exchange, method, url);
}

static void completed(void *cls, struct MHD_Connection *connection, void **con_cls,
		      enum MHD_RequestTerminationCode why)
{
	if (*con_cls)
		exchange_gone(*con_cls);
	*con_cls = NULL;
}

/* Leaves text percent-encoded: exchanges split a path into segments before they decode it. */
static size_t leave_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
	return strlen(text);
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

/* Sets the timer to the time when libmicrohttpd wants to run again if no event comes. */
static void arm_timer(struct control *control)
{
	struct itimerspec when = { .it_value = { 0 } };
	MHD_UNSIGNED_LONG_LONG ms;

	if (control->resumed) {
		when.it_value.tv_nsec = 1;
	} else if (MHD_get_timeout(control->http, &ms) == MHD_YES) {
		when.it_value.tv_sec = (time_t)(ms / 1000);
		when.it_value.tv_nsec = (long)(ms % 1000) * 1000000;
		if (ms == 0)
			when.it_value.tv_nsec = 1; /* 0 would stop the timer */
	}
	timerfd_settime(control->timer_fd, 0, &when, NULL);
}

void control_wake(struct control *control)
{
	control->resumed = true;
	arm_timer(control);
}

void control_run(struct control *control)
{
	MHD_UNSIGNED_LONG_LONG ms;
	uint64_t expirations;

	while (read(control->timer_fd, &expirations, sizeof(expirations)) > 0)
		;
	offload_run(control->offload);
	for (int turn = 0; turn < TURNS_MAX; turn++) {
		control->resumed = false;
		MHD_run(control->http);
		/* At least two calls: at the limit, one ends connections, the next accepts. */
		if (turn > 0 && !control->resumed &&
		    (MHD_get_timeout(control->http, &ms) != MHD_YES || ms > 0))
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
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, serve,
		control,
		MHD_OPTION_EXTERNAL_LOGGER, http_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, control->socket_fd,
		MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
		MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
		MHD_OPTION_CONNECTION_LIMIT, CONTROL_CONNECTION_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_END);
	if (!control->http)
		return weft_error_set(error, EIO, "cannot start HTTP on %s",
				      control->options.socket_path);
	control->socket_fd = -1; /* libmicrohttpd owns it now */

	info = MHD_get_daemon_info(control->http, MHD_DAEMON_INFO_EPOLL_FD);
	control->offload = offload_new();
	control->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	control->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (!info || !control->offload || control->epoll_fd < 0 || control->timer_fd < 0 ||
	    watch(control, info->epoll_fd) < 0 || watch(control, control->timer_fd) < 0 ||
	    watch(control, offload_fd(control->offload)) < 0)
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
		free(control); /* nothing was bound: the socket of another process must stay */
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
	offload_free(control->offload);
	if (control->http) {
		/* Waiting exchanges have been refused: this sends their answers. */
		for (int turn = 0; turn < TURNS_MAX; turn++)
			MHD_run(control->http);
		MHD_stop_daemon(control->http);
	}
	if (control->socket_fd >= 0)
		close(control->socket_fd);
	if (control->epoll_fd >= 0)
		close(control->epoll_fd);
	if (control->timer_fd >= 0)
		close(control->timer_fd);
	unlink(control->options.socket_path);
	free(control);
}
