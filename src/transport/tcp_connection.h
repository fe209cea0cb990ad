/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One NVMe/TCP connection. It is made when a socket was accepted, becomes a
 * queue at Connect, and is freed by release(), after both the socket is closed
 * and nothing executes. Everything happens on its reactor.
 *
 * tcp_listen.c accepts, tcp_connection.c holds the life, tcp_receive.c takes
 * the stream apart, tcp_fetch.c asks for data, tcp_send.c puts the stream
 * together, tcp_stall.c ends what stands still.
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

/* Of one H2CData PDU. */
#define TCP_MAXH2CDATA (4u * 1024 * 1024)
/* Of one R2T, where the host takes several at a time. */
#define TCP_R2T_CHUNK (128u * 1024)
/*
 * TTAG: the request's index, and above it which R2T of the request it is, as far as there
 * are bits: a large admin queue needs more of them for the index.
 */
#define TCP_TTAG_INDEX_BITS 10
#define TCP_TTAG_INDEX_BITS_LARGE 13
#define TCP_TTAG_TURNS 64
/* How long a connection that ends may take to send what it has and to see the peer's end. */
#define TCP_LINGER_MS 1000
/* What a host takes, or sends, of what it asked for within the stall timeout, or it has stalled. */
#define TCP_STALL_BYTES 65536
/* What a connection takes without its queue, bytes: its own object and a send under way. */
#define TCP_CONNECTION_BYTES (20u * 1024)
_Static_assert(QUEUE_SIZE_MAX <= 1u << TCP_TTAG_INDEX_BITS, "TTAG holds a request's index");
_Static_assert(ADMIN_QUEUE_SIZE_MAX + QUEUE_SPARES <= 1u << TCP_TTAG_INDEX_BITS_LARGE,
	       "TTAG holds a request's index");

enum tcp_connection_state {
	CONN_WAIT_ICREQ,
	CONN_READY,		/* ICResp is on its way or sent */
	CONN_ENDING,		/* nothing more is read; what is queued is still sent */
	CONN_TERMINATED,		/* C2HTermReq sent: waiting for the peer to close */
	CONN_CLOSING,		/* loop_socket_close() was called */
};

/* What the receiver is in the middle of. */
enum tcp_stage {
	TCP_STAGE_HEADER,	/* up to its end, its digest, and the gap before the data */
	TCP_STAGE_DATA,		/* payload into rx.data */
	TCP_STAGE_SKIP,		/* payload that nobody wants */
	TCP_STAGE_DIGEST,	/* of the data */
};

struct tcp_receiver {
	uint8_t stage;			/* enum tcp_stage */
	uint8_t type;			/* of the PDU */
	bool bad_digest;		/* of the data, in this PDU */
	uint16_t have, want;		/* bytes of header */
	uint32_t left;			/* bytes of payload, or of its digest, that are to come */
	uint32_t crc;			/* of the payload so far */
	const uint8_t *current;		/* the header at hand: where it lies, */
	size_t current_length;		/* and how much of it is there */
	uint8_t *data;			/* where the payload goes */
	uint32_t length;		/* of the payload */
	struct request *req;		/* that it belongs to; NULL: nobody's */
	uint8_t digest[NVME_TCP_DIGEST_LEN];
	uint8_t header[256];		/* PDO is a byte: no header and gap are longer */
};

