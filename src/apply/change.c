/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes, one after the other: each goes from phase to phase as devices open and
 * close, and as time passes. The control thread waits for none of that: it calls
 * changes_run() when a job has ended or the timer is due.
 *
 *   plan, validate ─► BESIDE ─► STORING ─► new view ─► CLOSING ─► OPENING ─► done
 *
 * A change that judge() refuses goes through the same phases once more, with the
 * configuration that was before.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "apply/internal.h"
#include "loop/loop.h"
#include "util/log.h"

#define MILLISECOND UINT64_C(1000000)
/* How long a change waits until its records are stored, before hosts see it. */
#define STORE_WAIT_MS 1000
/* How long a change waits for I/O on the devices that it removes and may open anew. */
#define CLOSE_WAIT (200 * MILLISECOND)
/* How long a change waits for devices to open. A slower device is served when it is open. */
#define OPEN_WAIT (1000 * MILLISECOND)
/* The end of the last I/O is not signalled, so CHANGE_CLOSING polls for it. */
#define CLOSE_LOOK MILLISECOND
/* How often jobs_look() is called meanwhile: jobs may need another thread. */
#define OPEN_LOOK (10 * MILLISECOND)

int changes_init(struct changes *changes)
{
	list_init(&changes->queue);
	changes->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return changes->timer_fd < 0 ? -errno : 0;
}

void changes_done(struct changes *changes)
{
	close(changes->timer_fd);
}

/* ---- the end of a change ---- */

static void finish(struct apply *apply, int result, const struct weft_error *error)
{
	struct changes *changes = &apply->changes;
	struct apply_change *change = changes->current;

	changes->current = NULL;
	changes->phase = CHANGE_NONE;
	changes->going_back = false;
	config_free(changes->before);
	changes->before = NULL;
	change->done(change, result, error);
}

static void fail(struct apply *apply, struct weft_error *error, int code, const char *text)
{
	int r = weft_error_set(error, code, "%s", text);

	if (apply->changes.going_back) {
		log_err("the change could not be taken back: %s", text);
		*error = apply->changes.error;
		r = -error->code;
	}
	finish(apply, r, error);
}

/* ---- from one configuration to the next ---- */

static void acknowledgement_stored(struct state_waiter *waiter, int result)
{
	struct changes *changes = container_of(waiter, struct changes, waiter);

	changes->stored = true;
	if (result < 0)
		log_warning("the acknowledgement of failed flushes is not stored yet: after a "
			    "restart, flushes may fail until they are acknowledged again");
}

/* Waits until the acknowledgement of failed flushes is stored, before the change is answered. */
static void acknowledge(struct apply *apply)
{
	struct changes *changes = &apply->changes;

	flushes_look(apply);
	if (!flushes_acknowledge(apply, changes->next.config))
		return;
	changes->stored = false;
	changes->waiter.done = acknowledgement_stored;
	state_wait(apply->state, &changes->waiter, STORE_WAIT_MS);
}

/* Replaces the running configuration by the next one, and publishes its view. */
static void go_over(struct apply *apply, struct view *view)
{
	struct changes *changes = &apply->changes;
	struct running *next = &changes->next;

	acknowledge(apply);
	apply->genctr_shown = apply->genctr.value;
	endpoints_keep(apply, next);
	apply_show(apply, view);
	devices_retire_others(apply);
	if (changes->current->judge && !changes->going_back) {
		changes->before = apply->now.config;
		apply->now.config = NULL;
	}
	running_done(&apply->now);
	apply->now = *next;
	*next = (struct running){ 0 };
}

/*
 * Moves devices and listeners that stay as they are to the next configuration, and retires
 * the others after they have left the view. 0, or -ENOMEM with nothing changed and `next`
 * dropped.
 */
static int replace(struct apply *apply)
{
	struct running *next = &apply->changes.next;
	struct view *view;
	int r;

	devices_keep(apply, next);
	devices_settle_beside(apply, next);
	flushes_recall(apply, next);
	r = compile_view(apply, next, &view);
	if (r == 0) {
		go_over(apply, view);
	} else {
		devices_drop_new(apply, next);
		running_done(next);
	}
	devices_promise(apply, 0);
	return r;
}

