/* SPDX-License-Identifier: BSD-3-Clause */
/* The two ends of the raw limit. */
#ifndef WEFT_BENCH_LIMIT_LIMIT_H
#define WEFT_BENCH_LIMIT_LIMIT_H

#include "limit/stream.h"

#define THREADS_MAX	64
#define CONNECTIONS_MAX	1024

/* What a client says first, on each connection; the server has no other settings. */
struct hello {
	uint32_t size;		/* of this */
	uint32_t connections, threads;
	uint32_t uring;
	uint32_t look_us;	/* the server looks so long for what comes before it sleeps */
	uint32_t halves;	/* of what there is a send carries half, at both ends */
	uint32_t store;		/* it keeps what is written, instead of forgetting it */
};

struct client_options {
	const char *address, *port;
	struct hello hello;
	bool uring;		/* the client's own */
	uint32_t look_us;
	bool random;
	unsigned int depth, read_percent;
	uint32_t size;		/* of a payload */
	uint32_t in_capsule;	/* longer writes wait for an R2T */
	uint64_t memory;	/* of the server, that payloads come from */
	double ramp, seconds;
};

/* Serves one client after the other; prints the port when it listens. Returns only on failure. */
int server_run(const char *address, const char *port, uint64_t memory);
/* Runs the load and prints what it measured as JSON. 0 or -errno. */
int client_run(const struct client_options *options);

#endif
