/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of one NVMe/TCP connection. */
#include "transport/tcp_connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spec/fabrics.h"
#include "spec/identify.h"
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "target/queue/transport.h"
#include "util/log_peer.h"

/* A host that is silent this long is probed; one that acknowledges nothing this long is gone. */
#define TCP_IDLE_S 15
#define TCP_PROBE_S 5
#define TCP_PROBES 3
#define TCP_USER_TIMEOUT_MS 30000

static void fill_address(const union tcp_address *from, struct transport_address *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->trtype = NVMF_TRTYPE_TCP;
	if (from->any.sa_family == AF_INET) {
		ret->adrfam = NVMF_ADRFAM_IPV4;
		inet_ntop(AF_INET, &from->in.sin_addr, ret->traddr, sizeof(ret->traddr));
		ret->trsvcid = ntohs(from->in.sin_port);
	} else if (from->any.sa_family == AF_INET6) {
		char scope[IF_NAMESIZE];
		size_t length;

		ret->adrfam = NVMF_ADRFAM_IPV6;
		inet_ntop(AF_INET6, &from->in6.sin6_addr, ret->traddr, sizeof(ret->traddr));
		ret->trsvcid = ntohs(from->in6.sin6_port);
		length = strlen(ret->traddr);
		if (from->in6.sin6_scope_id && if_indextoname(from->in6.sin6_scope_id, scope))
			snprintf(ret->traddr + length, sizeof(ret->traddr) - length, "%%%s", scope);
	}
}

/* Other threads call this too, also after the socket is closed: it must not use the descriptor. */
static void tcp_addresses(const struct queue *queue, struct transport_address *ret_local,
			  struct transport_address *ret_peer)
{
	const struct tcp_connection *conn = tcp_of_queue(queue);

	fill_address(&conn->local, ret_local);
	fill_address(&conn->peer, ret_peer);
}

static void read_addresses(struct tcp_connection *conn, int fd)
{
	socklen_t size = sizeof(conn->local);

	if (getsockname(fd, &conn->local.any, &size) < 0)
		conn->local.any.sa_family = AF_UNSPEC;
	size = sizeof(conn->peer);
	if (getpeername(fd, &conn->peer.any, &size) < 0)
		conn->peer.any.sa_family = AF_UNSPEC;
}

static void tcp_digests(const struct queue *queue, bool *ret_header, bool *ret_data)
{
	const struct tcp_connection *conn = tcp_of_queue(queue);

	*ret_header = conn->format.hdgst;
	*ret_data = conn->format.ddgst;
}

static void start_deadline(struct tcp_connection *conn, uint64_t ms)
{
	loop_timer_start(conn->socket.loop, &conn->deadline, ms * 1000000);
}

void tcp_connection_close(struct tcp_connection *conn)
{
	if (conn->state == CONN_CLOSING)
		return;
	conn->state = CONN_CLOSING;
	queue_enter(&conn->queue, QUEUE_CLOSING);
	loop_timer_stop(conn->socket.loop, &conn->deadline);
	loop_socket_close(&conn->socket);
}

/*
 * Sends the queued data and ends. Data from the peer is read and dropped until the peer closes:
 * a close with unread bytes would reset the connection, and the peer would lose the last PDUs.
 */
static void end(struct tcp_connection *conn)
{
	if (conn->state >= CONN_ENDING)
		return;
	conn->state = CONN_ENDING;
	queue_enter(&conn->queue, QUEUE_CLOSING);
	tcp_receive_forget(conn);
	start_deadline(conn, TCP_LINGER_MS);
	tcp_send_wake(conn);
}

void tcp_connection_fault(struct tcp_connection *conn, const struct nvme_tcp_fault *fault)
{
	struct transport_address local, peer;

	if (conn->state >= CONN_ENDING)
		return;
	tcp_addresses(&conn->queue, &local, &peer);
	log_peer(LOG_NOTICE, limits_peer(&conn->queue.place),
		 "%s port %u broke the protocol: %s (%s, %u): connection ended", peer.traddr,
		 peer.trsvcid, fault->what, nvme_tcp_fes_str(fault->fes), fault->fei);
	conn->fault = *fault;
	conn->term_due = true;
	end(conn);
}

static void tcp_disconnect(struct queue *queue)
{
	end(tcp_of_queue(queue));
}

static void deadline_fired(struct loop_timer *timer)
{
	struct tcp_connection *conn = container_of(timer, struct tcp_connection, deadline);
	struct transport_address local, peer;

	if (queue_connected(&conn->queue) && conn->state < CONN_ENDING) {
		tcp_stall_check(conn);
		return;
	}
	if (conn->state < CONN_ENDING) {
		tcp_addresses(&conn->queue, &local, &peer);
		log_peer(LOG_NOTICE, limits_peer(&conn->queue.place),
			 "%s port %u sent no %s within %u ms: connection ended", peer.traddr,
			 peer.trsvcid, conn->state == CONN_WAIT_ICREQ ? "ICReq" : "Connect",
			 conn->queue.reactor->target->options.connect_timeout_ms);
	}
	tcp_connection_close(conn);
}