/* Takes `wanted` over and prepares to run it. 0, or -ENOMEM with `wanted` freed. */
static int prepare(struct apply *apply, struct config *wanted)
{
	struct changes *changes = &apply->changes;

	if (running_init(&changes->next, wanted) < 0) {
		config_free(wanted);
		return -ENOMEM;
	}
	if (devices_promise(apply, apply->now.device_count + changes->next.device_count) < 0) {
		running_done(&changes->next);
		return -ENOMEM;
	}
	/* To be called again later: running devices change while others open beside them. */
	devices_keep(apply, &changes->next);
	devices_open_beside(apply, &changes->next);
	running_forget(&changes->next);
	return 0;
}

/* ---- the phases: each returns true if the next one is due at once ---- */

/* Gets the wanted configuration, valid; NULL: no change. 0, or -errno with *error filled. */
static int plan(struct apply *apply, struct config **ret_wanted, struct weft_error *error)
{
	struct apply_change *change = apply->changes.current;
	struct config *wanted = NULL;
	int r = change->plan(change, apply->now.config, &wanted, error);

	if (r < 0 || !wanted)
		return r;
	r = config_validate(wanted, error);
	if (r == 0)
		r = config_validate_backends(wanted, apply->options.backends, error);
	if (r < 0)
		config_free(wanted);
	else
		*ret_wanted = wanted;
	return r;
}

/* Begins the first change of the queue. */
static bool begin(struct apply *apply)
{
	struct changes *changes = &apply->changes;
	struct list *node = list_pop(&changes->queue);
	struct config *wanted = NULL;
	struct weft_error error = { .code = EIO };
	int r;

	if (!node)
		return false;
	changes->current = list_entry(node, struct apply_change, node);
	r = plan(apply, &wanted, &error);
	if (r < 0 || !wanted) {
		finish(apply, r, &error);
		return false;
	}
	changes->open_until = loop_clock() + OPEN_WAIT;
	if (prepare(apply, wanted) < 0) {
		fail(apply, &error, ENOMEM, "out of memory");
		return false;
	}
	changes->phase = CHANGE_BESIDE;
	return true;
}

static void not_stored(void)
{
	log_warning("the generation counter of the discovery log is not stored yet: after a "
		    "restart, hosts may not notice that the log has changed");
}

static void stored(struct state_waiter *waiter, int result)
{
	struct changes *changes = container_of(waiter, struct changes, waiter);

	changes->stored = true;
	if (result < 0)
		not_stored();
}

/* Stores the generation counter before hosts see its new value. */
static void store(struct apply *apply)
{
	struct changes *changes = &apply->changes;
	int r = genctr_update(&apply->genctr, apply->state, changes->next.config);

	if (r < 0)
		not_stored();
	changes->stored = r <= 0;
	changes->waiter.done = stored;
	if (!changes->stored)
		state_wait(apply->state, &changes->waiter, STORE_WAIT_MS);
}

static bool beside(struct apply *apply)
{
	struct changes *changes = &apply->changes;

	if (devices_opening_beside(apply, &changes->next) && loop_clock() < changes->open_until)
		return false;
	store(apply);
	changes->phase = CHANGE_STORING;
	return true;
}

static bool storing(struct apply *apply)
{
	struct changes *changes = &apply->changes;
	struct weft_error error;

	if (!changes->stored)
		return false;
	if (replace(apply) < 0) {
		fail(apply, &error, ENOMEM, "out of memory");
		return false;
	}
	changes->deadline = loop_clock() + CLOSE_WAIT;
	changes->phase = CHANGE_CLOSING;
	return true;
}

/* Old devices close before new ones open, because both may use the same file. */
static bool closing(struct apply *apply)
{
	struct changes *changes = &apply->changes;

	devices_reap(apply);
	if (devices_closing(apply) && loop_clock() < changes->deadline)
		return false;
	for (size_t i = 0; i < apply->retired_count; i++)
		apply->retired[i].awaited = false;
	changes->opening_since = loop_clock();
	changes->deadline = changes->opening_since + CLOSE_WAIT;
	if (changes->deadline < changes->open_until)
		changes->deadline = changes->open_until;
	devices_open(apply);
	changes->phase = CHANGE_OPENING;
	return true;
}

