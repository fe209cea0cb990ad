/* SPDX-License-Identifier: BSD-3-Clause */
/* Many hosts in one process, for tests of load: what its files share. */
#ifndef TESTS_LOAD_LOAD_H
#define TESTS_LOAD_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/host.h"

#define LOAD_IO_MAX (128u * 1024)	/* bytes of one command */
#define LOAD_DEPTH 32

/* What was asked for; constant. */
struct load_options {
	const char *traddr, *trsvcid, *subnqn;
	unsigned int threads;		/* that work at a time */
	unsigned int count;		/* associations of a storm; 0: until the time is over */
	unsigned int idle;		/* connections that do nothing */
	unsigned int pause_us;		/* between two writes that are verified */
	unsigned int stall_ms;		/* a command that takes longer counts as a stall */
	double seconds;
	uint32_t nsid;
	bool lenient;			/* refusals and lost connections are no errors */
};

/* What happened; by all threads. */
struct load_result {
	_Atomic uint64_t associations, verified, stalls, slowest_us;
	_Atomic uint64_t refused;	/* lenient: what came to nothing */
	_Atomic uint64_t failed;	/* errors: the first was printed */
	atomic_bool stop;
};

extern struct load_options load;
extern struct load_result load_result;

/* One thread. */
struct load_worker {
	unsigned int index;
	uint64_t random;		/* state */
	uint64_t turn;			/* of what is written */
	uint8_t *data, *back;		/* owned: LOAD_IO_MAX bytes each */
};

uint64_t load_random(struct load_worker *worker, uint64_t below);
uint64_t load_now_us(void);
bool load_over(void);
/* Counts an error, of which the first is printed and ends the run; or where allowed, a refusal. */
void load_failed(const struct load_worker *worker, const char *what, const char *why);
/* Data that is not what was written: never allowed. */
void load_torn(const struct load_worker *worker, const char *why);

/* Runs fn(worker) on `count` threads and waits for them. false: they could not be started. */
bool load_run(unsigned int count, void (*fn)(struct load_worker *worker));

/* Connects as a host of its own, and an I/O queue where ret_io is not NULL. 0 or -errno. */
int load_connect(struct load_worker *worker, uint32_t kato_ms, struct host_ctrl **ret_ctrl,
		 struct host_queue **ret_io, struct weft_error *error);
/* Writes some blocks of the worker's own range, reads them back, compares. 0 or -errno. */
int load_verify(struct load_worker *worker, struct host_queue *io, struct weft_error *error);

/* storm.c: one association after another, each leaving in another way. */
void load_storm(struct load_worker *worker);
/* hold.c: one association that works until the time is over. */
void load_hold(struct load_worker *worker);
/* Connections that do nothing; opened before the others, and closed after them. */
bool load_idle_open(void);
void load_idle_close(void);

#endif
