/* SPDX-License-Identifier: BSD-3-Clause */
/* Structs and functions that the files of the load generator share. */
#ifndef WEFT_HOST_PERF_INTERNAL_H
#define WEFT_HOST_PERF_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "host/perf.h"

static inline uint64_t perf_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The run. Only its atomics change while the workers run. */
struct perf {
	const struct perf_options *opts;
	struct host_ns	ns;
	uint32_t	blocks;		/* of one command */
	uint64_t	first_block;	/* of the range */
	uint64_t	chunks;		/* commands that fit the range */
	uint64_t	seed;		/* of the data written */
	uint64_t	begin_ns, measure_ns, end_ns;
	atomic_bool	stop;		/* a worker failed, or the run is over */
	atomic_uchar	*written;	/* owned, with verify: a bit for each written chunk */
	uint8_t		*pattern;	/* owned: the data to write without verify */
};

/* One connection of a worker. */
struct perf_lane {
	struct perf_worker *worker;
	struct host_queue *queue;	/* owned */
	struct perf_slot *slots;	/* owned: as many as the queue's depth */
	uint64_t	next, first, count; /* its share in chunks, for sequential runs */
	bool		want_write;	/* epoll watches for EPOLLOUT */
};

/* One command outstanding. */
struct perf_slot {
	struct host_request req;
	struct perf_lane *lane;
	uint8_t		*buffer;	/* owned, with verify */
	uint64_t	chunk;
	uint64_t	start_ns;
	bool		compare;	/* with verify: the read chunk was written before */
};

struct perf_worker {
	struct perf	*perf;
	struct perf_lane *lanes;	/* owned */
	unsigned int	lane_count;
	pthread_t	thread;
	bool		started;
	uint64_t	random;		/* state of the random numbers */
	uint64_t	now_ns;		/* 0: the clock was not read since the last wait */
	bool		stopping;
	struct perf_side read, write;
	double		cpu_user, cpu_system;
	uint64_t	verified;
	atomic_ulong	ios, bytes;	/* for progress */
	atomic_bool	finished;
	int		result;
	struct weft_error error;
};

/* The body of a worker's thread. */
void *perf_worker_main(void *worker);

#endif
