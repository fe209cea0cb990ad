/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The routes of the API. Each is one row of routes.def, and all that is known of it
 * comes from there: dispatch, the refusal of arguments that it does not have, the
 * OpenAPI document (openapi.c) and the requests in weft-api(7) (manual.c). A new one
 * is a row and its handler.
 */
#ifndef WEFT_CONTROL_ROUTE_H
#define WEFT_CONTROL_ROUTE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct exchange;
struct strbuf;
struct weft_error;

#define ROUTE_ARGUMENTS_MAX 4
#define ROUTE_EXAMPLES_MAX 2

/* The right that a route needs. For now, every client that can open the socket has all rights. */
enum route_scope {
	SCOPE_LOOK,		/* see what is served, and to whom */
	SCOPE_OPERATE,		/* give disks to hosts and take them away */
	SCOPE_ADMINISTER,	/* replace the configuration as a whole, write files of weftd's */
};

/* Of the path ("{name}" in its template) or of the query part (?name=value). */
struct route_argument {
	const char *name;	/* NULL: there are no more */
	const char *type;	/* its schema, in the notation of schema.h */
	const char *help;
};

/* A request that succeeds after the examples of all rows above it. */
struct route_example {
	const char *path;	/* with its arguments; NULL: the route's, as it is */
	const char *body;	/* JSON; NULL: none */
};

/*
 * 0 with *ret_reply, which is the callee's to give and never NULL; -errno with
 * *error filled (errors.c says which status a client gets); or EXCHANGE_LATER
 * (exchange.h), where the exchange is answered by another call.
 */
typedef int route_handler(struct exchange *exchange, json_t **ret_reply,
			  struct weft_error *error);

struct route {
	const char *method;
	const char *path;	/* "/v1/subsystems/{nqn}" */
	enum route_scope scope;
	const char *summary;	/* a line */
	const char *help;	/* what names and types do not say, in Markdown and scdoc(5) */
	struct route_argument arguments[ROUTE_ARGUMENTS_MAX];
	const char *body;	/* its schema; NULL: the request has none */
	const char *reply;	/* its schema */
	unsigned int status;	/* of success; 0: 200 */
	struct route_example examples[ROUTE_EXAMPLES_MAX]; /* the first is there even if empty */
	route_handler *handle;
};

extern const struct route routes[];
extern const size_t route_count;

/* "look", "operate" or "administer". */
const char *route_scope_name(enum route_scope scope);
/* The argument's index, or -1. */
int route_argument_index(const struct route *route, const char *name);
/* True if the argument is part of the path, false if it is in the query or the body. */
bool route_is_of_path(const struct route *route, const struct route_argument *argument);

/*
 * The route of a request, whose path is still escaped. Its path's arguments, owned
 * by the caller, go to ret_values, by their index. NULL with *error filled: ENOENT;
 * ENOSYS where the path has other methods, which are appended to `allow`; ENOMEM.
 */
const struct route *route_find(const char *method, const char *path,
			       char *ret_values[ROUTE_ARGUMENTS_MAX], struct strbuf *allow,
			       struct weft_error *error);
/*
 * A copy with its %XX replaced, owned by the caller. NULL where memory ran out, or
 * where it holds %00, which no string may.
 */
char *route_unescape(const char *text, size_t length);

/* ---- the handlers of all routes ---- */

#define ROUTE(handler, ...) route_handler handler;
#include "control/routes.def"

#endif
