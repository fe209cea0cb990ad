/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An NVMe/TCP host in user space: associations, admin and I/O commands, discovery. It shares the
 * wire structures of spec/ with the target and nothing else, so each tests the other.
 *
 * Functions return 0 or -errno with *error filled: the address or NQN, the action that failed and,
 * if the controller refused a command, the name of its status (code EREMOTEIO).
 */
#ifndef WEFT_HOST_HOST_H
#define WEFT_HOST_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include <weft/backend.h>

#include "host/queue.h"
#include "spec/fabrics.h"
#include "spec/identify.h"
#include "spec/nvme.h"
#include "spec/property.h"

#define HOST_TIMEOUT_MS		30000
#define HOST_KATO_MS		30000
#define HOST_QUEUE_MAX		128	/* the most I/O queues that this host asks for */

struct host_options {
	const char	*traddr;	/* address or host name */
	const char	*trsvcid;	/* port; NULL: 4420, or 8009 for the discovery NQN */
	const char	*subnqn;
	char		hostnqn[NVMF_NQN_SIZE];
	uint8_t		hostid[16];
	bool		hdgst, ddgst;
	bool		no_sq_flow;	/* ask for SQ flow control to be off */
	uint32_t	kato_ms;	/* 0: no keep alive */
	int		timeout_ms;	/* of connecting, and of each admin command */
};

/*
 * Sets the default options. Host NQN and Host Identifier are those of nvme-cli in /etc/nvme, or are
 * made from /etc/machine-id, so that they do not change. Digests are off, SQ flow control is on,
 * and keep alive and timeout are as above.
 */
void host_options_init(struct host_options *opts);

/* An association: the admin queue and the properties of the controller. */
struct host_ctrl {
	struct host_options opts;	/* strings borrowed from the caller */
	struct host_queue *admin;	/* owned */
	uint16_t	cntlid;
	uint64_t	cap;
	uint32_t	vs;
	uint32_t	max_transfer;	/* bytes of one command, by MDTS; UINT32_MAX: no limit */
	uint32_t	io_icd;		/* in-capsule data size of I/O queues, bytes */
	uint16_t	io_queues;	/* granted by the controller; 0 until host_io_queues() */
	int64_t		kept_alive_ms;	/* CLOCK_MONOTONIC of the last admin command */
	struct nvme_id_ctrl id;
};

/*
 * Connects the admin queue, enables the controller and identifies it. opts is copied, its strings
 * borrowed until host_disconnect().
 */
int host_connect(const struct host_options *opts, struct host_ctrl **ret_ctrl,
		 struct weft_error *error);
/* Shuts the controller down and frees it; NULL is harmless. I/O queues must be closed before. */
void host_disconnect(struct host_ctrl *ctrl);
/* Sends Keep Alive if half of KATO has passed without an admin command. */
int host_tend(struct host_ctrl *ctrl, struct weft_error *error);

/* Sets Features 07h: asks for `count` I/O queues; ctrl->io_queues tells how many there are. */
int host_io_queues(struct host_ctrl *ctrl, uint16_t count, struct weft_error *error);
/*
 * Opens I/O queue `qid` (1 to ctrl->io_queues) for `depth` requests at a time, or for as many as
 * the controller's CAP.MQES allows: see the queue's depth. The caller closes the queue.
 */
int host_io_open(struct host_ctrl *ctrl, uint16_t qid, uint16_t depth,
		 struct host_queue **ret_queue, struct weft_error *error);

/*
 * Sends an admin command and waits. `what` names it in messages. `length` bytes of `data` are sent
 * or filled, as the opcode says. Any status except success is an error; ret_cqe may be NULL.
 */
int host_admin(struct host_ctrl *ctrl, const char *what, const struct nvme_sqe *sqe, void *data,
	       uint32_t length, struct nvme_cqe *ret_cqe, struct weft_error *error);
/* Identify; ret_data has NVME_IDENTIFY_SIZE bytes. */
int host_identify(struct host_ctrl *ctrl, uint8_t cns, uint32_t nsid, uint8_t csi, void *ret_data,
		  struct weft_error *error);
/* Get Log Page: reads `length` bytes, a multiple of 4, from `offset`. */
int host_log(struct host_ctrl *ctrl, uint8_t lid, uint32_t nsid, uint64_t offset, void *ret_data,
	     uint32_t length, struct weft_error *error);

/* The properties of a namespace that reads and writes need. */
struct host_ns {
	uint32_t	nsid;
	uint64_t	blocks;
	uint32_t	block_size;	/* bytes */
	struct nvme_id_ns id;
};

/* Identifies a namespace. -ENODEV: there is none; -EOPNOTSUPP: it has metadata. */
int host_ns_open(struct host_ctrl *ctrl, uint32_t nsid, struct host_ns *ret_ns,
		 struct weft_error *error);

/* Fills *sqe with a Read or Write (`opcode`) of a range in blocks; flags as NVME_RW_FUA. */
void host_rw_sqe(struct nvme_sqe *sqe, uint8_t opcode, uint32_t nsid, uint64_t slba,
		 uint32_t blocks, uint32_t flags);

/* A discovery log with numrec entries, for the caller to free(). */
struct host_disc {
	uint64_t	genctr;
	uint64_t	numrec;
	struct nvmf_disc_entry *entries;
};

/* Reads the discovery log, up to ten times if it changes meanwhile. */
int host_discover(struct host_ctrl *ctrl, struct host_disc *ret_disc, struct weft_error *error);

#endif
