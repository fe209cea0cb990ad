/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Command sets: a table each, with a row for each command. Dispatch, checks, Identify, the effects
 * log, weft-commands(7) and the fuzzers' grammar come from the rows. A new command is a row and
 * its functions.
 */
#ifndef WEFT_TARGET_QUEUE_COMMAND_H
#define WEFT_TARGET_QUEUE_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "spec/nvme.h"

struct request;

/* The queues that serve a command, log page, feature or CNS value. */
enum command_on {
	ON_NEW		= 1 << 0,	/* before Connect */
	ON_ADMIN	= 1 << 1,	/* admin queue of an I/O controller */
	ON_DISCOVERY	= 1 << 2,	/* admin queue of a discovery controller */
	ON_IO		= 1 << 3,	/* I/O queue */
	ON_BOTH		= ON_ADMIN | ON_DISCOVERY,
};

/* Checks that run before the command's parse(), and again if the command had to wait. */
enum command_flags {
	COMMAND_NAMESPACE = 1 << 0,	/* NSID is active, and accessible here (ANA) */
	COMMAND_WRITES	= 1 << 1,	/* the namespace is not write protected */
	COMMAND_RANGE	= 1 << 2,	/* SLBA and NLB are within the namespace */
	COMMAND_BLOCKS	= 1 << 3,	/* it transfers the blocks of its range, at most MDTS */
};

struct command {
	const char *name;		/* as in the specification; NULL: no such command */
	uint8_t on;			/* enum command_on */
	uint8_t flags;			/* enum command_flags */
	uint16_t support;		/* its bit in ONCS, OACS or OFCS of Identify */
	uint32_t effects;		/* of log page 05h, besides CSUPP */
	uint32_t length;		/* bytes that it transfers, if that is constant */
	/*
	 * Optional. Checks req->sqe. May set data_length, where fields of the command determine
	 * it, and another execute(). Returns refuse() for an invalid field.
	 */
	struct nvme_status (*parse)(struct request *req);
	/* Required, unless parse() sets it. Leads to request_complete(), once. */
	void (*execute)(struct request *req);
	/* Optional. Called when the backend has done the I/O; without it, the command succeeds. */
	void (*done)(struct request *req);
	/*
	 * Optional. Has the backend lend memory for data from the host, in place of an I/O
	 * buffer: sets data and block_shift. false: no memory is lent. A row with lend() has
	 * lent_ended(), which clears block_shift, once, before the namespace is unpinned.
	 */
	bool (*lend)(struct request *req);
	void (*lent_ended)(struct request *req);
	/* Optional. The view changed while data may still arrive in lent memory. */
	void (*view_changed)(struct request *req);
	const char *section;		/* of the specification */
	const char *notes;		/* for the manual: limits; NULL: none */
};

struct command_set {
	const char *name;
	uint8_t on;			/* the kind of queue that has this set */
	uint8_t opcode_at;		/* offset of the opcode in the SQE */
	uint8_t count;
	const struct command *commands;	/* by opcode */
	/* Optional. Success if the command may run now. Default: the controller must be ready. */
	struct nvme_status (*admit)(const struct request *req);
};

#define COMMAND_SET_TABLE(table) .commands = (table), .count = sizeof(table) / sizeof((table)[0])

/* Fabrics commands, by FCTYPE: every queue serves them and its own set. */
extern const struct command_set fabrics_commands;
/* A queue's own set: before Connect, and for each kind of queue after it. */
extern const struct command_set unconnected_commands;	/* queue.c: none */
extern const struct command_set admin_commands, discovery_commands; /* admin.c */
extern const struct command_set nvm_commands;		/* nvm.c */

/* The row of an opcode, or NULL if queues of this kind do not serve it. */
static inline const struct command *command_find(const struct command_set *set, uint8_t opcode,
						 uint8_t on)
{
	const struct command *command = &set->commands[opcode];

	return opcode < set->count && command->on & on ? command : NULL;
}

/* Finds the command in req->sqe, checks it, and sets req->command, execute and data_length. */
struct nvme_status command_parse(struct request *req);
/* The bits in Identify for the set's optional commands. */
uint16_t command_set_support(const struct command_set *set);

/* The status for an invalid field at this offset of the SQE; parse functions return it. */
struct nvme_status refuse(struct request *req, uint16_t sc, size_t sqe_offset);

/* ---- tables of log pages, features and CNS values ---- */

/* The first member of each row of these tables. */
struct catalog_entry {
	uint8_t id;
	uint8_t on;			/* enum command_on */
	const char *name;
	const char *section;
};

/* The i-th row of the table, in order of id; NULL behind the last. */
const struct catalog_entry *log_catalog(size_t i);	/* log.c */
const struct catalog_entry *feature_catalog(size_t i);	/* features.c */
const struct catalog_entry *identify_catalog(size_t i);	/* identify.c */

#endif
