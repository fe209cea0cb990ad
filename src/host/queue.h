/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One NVMe/TCP connection of a host: an admin or an I/O queue. Requests are asynchronous:
 *
 *	host_submit() queues a request, without a system call;
 *	host_flush() sends all that is queued, as much as the socket takes;
 *	host_receive() reads what has arrived and calls done() of each request that it ends;
 *	host_wait() does both as the socket allows; host_command() does it all for one request.
 *
 * done() may submit again, the same request too. Nothing is allocated once the queue is open.
 *
 * A request is its owner's: it stays in place, and its data too, from host_submit() to done().
 * When a function returns an error the connection is lost: requests that were not done never
 * will be, and all that is left to do with the queue is to close it. A queue is used by one
 * thread at a time.
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
	void		*data;		/* of `length` bytes; NULL throws away what a read brings */
	uint32_t	length;
	void		(*done)(struct host_request *req);	/* Optional */
	void		*user;		/* the owner's */

	/* What came back, valid from done() on. */
	struct nvme_cqe	cqe;
	uint32_t	received;	/* bytes of data that the controller sent */

	/* The queue's. */
	struct host_request *next;	/* with something to stage */
	bool		outstanding;
	bool		staged;		/* the capsule was */
	uint16_t	r2t_ttag;
	uint32_t	r2t_offset;	/* of the next byte to send */
	uint32_t	r2t_left;	/* that were asked for */
	uint64_t	tx_end;		/* tx_queued after its last byte */
};

#define HOST_QUEUE_DEPTH_MAX	4096

struct host_queue {
	int		fd;
	uint16_t	qid;
	uint16_t	depth;		/* most requests outstanding */
	bool		no_sq_flow;	/* SQ flow control is off */
	bool		lost;		/* host_command() failed: every further one does */
	struct nvme_tcp_format format;	/* of what we send */
	uint32_t	maxh2cdata;
	uint32_t	icd;		/* data that fits a capsule */
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
	struct host_request *rx_req;	/* whose C2HData is under way, or NULL */
	uint32_t	rx_left;	/* bytes of it to come, digest not counted */
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
/* Closes the socket and frees; NULL is nothing. */
void host_queue_close(struct host_queue *q);

/* Requests that are under way. */
static inline unsigned int host_queue_outstanding(const struct host_queue *q)
{
	return q->depth - q->free_count;
}

/* True if host_flush() left data to be sent when the socket is writable again. */
static inline bool host_queue_unsent(const struct host_queue *q)
{
	return q->tx_first < q->tx_count || q->stage_first;
}

/* Queues a request. The caller sees to it that fewer than `depth` are outstanding. */
void host_submit(struct host_queue *q, struct host_request *req);
/* Sends what is queued until the socket is full. 0 or -errno. */
int host_flush(struct host_queue *q, struct weft_error *error);
/*
 * Reads once and handles what came. With `block` it waits for something to come, or for the
 * socket's receive timeout. 0 or -errno; nothing there is 0 as well.
 */
int host_receive(struct host_queue *q, bool block, struct weft_error *error);
/* Flushes and receives once, after at most timeout_ms; -ETIMEDOUT if nothing could be done. */
int host_wait(struct host_queue *q, int timeout_ms, struct weft_error *error);
/*
 * Submits a request and waits for its end, at most timeout_ms; done and user are overwritten.
 * Other requests of the queue go on. Returns 0 with req->cqe filled, whatever its status, or
 * -errno.
 */
int host_command(struct host_queue *q, struct host_request *req, int timeout_ms,
		 struct weft_error *error);

#endif
