/* SPDX-License-Identifier: BSD-3-Clause */
/* From a complete request to its answer: see exchange.h. */
#include "control/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/load.h"
#include "control/internal.h"
#include "util/log.h"

#define BODY_MAX CONFIG_TEXT_MAX	/* bytes of a request */
#define PIECE_SIZE (32u << 10)		/* bytes that libmicrohttpd asks a stream for at a time */

struct exchange *exchange_new(struct control *control, struct MHD_Connection *connection)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return NULL;
	exchange->control = control;
	exchange->connection = connection;
	return exchange;
}

static void exchange_free(struct exchange *exchange)
{
	for (unsigned int i = 0; i < ROUTE_ARGUMENTS_MAX; i++)
		free(exchange->values[i]);
	if (exchange->response)
		MHD_destroy_response(exchange->response);
	strbuf_done(&exchange->body);
	free(exchange);
}

void exchange_receive(struct exchange *exchange, const char *data, size_t length)
{
	if (exchange->body.length + length > BODY_MAX)
		exchange->too_large = true;
	else
		strbuf_add_bytes(&exchange->body, data, length);
}

void exchange_gone(struct exchange *exchange)
{
	exchange->connection = NULL;
	if (exchange->state != EXCHANGE_WAITING)
		exchange_free(exchange);
}

/* ---- arguments and body, for handlers ---- */

const char *exchange_argument(const struct exchange *exchange, const char *name)
{
	int index = route_argument_index(exchange->route, name);

	return index < 0 ? NULL : exchange->values[index];
}

int exchange_json(const struct exchange *exchange, json_t **ret, struct weft_error *error)
{
	json_error_t where;
	json_t *body;

	if (exchange->body.length == 0) {
		*ret = NULL;
		return 0;
	}
	body = json_loadb(exchange->body.data, exchange->body.length, JSON_REJECT_DUPLICATES,
			  &where);
	if (!body)
		return weft_error_set(error, EINVAL, "the request's body is not JSON: line %d, "
				      "column %d: %s", where.line, where.column, where.text);
	*ret = body;
	return 0;
}

/* ---- the answer ---- */

/* The response is made. Resumes the connection if it is suspended. */
static void answered(struct exchange *exchange, unsigned int status)
{
	bool waiting = exchange->state == EXCHANGE_WAITING;

	exchange->state = EXCHANGE_ANSWERED;
	exchange->status = status;
	if (!waiting)
		return;
	exchange->control->waiting--;
	if (!exchange->connection) {
		exchange_free(exchange);
		return;
	}
	MHD_resume_connection(exchange->connection);
	control_wake(exchange->control);
}

static void answer_json(struct exchange *exchange, unsigned int status, const json_t *reply)
{
	static const char no_memory[] =
		"{\"error\": {\"code\": \"failed\", \"text\": \"out of memory\"}}\n";
	char *text = reply ? json_dumps(reply, JSON_INDENT(2) | JSON_ENCODE_ANY) : NULL;
	struct strbuf buf = {0};

	if (text)
		strbuf_add(&buf, "%s\n", text);
	free(text);
	if (!text || buf.failed) {
		strbuf_done(&buf);
		status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		exchange->response = MHD_create_response_from_buffer(
			sizeof(no_memory) - 1, (void *)no_memory, MHD_RESPMEM_PERSISTENT);
	} else {
		exchange->response = MHD_create_response_from_buffer(buf.length, buf.data,
								     MHD_RESPMEM_MUST_FREE);
		if (!exchange->response)
			strbuf_done(&buf);
	}
	answered(exchange, status);
}

void exchange_reply(struct exchange *exchange, json_t *reply)
{
	answer_json(exchange, exchange->route->status ? exchange->route->status : MHD_HTTP_OK,
		    reply);
	json_decref(reply);
}

void exchange_refuse(struct exchange *exchange, const struct weft_error *error)
{
	const struct control_error *told = control_error_for(error->code);
	json_t *reply = json_pack("{s:{s:s, s:o}}", "error", "code", told->word, "text",
				  control_text("%s", error->text));

	answer_json(exchange, told->http, reply);
	json_decref(reply);
}

/* ---- answers in pieces ---- */

static ssize_t read_stream(void *cls, uint64_t position, char *buf, size_t size)
{
	struct stream *stream = cls;
	size_t left = stream->piece.length - stream->sent;

	while (left == 0) {
		if (stream->state == 0)
			return MHD_CONTENT_READER_END_OF_STREAM;
		strbuf_done(&stream->piece);
		stream->piece = (struct strbuf){0};
		stream->sent = 0;
		stream->state = stream->next(stream, &stream->piece);
		if (stream->state < 0 || stream->piece.failed)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		left = stream->piece.length;
	}
	if (left > size)
		left = size;
	memcpy(buf, stream->piece.data + stream->sent, left);
	stream->sent += left;
	return (ssize_t)left;
}

