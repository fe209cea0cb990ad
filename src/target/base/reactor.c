/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls from the control thread into the reactors. */
#include "target/base/reactor.h"

#include <semaphore.h>

#include "target/base/target.h"
#include "target/base/thread.h"

static _Thread_local struct reactor *current;

struct reactor *reactor_current(void)
{
	return current;
}

void reactor_set_current(struct reactor *reactor)
{
	current = reactor;
}

struct call {
	struct loop_message message;
	struct reactor *reactor;
	void (*fn)(struct reactor *, void *);
	void *arg;
	sem_t done;
};

static void call_run(struct loop_message *message)
{
	struct call *call = container_of(message, struct call, message);

	call->fn(call->reactor, call->arg);
	sem_post(&call->done);
}

void reactor_call(struct reactor *reactor, void (*fn)(struct reactor *, void *), void *arg)
{
	struct call call = {
		.message.run = call_run, .reactor = reactor, .fn = fn, .arg = arg,
	};

	sem_init(&call.done, 0, 0);
	loop_post(reactor->loop, &call.message);
	while (sem_wait(&call.done) < 0)
		;
	sem_destroy(&call.done);
}

void reactor_call_all(struct target *target, void (*fn)(struct reactor *, void *), void *arg)
{
	for (unsigned int i = 0; i < target->reactor_count; i++)
		reactor_call(target->reactors[i], fn, arg);
}
