/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The HTTP API from libmicrohttpd's callback on: routes, arguments, bodies,
 * plans, replies at once, later and in pieces. What runs the configuration is played
 * here (it takes all that is valid, at once or later), and so is what touches the
 * machine: files, addresses, HTTP itself.
 *
 * The input is requests, each "METHOD /path?name=value&name=value", a newline
 * and the body, which a form feed ends. "CONNECT NQN" is a host that connects.
 * "LATER x" has changes wait until the request's handler has returned, "HANGUP x" the
 * next client go away before it is answered.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <microhttpd.h>

#include "apply/apply.h"
#include "config/load.h"
#include "config/save.h"
#include "control/address.h"
#include "control/control.h"
#include "control/internal.h"
#include "fuzz.h"
#include "spec/fabrics.h"
#include "target/base/target.h"
#include "target/model/subsystem.h"
#include "target/queue/controller.h"
#include "target/queue/queue.h"
#include "target/queue/transport.h"
#include "util/log.h"
#include "wrap_control.h"

#define REQUESTS_MAX 16
#define ARGUMENTS_MAX 8

static struct control *control;
static struct config *running;

/* ---- what runs the configuration ---- */

static struct apply_change *waiting;	/* at most one: requests come one after the other */
static bool changes_wait;

static int run_change(struct apply_change *change, struct weft_error *error)
{
	struct config *wanted = NULL, *before;
	int r = change->plan(change, running, &wanted, error);

	if (r < 0 || !wanted)
		return r;
	r = config_validate(wanted, error);
	if (r < 0) {
		config_free(wanted);
		return r;
	}
	before = running;
	running = wanted;
	r = change->judge ? change->judge(change, error) : 0;
	if (r < 0)
		running = before;
	config_free(r < 0 ? wanted : before);
	return r;
}

static void make_change(struct apply_change *change)
{
	struct weft_error error;
	int r = run_change(change, &error);

	change->done(change, r, &error);
}

void apply_submit(struct apply *apply, struct apply_change *change)
{
	fuzz_assert(!waiting);
	if (changes_wait)
		waiting = change;
	else
		make_change(change);
}

const struct config *apply_current(const struct apply *apply)
{
	return running;
}

uint64_t apply_genctr(const struct apply *apply)
{
	return 1;
}

/* By their numbers, some work and some don't. */
bool apply_namespace_state(const struct apply *apply, const char *nqn, uint32_t nsid,
			   struct apply_namespace_state *ret)
{
	const struct config_subsystem *subsystem = config_find_subsystem(running, nqn);

	if (!subsystem || !config_find_namespace(subsystem, nsid))
		return false;
	*ret = (struct apply_namespace_state){ .state = APPLY_READY, .size = 1 << 20,
					       .block_size = 512 };
	if (nsid % 4 == 2)
		*ret = (struct apply_namespace_state){ .state = APPLY_OPENING,
						       .reason = "it takes its time" };
	if (nsid % 4 == 3)
		*ret = (struct apply_namespace_state){ .state = APPLY_FAILED,
						       .reason = "it is \xff out" };
	return true;
}

bool apply_port_state(const struct apply *apply, uint16_t portid, struct apply_port_state *ret)
{
	*ret = (struct apply_port_state){ .state = APPLY_READY };
	if (portid % 4 == 3)
		*ret = (struct apply_port_state){ .state = APPLY_FAILED, .reason = "no address" };
	return true;
}

const char *apply_port_address(const struct apply *apply, uint16_t portid, size_t index)
{
	return index < portid % 3 ? "192.0.2.1" : NULL;
}

const char *apply_leftover(const struct apply *apply, size_t index)
{
	return index < 1 ? "it was \xff removed" : NULL;
}

/* ---- who is connected ---- */

static struct {
	struct subsystem subsystem;
	struct controller ctrl, ending;	/* the other one's connection is gone already */
	struct queue admin, io;
} world;