static void free_stream(void *cls)
{
	struct stream *stream = cls;

	strbuf_done(&stream->piece);
	stream->free(stream);
}

void exchange_stream(struct exchange *exchange, struct stream *stream)
{
	stream->piece = (struct strbuf){0};
	stream->sent = 0;
	stream->state = 1;
	exchange->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE_SIZE,
							       read_stream, stream, free_stream);
	if (!exchange->response)
		stream->free(stream);
	answered(exchange, exchange->route->status ? exchange->route->status : MHD_HTTP_OK);
}

/* ---- the request ---- */

struct arguments {
	struct exchange *exchange;
	struct weft_error *error;
	int result;
};

static enum MHD_Result take_argument(void *cls, enum MHD_ValueKind kind, const char *key,
				     const char *value)
{
	struct arguments *arguments = cls;
	const struct route *route = arguments->exchange->route;
	char *name = route_unescape(key, strlen(key)), **place;
	int index = name ? route_argument_index(route, name) : -1;

	if (index < 0 || route_is_of_path(route, &route->arguments[index])) {
		arguments->result = weft_error_set(arguments->error, EINVAL,
						   "unknown argument \"%s\"", name ? name : key);
		free(name);
		return MHD_NO;
	}
	free(name);
	place = &arguments->exchange->values[index];
	if (*place) {
		arguments->result = weft_error_set(arguments->error, EINVAL,
						   "argument \"%s\" is given twice",
						   route->arguments[index].name);
		return MHD_NO;
	}
	*place = route_unescape(value ? value : "", value ? strlen(value) : 0);
	if (*place)
		return MHD_YES;
	arguments->result = weft_error_set(arguments->error, EINVAL, "argument \"%s\" holds %%00",
					   route->arguments[index].name);
	return MHD_NO;
}

/* Logs a request that changes something, and the client that sent it. */
static void log_request(const struct exchange *exchange)
{
	char who[PEER_TEXT];

	if (exchange->route->scope != SCOPE_LOOK)
		log_info("API: %s %s, asked by %s", exchange->route->method,
			 exchange->route->path, peer_format(&exchange->peer, who));
}

/* Returns the handler's result, or EXCHANGE_LATER. */
static int handle(struct exchange *exchange, const char *method, const char *path,
		  struct strbuf *allow, json_t **ret_reply, struct weft_error *error)
{
	struct arguments arguments = { .exchange = exchange, .error = error };

	if (exchange->too_large || exchange->body.failed)
		return weft_error_set(error, EFBIG, "the request's body is larger than %d bytes",
				      BODY_MAX);
	exchange->route = route_find(method, path, exchange->values, allow, error);
	if (!exchange->route)
		return -ENOENT;
	MHD_get_connection_values(exchange->connection, MHD_GET_ARGUMENT_KIND, take_argument,
				  &arguments);
	if (arguments.result < 0)
		return arguments.result;
	if (exchange->route->scope != SCOPE_LOOK &&
	    exchange->control->waiting >= CONTROL_WAITING_MAX)
		return weft_error_set(error, EAGAIN, "%u changes wait for their turn already; try "
				      "again", exchange->control->waiting);
	peer_read(exchange->connection, &exchange->peer);
	log_request(exchange);
	return exchange->route->handle(exchange, ret_reply, error);
}

/* Hands the response to libmicrohttpd. */
static enum MHD_Result send_answer(struct exchange *exchange)
{
	enum MHD_Result result;

	if (!exchange->response)
		return MHD_NO;
	MHD_add_response_header(exchange->response, MHD_HTTP_HEADER_CONTENT_TYPE,
				"application/json");
	result = MHD_queue_response(exchange->connection, exchange->status, exchange->response);
	MHD_destroy_response(exchange->response);
	exchange->response = NULL;
	return result;
}

enum MHD_Result exchange_run(struct exchange *exchange, const char *method, const char *path)
{
	struct weft_error error = { .code = EIO, .text = "failed" };
	struct strbuf allow = {0};
	json_t *reply = NULL;
	int r;

	if (exchange->state == EXCHANGE_RECEIVING) {
		exchange->state = EXCHANGE_HANDLED;
		r = handle(exchange, method, path, &allow, &reply, &error);
		if (r < 0)
			exchange_refuse(exchange, &error);
		else if (r == 0)
			exchange_reply(exchange, reply);
		if (allow.length && exchange->response)
			MHD_add_response_header(exchange->response, MHD_HTTP_HEADER_ALLOW,
						allow.data);
		strbuf_done(&allow);
		if (exchange->state != EXCHANGE_ANSWERED) {
			exchange->state = EXCHANGE_WAITING;
			exchange->control->waiting++;
			MHD_suspend_connection(exchange->connection);
			return MHD_YES;
		}
	}
	return exchange->state == EXCHANGE_ANSWERED ? send_answer(exchange) : MHD_YES;
}
