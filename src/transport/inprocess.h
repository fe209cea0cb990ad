/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A transport without sockets, for tests: a host in the same process sends
 * commands from memory and gets completions back. Everything here is called by
 * the host's thread, which is none of the reactors' (the connection's side of
 * each call runs on its reactor, as with any transport).
 */
#ifndef WEFT_TRANSPORT_INPROCESS_H
#define WEFT_TRANSPORT_INPROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "spec/nvme.h"
#include "target/queue/transport.h"
#include "util/list.h"

struct inprocess;
struct reactor;
struct request;

enum inprocess_state {
	INPROCESS_SENT,		/* the controller has it */
	INPROCESS_ASKED,	/* it asks for the data that is withheld */
	INPROCESS_DONE,		/* cqe is valid */
	INPROCESS_LOST,		/* the connection ended before */
	INPROCESS_FULL,		/* the queue has no place: a connection would end for that */
};

/* One command. Owned by the host, and unchanged while it is SENT or ASKED. */
struct inprocess_command {
	struct nvme_sqe sqe;
	const void *data;		/* for the controller; may be NULL */
	uint32_t length;
	bool in_capsule;		/* data travels with the command */
	bool withhold;			/* data waits for inprocess_send_data() */
	void *buffer;			/* takes what the controller sends; may be NULL */
	uint32_t size;			/* of buffer: bytes beyond are counted but dropped */
	/* Results, valid once inprocess_wait() or inprocess_state() said so. */
	enum inprocess_state state;	/* the transport's: ask inprocess_state() */
	struct nvme_cqe cqe;
	uint32_t received;		/* bytes of payload that came */
	/* The transport's own. */
	struct list node;
	struct request *request;
};

/* Connects to the port, as if by the address `local`. NULL where memory ran out. */
struct inprocess *inprocess_open(struct reactor *reactor, uint16_t portid,
				 const struct transport_address *local);
/* Sends a command. On return the controller has begun with it. */
void inprocess_send(struct inprocess *conn, struct inprocess_command *command);
/* How far it is. */
enum inprocess_state inprocess_state(struct inprocess *conn,
				     const struct inprocess_command *command);
/* Sends the data that an ASKED command withheld. */
void inprocess_send_data(struct inprocess *conn, struct inprocess_command *command);
/* Waits until the command is DONE (true) or LOST, for at most timeout_ms. */
bool inprocess_wait(struct inprocess *conn, struct inprocess_command *command,
		    unsigned int timeout_ms);
/* Waits until the controller has ended the connection, for at most timeout_ms. */
bool inprocess_wait_closed(struct inprocess *conn, unsigned int timeout_ms);
/* Ends the connection, waits until the target has let go of it, and frees. NULL is allowed. */
void inprocess_close(struct inprocess *conn);

#endif
