/* SPDX-License-Identifier: BSD-3-Clause */
/* The running configuration: structs and functions that the files of this folder share. */
#ifndef WEFT_APPLY_INTERNAL_H
#define WEFT_APPLY_INTERNAL_H

#include <stddef.h>

#include <weft/backend.h>

#include "apply/apply.h"
#include "apply/genctr.h"
#include "apply/job.h"
#include "apply/names.h"
#include "apply/state.h"
#include "spec/fabrics.h"
#include "target/model/namespace.h"
#include "target/model/view.h"
#include "target/queue/transport.h"

struct view;
struct job;

/* When to open a device or a listener again after a failure. */
struct retry {
	uint64_t next;			/* loop_clock(); 0: at once */
	char reason[sizeof(((struct weft_error *)0)->text)]; /* of the last failure; "": none */
};

/*
 * One for each namespace of the configuration, enabled or not. Jobs (job.h) are
 * owned; NULL: there is none.
 */
struct device {
	struct namespace *ns;		/* owned; NULL: it is not open */
	struct job *opening;		/* opens the namespace that becomes ns, or replaces it */
	struct job *beside;		/* in a configuration that does not run yet: opens ns while
					   the device that it replaces still serves */
	struct job *refreshing;		/* of ns */
	struct namespace *left;		/* owned; the former ns; the published view may have it */
	struct job *left_job;		/* the refresh job of `left` */
	bool lost;			/* `left` was replaced because its device was lost */
	struct retry retry;
	struct view_namespace seen;	/* as last published; generation 0: never */
	uint64_t hidden_until;		/* loop_clock(): in no view before then; 0: not hidden */
	int flush_error;		/* of the namespace that was lost, passed to the next ns */
	uint64_t stalled;		/* seconds that the backend has kept an I/O; 0: fine */
	bool slow;			/* it has been opening for too long */
	char trouble[WEFT_TROUBLE + 320]; /* a fault of a device that is open or opening */
	bool kept;			/* the next configuration uses the same device ... */
	bool reopened;			/* ... but not the job `opening` */
};

/* One for each address that a port's traddr stands for. */
struct binding {
	struct name_address address;
	struct listener *listener;	/* owned by the transport; NULL: not listening */
	struct retry retry;
	bool unsupported;		/* the machine has no such address family: no failure */
};

/* One for each port of the configuration. */
struct endpoint {
	const struct transport *transport; /* borrowed */
	struct binding *bindings;	/* owned */
	size_t binding_count;
	char reason[200];		/* why there are no bindings; "": there are bindings */
};

/* A configuration, with its devices and listeners. */
struct running {
	struct config *config;		/* owned */
	/* In the configuration's order: devices[] subsystem by subsystem. */
	struct device *devices;		/* owned */
	size_t device_count;
	size_t *first_device;		/* owned: for each subsystem, the index in devices[] */
	struct endpoint *endpoints;	/* owned, as config->ports */
};

/* A namespace that is in no view any more: closed once it has no I/O and its job has ended. */
struct retired {
	struct namespace *ns;		/* owned; NULL: nothing (yet) */
	struct job *job;		/* owned; NULL: none */
	uint64_t since;			/* loop_clock(): when its wait began */
	char trouble[NVMF_NQN_SIZE + 160]; /* a message that it takes too long; "": it does not */
	char what[NVMF_NQN_SIZE + 32];	/* "namespace 1 of nqn..." */
	char nqn[NVMF_NQN_SIZE];
	uint32_t nsid;
	bool lost;			/* the device was lost, not removed, so it may come back */
	bool awaited;			/* the change under way waits for its end */
};

/* One device leaves at most this many of them: ns, left and a job. */
#define RETIRED_OF_A_DEVICE 3

/* What the change under way waits for: see change.c. */
enum change_phase {
	CHANGE_NONE,			/* no change is under way */
	CHANGE_BESIDE,			/* new devices open while those that they replace serve */
	CHANGE_STORING,			/* records are stored before hosts see the change */
	CHANGE_CLOSING,			/* old devices close, so that new ones can open the files */
	CHANGE_OPENING,			/* all other new devices open */
};

