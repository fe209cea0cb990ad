/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes a configuration run: see apply.h. */
#include "apply/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply/internal.h"
#include "loop/loop.h"
#include "target/target.h"
#include "util/log.h"

#define MILLISECOND UINT64_C(1000000)
/* How long a change waits for I/O on what it removes, so that it can be opened anew. */
#define REAP_WAIT_MS 200
/*
 * How long a change waits for what it opens. What takes longer comes later, by
 * itself. The first one waits longer: a host that comes back, and meets a
 * namespace missing, gives it up.
 */
#define OPEN_WAIT (1000 * MILLISECOND)
#define FIRST_OPEN_WAIT (3000 * MILLISECOND)
/* How long it waits for what is to survive a restart, before hosts see it. */
#define STORE_WAIT_MS 1000

static void show(struct apply *apply, struct view *view)
{
	view->genctr = apply->genctr.value;
	view_publish(apply->options.target, view);
	apply->stale = false;
}

/* Publishes what runs now. Without memory the tick tries again. */
static void publish(struct apply *apply)
{
	struct view *view;

	if (compile_view(apply, &apply->now, &view) < 0) {
		apply->stale = true;
		log_warning("no memory for a change: hosts see what was before until the next try");
		return;
	}
	show(apply, view);
}

/* After devices were opened, resized or lost. */
static void update(struct apply *apply, bool changed)
{
	if (changed || apply->stale)
		publish(apply);
	if (!apply->stale)
		devices_retire_left(apply);
}

int apply_new(struct apply **ret_apply, const struct apply_options *options,
	      struct weft_error *error)
{
	struct apply *apply = calloc(1, sizeof(*apply));
	struct config *config = config_new();
	int r = -ENOMEM;

	if (!apply || !config)
		goto no_memory;
	apply->options = *options;
	r = jobs_init(&apply->jobs);
	if (r < 0) {
		weft_error_set(error, -r, "no threads to open devices: %s", strerror(-r));
		goto fail;
	}
	r = state_open(&apply->state, options->state_dir, apply->jobs.fd, error);
	if (r < 0)
		goto no_state;
	genctr_recall(&apply->genctr, apply->state);
	if (running_init(&apply->now, config) < 0) {
		r = weft_error_set(error, ENOMEM, "out of memory");
		goto no_running;
	}
	options->target->control_context = apply;
	options->target->control = &apply_control_ops;
	publish(apply);
	*ret_apply = apply;
	return 0;
no_running:
	state_close(apply->state, 0);
no_state:
	jobs_done(&apply->jobs);
	goto fail;
no_memory:
	r = weft_error_set(error, ENOMEM, "out of memory");
fail:
	config_free(config);
	free(apply);
	return r;
}

void apply_close_listeners(struct apply *apply)
{
	endpoints_close(apply);
}

bool apply_free(struct apply *apply, unsigned int timeout_ms)
{
	if (!apply)
		return true;
	if (devices_reserve(apply, apply->now.device_count) < 0)
		return false;
	apply->ending = true;
	flushes_look(apply);
	devices_retire_all(apply);
	devices_reap(apply, 0, timeout_ms);
	for (size_t i = 0; i < apply->retired_count; i++)
		log_warning("%s: its backend does not answer; leaving it", apply->retired[i].what);
	if (!state_close(apply->state, STORE_WAIT_MS) || apply->retired_count)
		return false;
	jobs_done(&apply->jobs);
	free(apply->retired);
	free(apply->watched);
	running_done(&apply->now);
	free(apply);
	return true;
}

/* The counters that hosts watch, before the view that has them. */
static void count_changes(struct apply *apply, const struct config *wanted)
{
	if (genctr_update(&apply->genctr, apply->state, wanted) < 0 ||
	    state_settle(apply->state, STORE_WAIT_MS) < 0)
		log_warning("after a restart, hosts may not notice that the discovery log has "
			    "changed, for that is not stored yet");
}

/*
 * Goes over to the next configuration: what stays as it is moves along, what
 * is not wanted any more leaves the view and is retired. Fails before it
 * changes anything. 0 or -ENOMEM.
 */
static int replace(struct apply *apply, struct config *wanted, uint64_t deadline)
{
	struct running next;
	struct view *view;

	if (running_init(&next, wanted) < 0)
		return -ENOMEM;
	if (devices_reserve(apply, apply->now.device_count + next.device_count) < 0) {
		next.config = NULL;
		running_done(&next);
		return -ENOMEM;
	}
	devices_keep(apply, &next);
	flushes_recall(apply, &next);
	devices_open_beside(apply, &next, deadline);
	if (compile_view(apply, &next, &view) < 0) {
		devices_drop_new(apply, &next);
		next.config = NULL;
		running_done(&next);
		return -ENOMEM;
	}
	flushes_look(apply);
	flushes_acknowledge(apply, wanted);
	count_changes(apply, wanted);
	endpoints_keep(apply, &next);
	show(apply, view);
	devices_retire_others(apply);
	running_done(&apply->now);
	apply->now = next;
	return 0;
}

