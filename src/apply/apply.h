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
 * at the end of the last one. A device that is not open after a second (three in the
 * first change) delays its change no longer: it is served as soon as it is open.
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

/* All borrowed; they outlive the apply, but for the target: see apply_free(). */
struct apply_options {
	struct target *target;
	const struct transport *const *transports;	/* ends with NULL */
	const struct config_backends *backends;
	const char *state_dir;		/* for what survives a restart (state.h); NULL: nothing */
	/*
	 * How long the first configuration keeps hosts away while its namespaces are being
	 * opened: a host that comes back, and meets one missing, gives it up.
	 */
	uint32_t open_timeout_ms;
};

/* Publishes an empty view. 0, or -errno with *error filled. */
int apply_new(struct apply **ret_apply, const struct apply_options *options,
	      struct weft_error *error);
/* Stops listening, so that target_stop() meets no new connections. May be called again. */
void apply_close_listeners(struct apply *apply);
/*
 * Closes the namespaces and frees. After target_stop(): no I/O is under way.
 * false: a backend has not closed its device after timeout_ms; it is named in the
 * log, its memory stays in use, and the process should end. NULL is harmless.
 */
bool apply_free(struct apply *apply, unsigned int timeout_ms);
/* Instead of apply_free() if target_stop() did not end: logs the namespaces that still have I/O. */
void apply_leave_hung(struct apply *apply);

/*
 * A change of what runs. The submitter fills the functions, mostly as the first
 * member of a struct of its own. A namespace or port that cannot be opened is no
 * failure: see its state. The ports of the first configuration listen once its
 * namespaces are open or have failed. A namespace that gets other options is served with the
 * old ones until its new device is open.
 */
struct apply_change {
	/*
	 * Required; the change's turn has come. 0 with what is to run in *ret_wanted,
	 * which is the apply's from then on (NULL: what runs, so the change ends at
	 * once); or -errno with *error filled. Where the apply refuses it (it is not
	 * valid), done() has the reason.
	 */
	int (*plan)(struct apply_change *change, const struct config *now,
		    struct config **ret_wanted, struct weft_error *error);
	/*
	 * Optional: judges what has opened in time. -errno with *error filled: the
	 * apply goes back to the configuration before, and then calls done() with that.
	 */
	int (*judge)(struct apply_change *change, struct weft_error *error);
	/*
	 * Required, called exactly once: the change is the callee's to free. result 0:
	 * it runs. -errno: what ran before runs; -ECANCELED where weftd ends. `error`
	 * (borrowed) is filled where it failed.
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
 * Ends the change that is under way, and all that wait, with -ECANCELED; so does any
 * that comes later. What is open of the one under way is left to apply_free().
 */
void apply_cancel(struct apply *apply);
/* What runs; never NULL. Borrowed until the control thread goes back to its loop. */
const struct config *apply_current(const struct apply *apply);
/*
 * To be called about once a second: tries again what failed, asks devices for
 * their size, closes namespaces that were removed once their last I/O is done.
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
	APPLY_OPENING,		/* its backend has not answered yet; namespaces only */
	APPLY_FAILED,
};

struct apply_namespace_state {
	enum apply_state state;
	const char *reason;		/* of OPENING and FAILED, else NULL; until the next call */
	const char *trouble;		/* what is wrong although it is ready, or NULL; the same */
	uint64_t size;			/* bytes, of whole blocks; 0 unless ready */
	uint32_t block_size;		/* 0 unless ready */
	const struct namespace *ns;	/* NULL unless ready: for namespace_totals() */
};

struct apply_port_state {
	enum apply_state state;
	const char *reason;		/* as above */
	const char *trouble;		/* why it does not listen at all its addresses, or NULL */
};

/* False: the running configuration has no such object, and *ret is untouched. */
bool apply_namespace_state(const struct apply *apply, const char *nqn, uint32_t nsid,
			   struct apply_namespace_state *ret);
bool apply_port_state(const struct apply *apply, uint16_t portid, struct apply_port_state *ret);
/* The index'th numeric address of the port, borrowed until the next call; NULL: no more. */
const char *apply_port_address(const struct apply *apply, uint16_t portid, size_t index);
/*
 * A sentence about the index'th namespace that is no longer configured and whose backend
 * has not closed its device in time; NULL: there are no more.
 */
const char *apply_leftover(const struct apply *apply, size_t index);

#endif