/* judge() refused the change: restores the former configuration. */
static void go_back(struct apply *apply)
{
	struct changes *changes = &apply->changes;
	struct config *before = changes->before;
	struct weft_error error;

	changes->before = NULL;
	changes->going_back = true;
	changes->open_until = loop_clock() + OPEN_WAIT;
	if (prepare(apply, before) < 0)
		fail(apply, &error, ENOMEM, "out of memory");
	else
		changes->phase = CHANGE_BESIDE;
}

static bool opening(struct apply *apply)
{
	struct changes *changes = &apply->changes;
	struct apply_change *change = changes->current;

	changes->unpublished |= devices_collect(apply);
	if (devices_opening(apply) && loop_clock() < changes->deadline)
		return false;
	if (!changes->stored)
		return false;
	apply_update(apply, changes->unpublished);
	changes->unpublished = false;
	if (change->judge && !changes->going_back && change->judge(change, &changes->error) < 0) {
		go_back(apply);
		return changes->phase == CHANGE_BESIDE;
	}
	if (!apply->listen_by)
		apply->listen_by = changes->opening_since +
				   apply->options.open_timeout_ms * MILLISECOND;
	apply_follow_names(apply);
	if (changes->going_back)
		finish(apply, -changes->error.code, &changes->error);
	else
		finish(apply, 0, NULL);
	return false;
}

static bool step(struct apply *apply)
{
	switch (apply->changes.phase) {
	case CHANGE_NONE:
		return begin(apply);
	case CHANGE_BESIDE:
		return beside(apply);
	case CHANGE_STORING:
		return storing(apply);
	case CHANGE_CLOSING:
		return closing(apply);
	case CHANGE_OPENING:
		return opening(apply);
	}
	return false;
}

/* If another change is queued, the timer is due at once, so the control thread begins it next. */
static void arm_timer(struct changes *changes)
{
	struct itimerspec when = { .it_value = { 0 } };

	if (changes->phase == CHANGE_CLOSING)
		when.it_value.tv_nsec = CLOSE_LOOK;
	else if (changes->phase != CHANGE_NONE)
		when.it_value.tv_nsec = OPEN_LOOK;
	else if (!list_empty(&changes->queue))
		when.it_value.tv_nsec = 1;
	timerfd_settime(changes->timer_fd, 0, &when, NULL);
}

void changes_run(struct apply *apply)
{
	struct changes *changes = &apply->changes;
	uint64_t expirations;

	if (changes->running)
		return;
	changes->running = true;
	while (read(changes->timer_fd, &expirations, sizeof(expirations)) > 0)
		;
	while (step(apply))
		;
	changes->running = false;
	arm_timer(changes);
}

/* ---- the interface ---- */

static void cancel_one(struct apply_change *change)
{
	struct weft_error error;

	change->done(change, weft_error_set(&error, ECANCELED, "weftd is ending"), &error);
}

void apply_submit(struct apply *apply, struct apply_change *change)
{
	if (apply->changes.cancelled) {
		cancel_one(change);
		return;
	}
	list_add_tail(&apply->changes.queue, &change->node);
	if (apply->changes.phase == CHANGE_NONE)
		changes_run(apply);
}

void apply_cancel(struct apply *apply)
{
	struct changes *changes = &apply->changes;
	struct weft_error error;
	struct list *node;

	changes->cancelled = true;
	if (changes->phase == CHANGE_BESIDE || changes->phase == CHANGE_STORING) {
		devices_drop_beside(apply, &changes->next);
		running_done(&changes->next);
		devices_promise(apply, 0);
	}
	if (changes->current) {
		weft_error_set(&error, ECANCELED, "weftd is ending");
		finish(apply, -ECANCELED, &error);
	}
	while ((node = list_pop(&changes->queue)))
		cancel_one(list_entry(node, struct apply_change, node));
	arm_timer(changes);
}