static void addresses(const struct queue *queue, struct transport_address *ret_local,
		      struct transport_address *ret_peer)
{
	memset(ret_local, 0, sizeof(*ret_local));
	*ret_peer = (struct transport_address){ .trtype = 3, .adrfam = 1, .trsvcid = 40000,
						.traddr = "198.51.100.1" };
}

static void digests(const struct queue *queue, bool *ret_header, bool *ret_data)
{
	*ret_header = true;
	*ret_data = false;
}

static void connect_host(struct target *target)
{
	static const struct transport_ops ops = { .name = "tcp", .addresses = addresses,
						  .digests = digests };

	world.admin.ops = world.io.ops = &ops;
	world.subsystem = (struct subsystem){ .nqn = "nqn.2026-11.example:a" };
	list_init(&world.subsystem.controllers);
	list_add_tail(&target->subsystems, &world.subsystem.node);
	world.ctrl.subsystem = world.ending.subsystem = &world.subsystem;
	world.ctrl.admin = &world.admin;
	world.ctrl.io[1] = &world.io;
	list_add_tail(&world.subsystem.controllers, &world.ctrl.node);
	list_add_tail(&world.subsystem.controllers, &world.ending.node);
}

/* What Connect takes as a name reaches those who ask for sessions. */
static void name_host(const char *nqn)
{
	if (nvmf_nqn_check(nqn, NVMF_NQN_SIZE, 0) == NVMF_NQN_OK)
		strcpy(world.ctrl.hostnqn, nqn);
}

/* ---- HTTP ---- */

struct argument {
	const char *name, *value;
};

/* One request, as libmicrohttpd would hold it. */
static struct {
	struct argument arguments[ARGUMENTS_MAX];
	unsigned int argument_count;
	unsigned int replies;
	bool suspended;
} http;
static bool hangs_up;
static struct MHD_Connection *const the_connection = (struct MHD_Connection *)&http;

static MHD_AccessHandlerCallback handler;
static MHD_RequestCompletedCallback completed;

struct MHD_Daemon *__wrap_MHD_start_daemon(unsigned int flags, uint16_t port,
					   MHD_AcceptPolicyCallback accept, void *accept_cls,
					   MHD_AccessHandlerCallback access, void *access_cls, ...)
{
	enum MHD_OPTION option;
	va_list args;

	handler = access;
	va_start(args, access_cls);
	while ((option = va_arg(args, enum MHD_OPTION)) != MHD_OPTION_END) {
		if (option == MHD_OPTION_NOTIFY_COMPLETED) {
			completed = va_arg(args, MHD_RequestCompletedCallback);
			va_arg(args, void *);
		} else if (option == MHD_OPTION_EXTERNAL_LOGGER ||
			   option == MHD_OPTION_UNESCAPE_CALLBACK) {
			va_arg(args, void *);
			va_arg(args, void *);
		} else {
			va_arg(args, unsigned int);
		}
	}
	va_end(args);
	return (struct MHD_Daemon *)&handler;
}

const union MHD_DaemonInfo *__wrap_MHD_get_daemon_info(struct MHD_Daemon *daemon,
						       enum MHD_DaemonInfoType type, ...)
{
	static union MHD_DaemonInfo info;

	info.epoll_fd = eventfd(0, 0);
	return &info;
}

enum MHD_Result __wrap_MHD_get_timeout(struct MHD_Daemon *daemon, MHD_UNSIGNED_LONG_LONG *timeout)
{
	return MHD_NO;
}

int __wrap_MHD_get_connection_values(struct MHD_Connection *connection, enum MHD_ValueKind kind,
				     MHD_KeyValueIterator iterator, void *cls)
{
	for (unsigned int i = 0; i < http.argument_count; i++)
		if (iterator(cls, kind, http.arguments[i].name, http.arguments[i].value) == MHD_NO)
			break;
	return (int)http.argument_count;
}

const union MHD_ConnectionInfo *
__wrap_MHD_get_connection_info(struct MHD_Connection *connection,
			       enum MHD_ConnectionInfoType type, ...)
{
	return NULL;
}

