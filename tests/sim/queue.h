/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection of a simulated host: its commands, and what must hold of each answer. */
#ifndef TESTS_SIM_QUEUE_H
#define TESTS_SIM_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "peer.h"
#include "sim.h"
#include "spec/nvme.h"

#define QUEUE_COMMANDS 32

enum cmd_kind {
	CMD_FREE,
	CMD_READ,
	CMD_WRITE,
	CMD_ZEROES,
	CMD_FLUSH,
	CMD_ABORT,
	CMD_AER,
	CMD_OTHER,
};

struct cmd {
	enum cmd_kind kind;
	uint16_t cid;
	unsigned int disk, first, pages; /* of I/O */
	uint32_t stamp;			/* of a write */
	bool in_capsule;
	bool aborted;			/* an Abort named it */
	uint8_t *data;			/* owned; what is written, or what came so far */
	uint32_t length, got;
};

struct queue_sim {
	struct peer peer;
	unsigned int host;
	uint16_t qid;
	bool up;			/* Connect was answered, and the connection is there */
	bool abandoned;			/* its host is gone: nothing is expected of it */
	struct cmd cmds[QUEUE_COMMANDS];
	unsigned int used;
	/* The last command of kind CMD_OTHER that was answered: */
	bool answered;
	struct nvme_status status;
	uint32_t dw0;
	uint8_t *answer;		/* owned: its data */
	uint32_t answer_length;
};

/* host.c: an answer has come for a command of that kind, with this result. */
void host_event(unsigned int host, uint32_t dw0);

/* The connection is made on that reactor; nothing is sent yet. */
void queue_open(struct queue_sim *queue, unsigned int host, unsigned int index,
		unsigned int reactor, uint16_t portid);
/* The socket is gone: what was under way came to nobody knows what. */
void queue_lost(struct queue_sim *queue);
/* Frees what it owns. */
void queue_done(struct queue_sim *queue);

/* Begins I/O on the host's part of a disk; false: there is no room for it now. */
bool queue_io(struct queue_sim *queue, enum cmd_kind kind, unsigned int disk,
	      unsigned int pages);
/* Aborts one of `of` that is under way, if any is, on the admin queue. */
bool queue_abort(struct queue_sim *admin, struct queue_sim *of);
void queue_aer(struct queue_sim *admin);
/* Another command, of which one may be under way: its answer is kept in the queue. */
void queue_command(struct queue_sim *queue, const struct nvme_sqe *sqe, const void *data,
		   uint32_t to_target, uint32_t from_target);
/* Sends some of what an R2T asks for; false: none does. */
bool queue_serve(struct queue_sim *queue, bool whole);
/* Commands that are under way, but for AERs and those on that disk (DISKS: none). */
unsigned int queue_pending(const struct queue_sim *queue, unsigned int but_disk);

#endif
