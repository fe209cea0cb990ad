/* SPDX-License-Identifier: BSD-3-Clause */
/* See backend_rig.h. */
#include "backend_rig.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backend/backend.h"

/* One I/O, from the task that submits it to its completion. */
struct trip {
	struct loop_task task;
	struct rig *rig;
	struct weft_io io;
	int result;
	bool done;
};

static void set_options(struct weft_params *params, va_list args, int *r, struct weft_error *error)
{
	const char *option;
	char name[64];

	while (!*r && (option = va_arg(args, const char *))) {
		size_t length = strcspn(option, "=");

		snprintf(name, sizeof(name), "%.*s", (int)length, option);
		*r = backend_params_set(params, name, option + length + 1, error);
	}
}

int rig_open(struct rig *rig, struct weft_error *error, const char *backend, ...)
{
	struct weft_params *params;
	va_list args;
	int r = 0;

	rig->backend = backend_find(backend);
	params = backend_params_new(rig->backend);
	va_start(args, backend);
	set_options(params, args, &r, error);
	va_end(args);
	if (!r)
		r = backend_params_check(params, error);
	if (!r)
		r = rig->backend->open(&rig->device, params, &rig->info, error);
	backend_params_free(params);
	return r;
}

void rig_close(struct rig *rig)
{
	rig->backend->close(rig->device);
	rig->device = NULL;
}

void weft_device_changed(struct weft_owner *owner)
{
}

void weft_io_done(struct weft_io *io, int result)
{
	struct trip *trip = container_of(io, struct trip, io);

	if (io->done) {
		io->done(io, result);
		return;
	}
	if (trip->done)
		__builtin_trap(); /* completed twice */
	trip->result = result;
	trip->done = true;
	loop_stop(trip->rig->loop);
}

static void submit(struct loop_task *task)
{
	struct trip *trip = container_of(task, struct trip, task);

	trip->rig->backend->submit(trip->rig->device, &trip->io);
}

static int run(struct rig *rig, struct trip *trip)
{
	int r;

	trip->rig = rig;
	loop_task_init(&trip->task, submit);
	loop_defer(rig->loop, &trip->task);
	r = loop_run(rig->loop);
	return r < 0 ? r : trip->done ? trip->result : -ETIME;
}

int rig_io(struct rig *rig, enum weft_op op, uint32_t flags, uint64_t offset, void *buffer,
	   uint64_t length)
{
	struct iovec iov = { buffer, length };
	struct trip trip = {
		.io = { .op = op, .flags = flags, .offset = offset, .length = length,
			.iov = buffer ? &iov : NULL, .iov_count = buffer != NULL },
	};

	return run(rig, &trip);
}

int rig_iov(struct rig *rig, enum weft_op op, uint64_t offset, const struct iovec *iov,
	    unsigned int iov_count)
{
	struct trip trip = {
		.io = { .op = op, .offset = offset, .iov = iov, .iov_count = iov_count },
	};

	for (unsigned int i = 0; i < iov_count; i++)
		trip.io.length += iov[i].iov_len;
	return run(rig, &trip);
}
