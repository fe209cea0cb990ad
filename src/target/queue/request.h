/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A command on its way through the target. Requests are allocated with their
 * queue at Connect and used over and over; none is allocated per I/O.
 *
 *   transport: request_take() -> request_start()
 *   target:    parse() sets execute(), the length and the direction of the data
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

/* Resources of a request that must stay until its payload has been sent. */
struct request_hold {
	void *buffer;			/* owned: from loop_buffer_get(), or NULL */
	uint32_t buffer_size;
	bool counted;			/* the buffer counts in a line: */
	uint8_t line;			/* of buffer_share.lines, or BUFFER_LINE_REPLIES */
	bool from_floor;		/* the buffer is from the floor (buffer_share.h) */
	struct namespace *pin;		/* which executes it or lent memory, or NULL */
	struct namespace *charged;	/* in whose share the buffer counts, or NULL */
};

/* Bytes in a request for the transport's own use. */
#define REQUEST_TRANSPORT_BYTES 32
/* The most pieces of memory that a backend may lend for a Read. */
#define REQUEST_IOVS 2

struct request {
	struct list node;		/* in the queue's free or busy list */
	struct queue *queue;
	uint16_t index;			/* in the queue's array: NVMe/TCP's TTAG */
	uint8_t state;			/* enum request_state */
	uint8_t iov_count;		/* of `iov`, sent before the completion */
	bool consumes;			/* execute() does not use `data` after it returns */
	bool aborted;			/* an Abort came while its data was being fetched */
	bool abandoned;			/* the host has its answer; the backend executes it */
	bool revoked;			/* lent memory may not be written any more: drop data */
	uint8_t line;			/* the line it waits in for a buffer, or REQUEST_NO_LINE */
	/*
	 * Not 0: `data` is memory that the namespace lent, and data from the host is stored
	 * there in whole blocks of this size (log2). A block that arrives in parts is
	 * gathered in hold.buffer, so that a host that dies leaves no block half written.
	 */
	uint8_t block_shift;
	uint16_t error_location;	/* faulty byte of the command; REQUEST_NO_LOCATION */
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	uint32_t data_length;
	uint32_t progress;		/* of execute(): DSM ranges done */
	const struct command *command;	/* its row; NULL: the opcode has none */
	/* Set by parse; called when all data from the host is in `data`. */
	void (*execute)(struct request *req);
	/* Contiguous: data from the host, or an I/O buffer. NULL: none (yet). */
	uint8_t *data;
	struct request_hold hold;
	struct request *aborter;	/* the Abort command that waits for this one's end */
	const struct view_namespace *view_ns; /* of parse, until this turn ends; else NULL */
	void (*resume)(struct request *req); /* called when a buffer is there, or to check anew */
	struct list wait;		/* in a line for I/O buffers, or in queue->fetches */
	uint64_t submitted;		/* loop_now() when the transport or the backend got it */
	/* Memory of the backend's I/O, or payload for the host: data_length bytes in all. */
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

/* Takes an unused request of the queue. NULL: the host has sent more commands than fit. */
struct request *request_take(struct queue *queue);
/*
 * Starts the command in req->sqe. data: the in-capsule data, contiguous, or NULL. It is
 * valid only during the call, unless it lies in req->hold.buffer.
 */
void request_start(struct request *req, const uint8_t *data, uint32_t length);
/* Called by the transport when fetch() has ended. */
void request_received(struct request *req, struct nvme_status status);
/*
 * Completes the command: fills the CQE, adds a failure to the error log, and gives the
 * request to the transport. cqe.result stays as execute() set it.
 */
void request_complete(struct request *req, struct nvme_status status);
/* Completes with an invalid field: its offset in the SQE (error log), Do Not Retry. */
void request_fail_field(struct request *req, uint16_t sc, size_t sqe_offset);
/*
 * Completes an admin command with data_length bytes of `bytes` from `offset` on, and zeroes
 * beyond `size`. For log pages and Identify.
 */
void request_reply(struct request *req, const void *bytes, size_t size, uint64_t offset);

/* Has data_length bytes of the I/O buffer sent to the host before the completion. */
static inline void request_send_buffer(struct request *req)
{
	req->iov[0] = (struct iovec){ req->data, req->data_length };
	req->iov_count = 1;
}

/* ---- shared by request.c and request_fetch.c ---- */

/* Executes a request whose data from the host is complete, or that has none. */
void request_execute(struct request *req);
/* Asks the host for the request's data, now or when memory and the fetch window allow it. */
void request_fetch(struct request *req);
/* The data of a request has come: asks for the data of the next ones. */
void request_fetched(struct request *req);

/* ---- request_buffer.c ---- */

/*
 * Gives the request a buffer of data_length bytes in req->data, unless it has one. false: the
 * request waits. resume() is then called with a buffer, or without one to check it anew, or
 * before Connect, the request failed.
 */
bool request_take_buffer(struct request *req, void (*resume)(struct request *));
/* Takes a buffer into req->hold for data that cannot wait. false: none is available now. */
bool request_try_buffer(struct request *req, uint32_t length);
/* Ends waiting for a buffer or for the fetch of its data, if the request waits. */
void request_leave_line(struct request *req);

/*
 * Answers a command that a backend executes with Command Abort Requested. The request,
 * its buffer and its namespace stay with the backend until its I/O is done. A spare
 * request answers, so the host's queue entry is free at once. false: no spare is left, or
 * no backend executes the command.
 */
bool request_abandon(struct request *req);
/* The backend's I/O of an abandoned request is done. */
void request_let_go(struct request *req);

/*
 * abort.c: the request that an Abort waited for has ended: completes the Abort, on its own reactor.
 * Any reactor.
 */
void abort_finished(struct request *abort);

/* For the transport: takes over the resources that must stay until the payload is sent. */
struct request_hold request_take_hold(struct request *req);
/* For the transport: gives the resources back, on the same reactor. */
void request_drop_hold(struct queue *queue, struct request_hold *hold);
/* For the transport: the request is no longer in use. May release the queue. */
void request_release(struct request *req);

/* Maps errno to a status. (error.c) */
struct nvme_status status_from_errno(int error, enum weft_op op);

#endif