/* A request's part in the transport (req->transport). */
struct tcp_request {
	struct list node;		/* in connection->ready */
	uint32_t asked;			/* bytes that R2Ts were sent for */
	uint32_t received;
	uint32_t r2t_end;		/* where the R2T that is being served ends */
	uint8_t r2t_first;		/* the turn of that R2T */
	uint8_t r2t_next;		/* the turn of the next to be sent */
	uint8_t r2t_count;		/* R2Ts that are not served yet */
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
	struct loop_timer deadline;	/* for ICReq, Connect, the end; else tcp_stall.c's */
	struct loop_task flush;		/* sends what is ready, at the end of the turn */
	struct list ready;		/* tcp_request.node: completions and R2Ts to send */
	uint64_t ready_bytes;		/* that its completions take */
	struct tcp_batch *batch;	/* owned: the send under way */
	uint64_t send_started;		/* loop_now() of that */
	struct {
		uint64_t taken, sent;	/* by the peer, bytes in all */
	} seen[2];			/* as of the last look for a stall, and the one before */
	bool icresp_due;
	bool term_due;
	struct nvme_tcp_fault fault;	/* of the C2HTermReq */
	uint16_t fault_header_length;	/* bytes of the faulty header, in rx.header */
	struct tcp_receiver rx;
};

#define tcp_of_queue(queue_) container_of(queue_, struct tcp_connection, queue)
#define tcp_of_socket(socket_) container_of(socket_, struct tcp_connection, socket)

/* Is the receiver in the middle of a PDU? */
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

/* How much the R2T for the request's data from `offset` on asks for, bytes. */
static inline uint32_t tcp_r2t_length(const struct tcp_connection *conn, const struct request *req,
				      uint32_t offset)
{
	uint32_t left = req->data_length - offset;

	return conn->maxr2t > 1 && left > TCP_R2T_CHUNK ? TCP_R2T_CHUNK : left;
}

/*
 * A new connection on this reactor. Takes over the descriptor, its place (limits.h)
 * and that in the reactor's count of connections, also on failure.
 */
void tcp_connection_start(struct reactor *reactor, int fd, uint16_t portid,
			  struct limits_place *place);
/* The peer broke the protocol: C2HTermReq, then the end. */
void tcp_connection_fault(struct tcp_connection *conn, const struct nvme_tcp_fault *fault);
/* Ends without a word: the peer is gone. */
void tcp_connection_close(struct tcp_connection *conn);
/* ICReq is done, or Connect is: the deadline moves. */
void tcp_connection_progress(struct tcp_connection *conn);

/*
 * tcp_stall.c: looks from time to time, while there is traffic, whether the host
 * takes what it asked for, sends what it was asked for, and ends a PDU that it began;
 * and ends the connection of one that does not: it holds I/O buffers that others wait
 * for. To be called when there is something to watch and the timer does not run.
 */
void tcp_stall_watch(struct tcp_connection *conn);
/* The timer fired. */
void tcp_stall_check(struct tcp_connection *conn);

/* tcp_receive.c */
void tcp_receive(struct tcp_connection *conn, const uint8_t *data, size_t count);
/* Of a large payload, moves what is here already straight to where it belongs. */
void tcp_take(struct tcp_connection *conn);
/* Expects the start of a PDU. */
void tcp_receive_init(struct tcp_connection *conn);
/* The request is being given up: the receiver must not write to it. */
void tcp_receive_forget(struct tcp_connection *conn);

/* tcp_fetch.c */
void tcp_fetch(struct request *req);
/* The request that an H2CData PDU with so many bytes is for, or NULL and the fault. (3.6.2.8) */
struct request *tcp_fetch_find(struct tcp_connection *conn, const struct nvme_tcp_h2c_data *pdu,
			       uint32_t length, struct nvme_tcp_fault *ret_fault);
/* That many bytes of its data, one H2CData PDU, have come; intact: as their digest says. */
void tcp_fetched(struct request *req, uint32_t length, bool intact);

/* tcp_send.c */
void tcp_respond(struct request *req);
void tcp_send_r2t(struct request *req);
/* Something is due: send at the end of this turn. */
void tcp_send_wake(struct tcp_connection *conn);
void tcp_flush(struct loop_task *task);
void tcp_sent(struct loop_socket *socket, int result);
/* Nothing is queued or being sent. */
bool tcp_send_idle(const struct tcp_connection *conn);
/* The socket is gone: drops the batch under way. */
void tcp_send_drop(struct tcp_connection *conn);

#endif
