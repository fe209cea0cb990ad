/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One NVMe/TCP connection of a host: an admin or an I/O queue. Requests are asynchronous:
 *
 *	host_submit() queues a request, without a system call;
 *	host_flush() sends queued requests until the socket takes no more;
 *	host_receive() reads PDUs that have arrived and calls done() of completed requests;
 *	host_wait() does both when the socket is ready; host_command() does it all for one request.
 *
 * done() may submit requests, also the same one. An open queue allocates no memory.
 *
 * The owner keeps a request and its data in place from host_submit() to done(). When a function
 * returns an error, the connection is lost: done() is not called for outstanding requests, and
 * the queue can only be closed. A queue is used by one thread at a time.
 */
#ifndef WEFT_HOST_QUEUE_H
#define WEFT_HOST_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <weft/backend.h>

#include "spec/nvme.h"
#include "spec/tcp.h"

struct host_options;

struct host_request {
	/* The owner fills these; host_submit() adds cid, PSDT and SGL to the SQE. */
	struct nvme_sqe	sqe;
	void		*data;		/* of `length` bytes; NULL: the data of a read is dropped */
	uint32_t	length;
	void		(*done)(struct host_request *req);	/* Optional */
	void		*user;		/* the owner's */

	/* The result, valid from done() on. */
	struct nvme_cqe	cqe;
	uint32_t	received;	/* bytes of data that the controller sent */

	/* For the queue alone. */
	struct host_request *next;	/* in the list of requests with a PDU to stage */
	bool		outstanding;
	bool		staged;		/* the command capsule was staged */
	uint16_t	r2t_ttag;
	uint32_t	r2t_offset;	/* of the next byte to send */
	uint32_t	r2t_left;	/* bytes that the R2T asks for and that are not staged */
	uint64_t	tx_end;		/* value of tx_queued after its last byte */
};

#define HOST_QUEUE_DEPTH_MAX	4096

struct host_queue {
	int		fd;
	uint16_t	qid;
	uint16_t	depth;		/* most requests outstanding */
	bool		no_sq_flow;	/* SQ flow control is off */
	bool		lost;		/* host_command() has failed, so each further call fails */
	struct nvme_tcp_format format;	/* of the PDUs that this host sends */
	uint32_t	maxh2cdata;
	uint32_t	icd;		/* in-capsule data size, bytes */
	char		peer[96];	/* address, for messages */

	struct host_request **by_cid;	/* owned; borrowed requests, NULL where free */
	uint16_t	*free_cid;	/* owned stack */
	uint16_t	free_count;

	struct host_request *stage_first, **stage_last;
	uint8_t		*tx_heads;	/* owned: headers and digests that iov points to */
	size_t		tx_heads_used;
	struct iovec	*tx_iov;	/* owned */
	unsigned int	tx_first, tx_count;
	uint64_t	tx_queued, tx_sent;

	uint8_t		*rx;		/* owned */
	size_t		rx_used;
	struct host_request *rx_req;	/* the request that receives C2HData now, or NULL */
	uint32_t	rx_left;	/* bytes of that C2HData to come, without digest */
	uint32_t	rx_crc;
	uint8_t		rx_flags;
};

/*
 * Opens a TCP connection to opts->traddr and exchanges ICReq and ICResp. `depth` is the most
 * requests outstanding, 1 to HOST_QUEUE_DEPTH_MAX. Blocks for at most opts->timeout_ms.
 * Returns 0 or -errno with *error filled; the queue is the caller's, to close.
 */
int host_queue_open(const struct host_options *opts, uint16_t qid, uint16_t depth,
		    struct host_queue **ret_queue, struct weft_error *error);
/* Closes the socket and frees the queue; NULL is harmless. */
void host_queue_close(struct host_queue *q);

/* The number of outstanding requests. */
static inline unsigned int host_queue_outstanding(const struct host_queue *q)
{
	return q->depth - q->free_count;
}

/* True if data is still to be sent when the socket is writable again. */
static inline bool host_queue_unsent(const struct host_queue *q)
{
	return q->tx_first < q->tx_count || q->stage_first;
}

/* Queues a request. The caller ensures that fewer than `depth` are outstanding. */
void host_submit(struct host_queue *q, struct host_request *req);
/* Sends queued requests until the socket takes no more. 0 or -errno. */
int host_flush(struct host_queue *q, struct weft_error *error);
/*
 * Reads once and handles the PDUs that have arrived. With `block` it waits for data or for the
 * socket's receive timeout. 0, also if there was no data, or -errno.
 */
int host_receive(struct host_queue *q, bool block, struct weft_error *error);
/* Flushes, waits at most timeout_ms and receives once. -ETIMEDOUT: the socket was not ready. */
int host_wait(struct host_queue *q, int timeout_ms, struct weft_error *error);
/*
 * Submits a request and waits until it is done, at most timeout_ms. Overwrites done and user.
 * Other requests of the queue go on. Returns 0 with req->cqe filled, whatever its status, or
 * -errno.
 */
int host_command(struct host_queue *q, struct host_request *req, int timeout_ms,
		 struct weft_error *error);

#endif
