/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An exchange: a request and its answer. Its handler (route.h) answers at once, later,
 * or in pieces. While an exchange waits for its answer, its HTTP connection is suspended,
 * and the control thread serves other exchanges.
 *
 * An exchange is freed when it is answered and its connection has ended. If the client
 * disconnects before, the handler goes on as usual.
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

/* A handler's result: one of the calls below has answered the exchange, or will answer it. */
#define EXCHANGE_LATER 1

enum exchange_state {
	EXCHANGE_RECEIVING,	/* the request is not complete */
	EXCHANGE_HANDLED,	/* the handler is on the stack */
	EXCHANGE_WAITING,	/* the connection is suspended until it is answered */
	EXCHANGE_ANSWERED,	/* libmicrohttpd has the answer, or will get it */
};

struct exchange {
	struct control *control;		/* borrowed */
	struct MHD_Connection *connection;	/* borrowed; NULL: it has ended */
	enum exchange_state state;
	struct peer peer;			/* the client */
	const struct route *route;		/* borrowed; NULL: no route fits */
	char *values[ROUTE_ARGUMENTS_MAX];	/* owned: the route's arguments; NULL: not given */
	struct strbuf body;
	bool too_large;				/* the body is larger than allowed */
	unsigned int status;			/* of the answer */
	struct MHD_Response *response;		/* owned: the answer until libmicrohttpd has it */
};

/* The value of one of the route's arguments, or NULL. Borrowed. */
const char *exchange_argument(const struct exchange *exchange, const char *name);
/* Parses the body as JSON, freed by the caller. *ret is NULL if it is empty. 0 or -errno. */
int exchange_json(const struct exchange *exchange, json_t **ret, struct weft_error *error);

/* ---- later answers: call one of these, once; do not use the exchange afterwards ---- */

/* Answers with the route's status and this JSON, which is taken over (NULL: out of memory). */
void exchange_reply(struct exchange *exchange, json_t *reply);
void exchange_refuse(struct exchange *exchange, const struct weft_error *error);

/* An answer sent in pieces. Each piece is made after the previous one has been sent. */
struct stream {
	/* Appends the next piece. 1: more pieces follow; 0: this is the last; -errno: give up. */
	int (*next)(struct stream *stream, struct strbuf *piece);
	/* Called once: after the last piece, or when the client has disconnected. */
	void (*free)(struct stream *stream);
	struct strbuf piece;	/* used by exchange.c only, like the members below */
	size_t sent;		/* bytes of the piece */
	int state;		/* the last result of next() */
};

/* Answers with a stream, which is taken over. The caller has set next() and free(). */
void exchange_stream(struct exchange *exchange, struct stream *stream);

/* ---- for server.c ---- */

/* NULL if memory ran out. */
struct exchange *exchange_new(struct control *control, struct MHD_Connection *connection);
void exchange_receive(struct exchange *exchange, const char *data, size_t length);
/*
 * Call it when the request is complete, and when its connection is resumed. Returns
 * libmicrohttpd's result.
 */
enum MHD_Result exchange_run(struct exchange *exchange, const char *method, const char *path);
/* The connection of the exchange has ended. */
void exchange_gone(struct exchange *exchange);

#endif
