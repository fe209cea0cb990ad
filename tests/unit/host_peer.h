/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small NVMe/TCP controller in threads, for the tests of src/host: one subsystem with one
 * namespace of memory, one discovery log; blocking and simple, and able to misbehave.
 */
#ifndef WEFT_TESTS_UNIT_HOST_PEER_H
#define WEFT_TESTS_UNIT_HOST_PEER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PEER_NQN "nqn.2014-08.io.weft:peer"
#define PEER_BLOCK 512u
#define PEER_BLOCKS 4096u
#define PEER_MAXH2C 4096u
#define PEER_C2H_MAX 3072u	/* data of one C2HData PDU */
#define PEER_ICD 8192u

enum peer_fault {
	PEER_GOOD,
	PEER_BAD_DATA_DIGEST,
	PEER_BAD_HEADER_DIGEST,
	PEER_UNKNOWN_CID,
	PEER_R2T_OUT_OF_RANGE,
	PEER_R2T_TWICE,
	PEER_DATA_OUT_OF_RANGE,
	PEER_DATA_AFTER_WRITE,
	PEER_READ_ERROR,
	PEER_SHORT_READ,
	PEER_TERM,
	PEER_CLOSE,
	PEER_SILENT,
	PEER_REFUSES_HOST,
	PEER_WANTS_AUTH,
	PEER_NO_DIGESTS,
	PEER_NOT_NVME,
	PEER_GENCTR_MOVES,
	PEER_MUTATES,			/* changes a byte of each I/O PDU's header */
};

struct connection;

struct peer {
	int listener;
	char port[8];
	enum peer_fault fault;		/* set before the connection is made */
	pthread_t thread;
	pthread_mutex_t lock;		/* of the memory */
	struct connection *connections;	/* all there were */
	unsigned int discovery_reads;
	unsigned int seed;		/* of PEER_MUTATES */
	atomic_uint terms;		/* H2CTermReqs received */
	uint8_t memory[PEER_BLOCK * PEER_BLOCKS];
};

/* Listens on a loopback port of the kernel's choice. */
struct peer *peer_start(enum peer_fault fault);
/* Stops listening, waits for the connections to end, frees. */
void peer_stop(struct peer *peer);

#endif
