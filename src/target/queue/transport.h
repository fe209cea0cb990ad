/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport seam: what target asks of the thing that moves capsules. A
 * transport embeds `struct queue` in its connection, calls queue_init() when
 * the connection is up, request_start() for each command capsule, and gets the
 * completion back through respond().
 *
 * All of a connection's calls, in both directions, are made on the reactor
 * that the queue lives on. fetch() and respond() never call back before they
 * return.
 */
#ifndef WEFT_TARGET_QUEUE_TRANSPORT_H
#define WEFT_TARGET_QUEUE_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

struct queue;
struct request;
struct target;
struct listener;
struct weft_error;

#define TRANSPORT_ADDRESS_TEXT 64

/* Where a connection comes from or goes to. */
struct transport_address {
	uint8_t trtype, adrfam;			/* as in the discovery log */
	char traddr[TRANSPORT_ADDRESS_TEXT];	/* numeric, IPv6 with %scope where it has one */
	uint16_t trsvcid;
};

/* What a transport can do: the same for each of its connections. */
struct transport_traits {
	uint8_t trtype;			/* enum nvmf_trtype */
	/* SGLS of Identify: NVME_SGLS_OFFSET, NVME_SGLS_TRANSPORT are the forms that it takes */
	uint32_t sgls;
	uint8_t msdbd;			/* descriptors of a command, at most; 0: any number */
	uint16_t icdoff;		/* where in-capsule data begins, in units of 16 bytes */
	/* Data that a capsule of any queue may carry, bytes; I/O queues: see view_port */
	uint32_t capsule_data;
};

struct transport_ops {
	const char *name;		/* Required: "tcp" */
	const struct transport_traits *traits; /* Required */
	/*
	 * Required. Brings req->data_length bytes from the host into req->data,
	 * then calls request_received() once, with the status.
	 */
	void (*fetch)(struct request *req);
	/*
	 * Required. Sends req->cqe, after the req->iov_count pieces of req->iov
	 * (data_length bytes in all, or none); takes the request's hold over
	 * (request_take_hold()), and calls request_release() as soon as it no longer
	 * reads *req. The request may be another one than was started:
	 * req->transport is then a copy.
	 */
	void (*respond)(struct request *req);
	/*
	 * Required. Ends the connection: what is queued for sending may still go out
	 * for a bounded time. Ends in queue_closed(). May be called again.
	 */
	void (*disconnect)(struct queue *queue);
	/* Required. The connection is closed and no request of it is in use: free it. */
	void (*release)(struct queue *queue);
	/* Required. Any thread that holds the target's lock. */
	void (*addresses)(const struct queue *queue, struct transport_address *ret_local,
			  struct transport_address *ret_peer);
	/* Required. Is a header / data digest in use? Same rule. */
	void (*digests)(const struct queue *queue, bool *ret_header, bool *ret_data);
};

/* What accepts connections: one for each trtype, used by the control thread. */
struct transport {
	const char *trtype;		/* Required: as nvmetcli spells it */
	const struct transport_traits *traits; /* Required */
	/*
	 * Required. Listens; each connection belongs to that port id. The address
	 * is numeric; trsvcid 0 picks a free port. 0, or -errno with *error filled.
	 */
	int (*listen)(struct target *target, const char *adrfam, const char *traddr,
		      uint16_t trsvcid, uint16_t portid, struct listener **ret_listener,
		      struct weft_error *error);
	/* Required. Accepts no more; connections stay. Frees the listener. */
	void (*unlisten)(struct listener *listener);
};

#endif
