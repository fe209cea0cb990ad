/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A target for fuzzers: two reactors on fake loops and one thread, a
 * configuration that changes on demand, and two kinds of backends: the memory
 * backend, and one that completes later, in any order, or hangs.
 */
#ifndef TESTS_FUZZ_WORLD_H
#define TESTS_FUZZ_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORLD_REACTORS 2
#define NQN_A "nqn.2026-11.example:a"
#define NQN_B "nqn.2026-11.example:b"
#define HOST_ANY "nqn.2026-11.example:host"
#define HOST_FRIEND "nqn.2026-11.example:friend"

/* Ports: 1 has A, B and a referral, 2 has A, 3 is everywhere and has A, 8 is for discovery. */
#define WORLD_PORTS 4
extern const uint16_t world_ports[WORLD_PORTS];

/* What of the configuration is not as it is at first. */
enum world_change {
	WORLD_NO_NS1 = 1 << 0,
	WORLD_NO_NS2 = 1 << 1,
	WORLD_SWAP_NS = 1 << 2,		/* NSIDs 1 and 2 have each other's device */
	WORLD_SMALL_NS = 1 << 3,
	WORLD_FRIENDS_ONLY = 1 << 4,
	WORLD_NO_PORT2 = 1 << 5,
	WORLD_UNLINKED = 1 << 6,	/* A and port 1 */
	WORLD_ANA = 1 << 7,		/* another state of the group */
	WORLD_NO_A = 1 << 8,
	WORLD_REFERRALS = 1 << 9,
	WORLD_FEW_QUEUES = 1 << 10,
	WORLD_LOSS = 1 << 11,		/* the state of another group */
	WORLD_TRANSITION = 1 << 12,
	WORLD_REGROUP = 1 << 13,	/* NSID 2 is in the other group */
	WORLD_ANY_IPV6 = 1 << 14,	/* port 2 is everywhere */
	WORLD_DRAINING = 1 << 15,	/* the daemon is ending; stays so */
};

struct world_options {
	uint32_t max_pending;		/* connections of one address before Connect */
	uint32_t max_host;		/* connections of one host */
	uint16_t cntlid_max;
	size_t buffers;			/* bytes of I/O buffers of each reactor */
	size_t buffer_limit;		/* of which hosts' parts are made */
};

/* NULL: so few of all that who comes last waits, or is refused. */
void world_new(const struct world_options *options);
/*
 * All connections are closed: completes what the backends hold, and sees that
 * everything has come to its end and back.
 */
void world_free(void);
void world_change(unsigned int changes);
/* A connection was accepted for that port. */
void world_connect(unsigned int reactor, int fd, uint16_t portid);
/* One turn of one reactor; false: there was nothing to do. */
bool world_turn(unsigned int reactor);
/* Turns until nothing is left to do at this time. */
void world_settle(void);

/* Whether the late backend completes at once. */
void world_late_at_once(bool at_once);
/* Whether the disk with that index, 0 or 1, hangs: it completes nothing. */
void world_late_hang(unsigned int index, bool hangs);
/* How many it could complete. */
unsigned int world_late_count(void);
/* Completes one of those: 0 or -errno. */
void world_late_complete(unsigned int which, int result, bool from_thread);

#endif
