/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes a configuration run: see apply.h. */
#include "config/apply.h"

#include <errno.h>
#include <stdlib.h>

#include "config/apply_internal.h"
#include "util/log.h"

/* How long a change waits for I/O on what it removes, so that it can be opened anew. */
#define REAP_WAIT_MS 200

static void show(struct apply *apply, struct view *view)
{
	view->genctr = state_genctr(apply->state);
	view->ana_change_count = apply->ana_change_count;
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

int apply_new(struct apply **ret_apply, const struct apply_options *options,
	      struct weft_error *error)
{
	struct apply *apply = calloc(1, sizeof(*apply));
	struct config *config = config_new();
	int r = -ENOMEM;

	if (!apply || !config)
		goto no_memory;
	apply->options = *options;
	apply->ana_change_count = 1;
	r = state_open(&apply->state, options->state_dir, error);
	if (r < 0)
		goto fail;
	r = running_init(&apply->now, config);
	if (r < 0)
		goto no_memory;
	publish(apply);
	*ret_apply = apply;
	return 0;
no_memory:
	weft_error_set(error, ENOMEM, "out of memory");
fail:
	if (apply)
		state_close(apply->state);
	config_free(config);
	free(apply);
	return r;
}

void apply_close_listeners(struct apply *apply)
{
	endpoints_close(apply);
}

void apply_free(struct apply *apply)
{
	if (!apply)
		return;
	for (size_t i = 0; i < apply->now.device_count; i++)
		namespace_close(apply->now.devices[i].ns);
	for (size_t i = 0; i < apply->retired_count; i++)
		namespace_close(apply->retired[i]);
	free(apply->retired);
	free(apply->watched);
	running_done(&apply->now);
	state_close(apply->state);
	free(apply);
}

/* The counters that hosts watch, before the view that has them. */
static void count_changes(struct apply *apply, const struct config *wanted)
{
	struct weft_error error;

	if (state_update(apply->state, wanted, &error) < 0)
		log_warning("%s; after a restart, hosts may not notice that the discovery log "
			    "has changed", error.text);
	if (ana_differs(apply->now.config, wanted))
		apply->ana_change_count++;
}

/*
 * Goes over to the next configuration: what stays as it is moves along, what
 * is not wanted any more leaves the view and is retired. Fails before it
 * changes anything. 0 or -ENOMEM.
 */
static int replace(struct apply *apply, struct config *wanted)
{
	struct running next;
	struct view *view;

	if (devices_reserve(apply, apply->now.device_count) < 0 || running_init(&next, wanted) < 0)
		return -ENOMEM;
	devices_keep(apply, &next);
	devices_open_beside(apply, &next);
	if (compile_view(apply, &next, &view) < 0) {
		devices_close_new(&next, &apply->now);
		next.config = NULL;
		running_done(&next);
		return -ENOMEM;
	}
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
	int r = config_validate(wanted, error);

	if (!r)
		r = config_validate_backends(wanted, apply->options.backends, error);
	if (r < 0)
		return r;
	if (replace(apply, wanted) < 0)
		return weft_error_set(error, ENOMEM, "out of memory");
	/* First the old devices go: a new one may be the same file in another place. */
	devices_reap(apply, retired, REAP_WAIT_MS);
	if (devices_open(apply))
		publish(apply);
	endpoints_open(apply);
	return 0;
}

void apply_tick(struct apply *apply)
{
	bool changed;

	devices_reap(apply, 0, 0);
	devices_watch(apply);
	changed = devices_refresh(apply);
	changed |= devices_open(apply);
	changed |= devices_show_again(apply);
	if (changed || apply->stale)
		publish(apply);
	if (!apply->stale)
		devices_drop_lost(apply);
	endpoints_open(apply);
}

/* ---- what can be asked ---- */

const struct config *apply_current(const struct apply *apply)
{
	return apply->now.config;
}

uint64_t apply_genctr(const struct apply *apply)
{
	return state_genctr(apply->state);
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
	if (device->ns && !device->lost && device->seen.generation) {
		ret->state = APPLY_READY;
		ret->block_size = 1u << device->seen.block_shift;
		ret->size = device->seen.block_count << device->seen.block_shift;
		ret->ns = device->ns;
		ret->trouble = device->trouble[0] ? device->trouble : NULL;
		return true;
	}
	ret->state = APPLY_FAILED;
	ret->reason = device->retry.reason[0] ? device->retry.reason : "it is being opened";
	return true;
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
