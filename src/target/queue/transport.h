/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The interface between the target and a transport. A transport embeds `struct queue` in
 * its connection. It calls queue_init() when the connection is established and
 * request_start() for each command capsule; the target calls respond() for each
 * completion.
 *
 * All calls for a connection, in both directions, are made on the queue's reactor.
 * fetch() and respond() never call back before they return.
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

/* Properties of a transport, the same for all its connections. */
struct transport_traits {
	uint8_t trtype;			/* enum nvmf_trtype */
	/* SGLS of Identify; NVME_SGLS_OFFSET and NVME_SGLS_TRANSPORT: the SGL forms it supports */
	uint32_t sgls;
	uint8_t msdbd;			/* the most SGL descriptors of a command; 0: no limit */
	uint16_t icdoff;		/* where in-capsule data begins, in units of 16 bytes */
	/* Bytes of in-capsule data on any queue; for I/O queues see view_port */
	uint32_t capsule_data;
};

struct transport_ops {
	const char *name;		/* Required: "tcp" */
	const struct transport_traits *traits; /* Required */
	/*
	 * Required. Receives req->data_length bytes from the host into req->data, then
	 * calls request_received() once, with the status.
	 */
	void (*fetch)(struct request *req);
	/*
	 * Required. Sends the req->iov_count pieces of req->iov (data_length bytes in all,
	 * or none) and then req->cqe. Takes over the request's hold (request_take_hold()),
	 * and calls request_release() as soon as it no longer reads *req. If a spare
	 * request answers for an abandoned one, its req->transport is a copy.
	 */
	void (*respond)(struct request *req);
	/*
	 * Required. Ends the connection; queued data may still be sent for a limited time.
	 * Leads to queue_closed(). May be called again.
	 */
	void (*disconnect)(struct queue *queue);
	/* Required. Frees the connection, which is closed and has no request in use. */
	void (*release)(struct queue *queue);
	/* Required. Called on any thread that holds the target's lock. */
	void (*addresses)(const struct queue *queue, struct transport_address *ret_local,
			  struct transport_address *ret_peer);
	/* Required. Says if header and data digests are in use. Called as addresses(). */
	void (*digests)(const struct queue *queue, bool *ret_header, bool *ret_data);
};

/* A transport's listeners: one struct for each trtype, used by the control thread. */
struct transport {
	const char *trtype;		/* Required: as nvmetcli spells it */
	const struct transport_traits *traits; /* Required */
	/*
	 * Required. Listens; connections belong to the port `portid`. traddr is numeric;
	 * trsvcid 0 takes a free port. 0, or -errno with *error filled.
	 */
	int (*listen)(struct target *target, const char *adrfam, const char *traddr,
		      uint16_t trsvcid, uint16_t portid, struct listener **ret_listener,
		      struct weft_error *error);
	/* Required. Stops listening and frees the listener; its connections stay. */
	void (*unlisten)(struct listener *listener);
};

#endif
