/* SPDX-License-Identifier: BSD-3-Clause */
/* The files of this folder share this: the control, changes, and parts of replies. */
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
/* Exchanges that may wait for an answer: the other connections are for those that do not. */
#define CONTROL_WAITING_MAX 48u

struct control {
	struct control_options options;
	struct MHD_Daemon *http;	/* owned */
	struct offload *offload;	/* owned */
	int socket_fd;			/* the daemon's once it runs */
	int epoll_fd;			/* owned: HTTP's, the offload's and the timer */
	int timer_fd;			/* owned */
	time_t started;
	bool unsaved;			/* changed since the configuration was loaded or saved */
	bool resumed;			/* control_wake() since HTTP's last turn */
	unsigned int waiting;		/* exchanges that have not been answered yet */
};

/* HTTP has a turn soon: an exchange that waited is answered. */
void control_wake(struct control *control);

/* 0 where the reply could be built, else -ENOMEM with *error filled: the end of most handlers. */
int control_reply(json_t *reply, json_t **ret_reply, struct weft_error *error);

/* ---- limits.c ---- */

/* The bounds on hosts and their use, as an object with a member for each; NULL: memory ran out. */
json_t *control_limits(struct target *target);

/* ---- change.c ---- */

/*
 * A change that a request asks for: it has its turn, and then the exchange is
 * answered. Handlers make one, fill in what they need, and submit it.
 */
struct control_change {
	struct apply_change apply;
	struct exchange *exchange;	/* borrowed */
	/*
	 * The change's turn: as apply_change.plan, and fills `reply`. 0 with *ret_wanted
	 * NULL: nothing is to change.
	 */
	int (*plan)(struct control_change *change, const struct config *now,
		    struct config **ret_wanted, struct weft_error *error);
	json_t *reply;			/* owned: what the exchange is answered with */
	struct config *wanted;		/* owned: what plan() wants, where that is known before */
	bool saved;			/* what runs is then what the configuration file has */
};

/*
 * Queues a change with that plan, which is the callee's; `wanted` is too (NULL:
 * none). EXCHANGE_LATER, or -ENOMEM with *error filled.
 */
int control_submit(struct exchange *exchange,
		   int (*plan)(struct control_change *change, const struct config *now,
			       struct config **ret_wanted, struct weft_error *error),
		   struct config *wanted, struct weft_error *error);
/* Adds to the reply to a change whether something is unsaved. NULL stays NULL. */
json_t *control_add_unsaved(const struct control *control, json_t *reply);

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
