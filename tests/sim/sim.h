/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The target in virtual time: two reactors, the control thread, disks and
 * hosts of which one acts at a time, as a seed decides. The same seed does the
 * same each time. What must hold is asserted while it runs and at its end:
 * each command is answered once, what is read is what was written, whoever
 * keeps alive stays, whoever does not goes, nobody waits for another's disk,
 * a change disturbs nobody whom it does not concern, and everything comes back.
 *
 * The loop, the world and the host's end of a connection are the fuzzers'.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "fuzz.h"

#define MS UINT64_C(1000000)
#define SIM_HOSTS 6
#define SIM_QUEUES 4			/* connections of a host: the admin queue is the first */

/* What a run is made of. */
struct scenario {
	const char *name, *summary;
	unsigned int hosts, io_queues, depth;
	unsigned int steps;
	unsigned int pages_max;		/* of a transfer, 4 KiB each */
	size_t buffers;			/* bytes of I/O buffers of a reactor; 0: more than enough */
	uint32_t kato_ms;		/* 0: hosts do not keep alive */
	unsigned int changes;		/* of the configuration, that may come: enum world_change */
	uint32_t age_ms;		/* time that passes at once, when all are up to date */
	bool hangs;			/* the disk of NSID 7 completes nothing, at times */
	bool aborts;
	bool leaves;			/* hosts come and go */
	bool silent;			/* one host falls silent */
	bool still;			/* one host takes nothing of what it is sent */
	bool digests;
};

extern const struct scenario scenarios[];	/* ends with a NULL name */

struct sim {
	const struct scenario *scenario;
	uint64_t seed;
	bool trace;
	unsigned int step;
	unsigned int changes;		/* the configuration as it is now: enum world_change */
	bool hung;			/* the disk of NSID 7 hangs now */
	bool calm;			/* nothing new is begun */
};

extern struct sim sim;

/* What came to pass in all runs, so that one sees that something did. */
struct sim_counts {
	unsigned long commands, failed, aborted, attached, lost, events, changes, hangs, stuck;
};

extern struct sim_counts sim_counts;

/* A number below `bound`, which is not 0. */
uint32_t sim_random(uint32_t bound);
static inline bool sim_chance(unsigned int in)
{
	return sim_random(in) == 0;
}

/* A line of the trace, where one is wanted. */
void sim_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Virtual time. */
uint64_t sim_now(void);

/* One step of reactors, wires and disks, and none of hosts; false: there is none to take. */
bool sim_inner_step(void);
/* All that is on its way arrives, and all that can be done is done, at this time. */
void sim_settle(void);

/* Runs it. */
void sim_run(const struct scenario *scenario, uint64_t seed, bool trace);

#endif