void __wrap_MHD_suspend_connection(struct MHD_Connection *connection)
{
	fuzz_assert(!http.suspended);
	http.suspended = true;
}

void __wrap_MHD_resume_connection(struct MHD_Connection *connection)
{
	fuzz_assert(http.suspended);
	http.suspended = false;
}

struct reply {
	char *text;		/* owned where `mode` says so */
	size_t length;
	enum MHD_ResponseMemoryMode mode;
	/* In pieces: */
	MHD_ContentReaderCallback read;	/* NULL: at once */
	MHD_ContentReaderFreeCallback done;
	void *cls;
};

struct MHD_Response *__wrap_MHD_create_response_from_buffer(size_t size, void *buffer,
							    enum MHD_ResponseMemoryMode mode)
{
	struct reply *reply = malloc(sizeof(*reply));

	fuzz_assert(reply);
	*reply = (struct reply){ .text = buffer, .length = size, .mode = mode };
	return (struct MHD_Response *)reply;
}

struct MHD_Response *
__wrap_MHD_create_response_from_callback(uint64_t size, size_t block_size,
					 MHD_ContentReaderCallback read, void *cls,
					 MHD_ContentReaderFreeCallback done)
{
	struct reply *reply = malloc(sizeof(*reply));

	fuzz_assert(reply && size == MHD_SIZE_UNKNOWN);
	*reply = (struct reply){ .mode = MHD_RESPMEM_MUST_FREE, .read = read, .done = done,
				 .cls = cls };
	return (struct MHD_Response *)reply;
}

/* All its pieces, of a few bytes each. */
static void read_pieces(struct reply *reply)
{
	struct strbuf text = {0};
	char piece[7];
	ssize_t got;

	while ((got = reply->read(reply->cls, text.length, piece, sizeof(piece))) > 0)
		strbuf_add_bytes(&text, piece, (size_t)got);
	fuzz_assert(got == MHD_CONTENT_READER_END_OF_STREAM);
	reply->length = text.length;
	reply->text = strbuf_take(&text);
}

enum MHD_Result __wrap_MHD_add_response_header(struct MHD_Response *response, const char *header,
					       const char *content)
{
	fuzz_assert(*content && !strchr(content, '\n'));
	return MHD_YES;
}

/* Every reply is JSON; one that refuses has a word and a sentence. */
enum MHD_Result __wrap_MHD_queue_response(struct MHD_Connection *connection, unsigned int status,
					  struct MHD_Response *response)
{
	struct reply *reply = (struct reply *)response;
	json_t *value, *error;

	if (reply->read)
		read_pieces(reply);
	value = json_loadb(reply->text, reply->length, JSON_REJECT_DUPLICATES, NULL);

	fuzz_assert(json_is_object(value));
	fuzz_assert(status == 200 || status == 201 || (status >= 400 && status <= 507));
	error = json_object_get(value, "error");
	fuzz_assert(!error == (status < 300));
	if (error)
		fuzz_assert(json_string_length(json_object_get(error, "code")) &&
			    json_string_length(json_object_get(error, "text")));
	json_decref(value);
	http.replies++;
	return MHD_YES;
}

void __wrap_MHD_destroy_response(struct MHD_Response *response)
{
	struct reply *reply = (struct reply *)response;

	if (reply->mode == MHD_RESPMEM_MUST_FREE)
		free(reply->text);
	if (reply->done)
		reply->done(reply->cls);
	free(reply);
}

/* ---- requests ---- */

/* Cuts text at the first of that character; returns what follows, or NULL. */
static char *cut(char *text, char at)
{
	char *found = strchr(text, at);

	if (found)
		*found++ = '\0';
	return found;
}

static void read_arguments(char *query)
{
	while (query && http.argument_count < ARGUMENTS_MAX) {
		char *next = cut(query, '&'), *value = cut(query, '=');

		http.arguments[http.argument_count++] = (struct argument){ query, value };
		query = next;
	}
}