struct changes {
	struct list queue;		/* of struct apply_change, borrowed */
	struct apply_change *current;	/* borrowed; NULL: none is under way */
	enum change_phase phase;
	struct running next;		/* BESIDE, STORING: the new configuration; else empty */
	struct config *before;		/* owned: the former configuration, until judge() agrees */
	uint64_t deadline;		/* loop_clock(): the phase lasts no longer */
	uint64_t open_until;		/* loop_clock(): the change waits for devices no longer */
	uint64_t opening_since;		/* loop_clock(): when CHANGE_OPENING began */
	struct state_waiter waiter;	/* STORING; at the end, until acknowledgements are stored */
	bool stored;			/* the waiter was called, with whatever result */
	bool unpublished;		/* CHANGE_OPENING: devices have opened that no view has */
	bool going_back;		/* judge() refused the change; `before` is restored */
	struct weft_error error;	/* judge()'s reason */
	bool running;			/* changes_run() is on the stack */
	bool cancelled;			/* no further changes */
	int timer_fd;			/* owned: the next look at the phase */
};

struct apply {
	struct apply_options options;
	struct state *state;		/* owned */
	struct genctr genctr;		/* of the configuration that runs or is about to run */
	uint64_t genctr_shown;		/* the counter's value in the published view */
	struct jobs jobs;
	struct changes changes;
	struct names *names;		/* owned */
	int epoll_fd;			/* owned: the jobs' descriptor and the changes' timer */
	struct running now;
	struct retired *retired;	/* owned */
	size_t retired_count, retired_capacity;
	size_t retired_promised;	/* of `retired`, reserved for the change under way */
	uint64_t listen_by;		/* loop_clock(): ports listen then, whatever is open; 0: no
					 * configuration runs yet */
	bool waiting;			/* ports do not listen yet: the log says so */
	bool listening;			/* the first namespaces are open or have failed */
	bool ending;			/* the target is gone, so no I/O can be under way */
	struct namespace **watched;	/* owned: room for devices_watch() */
	size_t watched_capacity;
	uint64_t generation;		/* of namespaces: the last that was given to one */
	bool stale;			/* the published view is older than `now` */
};

static inline struct device *device_of(const struct running *running, size_t subsystem,
				       size_t index)
{
	return &running->devices[running->first_device[subsystem] + index];
}

/* ---- publish.c ---- */

/*
 * Looks whether the names in ports and referrals have other addresses now. If so, moves listeners
 * and changes the discovery log. No change may be under way, except at its very end.
 */
void apply_follow_names(struct apply *apply);

/* Publishes a view of the running configuration; without memory apply_tick() tries again. */
void apply_publish(struct apply *apply);
/* Publishes a view that is compiled already. */
void apply_show(struct apply *apply, struct view *view);
/* To be called after devices were opened, resized or lost. */
void apply_update(struct apply *apply, bool changed);

/* ---- change.c ---- */

/* 0 or -errno. */
int changes_init(struct changes *changes);
/* After apply_cancel(). */
void changes_done(struct changes *changes);
/* Takes the change under way as many phases further as it can go without waiting. */
void changes_run(struct apply *apply);

/* ---- running.c ---- */

/* Sets up arrays for a configuration, which stays the caller's on failure. 0 or -ENOMEM. */
int running_init(struct running *ret, struct config *config);
/* Resets it to its state after running_init(), except jobs that open beside (device.beside). */
void running_forget(struct running *running);
/* Frees the arrays and the configuration. Devices and listeners must have been moved or closed. */
void running_done(struct running *running);
/* The device of a namespace; NULL: there is none. */
struct device *running_find_device(const struct running *running, const char *nqn, uint32_t nsid);
/* An action on a device. True if it changed something. */
typedef bool device_step(struct apply *apply, const struct config_subsystem *subsystem,
			 const struct config_namespace *want, struct device *device);
/* Calls step() for each device. True if one of the calls returned true. */
bool running_each(struct apply *apply, struct running *running, device_step *step);
struct endpoint *running_find_endpoint(const struct running *running, uint16_t portid);
/* Records a failure, due again in a second. True if the reason differs from the last one. */
bool retry_failed(struct retry *retry, const char *reason);
void retry_clear(struct retry *retry);
/* True if it has failed and the time to try again has come. */
bool retry_due(const struct retry *retry, uint64_t now);

/* The block size as hosts see it; wanted 0: the device's. 0, or -errno with *error filled. */
int device_block_size(uint32_t wanted, const struct weft_info *info, uint32_t *ret,
		      struct weft_error *error);
/* The transport of that name, or NULL. */
const struct transport *apply_transport(const struct apply *apply, const char *trtype);

/* ---- devices.c ---- */

/*
 * Copies devices that stay as they are to the next configuration and marks them
 * kept. The next configuration may still be dropped: the devices are not touched.
 */
void devices_keep(struct apply *apply, struct running *next);
/* Makes room to retire `count` devices, so that retiring them cannot fail. 0 or -ENOMEM. */
int devices_reserve(struct apply *apply, size_t count);
/*
 * Keeps room for `count` devices, beside the room that others reserve, until the next
 * call (0: no longer). 0, or -ENOMEM with nothing changed.
 */
