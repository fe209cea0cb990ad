/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What hosts may take of the daemon, and what they have: connections, and the
 * memory of connections, queues and controllers. Each bound has a name; what is
 * beyond it is refused, counted and logged, and what is there goes on.
 *
 * A connection is its address's until Connect, and from then on its host's, by
 * NQN. All of it is under the target's lock, which is taken at arrival, Connect
 * and the end. I/O buffers are another matter: each reactor counts its own, and
 * a host has a share of them there (struct buffer_share).
 */
#ifndef WEFT_TARGET_BASE_LIMITS_H
#define WEFT_TARGET_BASE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target/base/buffer_share.h"
#include "util/list.h"

struct target;

enum limit {
	LIMIT_CONNECTIONS,	/* in all */
	LIMIT_PENDING,		/* of one address that have not sent Connect yet */
	LIMIT_HOST,		/* of one host */
	LIMIT_MEMORY,		/* bytes, in all */
	LIMIT_HOST_MEMORY,	/* bytes of one host: LIMITS_HOST_MEMORY_SHARE of them */
	LIMIT_KINDS,
};

/* One host may have this part of the memory: a half. */
#define LIMITS_HOST_MEMORY_SHARE 2
/* And this part of each reactor's I/O buffers: a quarter, and its other commands wait for it. */
#define LIMITS_HOST_BUFFERS_SHARE 4
/* What came with commands cannot wait: of that, a host may have so often its share. */
#define LIMITS_HOST_BUFFERS_AT_ONCE 2
/* The commands of one namespace hold a half: when its backend hangs, there is the rest. */
#define LIMITS_NAMESPACE_BUFFERS_SHARE 2
/* The floor, an eighth, and what counts as little, a 256th: see buffer_share.h. */
#define LIMITS_FLOOR_SHARE 8
#define LIMITS_LITTLE_SHARE 256
/* The least I/O buffers of a reactor, bytes: the share of a host still holds any transfer. */
#define LIMITS_BUFFERS_MIN ((size_t)16 * 1024 * 1024)
/* What connections have left before it is given back, bytes. */
#define LIMITS_TRIM ((uint64_t)8 * 1024 * 1024)
#define LIMITS_BUCKETS 256
#define LIMITS_NAME_SIZE 224	/* an NQN or an address, and a zero */

/* Who has connections: an address, or a host. Kept by reference, under the lock. */
struct limits_party {
	struct list node;		/* in limits->buckets */
	unsigned int refs;
	uint32_t connections;		/* an address's: those that wait for Connect */
	uint64_t memory;		/* bytes; a host's */
	bool is_host;
	char name[LIMITS_NAME_SIZE];
	struct buffer_share shares[];	/* a host's: one for each reactor */
};

/* What one connection has. Part of its queue. */
struct limits_place {
	struct limits_party *address;	/* reference; NULL: it did not arrive by a listener */
	struct limits_party *host;	/* reference; NULL before Connect */
	uint64_t memory;		/* bytes */
	uint64_t arrived;		/* of those, what it took before Connect */
	bool open;			/* it counts as a connection */
};

/* Under the target's lock. */
struct limits {
	uint32_t connections;
	uint64_t memory;		/* bytes */
	uint64_t peak;			/* the most that memory was since the last limits_trim() */
	struct list buckets[LIMITS_BUCKETS]; /* struct limits_party.node */
	uint64_t refused[LIMIT_KINDS];	/* how often */
};

void limits_init(struct limits *limits);

/*
 * A connection came from this address (numeric; of IPv6 its network of 64 bits),
 * and takes so many bytes. true: *ret_place is filled, for the connection's queue.
 * false: refused.
 */
bool limits_arrive(struct target *target, const char *address, uint64_t bytes,
		   struct limits_place *ret_place);
/* Connect: from now on it is that host's, and takes so many bytes more. false: refused. */
bool limits_join(struct target *target, struct limits_place *place, const char *hostnqn,
		 uint64_t bytes);
/* Connect failed all the same: takes it back. */
void limits_unjoin(struct target *target, struct limits_place *place);
/* The connection is closed; what its queue still holds counts until limits_release(). */
void limits_closed(struct target *target, struct limits_place *place);
/* Nothing is left of it, or it came to nothing. */
void limits_release(struct target *target, struct limits_place *place);

/* After Connect: its host's share of a reactor's I/O buffers. Borrowed. */
static inline struct buffer_share *limits_share(const struct limits_place *place,
						unsigned int reactor)
{
	return &place->host->shares[reactor];
}

/* Who is at the other end, for log_peer(): the address by which it arrived. Borrowed. */
static inline const char *limits_peer(const struct limits_place *place)
{
	return place->address ? place->address->name : "nobody";
}

/*
 * Gives the system back what many connections have left, which malloc() alone would
 * keep. From time to time; does nothing unless it is LIMITS_TRIM.
 */
void limits_trim(struct target *target);

/* How much of a bound is used. */
struct limits_usage {
	uint64_t now, max;		/* max 0: there is no bound */
	uint64_t refused;		/* since the start */
	char who[LIMITS_NAME_SIZE];	/* of a bound for each: who has most; "": nobody */
};

/* All of them, by kind. */
void limits_usage(struct target *target, struct limits_usage ret[LIMIT_KINDS]);
/* I/O buffers in use on all reactors, bytes. Asks each: from the control thread. */
uint64_t limits_buffers(struct target *target);

#endif