void tcp_connection_progress(struct tcp_connection *conn)
{
	if (queue_connected(&conn->queue))
		loop_timer_stop(conn->socket.loop, &conn->deadline);
	else
		start_deadline(conn, conn->queue.reactor->target->options.connect_timeout_ms);
}

static void received(struct loop_socket *socket, const uint8_t *data, ssize_t count)
{
	struct tcp_connection *conn = tcp_of_socket(socket);

	if (count <= 0) {
		tcp_connection_close(conn);
		return;
	}
	if (conn->state < CONN_ENDING)
		tcp_receive(conn, data, (size_t)count);
}

static void ready(struct loop_socket *socket)
{
	tcp_take(tcp_of_socket(socket));
}

static void closed(struct loop_socket *socket)
{
	struct tcp_connection *conn = tcp_of_socket(socket);
	struct reactor *reactor = conn->queue.reactor;

	list_del(&conn->flush.node);
	loop_timer_stop(socket->loop, &conn->deadline);
	tcp_receive_forget(conn);
	tcp_send_drop(conn);
	atomic_fetch_sub(&reactor->connections, 1);
	queue_closed(&conn->queue);	/* may free */
}

static void tcp_release(struct queue *queue)
{
	free(tcp_of_queue(queue));
}

static const struct loop_socket_ops socket_ops = {
	.received = received,
	.ready = ready,
	.sent = tcp_sent,
	.closed = closed,
};

const struct transport_traits tcp_traits = {
	.trtype = NVMF_TRTYPE_TCP,
	/* NVMe/TCP 1.1, 3.3.2: data within the capsule, or in PDUs of its own */
	.sgls = NVME_SGLS_BYTE_ALIGNED | NVME_SGLS_OFFSET | NVME_SGLS_TRANSPORT,
	.msdbd = 1,
	/* Fabrics commands may carry 8 KiB on any queue, regardless of IOCCSZ */
	.capsule_data = NVME_TCP_ADMIN_ICD,
};

static const struct transport_ops tcp_ops = {
	.name = "tcp",
	.traits = &tcp_traits,
	.fetch = tcp_fetch,
	.respond = tcp_respond,
	.disconnect = tcp_disconnect,
	.release = tcp_release,
	.addresses = tcp_addresses,
	.digests = tcp_digests,
};

static void set_option(int fd, const char *peer, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		log_peer(LOG_WARNING, peer, "socket option %d/%d of %s cannot be set: %s", level,
			 option, peer, strerror(errno));
}

static void set_options(int fd, const char *peer)
{
	set_option(fd, peer, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, peer, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, peer, IPPROTO_TCP, TCP_KEEPIDLE, TCP_IDLE_S);
	set_option(fd, peer, IPPROTO_TCP, TCP_KEEPINTVL, TCP_PROBE_S);
	set_option(fd, peer, IPPROTO_TCP, TCP_KEEPCNT, TCP_PROBES);
	set_option(fd, peer, IPPROTO_TCP, TCP_USER_TIMEOUT, TCP_USER_TIMEOUT_MS);
}

/* Drops a connection that could not be started. */
static void turn_away(struct reactor *reactor, int fd, struct tcp_connection *conn,
		      struct limits_place *place)
{
	atomic_fetch_sub(&reactor->connections, 1);
	limits_release(reactor->target, place);
	close(fd);
	free(conn);
}

void tcp_connection_start(struct reactor *reactor, int fd, uint16_t portid,
			  struct limits_place *place)
{
	struct target *target = reactor->target;
	struct tcp_connection *conn = calloc(1, sizeof(*conn));
	int r;

	if (!conn || target->draining) {
		turn_away(reactor, fd, conn, place);
		return;
	}
	set_options(fd, limits_peer(place));
	read_addresses(conn, fd);
	queue_init(&conn->queue, reactor, &tcp_ops, portid);
	loop_task_init(&conn->flush, tcp_flush);
	list_init(&conn->ready);
	conn->deadline.fire = deadline_fired;
	tcp_receive_init(conn);
	r = loop_socket_open(reactor->loop, &conn->socket, fd, &socket_ops);
	if (r < 0) {
		log_peer(LOG_WARNING, limits_peer(place), "a connection from %s was refused: %s",
			 limits_peer(place), strerror(-r));
		list_del(&conn->queue.node);
		turn_away(reactor, fd, conn, place);
		return;
	}
	conn->queue.place = *place;
	start_deadline(conn, target->options.connect_timeout_ms);
}
