/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hosts that stall. A host that reads slowly is served slowly. A host loses its connection
 * if, during the stall timeout, it takes almost none of the data that is being sent, or
 * sends almost none of the data that an R2T asked for or of a PDU that it began. The kernel
 * counts the bytes, so that I/O need not.
 *
 * The timer runs while there is traffic and fires twice per timeout, so a stall is found
 * after one to one and a half timeouts. It does not run between PDUs while no command is
 * under way: a host may be idle for as long as it keeps alive.
 */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "target/base/reactor.h"
#include "target/base/target.h"
#include "target/queue/transport.h"
#include "transport/tcp_connection.h"
#include "util/log_peer.h"

static uint64_t timeout_ns(const struct tcp_connection *conn)
{
	return (uint64_t)conn->queue.reactor->target->options.stall_timeout_ms * 1000000;
}

static void look_later(struct tcp_connection *conn)
{
	loop_timer_start(conn->socket.loop, &conn->deadline, timeout_ns(conn) / 2);
}

void tcp_stall_watch(struct tcp_connection *conn)
{
	if (!timeout_ns(conn))
		return;
	/* zero: all bytes so far count in the first two checks, which thus find no stall */
	memset(conn->seen, 0, sizeof(conn->seen));
	look_later(conn);
}

/* True if data of an R2T is due from the host. *ret_long: since before `when`. */
static bool awaits_data(const struct tcp_connection *conn, uint64_t when, bool *ret_long)
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

/* The bytes of the current PDU that have come: of its header, or of its payload or digest. */
static uint32_t received_bytes(const struct tcp_receiver *rx)
{
	switch (rx->stage) {
	case TCP_STAGE_HEADER:
		return rx->have;
	case TCP_STAGE_DIGEST:
		return rx->length + NVME_TCP_DIGEST_LEN - rx->left;
	default:
		return rx->length - rx->left;
	}
}

/* Describes, for the log, the PDU that the host does not complete. */
static void describe(const struct tcp_receiver *rx, char *ret_text, size_t size)
{
	const char *type = nvme_tcp_type_str(rx->type);

	if (rx->stage == TCP_STAGE_DIGEST)
		snprintf(ret_text, size, "stopped before the end of the data digest of a %s", type);
	else if (rx->stage != TCP_STAGE_HEADER)
		snprintf(ret_text, size, "stopped after %u of %u bytes of the data of a %s",
			 received_bytes(rx), rx->length, type);
	else if (rx->want > sizeof(struct nvme_tcp_ch))
		snprintf(ret_text, size, "stopped after %u of %u bytes of the header of a %s",
			 rx->have, rx->want, nvme_tcp_type_str(rx->header[0]));
	else
		snprintf(ret_text, size, "stopped after %u bytes of the header of a PDU", rx->have);
}

static void end(struct tcp_connection *conn, const char *what)
{
	const struct queue *queue = &conn->queue;
	struct transport_address local, peer;

	queue->ops->addresses(queue, &local, &peer);
	log_peer(LOG_NOTICE, limits_peer(&queue->place),
		 "%s port %u %s: connection of queue %u ended", peer.traddr, peer.trsvcid, what,
		 queue->qid);
	tcp_connection_close(conn);
}

void tcp_stall_check(struct tcp_connection *conn)
{
	uint64_t now = loop_now(conn->socket.loop), timeout = timeout_ns(conn), came;
	bool takes, asked, asked_long, cut = tcp_receiver_cut(&conn->rx);
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);
	char text[96];

	/* if this fails, the socket has ended, and the loop will report it */
	if (!timeout ||
	    getsockopt(conn->socket.fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		return;
	/* since the check before the last, a whole timeout ago: windows open in leaps */
	takes = info.tcpi_bytes_acked - conn->seen[1].taken >= TCP_STALL_BYTES;
	came = info.tcpi_bytes_received - conn->seen[1].sent;
	conn->seen[1] = conn->seen[0];
	conn->seen[0].taken = info.tcpi_bytes_acked;
	conn->seen[0].sent = info.tcpi_bytes_received;
	asked = awaits_data(conn, now - timeout, &asked_long);
	if (conn->batch && now - conn->send_started >= timeout && !takes) {
		end(conn, "does not take what it asked for");
	} else if (asked_long && came < TCP_STALL_BYTES) {
		end(conn, "does not send the data that it was asked for");
	} else if (cut && came < TCP_STALL_BYTES && came <= received_bytes(&conn->rx)) {
		/* all bytes since then belong to the current PDU, so it had begun by then */
		describe(&conn->rx, text, sizeof(text));
		end(conn, text);
	} else if (conn->batch || asked || cut) {
		look_later(conn);
	}
}