/* It waits for its change. */
static void wait_for_answer(const char *method, const char *url, void **exchange)
{
	struct apply_change *change = waiting;
	size_t none = 0;

	fuzz_assert(change && !http.replies);
	waiting = NULL;
	if (hangs_up) {
		completed(control, the_connection, exchange, MHD_REQUEST_TERMINATED_CLIENT_ABORT);
		make_change(change);
		fuzz_assert(!http.replies);
		return;
	}
	make_change(change);
	fuzz_assert(!http.suspended);
	fuzz_assert(handler(control, the_connection, url, method, "HTTP/1.1", NULL, &none,
			    exchange));
}

/* The body in two pieces, as libmicrohttpd hands it on. */
static void serve(const char *method, const char *url, const char *body, size_t length)
{
	size_t pieces[] = { length / 3, length - length / 3 };
	void *exchange = NULL;
	size_t none = 0;

	fuzz_assert(handler(control, the_connection, url, method, "HTTP/1.1", NULL, &none,
			    &exchange));
	for (int i = 0; i < 2; body += length / 3, i++)
		if (pieces[i])
			fuzz_assert(handler(control, the_connection, url, method, "HTTP/1.1",
					    body, &pieces[i], &exchange));
	fuzz_assert(handler(control, the_connection, url, method, "HTTP/1.1", NULL, &none,
			    &exchange));
	if (http.suspended)
		wait_for_answer(method, url, &exchange);
	if (exchange) {
		fuzz_assert(http.replies == 1);
		completed(control, the_connection, &exchange, MHD_REQUEST_TERMINATED_COMPLETED_OK);
	}
	fuzz_assert(!exchange);
}

static void run_request(const char *data, size_t size)
{
	const char *end = memchr(data, '\n', size);
	size_t line_length = end ? (size_t)(end - data) : size;
	char *line = strndup(data, line_length), *url = cut(line, ' ');
	size_t used = line_length + (end ? 1 : 0);

	memset(&http, 0, sizeof(http));
	if (url && strcmp(line, "CONNECT") == 0) {
		name_host(url);
	} else if (url && strcmp(line, "LATER") == 0) {
		changes_wait = true;
	} else if (url && strcmp(line, "HANGUP") == 0) {
		hangs_up = true;
	} else if (url) {
		read_arguments(cut(url, '?'));
		serve(line, url, data + used, size - used);
		hangs_up = false;
	}
	free(line);
}

/* What runs can be saved, and read again as the same. */
static void check_running(void)
{
	char *text = config_format(running), *text_again;
	struct config *again = NULL;
	struct weft_error error;

	fuzz_assert(text && config_parse(text, strlen(text), "again", &again, &error) == 0);
	text_again = config_format(again);
	fuzz_assert(strcmp(text, text_again) == 0);
	free(text);
	free(text_again);
	config_free(again);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct target target;
	const struct control_options options = {
		.socket_path = "/nonexistent/weft.sock", .config_path = "/nonexistent/config.json",
		.target = &target, .engine = "none", .reactors = 1,
	};
	struct weft_error error;

	log_set_level(LOG_EMERG);
	pthread_mutex_init(&target.lock, NULL);
	list_init(&target.subsystems);
	connect_host(&target);
	limits_init(&target.limits);
	fuzz_assert(control_open(&control, &options, &error) == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	strcpy(world.ctrl.hostnqn, "nqn.2026-11.example:host");
	running = config_new();
	fuzz_assert(running);
	changes_wait = hangs_up = false;
	for (unsigned int i = 0; i < REQUESTS_MAX && size; i++) {
		const char *end = memchr(text, '\f', size);
		size_t length = end ? (size_t)(end - text) : size;

		run_request(text, length);
		check_running();
		text += length + (end ? 1 : 0);
		size -= length + (end ? 1 : 0);
	}
	config_free(running);
	running = NULL;
	return 0;
}
