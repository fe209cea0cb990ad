/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this folder share: the control, a request, and the handlers of the routes. */
#ifndef WEFT_CONTROL_INTERNAL_H
#define WEFT_CONTROL_INTERNAL_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <weft/backend.h>

#include "control/control.h"
#include "util/str.h"

struct config;

struct control {
	struct control_options options;
	struct MHD_Daemon *http;	/* owned */
	int socket_fd;			/* the daemon's once it runs */
	int epoll_fd;			/* owned: HTTP's and the timer */
	int timer_fd;			/* owned */
	time_t started;
	bool unsaved;			/* changed since the configuration was loaded or saved */
};

/* A request whose body has arrived in full. */
struct http_request {
	struct MHD_Connection *connection;
	const char *text;		/* the body; borrowed, NULL where there is none */
	size_t length;
};

/* An argument of the query part (?name=value), or NULL. Borrowed. */
const char *http_argument(const struct http_request *request, const char *name);
/* The body as JSON, for the caller to free: *ret is NULL where it is empty. 0 or -errno. */
int http_json(const struct http_request *request, json_t **ret, struct weft_error *error);
/* Refuses arguments of the query part that are not among the names (NULL-terminated). */
int http_only(const struct http_request *request, const char *const *names,
	      struct weft_error *error);

/*
 * A handler answers a route: 0 with *ret_reply (the callee's to give, never
 * NULL), or -errno with *error filled.
 */
typedef int control_handler(struct control *control, const struct http_request *request,
			    json_t **ret_reply, struct weft_error *error);

control_handler control_get_status;
control_handler control_get_config, control_put_config, control_delete_config;
control_handler control_save, control_restore;
control_handler control_post_export, control_delete_export;
control_handler control_get_tree;
control_handler control_get_sessions;

/* 0 where the reply could be built, else -ENOMEM with *error filled: the end of most handlers. */
int control_reply(json_t *reply, json_t **ret_reply, struct weft_error *error);

/* ---- limits.c ---- */

/* What hosts may take and have taken, as an object by bound; NULL where memory ran out. */
json_t *control_limits(struct target *target);

/* ---- change.c ---- */

/* A copy of the running configuration to change; NULL with *error filled. */
struct config *control_draft(struct control *control, struct weft_error *error);
/*
 * Validates and applies a draft, which is the callee's afterwards in every
 * case. On failure the running configuration is as it was. 0 or -errno.
 */
int control_commit(struct control *control, struct config *draft, struct weft_error *error);
/*
 * The reply to a change: `reply` (taken over; NULL: out of memory) and whether
 * something is unsaved.
 */
int control_reply_change(struct control *control, json_t *reply, json_t **ret_reply,
			 struct weft_error *error);

/* ---- errors.c ---- */

/*
 * A sentence as JSON. Sentences have a bounded length and may have been cut
 * within a character: what is not UTF-8 becomes "?". NULL where memory ran out.
 */
json_t *control_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct control_error {
	unsigned int http;		/* the HTTP status */
	const char *word;		/* error.code in the reply; stable */
};

/* How an errno value is told to a client. */
const struct control_error *control_error_for(int code);

#endif
