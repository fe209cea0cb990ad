/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Limits of the daemon's resources that hosts use: connections, and the memory of
 * connections, queues and controllers. A connection or queue beyond a limit is
 * refused, counted and logged; existing ones are not affected.
 *
 * A connection counts for its address until Connect, and for its host (by NQN)
 * after that. All counts are under the target's lock, which is taken when a
 * connection arrives, at Connect and at the end. I/O buffers are not counted here:
 * a host has a share of each reactor's (struct buffer_share).
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
	LIMIT_PENDING,		/* of one address, before Connect */
	LIMIT_HOST,		/* of one host */
	LIMIT_MEMORY,		/* bytes, in all */
	LIMIT_HOST_MEMORY,	/* bytes of one host: the whole / LIMITS_HOST_MEMORY_SHARE */
	LIMIT_KINDS,
};

/* One host may have half of the memory. */
#define LIMITS_HOST_MEMORY_SHARE 2
/* One host may have a quarter of each reactor's I/O buffers; its other commands wait. */
#define LIMITS_HOST_BUFFERS_SHARE 4
/* In-capsule data cannot wait: a host may have this many times its share for it. */
#define LIMITS_HOST_BUFFERS_AT_ONCE 2
/* Commands for one namespace hold at most a half, so that a backend that hangs leaves the rest. */
#define LIMITS_NAMESPACE_BUFFERS_SHARE 2
/* The floor is an eighth, and "little" a 256th, of the buffers: see buffer_share.h. */
#define LIMITS_FLOOR_SHARE 8
#define LIMITS_LITTLE_SHARE 256
/* The least bytes of I/O buffers of a reactor: a host's share then holds any transfer. */
#define LIMITS_BUFFERS_MIN ((size_t)16 * 1024 * 1024)
/* limits_trim() gives memory back once this much was freed, bytes. */
#define LIMITS_TRIM ((uint64_t)8 * 1024 * 1024)
#define LIMITS_BUCKETS 256
#define LIMITS_NAME_SIZE 224	/* bytes of an NQN or an address, with the NUL */

/* An owner of connections: an address or a host. Counted references, under the lock. */
struct limits_party {
	struct list node;		/* in limits->buckets */
	unsigned int refs;
	uint32_t connections;		/* a host's; an address's before Connect */
	uint64_t memory;		/* bytes; a host's */
	bool is_host;
	char name[LIMITS_NAME_SIZE];
	struct buffer_share shares[];	/* a host's: one for each reactor */
};

/* How one connection counts. Part of its queue. */
struct limits_place {
	struct limits_party *address;	/* reference; NULL without a listener (tests) */
	struct limits_party *host;	/* reference; NULL before Connect */
	uint64_t memory;		/* bytes */
	uint64_t arrived;		/* of these, bytes taken before Connect */
	bool open;			/* the connection is counted */
};

/* Under the target's lock. */
struct limits {
	uint32_t connections;
	uint64_t memory;		/* bytes */
	uint64_t peak;			/* the maximum of memory since the last limits_trim() */
	struct list buckets[LIMITS_BUCKETS]; /* struct limits_party.node */
	uint64_t refused[LIMIT_KINDS];	/* number of refusals */
};

void limits_init(struct limits *limits);

/*
 * Counts a new connection from this address (numeric; of IPv6, its /64 network) that takes
 * `bytes` of memory. true: *ret_place is filled, for the connection's queue. false: refused.
 */
bool limits_arrive(struct target *target, const char *address, uint64_t bytes,
		   struct limits_place *ret_place);
/* At Connect: the connection now counts for the host, with `bytes` more. false: refused. */
bool limits_join(struct target *target, struct limits_place *place, const char *hostnqn,
		 uint64_t bytes);
/* Undoes limits_join() when Connect fails after it. */
void limits_unjoin(struct target *target, struct limits_place *place);
/* The connection is closed; memory of its queue counts until limits_release(). */
void limits_closed(struct target *target, struct limits_place *place);
/* The connection's memory is freed, or it could not be started. */
void limits_release(struct target *target, struct limits_place *place);

/* The host's share of a reactor's I/O buffers; after Connect. Borrowed. */
static inline struct buffer_share *limits_share(const struct limits_place *place,
						unsigned int reactor)
{
	return &place->host->shares[reactor];
}

/* The peer's name for log_peer(): the address from which it connected. Borrowed. */
static inline const char *limits_peer(const struct limits_place *place)
{
	return place->address ? place->address->name : "nobody";
}

/*
 * Returns the memory of ended connections to the system, which malloc() alone would keep. Called
 * from time to time; does nothing while that is less than LIMITS_TRIM.
 */
void limits_trim(struct target *target);

/* The use of one limit. */
struct limits_usage {
	uint64_t now, max;		/* max 0: no limit */
	uint64_t refused;		/* since the start */
	char who[LIMITS_NAME_SIZE];	/* of a limit for each host or address: the largest user */
};

/* Fills the use of every limit, by kind. */
void limits_usage(struct target *target, struct limits_usage ret[LIMIT_KINDS]);
/* Bytes of I/O buffers in use on all reactors. Calls each reactor: control thread only. */
uint64_t limits_buffers(struct target *target);

#endif
