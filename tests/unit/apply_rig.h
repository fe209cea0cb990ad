/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Apply, over a real target with one reactor, a transport that only remembers
 * who listens, and a backend whose disks the test makes and breaks.
 */
#ifndef TESTS_UNIT_APPLY_RIG_H
#define TESTS_UNIT_APPLY_RIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/backend.h>

#include "apply/apply.h"

struct disk {
	const char *path;
	int missing;			/* errno of open and refresh; 0: it is there */
	uint64_t size;
	uint32_t block_size;
	bool read_only;
	bool slow;			/* its open waits for release_opening() */
	atomic_int opened;		/* now; one is closed while another is opened */
	int opens;			/* ever */
	struct weft_owner *owner;
	const char *trouble;		/* NULL: none */
};

/* "/one", "/two" and "/three": 1, 2 and 3 MiB; the second has blocks of 4096 bytes. */
extern struct disk disks[3];

/* Runs apply until the backend is about to open a slow disk; and lets one go on. */
void wait_for_opening(void);
void release_opening(void);

struct listener {
	uint16_t portid, trsvcid;
	bool open;
};

extern struct listener listeners[16];
extern size_t listener_count;		/* ever opened */
extern const char *absent_address;	/* this machine does not have it */
size_t open_listeners(void);

extern struct target *target;
extern struct apply *apply;

int set_up(void **state);
int tear_down(void **state);

/* A change that wants a given configuration, and what became of it. */
struct test_change {
	struct apply_change change;
	struct config *wanted;
	int refuse;			/* errno that judge() gives; 0: there is no judge() */
	unsigned int judged, done;	/* how often */
	unsigned int order;		/* of its end among all changes */
	int result;
	struct weft_error error;
};

/* The change has `refuse`, or is zero. */
void submit(struct test_change *test, struct config *wanted);
void wait_for(struct test_change *test);
/* Makes a configuration run. 0 or -errno with *error filled; it is the apply's in any case. */
int try_config(struct config *config, struct weft_error *error);
void run_config(struct config *config);
void run_text(const char *text);
/* A copy of what runs, to change. */
struct config *draft(void);
/* What a tick begins, to its end. */
void run_tick(void);
/* The same, after long enough for what failed to be due again. */
void tick(void);

#endif
