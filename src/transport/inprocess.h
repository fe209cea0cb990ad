/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A transport without sockets, for tests: a host in the same process sends commands from
 * memory and gets completions back. The host's thread, which is not a reactor's, calls all
 * functions; the controller's side of each call runs on the connection's reactor.
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
	INPROCESS_SENT,		/* the controller has the command */
	INPROCESS_ASKED,	/* the controller asks for the withheld data */
	INPROCESS_DONE,		/* cqe is valid */
	INPROCESS_LOST,		/* the connection ended before the completion */
	INPROCESS_FULL,		/* the queue is full; over TCP the connection would end */
};

/* One command. Owned by the host, and unchanged while it is SENT or ASKED. */
struct inprocess_command {
	struct nvme_sqe sqe;
	const void *data;		/* for the controller; may be NULL */
	uint32_t length;
	bool in_capsule;		/* data travels with the command */
	bool withhold;			/* data waits for inprocess_send_data() */
	void *buffer;			/* takes what the controller sends; may be NULL */
	uint32_t size;			/* of buffer; bytes beyond are counted and dropped */
	/* Results, valid once inprocess_wait() or inprocess_state() said so. */
	enum inprocess_state state;	/* the transport's: ask inprocess_state() */
	struct nvme_cqe cqe;
	uint32_t received;		/* bytes of payload received */
	/* The transport's own. */
	struct list node;
	struct request *request;
};

/* Connects to the port, as if by the address `local`. NULL where memory ran out. */
struct inprocess *inprocess_open(struct reactor *reactor, uint16_t portid,
				 const struct transport_address *local);
/* Sends a command. On return the controller has begun with it. */
void inprocess_send(struct inprocess *conn, struct inprocess_command *command);
/* The state of the command. */
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
