/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A command on its way through the target. Requests are allocated with their
 * queue at Connect and used over and over; none is allocated per I/O.
 *
 *   transport: request_take() -> request_start()
 *   target:    parse: what execute, how much data, which way
 *   transport: fetch() -> request_received()       (data from the host by R2T)
 *   target:    execute() -> request_complete()
 *   transport: respond() -> request_release()
 */
#ifndef WEFT_TARGET_QUEUE_REQUEST_H
#define WEFT_TARGET_QUEUE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/backend.h>

#include "loop/loop.h"
#include "spec/nvme.h"
#include "util/list.h"

struct command;
struct namespace;
struct queue;
struct view_namespace;

enum request_state {
	REQUEST_FREE,
	REQUEST_PARSING,	/* request_start() is at work, or waits for a buffer */
	REQUEST_FETCHING,	/* with the transport: data from the host */
	REQUEST_EXECUTING,	/* with the target or a backend */
	REQUEST_HELD,		/* an Asynchronous Event Request that waits for an event */
	REQUEST_RESPONDING,	/* with the transport: to be sent */
};

/* What must stay as it is until the payload has been sent. */
struct request_hold {
	void *buffer;			/* owned: of loop_buffer_get(), or NULL */
	uint32_t buffer_size;
	bool counted;			/* for whom it is: */
	uint8_t line;			/* of buffer_share.lines, or BUFFER_LINE_REPLIES */
	bool from_floor;		/* it is given out of the floor (buffer_share.h) */
	struct namespace *pin;		/* whose memory was lent, or that executes, or NULL */
	struct namespace *charged;	/* whose share the buffer is of, or NULL */
};

/* What a transport keeps in a request for its own use. */
#define REQUEST_TRANSPORT_BYTES 32
/* How many pieces the memory that a backend lends for a Read may have. */
#define REQUEST_IOVS 2

struct request {
	struct list node;		/* in the queue's free or busy list */
	struct queue *queue;
	uint16_t index;			/* in the queue's array: NVMe/TCP's TTAG */
	uint8_t state;			/* enum request_state */
	uint8_t iov_count;		/* of `iov`: respond() sends them before the completion */
	bool consumes;			/* execute() is done with `data` when it returns */
	bool aborted;			/* an Abort asked for it while it was being fetched */
	bool abandoned;			/* the host has its answer; a backend has the rest */
	bool revoked;			/* no memory is lent for it any more: data is dropped */
	uint8_t line;			/* where it waits for a buffer, or REQUEST_NO_LINE */
	/*
	 * Not 0: `data` is the namespace's own memory, and what comes from the host
	 * goes there in whole blocks of this size (log2), gathered in hold.buffer
	 * where they come in parts: a host that dies leaves no block half written.
	 */
	uint8_t block_shift;
	uint16_t error_location;	/* faulty byte of the command; REQUEST_NO_LOCATION */
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	uint32_t data_length;
	uint32_t progress;		/* execute's: how far it is (DSM ranges) */
	const struct command *command;	/* its row; NULL: there is none */
	/* Set by parse; called once all the data from the host is in `data`. */
	void (*execute)(struct request *req);
	/* Data from the host, or an I/O buffer: contiguous; NULL: none (yet). */
	uint8_t *data;
	struct request_hold hold;
	struct request *aborter;	/* the Abort command that waits for this one's end */
	const struct view_namespace *view_ns; /* of parse, until this turn ends; else NULL */
	void (*resume)(struct request *req); /* what a buffer is waited for */
	struct list wait;		/* of a line for I/O buffers, or queue->fetches */
	uint64_t submitted;		/* loop_now() when transport, then backend got it */
	/* What a backend reads or writes, and what the host is sent: data_length bytes in all. */
	struct iovec iov[REQUEST_IOVS];
	struct weft_io io;
	union {
		struct loop_message remote; /* of an Abort on its way to another reactor and back */
		_Alignas(8) uint8_t transport[REQUEST_TRANSPORT_BYTES];
	};
};

_Static_assert(sizeof(struct request) <= 512, "a queue of 128 takes 64 KiB");

#define REQUEST_NO_LOCATION 0xffff
#define REQUEST_NO_LINE 0xff

/* From a weft_io to its request. */
#define request_of_io(io_) container_of(io_, struct request, io)

/* An unused request of the queue, or NULL: the host has sent more than fits. */
struct request *request_take(struct queue *queue);
/*
 * Starts the command in req->sqe. data: what came in the capsule, contiguous
 * (NULL where there is none); it is the callee's only during the call, unless
 * it lies in req->hold.buffer.
 */
void request_start(struct request *req, const uint8_t *data, uint32_t length);
/* From the transport: fetch() ended. */
void request_received(struct request *req, struct nvme_status status);
/*
 * Ends the command: fills the completion, writes the error log, and hands it
 * to the transport. cqe.result stays as execute set it.
 */
void request_complete(struct request *req, struct nvme_status status);
/* The same for a field that is wrong: offset in the SQE (error log), Do Not Retry. */
void request_fail_field(struct request *req, uint16_t sc, size_t sqe_offset);
/*
 * Answers an admin command with data_length bytes: those of `bytes` from `offset` on, zeroes
 * beyond `size`; completes. For log pages and Identify.
 */
void request_reply(struct request *req, const void *bytes, size_t size, uint64_t offset);

/* The host is to be sent what is in the I/O buffer, data_length bytes, before the completion. */
static inline void request_send_buffer(struct request *req)
{
	req->iov[0] = (struct iovec){ req->data, req->data_length };
	req->iov_count = 1;
}

/* ---- request.c and request_fetch.c, of each other ---- */

/* All the data from the host is there, or there is none. */
void request_execute(struct request *req);
/* Asks the host for its data, when there is a place for it and not too much under way. */
void request_fetch(struct request *req);
/* It has come: others have their turn. */
void request_fetched(struct request *req);

/* ---- request_buffer.c ---- */

/*
 * Gives the request a buffer of data_length bytes in req->data, unless it has one. false: it
 * waits for one, and is resumed with it, or without where it is to be checked again.
 */
bool request_take_buffer(struct request *req, void (*resume)(struct request *));
/* A buffer in req->hold for what cannot wait; false: there is none for it now. */
bool request_try_buffer(struct request *req, uint32_t length);
/* It waits no more, if it did: for a buffer, or to be fetched. */
void request_leave_line(struct request *req);

/*
 * Answers a command that a backend executes with Command Abort Requested. The
 * request, its buffer and its namespace stay with the backend until that is
 * done with them; the host's slot in the queue is free at once, by a spare
 * request. false: there is none left, or no backend has it.
 */
bool request_abandon(struct request *req);
/* The backend is done with one that was abandoned. */
void request_let_go(struct request *req);

/*
 * abort.c: the request that an Abort waited for has ended: completes the Abort, on its own reactor.
 * Any reactor.
 */
void abort_finished(struct request *abort);

/* Transport: takes over what must stay until the data is sent. */
struct request_hold request_take_hold(struct request *req);
/* Transport: gives it back, on the same reactor. */
void request_drop_hold(struct queue *queue, struct request_hold *hold);
/* Transport: the request is no longer in use. May release the queue. */
void request_release(struct request *req);

/* The one file that maps errno to a status (error.c). */
struct nvme_status status_from_errno(int error, enum weft_op op);

#endif