int devices_promise(struct apply *apply, size_t count);
/* `next` is dropped: retires devices that were opened for it alone. Room must be reserved. */
void devices_drop_new(struct apply *apply, struct running *next);
/*
 * Retires devices that were not kept, as awaited ones. The published view must be without
 * them, and room must be reserved.
 */
void devices_retire_others(struct apply *apply);
/* Retires a job that has failed, or whose result is not needed. Room must be reserved. */
void devices_retire_job(struct apply *apply, const struct config_subsystem *subsystem,
			uint32_t nsid, struct job *job);
/* Retires the `left` namespace of each device; the published view must be without them. */
void devices_retire_left(struct apply *apply);
/* Retires all devices, when weftd ends. Room must be reserved. */
void devices_retire_all(struct apply *apply);
/* Closes retired devices that are idle, and forgets those that are closed. */
void devices_reap(struct apply *apply);
/* The same, but waits up to timeout_ms until all retired devices are closed. */
void devices_reap_all(struct apply *apply, unsigned int timeout_ms);
/* True if a retired device that the change awaits has not been closed yet. */
bool devices_closing(const struct apply *apply);

/* ---- opening.c ---- */

/*
 * Begins to open devices that replace open ones, which serve meanwhile. To be called after
 * devices_keep(), which is to be called again before devices_settle_beside().
 */
void devices_open_beside(struct apply *apply, struct running *next);
/* True if any of these devices is still being opened. */
bool devices_opening_beside(struct apply *apply, struct running *next);
/*
 * Takes over the devices that have opened; those that failed stay closed. A device that
 * has not opened yet replaces the old one when it is open; until then the old one
 * serves. Room must be reserved.
 */
void devices_settle_beside(struct apply *apply, struct running *next);
/* Instead of settling, if `next` is dropped: retires these devices. Room must be reserved. */
void devices_drop_beside(struct apply *apply, struct running *next);
/* Begins to open each namespace that is enabled, not open, and due. */
void devices_open(struct apply *apply);
/* Begins to refresh open devices: asks their backends for size, block size and trouble. */
void devices_refresh(struct apply *apply);
/* The same for devices whose backend called weft_device_changed(). */
void devices_refresh_changed(struct apply *apply);
/* Collects the results of jobs that open or refresh. True: the published view has to change. */
bool devices_collect(struct apply *apply);
/* True if a device that began to open at changes.opening_since or later is still opening. */
bool devices_opening(struct apply *apply);
/* True if a namespace is being opened that has not failed before. */
bool devices_coming(struct apply *apply);
/* True if a namespace with new identifiers has been hidden from hosts for long enough. */
bool devices_show_again(struct apply *apply);

/* ---- health.c ---- */

/* Looks for backends that hang and flushes that failed, and reports them. */
void devices_watch(struct apply *apply);

/* ---- flushes.c ---- */

/* The trouble of a namespace that had a flush fail; %s: strerror(3). */
#define FLUSH_FAILED "a flush failed (%s): writes since the last good one may be lost; flushes " \
		     "fail until it is disabled and enabled again"

/* The functions that reactors call through the control thread. */
extern const struct control_ops apply_control_ops;
/* Records flushes that failed since the last call. */
void flushes_look(struct apply *apply);
/* Gives devices that the next configuration does not keep their flush error from the state. */
void flushes_recall(struct apply *apply, struct running *next);
/*
 * Removes the records that the change to `wanted` acknowledges (see flushes.c). True if there were
 * any.
 */
bool flushes_acknowledge(struct apply *apply, const struct config *wanted);

/* ---- endpoints.c ---- */

/* Closes the listeners of an endpoint and frees its bindings. */
void endpoint_done(struct endpoint *endpoint);
/* Moves listeners of ports that stay as they are; closes the others. */
void endpoints_keep(struct apply *apply, struct running *next);
void endpoints_close(struct apply *apply);
/*
 * Listens at each address of each port that has no listener yet and is due. The first listeners
 * wait until namespaces are open.
 */
void endpoints_open(struct apply *apply);

/* ---- compile.c ---- */

/* Finds the addresses that the traddr of a port or a referral stands for now. */
void apply_addresses(struct apply *apply, const struct address_settings *addr,
		     struct name_addresses *ret);

/* Compiles the view of `running`, without its counters; fills each `seen`. 0 or -ENOMEM. */
int compile_view(struct apply *apply, struct running *running, struct view **ret_view);

#endif
