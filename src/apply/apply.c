/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes a configuration run: see apply.h. */
#include "apply/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "apply/internal.h"
#include "loop/loop.h"
#include "target/base/target.h"
#include "util/log.h"

/* How long apply_free() waits until the state's records are stored. */
#define STORE_WAIT_MS 1000

static int add(int epoll_fd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* Sets up apply->epoll_fd. 0 or -errno; unwatch() must be called in both cases. */
static int watch(struct apply *apply)
{
	int r;

	apply->changes.timer_fd = -1;
	apply->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (apply->epoll_fd < 0)
		return -errno;
	r = changes_init(&apply->changes);
	if (r == 0)
		r = add(apply->epoll_fd, apply->changes.timer_fd);
	if (r == 0)
		r = add(apply->epoll_fd, apply->jobs.fd);
	return r;
}

static void unwatch(struct apply *apply)
{
	if (apply->changes.timer_fd >= 0)
		changes_done(&apply->changes);
	if (apply->epoll_fd >= 0)
		close(apply->epoll_fd);
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
	r = watch(apply);
	if (r < 0) {
		weft_error_set(error, -r, "cannot wait for devices: %s", strerror(-r));
		goto no_watch;
	}
	r = names_new(&apply->names, apply->jobs.fd);
	if (r < 0) {
		weft_error_set(error, -r, "no threads to look up names: %s", strerror(-r));
		goto no_watch;
	}
	r = state_open(&apply->state, options->state_dir, apply->jobs.fd, error);
	if (r < 0)
		goto no_watch;
	genctr_recall(&apply->genctr, apply->state);
	apply->genctr_shown = apply->genctr.value;
	if (running_init(&apply->now, config) < 0) {
		r = weft_error_set(error, ENOMEM, "out of memory");
		goto no_running;
	}
	options->target->control_context = apply;
	options->target->control = &apply_control_ops;
	apply_publish(apply);
	*ret_apply = apply;
	return 0;
no_running:
	state_close(apply->state, 0);
no_watch:
	names_free(apply->names);
	unwatch(apply);
	jobs_done(&apply->jobs);
	goto fail;
no_memory:
	weft_error_set(error, ENOMEM, "out of memory");
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
	apply_cancel(apply);
	if (devices_reserve(apply, apply->now.device_count) < 0)
		return false;
	apply->ending = true;
	flushes_look(apply);
	devices_retire_all(apply);
	devices_reap_all(apply, timeout_ms);
	for (size_t i = 0; i < apply->retired_count; i++)
		log_warning("%s: its backend does not answer; leaving it", apply->retired[i].what);
	if (!state_close(apply->state, STORE_WAIT_MS) || apply->retired_count ||
	    !names_free(apply->names))
		return false;
	unwatch(apply);
	jobs_done(&apply->jobs);
	free(apply->retired);
	free(apply->watched);
	running_done(&apply->now);
	free(apply);
	return true;
}

int apply_fd(const struct apply *apply)
{
	return apply->epoll_fd;
}

/* Publishes changed devices. During CHANGE_OPENING they are published at the end of the change. */
static void collected(struct apply *apply, bool changed)
{
	if (apply->changes.phase == CHANGE_OPENING)
		apply->changes.unpublished |= changed;
	else
		apply_update(apply, changed);
}

void apply_run(struct apply *apply)
{
	jobs_wait(&apply->jobs, 0);
	jobs_look(&apply->jobs);
	state_run(apply->state);
	devices_reap(apply);
	collected(apply, devices_collect(apply));
	if (apply->changes.phase == CHANGE_NONE)
		apply_follow_names(apply);
	changes_run(apply);
	if (!apply->listening)
		endpoints_open(apply);
	devices_refresh_changed(apply);
}

void apply_tick(struct apply *apply)
{
	bool changed, at_rest = apply->changes.phase == CHANGE_NONE;

	jobs_look(&apply->jobs);
	devices_reap(apply);
	namespaces_sweep(apply->options.target, false);
	changed = devices_collect(apply);
	state_tick(apply->state);
	devices_watch(apply);
	devices_refresh(apply);
	if (at_rest) /* otherwise the change opens them, in its order */
		devices_open(apply);
	changed |= devices_show_again(apply);
	collected(apply, changed);
	if (at_rest)
		apply_follow_names(apply);
	changes_run(apply);
}

/* ---- queries ---- */

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
	/* While a device is being opened again, the reason of its last failure says more. */
	if (device->retry.reason[0] && !device->slow) {
		ret->state = APPLY_FAILED;
		ret->reason = device->retry.reason;
		return true;
	}
	ret->state = APPLY_OPENING;
	ret->reason = device->trouble[0]   ? device->trouble :
		      device->hidden_until ? "hosts are to notice first that another one is gone" :
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
