/* SPDX-License-Identifier: BSD-3-Clause */
/* Listens on reactor 0, and places each connection on the reactor that has the fewest. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weft/backend.h>

#include "loop/loop.h"
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "transport/tcp.h"
#include "transport/tcp_connection.h"
#include "util/cleanup.h"
#include "util/log.h"

#define TCP_BACKLOG 1024
#define ACCEPT_COMPLAINT_NS UINT64_C(10000000000)

struct listener {
	struct loop_listener listener;
	struct target *target;
	uint16_t portid;
	uint64_t complained;	/* when failing was last logged */
	bool pausing;		/* failing was logged, and not yet that it works again */
	int result;		/* of starting the listener */
	sem_t stopped;
};

/* An accepted socket on its way to its reactor. */
struct arrival {
	struct loop_message message;
	struct reactor *reactor;
	int fd;
	uint16_t portid;
	struct limits_place place;
};

static void arrive(struct loop_message *message)
{
	struct arrival *arrival = container_of(message, struct arrival, message);

	tcp_connection_start(arrival->reactor, arrival->fd, arrival->portid, &arrival->place);
	free(arrival);
}

static struct reactor *least_busy(const struct target *target)
{
	struct reactor *best = target->reactors[0];

	for (unsigned int i = 1; i < target->reactor_count; i++)
		if (target->reactors[i]->connections < best->connections)
			best = target->reactors[i];
	return best;
}

/* Accepting failed, e.g. without descriptors: logs it once. Logged again when it works. */
static void accept_failed(struct listener *listener, int error)
{
	uint64_t now = loop_now(listener->listener.loop);

	if (listener->pausing || (listener->complained &&
				  now - listener->complained <= ACCEPT_COMPLAINT_NS))
		return;
	log_warning("port %u cannot take connections: %s; it tries ten times a second",
		    listener->portid, strerror(error));
	listener->complained = now;
	listener->pausing = true;
}

static void accept_works(struct listener *listener)
{
	if (!listener->pausing)
		return;
	listener->pausing = false;
	log_notice("port %u takes connections again", listener->portid);
}

/* The peer's name for limits_arrive(): its address, or for IPv6 its /64 network. */
static void network_of(int fd, char ret_name[INET6_ADDRSTRLEN])
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address);

	snprintf(ret_name, INET6_ADDRSTRLEN, "nowhere");
	if (getpeername(fd, (struct sockaddr *)&address, &size) < 0)
		return;
	if (address.ss_family == AF_INET6) {
		struct in6_addr *in6 = &((struct sockaddr_in6 *)&address)->sin6_addr;

		memset(&in6->s6_addr[8], 0, 8);
		inet_ntop(AF_INET6, in6, ret_name, INET6_ADDRSTRLEN);
	} else if (address.ss_family == AF_INET) {
		inet_ntop(AF_INET, &((struct sockaddr_in *)&address)->sin_addr, ret_name,
			  INET6_ADDRSTRLEN);
	}
}

static void accepted(struct loop_listener *loop_listener, int result)
{
	struct listener *listener = container_of(loop_listener, struct listener, listener);
	char name[INET6_ADDRSTRLEN];
	struct arrival *arrival;

	if (result < 0) {
		accept_failed(listener, -result);
		return;
	}
	accept_works(listener);
	arrival = malloc(sizeof(*arrival));
	network_of(result, name);
	if (!arrival ||
	    !limits_arrive(listener->target, name, TCP_CONNECTION_BYTES, &arrival->place)) {
		free(arrival);
		close(result);
		return;
	}
	arrival->message.run = arrive;
	arrival->reactor = least_busy(listener->target);
	arrival->fd = result;
	arrival->portid = listener->portid;
	atomic_fetch_add(&arrival->reactor->connections, 1);
	loop_post(arrival->reactor->loop, &arrival->message);
}

static void stopped(struct loop_listener *loop_listener)
{
	struct listener *listener = container_of(loop_listener, struct listener, listener);

	close(loop_listener->fd);
	sem_post(&listener->stopped);
}

/* A listening socket, or -errno with *error filled. */
static int open_socket(const char *adrfam, const char *traddr, uint16_t trsvcid,
		       struct weft_error *error)
{
	bool ipv6 = strcmp(adrfam, "ipv6") == 0;
	const struct addrinfo hints = {
		.ai_family = ipv6 ? AF_INET6 : AF_INET,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
	};
	_cleanup_close_ int fd = -1;
	struct addrinfo *address;
	char service[8];
	int one = 1;
	int r;

	snprintf(service, sizeof(service), "%u", trsvcid);
	r = getaddrinfo(traddr, service, &hints, &address);
	if (r)
		return weft_error_set(error, EINVAL, "%s is not an %s address: %s", traddr, adrfam,
				      gai_strerror(r));
	fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		goto fail;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ipv6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, TCP_BACKLOG) < 0)
		goto fail;
	freeaddrinfo(address);
	return TAKE_FD(fd);
fail:
	r = errno;
	freeaddrinfo(address);
	if (r == EADDRINUSE)
		return weft_error_set(error, r, "%s port %u is in use by another program", traddr,
				      trsvcid);
	if (r == EADDRNOTAVAIL)
		return weft_error_set(error, r, "%s is not an address of this machine", traddr);
	if (r == EACCES)
		return weft_error_set(error, r, "port %u is root's: take one from 1024 on, or give "
				      "weftd CAP_NET_BIND_SERVICE: see RIGHTS in weftd(8)",
				      trsvcid);
	return weft_error_set(error, r, "cannot listen on %s port %u: %s", traddr, trsvcid,
			      strerror(r));
}

static void start(struct reactor *reactor, void *arg)
{
	struct listener *listener = arg;

	listener->result = loop_listener_start(reactor->loop, &listener->listener);
}

static void stop(struct reactor *reactor, void *arg)
{
	struct listener *listener = arg;

	loop_listener_stop(&listener->listener);
}

static int tcp_listen(struct target *target, const char *adrfam, const char *traddr,
		      uint16_t trsvcid, uint16_t portid, struct listener **ret_listener,
		      struct weft_error *error)
{
	struct listener *listener;
	int fd = open_socket(adrfam, traddr, trsvcid, error);

	if (fd < 0)
		return fd;
	listener = calloc(1, sizeof(*listener));
	if (!listener) {
		close(fd);
		return weft_error_set(error, ENOMEM, "out of memory");
	}
	listener->target = target;
	listener->portid = portid;
	listener->listener.fd = fd;
	listener->listener.accepted = accepted;
	listener->listener.stopped = stopped;
	sem_init(&listener->stopped, 0, 0);
	reactor_call(target->reactors[0], start, listener);
	if (listener->result < 0) {
		int r = -listener->result;

		sem_destroy(&listener->stopped);
		close(fd);
		free(listener);
		return weft_error_set(error, r, "cannot listen on %s port %u: %s", traddr, trsvcid,
				      strerror(r));
	}
	*ret_listener = listener;
	return 0;
}

static void tcp_unlisten(struct listener *listener)
{
	reactor_call(listener->target->reactors[0], stop, listener);
	while (sem_wait(&listener->stopped) < 0)
		;
	sem_destroy(&listener->stopped);
	free(listener);
}

const struct transport tcp_transport = {
	.trtype = "tcp",
	.traits = &tcp_traits,
	.listen = tcp_listen,
	.unlisten = tcp_unlisten,
};