int apply_config(struct apply *apply, struct config *wanted, struct weft_error *error)
{
	size_t retired = apply->retired_count;
	uint64_t now = loop_clock(), last;
	uint64_t deadline = now + (apply->served ? OPEN_WAIT : FIRST_OPEN_WAIT);
	int r = config_validate(wanted, error);

	if (!r)
		r = config_validate_backends(wanted, apply->options.backends, error);
	if (r < 0)
		return r;
	if (replace(apply, wanted, deadline) < 0)
		return weft_error_set(error, ENOMEM, "out of memory");
	/* First the old devices go: a new one may be the same file in another place. */
	devices_reap(apply, retired, REAP_WAIT_MS);
	now = loop_clock();
	last = now + REAP_WAIT_MS * MILLISECOND;
	devices_open(apply);
	update(apply, devices_wait(apply, now, deadline > last ? deadline : last));
	endpoints_open(apply);
	apply->served = true;
	return 0;
}

int apply_fd(const struct apply *apply)
{
	return apply->jobs.fd;
}

void apply_run(struct apply *apply)
{
	jobs_wait(&apply->jobs, 0);
	state_run(apply->state);
	devices_reap(apply, 0, 0);
	update(apply, devices_collect(apply));
}

void apply_tick(struct apply *apply)
{
	bool changed;

	jobs_look(&apply->jobs);
	devices_reap(apply, 0, 0);
	namespaces_sweep(apply->options.target, false);
	changed = devices_collect(apply);
	state_tick(apply->state);
	devices_watch(apply);
	devices_refresh(apply);
	devices_open(apply);
	changed |= devices_show_again(apply);
	update(apply, changed);
	endpoints_open(apply);
}

/* ---- what can be asked ---- */

const struct config *apply_current(const struct apply *apply)
{
	return apply->now.config;
}

uint64_t apply_genctr(const struct apply *apply)
{
	return apply->genctr.value;
}

bool apply_namespace_state(const struct apply *apply, const char *nqn, uint32_t nsid,
			   struct apply_namespace_state *ret)
{
	const struct config_subsystem *subsystem = config_find_subsystem(apply->now.config, nqn);
	const struct config_namespace *want =
		subsystem ? config_find_namespace(subsystem, nsid) : NULL;
	const struct device *device;

	if (!want)
		return false;
	device = running_find_device(&apply->now, nqn, nsid);
	*ret = (struct apply_namespace_state){ .state = APPLY_DISABLED };
	if (!want->enable)
		return true;
	if (device->ns && device->seen.generation) {
		ret->state = APPLY_READY;
		ret->block_size = 1u << device->seen.block_shift;
		ret->size = device->seen.block_count << device->seen.block_shift;
		ret->ns = device->ns;
		ret->trouble = device->trouble[0] ? device->trouble : NULL;
		return true;
	}
	/* While it is tried again, why it failed before says more. */
	if (device->retry.reason[0] && !device->slow) {
		ret->state = APPLY_FAILED;
		ret->reason = device->retry.reason;
		return true;
	}
	ret->state = APPLY_OPENING;
	ret->reason = device->trouble[0]   ? device->trouble :
		      device->hidden_until ? "hosts are to see first that another one has gone" :
					     "it is being opened";
	return true;
}

const char *apply_leftover(const struct apply *apply, size_t index)
{
	for (size_t i = 0; i < apply->retired_count; i++) {
		const struct retired *retired = &apply->retired[i];

		if (retired->trouble[0] && index-- == 0)
			return retired->trouble;
	}
	return NULL;
}

void apply_leave_hung(struct apply *apply)
{
	const struct config *config = apply->now.config;

	flushes_look(apply);
	for (size_t i = 0; i < config->subsystem_count; i++) {
		const struct config_subsystem *subsystem = &config->subsystems[i];

		for (size_t j = 0; j < subsystem->namespace_count; j++) {
			const struct namespace *ns = device_of(&apply->now, i, j)->ns;

			if (ns && !namespace_idle(ns))
				log_warning("namespace %u of %s: its backend keeps commands",
					    subsystem->namespaces[j].nsid, subsystem->nqn);
		}
	}
	for (size_t i = 0; i < apply->retired_count; i++)
		if (apply->retired[i].ns && !namespace_idle(apply->retired[i].ns))
			log_warning("%s, which was removed: its backend keeps commands",
				    apply->retired[i].what);
}

bool apply_port_state(const struct apply *apply, uint16_t portid, struct apply_port_state *ret)
{
	const struct endpoint *endpoint = running_find_endpoint(&apply->now, portid);

	if (!endpoint)
		return false;
	*ret = (struct apply_port_state){ .state = APPLY_READY };
	if (!endpoint->listener) {
		ret->state = APPLY_FAILED;
		ret->reason = endpoint->retry.reason[0] ? endpoint->retry.reason : "it is closed";
	}
	return true;
}
