/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes a configuration run. It owns the running configuration, the open
 * namespaces and the listeners, compiles the view that reactors work by
 * (target/model/view.h), and publishes a new view for each change. Devices that a
 * change does not concern stay open, and connections stay up.
 *
 * A device that is missing, or an address that the machine does not have yet, fails
 * alone, with its reason, and is tried again by apply_tick(). All else is served.
 *
 * All of this runs on the control thread, which never waits: backends open, refresh
 * and close their devices on threads of their own (job.h). A change is queued; when
 * its turn comes it goes through several phases (change.c), and its done() is called
 * at the end of the last one. A change waits for its devices up to a second (three in
 * the first change). A device that opens later is served as soon as it is open.
 */
#ifndef WEFT_APPLY_APPLY_H
#define WEFT_APPLY_APPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "config/model.h"
#include "util/list.h"

struct apply;
struct namespace;
struct target;
struct transport;

/* All pointers are borrowed and outlive the apply, except the target: see apply_free(). */
struct apply_options {
	struct target *target;
	const struct transport *const *transports;	/* ends with NULL */
	const struct config_backends *backends;
	const char *state_dir;		/* folder of the state (state.h); NULL: nothing is stored */
	/*
	 * How long the ports of the first configuration stay closed while its namespaces are
	 * being opened: a host that reconnects and misses a namespace gives that namespace up.
	 */
	uint32_t open_timeout_ms;
};

/* Publishes an empty view. 0, or -errno with *error filled. */
int apply_new(struct apply **ret_apply, const struct apply_options *options,
	      struct weft_error *error);
/* Stops listening, so that target_stop() meets no new connections. May be called again. */
void apply_close_listeners(struct apply *apply);
/*
 * Closes the namespaces and frees the apply. To be called after target_stop(), when no I/O
 * is under way. Returns false if a backend has not closed its device after timeout_ms: the
 * log names the device, its memory stays in use, and the process should end. NULL is
 * harmless.
 */
bool apply_free(struct apply *apply, unsigned int timeout_ms);
/* Instead of apply_free() if target_stop() did not end: logs the namespaces that still have I/O. */
void apply_leave_hung(struct apply *apply);

/*
 * A change of the running configuration. The submitter fills in the functions; the struct is
 * mostly the first member of one of its own. A namespace or port that cannot be opened does
 * not fail the change: see its state. The ports of the first configuration listen once its
 * namespaces are open or have failed. A namespace that gets other options is served with the
 * old ones until its new device is open.
 */
struct apply_change {
	/*
	 * Required. Called when the change's turn has come. Returns 0 with the new
	 * configuration in *ret_wanted, which the apply owns from then on (NULL: the running
	 * configuration stays, and the change ends at once); or -errno with *error filled. If
	 * the new configuration is not valid, done() gets the reason.
	 */
	int (*plan)(struct apply_change *change, const struct config *now,
		    struct config **ret_wanted, struct weft_error *error);
	/*
	 * Optional. Judges the namespaces and ports once the change has opened them or waits
	 * for them no longer. If it returns -errno with *error filled, the apply restores the
	 * former configuration and then calls done() with that error.
	 */
	int (*judge)(struct apply_change *change, struct weft_error *error);
	/*
	 * Required. Called exactly once; the callee may free the change. result 0: the new
	 * configuration runs. -errno: the former configuration runs, and `error` (borrowed) is
	 * filled; -ECANCELED if weftd is ending.
	 */
	void (*done)(struct apply_change *change, int result, const struct weft_error *error);
	struct list node;		/* the apply's */
};

/*
 * Queues a change, borrowed until done(). Changes are made one after the other, in
 * their order. done() may be called before this returns.
 */
void apply_submit(struct apply *apply, struct apply_change *change);
/*
 * Ends the change that is under way, and all queued and later ones, with -ECANCELED.
 * Devices that the change under way has opened are left to apply_free().
 */
void apply_cancel(struct apply *apply);
/* The running configuration; never NULL. Borrowed until the control thread is in its loop again. */
const struct config *apply_current(const struct apply *apply);
/*
 * To be called about once a second. Retries devices and listeners that failed, asks devices
 * for their size, and closes removed namespaces whose last I/O has ended.
 */
void apply_tick(struct apply *apply);
/* Readable when apply_run() is due: a job has ended, or the change under way has to go on. */
int apply_fd(const struct apply *apply);
void apply_run(struct apply *apply);
/* The discovery log's generation counter. */
uint64_t apply_genctr(const struct apply *apply);

enum apply_state {
	APPLY_DISABLED,		/* as configured; namespaces only */
	APPLY_READY,
	APPLY_OPENING,		/* the backend has not opened it yet; namespaces only */
	APPLY_FAILED,
};

struct apply_namespace_state {
	enum apply_state state;
	const char *reason;		/* of OPENING and FAILED, else NULL; until the next call */
	const char *trouble;		/* a fault although it is ready, or NULL; as `reason` */
	uint64_t size;			/* bytes, of whole blocks; 0 unless ready */
	uint32_t block_size;		/* 0 unless ready */
	const struct namespace *ns;	/* NULL unless ready: for namespace_totals() */
};

struct apply_port_state {
	enum apply_state state;
	const char *reason;		/* as in struct apply_namespace_state */
	const char *trouble;		/* why some of its addresses have no listener, or NULL */
};

/* False: the running configuration has no such object, and *ret is untouched. */
bool apply_namespace_state(const struct apply *apply, const char *nqn, uint32_t nsid,
			   struct apply_namespace_state *ret);
bool apply_port_state(const struct apply *apply, uint16_t portid, struct apply_port_state *ret);
/* The port's numeric address at `index`, borrowed until the next call; NULL: no more. */
const char *apply_port_address(const struct apply *apply, uint16_t portid, size_t index);
/*
 * Describes a namespace that is no longer configured and whose backend has not closed its
 * device in time, the one at `index` among these; NULL: there are no more.
 */
const char *apply_leftover(const struct apply *apply, size_t index);

#endif
