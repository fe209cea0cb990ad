/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by the files of this folder: the control, changes, and parts of replies. */
#ifndef WEFT_CONTROL_INTERNAL_H
#define WEFT_CONTROL_INTERNAL_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <weft/backend.h>

#include "apply/apply.h"
#include "control/control.h"

struct config;
struct exchange;
struct offload;

#define CONTROL_CONNECTION_MAX 64u
/* Exchanges that may wait at a time; other connections are kept for requests answered at once. */
#define CONTROL_WAITING_MAX 48u

struct control {
	struct control_options options;
	struct MHD_Daemon *http;	/* owned */
	struct offload *offload;	/* owned */
	int socket_fd;			/* owned by `http` once it runs */
	int epoll_fd;			/* owned; watches `http`, `offload` and `timer_fd` */
	int timer_fd;			/* owned */
	time_t started;
	bool unsaved;			/* a change was made after the last load or save */
	bool resumed;			/* control_wake() was called since the last MHD_run() */
	unsigned int waiting;		/* exchanges that have not been answered yet */
};

/* Makes MHD_run() run soon, because a waiting exchange has been answered. */
void control_wake(struct control *control);

/* Most handlers end with this. 0 if the reply could be built, else -ENOMEM with *error filled. */
int control_reply(json_t *reply, json_t **ret_reply, struct weft_error *error);

/* ---- limits.c ---- */

/* An object with a member for each limit on hosts and its use. NULL if memory ran out. */
json_t *control_limits(struct target *target);

/* ---- change.c ---- */

/*
 * A change that a request asks for. It waits in the queue, is applied, and then the
 * exchange is answered. Handlers call control_submit().
 */
struct control_change {
	struct apply_change apply;
	struct exchange *exchange;	/* borrowed */
	/*
	 * Called at the change's turn, as apply_change.plan; fills `reply`, too. 0 with
	 * *ret_wanted NULL: nothing is to be changed.
	 */
	int (*plan)(struct control_change *change, const struct config *now,
		    struct config **ret_wanted, struct weft_error *error);
	json_t *reply;			/* owned: the answer of the exchange */
	struct config *wanted;		/* owned: the new configuration, if known before plan() */
	bool saved;			/* afterwards the file has the running configuration */
};

/*
 * Queues a change with that plan. Takes over `wanted` (may be NULL). EXCHANGE_LATER, or
 * -ENOMEM with *error filled.
 */
int control_submit(struct exchange *exchange,
		   int (*plan)(struct control_change *change, const struct config *now,
			       struct config **ret_wanted, struct weft_error *error),
		   struct config *wanted, struct weft_error *error);
/* Adds the member "unsaved" to the reply to a change. NULL stays NULL. */
json_t *control_add_unsaved(const struct control *control, json_t *reply);

/* ---- errors.c ---- */

/*
 * A sentence as a JSON string. Sentences have a bounded length and may have been cut
 * within a character: bytes that are not UTF-8 become "?". NULL if memory ran out.
 */
json_t *control_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct control_error {
	unsigned int http;		/* the HTTP status */
	const char *word;		/* error.code in the reply; stable */
};

/* The HTTP status and the word for an errno value. */
const struct control_error *control_error_for(int code);

#endif
