/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosts that stay: some work, and some do nothing. */
#include <stdlib.h>
#include <unistd.h>

#include "load.h"

static struct {
	struct host_ctrl *ctrl;	/* owned */
	struct host_queue *io;	/* owned */
} *idle;

/* Each association is two connections. */
bool load_idle_open(void)
{
	struct load_worker worker = { .index = 9999, .random = 1 };
	struct weft_error error;

	idle = calloc(load.idle / 2 + 1, sizeof(*idle));
	for (unsigned int i = 0; idle && i < load.idle / 2; i++) {
		if (load_connect(&worker, 0, &idle[i].ctrl, &idle[i].io, &error) < 0) {
			load_failed(&worker, "an idle connection", error.text);
			return load.lenient;
		}
	}
	return idle;
}

void load_idle_close(void)
{
	for (unsigned int i = 0; idle && i < load.idle / 2; i++) {
		host_queue_close(idle[i].io);
		host_disconnect(idle[i].ctrl);
	}
	free(idle);
}

void load_hold(struct load_worker *worker)
{
	struct weft_error error;
	struct host_ctrl *ctrl;
	struct host_queue *io;

	if (load_connect(worker, HOST_KATO_MS, &ctrl, &io, &error) < 0) {
		load_failed(worker, "connecting", error.text);
		return;
	}
	while (!load_over()) {
		if (load_verify(worker, io, &error) < 0 || host_tend(ctrl, &error) < 0) {
			load_failed(worker, "I/O", error.text);
			break;
		}
		if (load.pause_us)
			usleep(load.pause_us);
	}
	host_queue_close(io);
	host_disconnect(ctrl);
}
