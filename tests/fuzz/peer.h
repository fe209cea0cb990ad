/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's end of a connection for fuzzers: sends PDUs, well-formed until
 * patched, in pieces of any size; reads what the controller answers, ends the
 * program where that is malformed, and remembers what asks for an answer.
 */
#ifndef TESTS_FUZZ_PEER_H
#define TESTS_FUZZ_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/nvme.h"
#include "spec/tcp.h"

#define PEERS 4
#define PEER_R2TS 64

struct peer_r2t {
	uint16_t cid, ttag;
	uint32_t offset, length;
};

/* A change of bytes in the next PDU. */
struct peer_patch {
	uint16_t offset;
	uint8_t width;			/* 1 to 4 bytes of the value */
	bool late;			/* after the digests were made */
	bool xor;
	uint32_t value;
};
#define PEER_PATCHES 4

struct peer;

/* What whoever drives a peer wants to know of it; each Optional. */
struct peer_ops {
	/* A response capsule. */
	void (*answered)(struct peer *peer, const struct nvme_cqe *cqe);
	/* Data of a command; success: no response capsule follows. */
	void (*data)(struct peer *peer, uint16_t cid, uint32_t offset, const uint8_t *data,
		     uint32_t length, bool success);
	/* What the command writes, from its first byte on; NULL: some bytes or other. */
	const uint8_t *(*payload)(struct peer *peer, uint16_t cid);
};

struct peer {
	int fd;
	const struct peer_ops *ops;	/* borrowed, or NULL */
	struct nvme_tcp_format format;	/* what this side asked for */
	bool hdgst, ddgst;		/* what the controller answered */
	bool wild;			/* what was sent may be anything: answers are not counted */
	uint16_t cid;			/* of the last command */
	uint16_t connect_cid;		/* of the last Connect */
	uint16_t cntlid;		/* of the last Connect that succeeded */
	uint8_t chop;			/* bytes of one receive; 0: all at once */
	bool cork;			/* PDUs wait to be received together */
	uint8_t *out;			/* owned: what waits to be received */
	size_t out_count, out_size;
	uint8_t *in;			/* owned: of the controller, not yet looked at */
	size_t in_count, in_size;
	struct peer_r2t r2ts[PEER_R2TS];
	unsigned int r2t_count;
	struct peer_patch patches[PEER_PATCHES];
	unsigned int patch_count;
	unsigned int commands, answers;
	bool term;			/* the controller has sent its last */
};

void peer_init(struct peer *peer, int fd);
void peer_done(struct peer *peer);
/* A connection is made or was lost: nothing is known of the other side. */
void peer_reset(struct peer *peer);

void peer_icreq(struct peer *peer, uint8_t dgst, uint8_t hpda, uint32_t maxr2t);
/* A capsule with `length` bytes of data in it. Sets CID; keeps the rest. */
void peer_command(struct peer *peer, const struct nvme_sqe *sqe, const void *data,
		  uint32_t length);
/* Up to `length` bytes for the R2T with that index, which is gone when it is served. */
void peer_h2c_data(struct peer *peer, unsigned int index, uint32_t length);
/* The oldest R2T is taken to have asked for that many bytes more. */
void peer_stretch(struct peer *peer, uint32_t length);
void peer_term(struct peer *peer, uint16_t fes, uint32_t fei);
void peer_bytes(struct peer *peer, const void *bytes, size_t count);
/* Lets the controller receive what waits. */
void peer_flush(struct peer *peer);
/* The first bytes of it. */
void peer_flush_part(struct peer *peer, size_t count);
/* What the controller sent. */
void peer_receive(struct peer *peer, const uint8_t *data, size_t count);

#endif
