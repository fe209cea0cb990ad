/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hosts that stand still. One that reads slowly is served as slowly; one that
 * for the stall timeout takes next to nothing of what is being sent, or sends
 * next to nothing of what an R2T asked for, loses its connection. The kernel
 * counts the bytes, so that I/O need not.
 *
 * The timer runs while there is traffic and looks twice per timeout, so that it
 * takes between one timeout and one and a half.
 */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "target/reactor.h"
#include "target/target.h"
#include "target/transport.h"
#include "transport/tcp_connection.h"
#include "util/log.h"

static uint64_t timeout_ns(const struct tcp_connection *conn)
{
	return (uint64_t)conn->queue.reactor->target->options.stall_timeout_ms * 1000000;
}

void tcp_stall_watch(struct tcp_connection *conn)
{
	uint64_t timeout = timeout_ns(conn);

	if (timeout)
		loop_timer_start(conn->socket.loop, &conn->deadline, timeout / 2);
}

/* Whether data is awaited from the host, and since before `when`. */
static bool fetching(const struct tcp_connection *conn, uint64_t when, bool *ret_long)
{
	bool any = false;

	*ret_long = false;
	list_for_each(node, &conn->queue.busy_requests) {
		const struct request *req = list_entry(node, struct request, node);

		if (req->state != REQUEST_FETCHING)
			continue;
		any = true;
		*ret_long |= req->submitted <= when;
	}
	return any;
}

static void end(struct tcp_connection *conn, const char *what)
{
	const struct queue *queue = &conn->queue;
	struct transport_address local, peer;

	queue->ops->addresses(queue, &local, &peer);
	log_notice("%s port %u %s: connection of queue %u ended", peer.traddr, peer.trsvcid, what,
		   queue->qid);
	tcp_connection_close(conn);
}

void tcp_stall_check(struct tcp_connection *conn)
{
	uint64_t now = loop_now(conn->socket.loop), timeout = timeout_ns(conn);
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);
	bool takes, sends, asked, asked_long;

	/* a socket that cannot say has ended, and the loop will tell */
	if (getsockopt(conn->socket.fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		return;
	/* since the look before the last, a whole timeout ago: windows open in leaps */
	takes = info.tcpi_bytes_acked - conn->seen[1].taken >= TCP_STALL_BYTES;
	sends = info.tcpi_bytes_received - conn->seen[1].sent >= TCP_STALL_BYTES;
	conn->seen[1] = conn->seen[0];
	conn->seen[0].taken = info.tcpi_bytes_acked;
	conn->seen[0].sent = info.tcpi_bytes_received;
	asked = fetching(conn, now - timeout, &asked_long);
	if (conn->batch && now - conn->send_started >= timeout && !takes)
		end(conn, "does not take what it asked for");
	else if (asked_long && !sends)
		end(conn, "does not send the data that it was asked for");
	else if (conn->batch || asked)
		tcp_stall_watch(conn);
}
