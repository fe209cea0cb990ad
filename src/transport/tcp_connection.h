/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One NVMe/TCP connection. It is made when a socket is accepted, and becomes a queue at
 * Connect. release() frees it, after the socket is closed and no request executes. Only
 * its reactor uses it.
 *
 * tcp_listen.c accepts sockets, tcp_connection.c starts and ends the connection,
 * tcp_receive.c parses the incoming stream, tcp_fetch.c asks for data by R2T, tcp_send.c
 * builds the outgoing stream, tcp_stall.c ends connections of hosts that stall.
 */
#ifndef WEFT_TRANSPORT_TCP_CONNECTION_H
#define WEFT_TRANSPORT_TCP_CONNECTION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "spec/tcp.h"
#include "target/queue/queue.h"
#include "target/queue/request.h"
#include "util/list.h"

struct transport_traits;

extern const struct transport_traits tcp_traits;

/* The most data of one H2CData PDU, bytes. */
#define TCP_MAXH2CDATA (4u * 1024 * 1024)
/* The data of one R2T, if the host accepts several at a time, bytes. */
#define TCP_R2T_CHUNK (128u * 1024)
/*
 * TTAG: the request's index in the low bits, and above it the turn of the R2T, as far as bits
 * are left. A large admin queue needs more bits for the index.
 */
#define TCP_TTAG_INDEX_BITS 10
#define TCP_TTAG_INDEX_BITS_LARGE 13
#define TCP_TTAG_TURNS 64
/* The time for an ending connection to send its queued data and to see the peer close. */
#define TCP_LINGER_MS 1000
/* A host stalls if it takes, or sends, less than this of due data in the stall timeout. */
#define TCP_STALL_BYTES 65536
/* Bytes of a connection without its queue: its own struct and a send under way. */
#define TCP_CONNECTION_BYTES (20u * 1024)
_Static_assert(QUEUE_SIZE_MAX <= 1u << TCP_TTAG_INDEX_BITS, "TTAG holds a request's index");
_Static_assert(ADMIN_QUEUE_SIZE_MAX + QUEUE_SPARES <= 1u << TCP_TTAG_INDEX_BITS_LARGE,
	       "TTAG holds a request's index");

enum tcp_connection_state {
	CONN_WAIT_ICREQ,
	CONN_READY,		/* ICResp is on its way or sent */
	CONN_ENDING,		/* nothing more is read; queued data is still sent */
	CONN_TERMINATED,		/* C2HTermReq sent: waiting for the peer to close */
	CONN_CLOSING,		/* loop_socket_close() was called */
};

/* The part of a PDU that the receiver expects. */
enum tcp_stage {
	TCP_STAGE_HEADER,	/* up to its end, its digest, and the gap before the data */
	TCP_STAGE_DATA,		/* payload into rx.data */
	TCP_STAGE_SKIP,		/* payload that is dropped */
	TCP_STAGE_DIGEST,	/* of the data */
};

struct tcp_receiver {
	uint8_t stage;			/* enum tcp_stage */
	uint8_t type;			/* of the PDU */
	bool bad_digest;		/* of the data, in this PDU */
	uint16_t have, want;		/* bytes of header */
	uint32_t left;			/* bytes of payload, or of its digest, that are missing */
	uint32_t crc;			/* of the payload so far */
	const uint8_t *current;		/* the header of the current PDU, */
	size_t current_length;		/* and how many bytes of it are there */
	uint8_t *data;			/* where the payload goes */
	uint32_t length;		/* of the payload */
	struct request *req;		/* that the payload belongs to, or NULL */
	uint8_t digest[NVME_TCP_DIGEST_LEN];
	uint8_t header[256];		/* PDO is a byte, so header and gap fit */
};

/* A request's part in the transport (req->transport). */
struct tcp_request {
	struct list node;		/* in connection->ready */
	uint32_t asked;			/* bytes that R2Ts were sent for */
	uint32_t received;
	uint32_t r2t_end;		/* offset at which the current R2T ends */
	uint8_t r2t_first;		/* the turn of the current R2T */
	uint8_t r2t_next;		/* the turn of the next R2T to send */
	uint8_t r2t_count;		/* R2Ts whose data is not complete */
	bool bad_digest;
};
_Static_assert(sizeof(struct tcp_request) <= REQUEST_TRANSPORT_BYTES, "fits the request");

struct tcp_batch;

