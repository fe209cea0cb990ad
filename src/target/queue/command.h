/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Command sets: a table each, a row for each command. What is served, what is checked, what
 * Identify and the effects log tell of it, weft-commands(7) and the fuzzers' grammar come from the
 * rows: a new command is a row and its functions.
 */
#ifndef WEFT_TARGET_QUEUE_COMMAND_H
#define WEFT_TARGET_QUEUE_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "spec/nvme.h"

struct request;

/* Which queues serve a command, or an admin queue a log page, a feature, a CNS value. */
enum command_on {
	ON_NEW		= 1 << 0,	/* before Connect */
	ON_ADMIN	= 1 << 1,	/* admin queue of an I/O controller */
	ON_DISCOVERY	= 1 << 2,	/* admin queue of a discovery controller */
	ON_IO		= 1 << 3,	/* I/O queue */
	ON_BOTH		= ON_ADMIN | ON_DISCOVERY,
};

/* What is checked before a command's own parse(), and again if it had to wait. */
enum command_flags {
	COMMAND_NAMESPACE = 1 << 0,	/* NSID is active, and accessible here (ANA) */
	COMMAND_WRITES	= 1 << 1,	/* the namespace is not write protected */
	COMMAND_RANGE	= 1 << 2,	/* SLBA and NLB are within the namespace */
	COMMAND_BLOCKS	= 1 << 3,	/* it transfers the blocks of its range, at most MDTS */
};

struct command {
	const char *name;		/* as the specification spells it; NULL: there is none */
	uint8_t on;			/* enum command_on */
	uint8_t flags;			/* enum command_flags */
	uint16_t support;		/* bit by which Identify tells: ONCS, OACS or OFCS */
	uint32_t effects;		/* of log page 05h, besides CSUPP */
	uint32_t length;		/* bytes that it always transfers */
	/*
	 * Optional. Looks at req->sqe, and may set data_length (what the command transfers by its
	 * own fields) and another execute(). A failure comes from refuse() where a field is wrong.
	 */
	struct nvme_status (*parse)(struct request *req);
	/* Required, unless parse() sets it. Ends in request_complete(), once. */
	void (*execute)(struct request *req);
	/* Optional. The backend has done its I/O; else the command succeeds with that. */
	void (*done)(struct request *req);
	/*
	 * Optional. Finds a place for the data from the host other than an I/O buffer: sets data
	 * and block_shift. false: there is none. The one needs the other: lent_ended() clears
	 * block_shift, once, before the namespace is unpinned.
	 */
	bool (*lend)(struct request *req);
	void (*lent_ended)(struct request *req);
	/* Optional. The view is another, and its data may still be on its way to such a place. */
	void (*view_changed)(struct request *req);
	const char *section;		/* where it is specified */
	const char *notes;		/* for the manual: limits; NULL: none */
};

struct command_set {
	const char *name;
	uint8_t on;			/* of a queue that has this set: which one it is */
	uint8_t opcode_at;		/* offset of the opcode in the SQE */
	uint8_t count;
	const struct command *commands;	/* by opcode */
	/* Optional. May a command of this set run now? Without it: once the controller is ready. */
	struct nvme_status (*admit)(const struct request *req);
};

#define COMMAND_SET_TABLE(table) .commands = (table), .count = sizeof(table) / sizeof((table)[0])

/* Fabrics commands, by FCTYPE: every queue has them beside its own set. */
extern const struct command_set fabrics_commands;
/* The own set of a queue: before Connect, and of the three kinds. */
extern const struct command_set unconnected_commands;	/* queue.c: none */
extern const struct command_set admin_commands, discovery_commands; /* admin.c */
extern const struct command_set nvm_commands;		/* nvm.c */

/* The row of an opcode, or NULL where such a queue does not serve it. */
static inline const struct command *command_find(const struct command_set *set, uint8_t opcode,
						 uint8_t on)
{
	const struct command *command = &set->commands[opcode];

	return opcode < set->count && command->on & on ? command : NULL;
}

/* Finds the command in req->sqe, checks it, and sets req->command, execute and data_length. */
struct nvme_status command_parse(struct request *req);
/* The bits by which Identify tells of the set's optional commands. */
uint16_t command_set_support(const struct command_set *set);

/* Refuses: fails a field at this offset of the SQE; to be returned from parse. */
struct nvme_status refuse(struct request *req, uint16_t sc, size_t sqe_offset);

/* ---- what else has a number: log pages, features, CNS values ---- */

/* First in the rows of those tables. */
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
