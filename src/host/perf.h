/* SPDX-License-Identifier: BSD-3-Clause */
/* A load generator: keeps a namespace busy over some I/O queues and measures its performance. */
#ifndef WEFT_HOST_PERF_H
#define WEFT_HOST_PERF_H

#include <stdbool.h>
#include <stdint.h>

#include <weft/backend.h>

#include "host/histogram.h"
#include "host/host.h"

struct perf_options {
	uint32_t	nsid;
	uint32_t	io_size;	/* bytes, a multiple of the namespace's block size */
	uint16_t	depth;		/* commands outstanding on each connection */
	uint16_t	connections;	/* I/O queues */
	unsigned int	threads;	/* the connections are spread over them */
	unsigned int	read_percent;
	bool		random;		/* false: each connection goes through its share in order */
	bool		verify;		/* compare data that is read with data that was written */
	bool		busy_poll;	/* never sleep */
	double		ramp, seconds;	/* duration before and of the measurement, seconds */
	uint64_t	offset, length;	/* range in bytes; length 0: to the end */
};

struct perf_side {
	struct histogram latency;	/* of the measured commands, from queueing to completion */
	uint64_t	bytes;
};

struct perf_result {
	struct perf_side read, write;
	double		seconds;	/* measured */
	double		cpu_user, cpu_system; /* CPU seconds of the worker threads meanwhile */
	uint16_t	depth;		/* of each connection, within CAP.MQES */
	uint16_t	connections;
	unsigned int	threads;
	uint64_t	verified;	/* reads compared */
};

/* Called about once a second: commands and bytes completed since the start, and the time. */
typedef void perf_progress_fn(void *user, double seconds, uint64_t ios, uint64_t bytes);

/*
 * Opens the I/O queues, runs the load and closes the queues. A failed command ends it. `progress`
 * may be NULL. Returns 0 or -errno with *error filled. *ret_result is too large for a small stack.
 */
int perf_run(struct host_ctrl *ctrl, const struct perf_options *opts, perf_progress_fn *progress,
	     void *user, struct perf_result *ret_result, struct weft_error *error);

#endif
