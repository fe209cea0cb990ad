/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The routes of the API. Each route is one row of routes.def. The row is used for
 * dispatch, to refuse unknown arguments, for the OpenAPI document (openapi.c) and for the
 * requests in weft-api(7) (manual.c). A new route needs a row and a handler.
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

/* The right that a route needs. For now, each client that can open the socket has all rights. */
enum route_scope {
	SCOPE_LOOK,		/* read configuration, state and sessions */
	SCOPE_OPERATE,		/* export and unexport disks */
	SCOPE_ADMINISTER,	/* replace the whole configuration, write weftd's files */
};

/* An argument in the path ("{name}" in its template) or in the query (?name=value). */
struct route_argument {
	const char *name;	/* NULL: the end of the list */
	const char *type;	/* its schema, in the notation of schema.h */
	const char *help;
};

/* A request that succeeds after the examples of all rows above it. */
struct route_example {
	const char *path;	/* with the arguments filled in; NULL: the route's path */
	const char *body;	/* JSON; NULL: none */
};

/*
 * Returns 0 with *ret_reply, which is not NULL and is owned by the caller; -errno with
 * *error filled (errors.c maps it to an HTTP status); or EXCHANGE_LATER (exchange.h) if
 * another call answers the exchange.
 */
typedef int route_handler(struct exchange *exchange, json_t **ret_reply,
			  struct weft_error *error);

struct route {
	const char *method;
	const char *path;	/* "/v1/subsystems/{nqn}" */
	enum route_scope scope;
	const char *summary;	/* one line */
	const char *help;	/* details, in a form that is both Markdown and scdoc(5) */
	struct route_argument arguments[ROUTE_ARGUMENTS_MAX];
	const char *body;	/* its schema; NULL: the request has none */
	const char *reply;	/* its schema */
	unsigned int status;	/* of success; 0: 200 */
	struct route_example examples[ROUTE_EXAMPLES_MAX]; /* the first counts even if empty */
	route_handler *handle;
};

extern const struct route routes[];
extern const size_t route_count;

/* "look", "operate" or "administer". */
const char *route_scope_name(enum route_scope scope);
/* The argument's index, or -1. */
int route_argument_index(const struct route *route, const char *name);
/* True if the argument is part of the path, false if it is in the query or in the body. */
bool route_is_of_path(const struct route *route, const struct route_argument *argument);

/*
 * Finds the route of a request; `path` is still percent-encoded. The values of the
 * arguments in the path go to ret_values, by their index, owned by the caller. On failure
 * NULL with *error filled: ENOENT; ENOSYS if the path has other methods only, which are
 * appended to `allow`; ENOMEM.
 */
const struct route *route_find(const char *method, const char *path,
			       char *ret_values[ROUTE_ARGUMENTS_MAX], struct strbuf *allow,
			       struct weft_error *error);
/*
 * A percent-decoded copy of the text, owned by the caller. NULL if memory ran out, or if
 * the text has %00, because a string cannot contain a zero byte.
 */
char *route_unescape(const char *text, size_t length);

/* ---- the handlers of all routes ---- */

#define ROUTE(handler, ...) route_handler handler;
#include "control/routes.def"

#endif
