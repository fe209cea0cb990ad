/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An exchange: a request and its answer. Its handler (route.h) answers at once, later,
 * or in pieces. Until then the control thread serves other exchanges, and the HTTP
 * connection is suspended.
 *
 * An exchange lives until it is answered and its connection has ended, whichever is
 * last. A client that goes away meanwhile changes nothing for the handler.
 */
#ifndef WEFT_CONTROL_EXCHANGE_H
#define WEFT_CONTROL_EXCHANGE_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>

#include "control/peer.h"
#include "control/route.h"
#include "util/str.h"

struct control;
struct weft_error;

/* A handler's result: one of the calls below has answered, or will. */
#define EXCHANGE_LATER 1

enum exchange_state {
	EXCHANGE_RECEIVING,	/* the request is not complete */
	EXCHANGE_HANDLED,	/* the handler is on the stack */
	EXCHANGE_WAITING,	/* the connection is suspended until it is answered */
	EXCHANGE_ANSWERED,	/* HTTP has, or gets, the answer */
};

struct exchange {
	struct control *control;		/* borrowed */
	struct MHD_Connection *connection;	/* borrowed; NULL: the client is gone */
	enum exchange_state state;
	struct peer peer;			/* who asks */
	const struct route *route;		/* borrowed; NULL: there is none */
	char *values[ROUTE_ARGUMENTS_MAX];	/* owned: of its arguments; NULL: not given */
	struct strbuf body;
	bool too_large;				/* the body is */
	unsigned int status;			/* of the answer */
	struct MHD_Response *response;		/* owned: the answer until HTTP has it */
};

/* The value of one of the route's arguments, or NULL. Borrowed. */
const char *exchange_argument(const struct exchange *exchange, const char *name);
/* The body as JSON, for the caller to free: *ret is NULL where it is empty. 0 or -errno. */
int exchange_json(const struct exchange *exchange, json_t **ret, struct weft_error *error);

/* ---- later: one of these, exactly once; the exchange is gone afterwards ---- */

/* With the route's status and this JSON, taken over (NULL: out of memory). */
void exchange_reply(struct exchange *exchange, json_t *reply);
void exchange_refuse(struct exchange *exchange, const struct weft_error *error);

/* An answer sent in pieces. Each is made when the client has received the one before. */
struct stream {
	/* Appends the next piece. 1: there are more; 0: it was the last one; -errno: give up. */
	int (*next)(struct stream *stream, struct strbuf *piece);
	/* Once, after the last piece, or where the client went away. */
	void (*free)(struct stream *stream);
	struct strbuf piece;	/* the exchange's, as all below */
	size_t sent;		/* of the piece */
	int state;		/* as next() gave it last */
};

/* The functions are filled; the stream is taken over. */
void exchange_stream(struct exchange *exchange, struct stream *stream);

/* ---- server.c's ---- */

/* NULL where memory ran out. */
struct exchange *exchange_new(struct control *control, struct MHD_Connection *connection);
void exchange_receive(struct exchange *exchange, const char *data, size_t length);
/* The request is complete, or its connection was resumed. Returns libmicrohttpd's result. */
enum MHD_Result exchange_run(struct exchange *exchange, const char *method, const char *path);
/* Its connection has ended. */
void exchange_gone(struct exchange *exchange);

#endif
