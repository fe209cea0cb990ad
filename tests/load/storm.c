/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosts that come and go, in each of the ways that hosts go. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

enum leave {
	LEAVE_SHUTDOWN,		/* as is proper */
	LEAVE_CLOSE,		/* without a word */
	LEAVE_RESET,		/* RST, with reads outstanding */
	LEAVE_DEAF,		/* the same after it has not read for a while */
	LEAVE_CUT,		/* within a capsule */
	LEAVE_WITHHOLD,		/* without the data that it was asked for */
	LEAVE_KINDS,
};

static void set_reset(const struct host_queue *q)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(q->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/* Asks for more than is ever read. */
static void ask(struct load_worker *worker, struct host_queue *io, struct host_request *reqs)
{
	struct weft_error error;

	for (unsigned int i = 0; i < LOAD_DEPTH - 1; i++) {
		reqs[i] = (struct host_request){ .length = LOAD_IO_MAX };
		host_rw_sqe(&reqs[i].sqe, NVME_CMD_READ, load.nsid, load_random(worker, 1024),
			    LOAD_IO_MAX / 512, 0);
		host_submit(io, &reqs[i]);
	}
	host_flush(io, &error);
}

/* A write by R2T, the data of which is never sent. */
static void withhold(struct load_worker *worker, struct host_queue *io, struct host_request *req)
{
	struct weft_error error;

	*req = (struct host_request){ .data = worker->data, .length = LOAD_IO_MAX };
	host_rw_sqe(&req->sqe, NVME_CMD_WRITE, load.nsid, (uint64_t)worker->index * 2048,
		    LOAD_IO_MAX / 512, 0);
	host_submit(io, req);
	host_flush(io, &error);
}

static void cut(const struct host_queue *io)
{
	const uint8_t head[30] = { NVME_TCP_CMD, 0, sizeof(struct nvme_tcp_cmd), 0,
				   sizeof(struct nvme_tcp_cmd) };

	(void)!send(io->fd, head, sizeof(head), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void leave(struct load_worker *worker, struct host_ctrl *ctrl, struct host_queue *io)
{
	struct host_request reqs[LOAD_DEPTH];
	enum leave how = load_random(worker, LEAVE_KINDS);

	switch (how) {
	case LEAVE_DEAF:
	case LEAVE_RESET:
		ask(worker, io, reqs);
		if (how == LEAVE_DEAF)
			usleep(20000);
		set_reset(io);
		set_reset(ctrl->admin);
		break;
	case LEAVE_CUT:
		cut(io);
		break;
	case LEAVE_WITHHOLD:
		withhold(worker, io, reqs);
		break;
	default:
		break;
	}
	if (how != LEAVE_SHUTDOWN)
		ctrl->admin->lost = true; /* no shutdown, then */
	if (load_random(worker, 2) && how != LEAVE_SHUTDOWN) {
		host_disconnect(ctrl);
		host_queue_close(io);
	} else {
		host_queue_close(io);
		host_disconnect(ctrl);
	}
}

/* The number of the next association; false: there are no more. */
static bool next(void)
{
	static _Atomic unsigned int taken;

	if (load_result.stop || (!load.count && load_over()))
		return false;
	return !load.count || atomic_fetch_add(&taken, 1) < load.count;
}

void load_storm(struct load_worker *worker)
{
	while (next()) {
		struct weft_error error;
		struct host_ctrl *ctrl;
		struct host_queue *io;

		if (load_connect(worker, HOST_KATO_MS, &ctrl, &io, &error) < 0) {
			load_failed(worker, "connecting", error.text);
			usleep(10000);
			continue;
		}
		for (uint64_t i = load_random(worker, 4); i > 0; i--) {
			if (load_verify(worker, io, &error) < 0) {
				load_failed(worker, "I/O", error.text);
				break;
			}
		}
		leave(worker, ctrl, io);
	}
}