union tcp_address {
	struct sockaddr any;		/* AF_UNSPEC: unknown */
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct tcp_connection {
	struct loop_socket socket;
	struct queue queue;
	union tcp_address local, peer;	/* never change */
	uint8_t state;			/* enum tcp_connection_state */
	uint8_t maxr2t;			/* R2Ts of one command at a time */
	struct nvme_tcp_format format;	/* digests, and the host's alignment */
	struct loop_timer deadline;	/* for ICReq, Connect and the end; else tcp_stall.c's */
	struct loop_task flush;		/* sends ready PDUs at the end of the turn */
	struct list ready;		/* tcp_request.node: completions and R2Ts to send */
	uint64_t ready_bytes;		/* bytes of these completions and their payload */
	struct tcp_batch *batch;	/* owned: the send under way */
	uint64_t send_started;		/* loop_now() when that send started */
	struct {
		uint64_t taken, sent;	/* bytes in all, by the peer */
	} seen[2];			/* at the last check for a stall, and at the one before */
	bool icresp_due;
	bool term_due;
	struct nvme_tcp_fault fault;	/* of the C2HTermReq */
	uint16_t fault_header_length;	/* bytes of the faulty header, in rx.header */
	struct tcp_receiver rx;
};

#define tcp_of_queue(queue_) container_of(queue_, struct tcp_connection, queue)
#define tcp_of_socket(socket_) container_of(socket_, struct tcp_connection, socket)

/* True if the receiver is in the middle of a PDU. */
static inline bool tcp_receiver_cut(const struct tcp_receiver *rx)
{
	return rx->stage != TCP_STAGE_HEADER || rx->have;
}

static inline unsigned int tcp_ttag_index_bits(const struct queue *queue)
{
	return queue->request_count > 1u << TCP_TTAG_INDEX_BITS ? TCP_TTAG_INDEX_BITS_LARGE :
								  TCP_TTAG_INDEX_BITS;
}

/* The TTAG of an R2T of the request at this index. */
static inline uint16_t tcp_ttag(const struct queue *queue, uint16_t index, uint8_t turn)
{
	return (uint16_t)(index | (uint32_t)turn << tcp_ttag_index_bits(queue));
}

static inline uint16_t tcp_ttag_index(const struct queue *queue, uint16_t ttag)
{
	return ttag & ((1u << tcp_ttag_index_bits(queue)) - 1);
}

static inline struct tcp_request *tcp_request(struct request *req)
{
	return (struct tcp_request *)(void *)req->transport;
}

static inline struct request *tcp_request_owner(struct tcp_request *tcp_req)
{
	return container_of(tcp_req, struct request, transport);
}

/* The length of the R2T for the request's data from `offset` on, bytes. */
static inline uint32_t tcp_r2t_length(const struct tcp_connection *conn, const struct request *req,
				      uint32_t offset)
{
	uint32_t left = req->data_length - offset;

	return conn->maxr2t > 1 && left > TCP_R2T_CHUNK ? TCP_R2T_CHUNK : left;
}

/*
 * Starts a connection on this reactor. Takes over the descriptor, its place (limits.h) and
 * its count in reactor->connections, also on failure.
 */
void tcp_connection_start(struct reactor *reactor, int fd, uint16_t portid,
			  struct limits_place *place);
/* The peer broke the protocol: sends C2HTermReq, then ends. */
void tcp_connection_fault(struct tcp_connection *conn, const struct nvme_tcp_fault *fault);
/* Ends at once, without sending anything: the peer is gone. */
void tcp_connection_close(struct tcp_connection *conn);
/* ICReq or Connect is done: moves the deadline. */
void tcp_connection_progress(struct tcp_connection *conn);

/*
 * tcp_stall.c: checks from time to time, while there is traffic, that the host takes the data
 * that is sent, sends the data that R2Ts asked for, and completes PDUs that it began. Otherwise
 * the connection ends, because it holds I/O buffers that others wait for. Called when there is
 * data to watch and the timer does not run.
 */
void tcp_stall_watch(struct tcp_connection *conn);
/* The timer fired. */
void tcp_stall_check(struct tcp_connection *conn);

/* tcp_receive.c */
void tcp_receive(struct tcp_connection *conn, const uint8_t *data, size_t count);
/* Receives the part of a large payload that has arrived directly into its place. */
void tcp_take(struct tcp_connection *conn);
/* Expects the start of a PDU. */
void tcp_receive_init(struct tcp_connection *conn);
/* The request ends: the receiver must not write to it any more. */
void tcp_receive_forget(struct tcp_connection *conn);

/* tcp_fetch.c */
void tcp_fetch(struct request *req);
/* The request of an H2CData PDU with `length` bytes of data; or NULL with the fault. (3.6.2.8) */
struct request *tcp_fetch_find(struct tcp_connection *conn, const struct nvme_tcp_h2c_data *pdu,
			       uint32_t length, struct nvme_tcp_fault *ret_fault);
/* The data of an H2CData PDU, `length` bytes, has come. intact: its digest is right. */
void tcp_fetched(struct request *req, uint32_t length, bool intact);

/* tcp_send.c */
void tcp_respond(struct request *req);
void tcp_send_r2t(struct request *req);
/* A PDU is ready: sends at the end of this turn. */
void tcp_send_wake(struct tcp_connection *conn);
void tcp_flush(struct loop_task *task);
void tcp_sent(struct loop_socket *socket, int result);
/* True if nothing is queued or being sent. */
bool tcp_send_idle(const struct tcp_connection *conn);
/* The socket is closed: drops the batch under way. */
void tcp_send_drop(struct tcp_connection *conn);

#endif
