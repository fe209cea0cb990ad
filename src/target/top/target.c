/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts and stops the reactors. */
#include "target/base/target.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weft/backend.h>

#include "loop/buffer.h"
#include "loop/loop.h"
#include "spec/fabrics.h"
#include "target/base/reactor.h"
#include "target/base/thread.h"
#include "target/model/namespace.h"
#include "target/model/subsystem.h"
#include "target/model/view.h"
#include "target/queue/queue.h"
#include "target/queue/request.h"
#include "util/log.h"
#include "util/thread.h"

#define STOP_POLL_MS 5
#define STOP_FORCE_MS 1000	/* the part of target_stop()'s time for forced closing */

struct start {
	struct reactor *reactor;
	struct weft_error *error;
	int result;
	sem_t up;
};

static void pin_thread(const struct target_options *options, unsigned int index)
{
	cpu_set_t set;
	int r;

	if (!options->cpus)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)options->cpus[index], &set);
	r = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	if (r)
		log_warning("reactor %u cannot run on CPU %d: %s; it runs anywhere", index,
			    options->cpus[index], strerror(r));
}

static void *reactor_main(void *arg)
{
	struct start *start = arg;
	struct reactor *reactor = start->reactor;
	const struct target_options *options = &reactor->target->options;
	struct loop_options loop_options = {
		.engine = (enum loop_engine)options->engine, .poll_us = options->poll_us,
		.buffer_limit = reactor->target->buffer_limit,
	};
	char name[16];
	int r;

	snprintf(name, sizeof(name), "reactor-%u", reactor->index);
	pthread_setname_np(pthread_self(), name);
	pin_thread(options, reactor->index);
	reactor_set_current(reactor);
	r = loop_new(&reactor->loop, &loop_options, start->error);
	start->result = r;
	sem_post(&start->up);	/* start may be gone after this */
	if (r < 0)
		return NULL;
	r = loop_run(reactor->loop);
	if (r < 0)
		log_err("reactor %u: its loop failed: %s", reactor->index, strerror(-r));
	return NULL;
}

static int start_reactor(struct target *target, unsigned int index, struct weft_error *error)
{
	struct reactor *reactor = calloc(1, sizeof(*reactor));
	struct start start = { .reactor = reactor, .error = error };
	int r;

	if (!reactor)
		return weft_error_set(error, ENOMEM, "out of memory");
	reactor->target = target;
	reactor->index = index;
	list_init(&reactor->queues);
	buffer_lines_init(reactor);
	sem_init(&start.up, 0, 0);
	r = thread_start(&target->threads[index], reactor_main, &start);
	if (r < 0) {
		free(reactor);
		return weft_error_set(error, -r, "cannot start a thread: %s", strerror(-r));
	}
	while (sem_wait(&start.up) < 0)
		;
	sem_destroy(&start.up);
	if (start.result < 0) {
		pthread_join(target->threads[index], NULL);
		free(reactor);
		return start.result;
	}
	target->reactors[index] = reactor;
	target->reactor_count = index + 1;
	return 0;
}

static void target_free(struct target *target)
{
	for (unsigned int i = 0; i < target->reactor_count; i++) {
		loop_stop(target->reactors[i]->loop);
		pthread_join(target->threads[i], NULL);
	}
	/* not freed by their threads: loop_stop() may use a loop whose thread has ended */
	for (unsigned int i = 0; i < target->reactor_count; i++) {
		watches_end(target->reactors[i]);
		loop_free(target->reactors[i]->loop);
		free(target->reactors[i]);
	}
	namespaces_sweep(target, true);
	view_free(target->view);
	subsystem_unref(target->discovery);
	pthread_mutex_destroy(&target->lock);
	control_inbox_done(&target->inbox);
	free(target->reactors);
	free(target->threads);
	free(target);
}

int target_start(struct target **ret_target, const struct target_options *options,
		 struct weft_error *error)
{
	struct target *target = calloc(1, sizeof(*target));
	struct view *view = view_new();
	int r;

	if (!target || !view) {
		free(target);
		view_free(view);
		return weft_error_set(error, ENOMEM, "out of memory");
	}
	target->options = *options;
	target->started = loop_clock();
	target->buffer_limit = options->max_buffers ?
				       options->max_buffers / options->reactor_count :
				       LOOP_BUFFER_LIMIT_DEFAULT;
	limits_init(&target->limits);
	list_init(&target->subsystems);
	list_init(&target->closed_namespaces);
	pthread_mutex_init(&target->lock, NULL);
	target->reactors = calloc(options->reactor_count, sizeof(*target->reactors));
	target->threads = calloc(options->reactor_count, sizeof(*target->threads));
	target->discovery = subsystem_get(target, NVMF_DISCOVERY_NQN);
	r = control_inbox_init(&target->inbox);
	if (r < 0) {
		weft_error_set(error, -r, "eventfd: %s", strerror(-r));
		goto fail;
	}
	if (!target->reactors || !target->threads || !target->discovery) {
		r = weft_error_set(error, ENOMEM, "out of memory");
		goto fail;
	}
	target->discovery->discovery = true;
	for (unsigned int i = 0; i < options->reactor_count; i++) {
		r = start_reactor(target, i, error);
		if (r < 0)
			goto fail;
	}
	view_publish(target, view);
	*ret_target = target;
	return 0;
fail:
	view_free(view);
	target_free(target);
	return r;
}

/* Ends idle connections; adds the number of those that are left to *arg. */
static void drain(struct reactor *reactor, void *arg)
{
	unsigned int *left = arg;

	list_for_each_safe(node, &reactor->queues) {
		struct queue *queue = list_entry(node, struct queue, node);

		queue_enter(queue, QUEUE_DRAINING);
		if (queue->busy == queue->held + queue->abandoned)
			queue_disconnect(queue);
	}
	list_for_each(node, &reactor->queues)
		(*left)++;
}

static void disconnect_all(struct reactor *reactor, void *arg)
{
	unsigned int *left = arg;

	list_for_each_safe(node, &reactor->queues)
		queue_disconnect(list_entry(node, struct queue, node));
	list_for_each(node, &reactor->queues)
		(*left)++;
}

static bool wait_empty(struct target *target, void (*step)(struct reactor *, void *),
		       unsigned int timeout_ms)
{
	const struct timespec pause = { .tv_nsec = STOP_POLL_MS * 1000000 };
	uint64_t deadline = loop_clock() + (uint64_t)timeout_ms * 1000000;

	for (;;) {
		unsigned int left = 0;

		reactor_call_all(target, step, &left);
		if (!left)
			return true;
		if (loop_clock() > deadline)
			return false;
		control_inbox_run(&target->inbox);
		if (target->control)
			target->control->progress(target->control_context);
		nanosleep(&pause, NULL);
	}
}

bool target_stop(struct target *target, unsigned int timeout_ms)
{
	unsigned int force = timeout_ms < 2 * STOP_FORCE_MS ? timeout_ms / 2 : STOP_FORCE_MS;
	bool in_time, empty;

	target->draining = true;
	in_time = wait_empty(target, drain, timeout_ms - force);
	empty = in_time || wait_empty(target, disconnect_all, force);
	if (!empty) {
		/* a backend still uses memory of a command: nothing is freed before the exit */
		log_warning("commands are still with their backends: leaving them");
		return false;
	}
	target_free(target);
	return in_time;
}
