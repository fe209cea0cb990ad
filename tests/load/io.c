/* SPDX-License-Identifier: BSD-3-Clause */
/* A host of the load: its association, and I/O that it verifies. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "load.h"
#include "util/str.h"

#define BLOCK 512u
#define RANGE_BLOCKS 2048u	/* of each worker: a MiB */
#define COMMAND_TIMEOUT_MS 30000

int load_connect(struct load_worker *worker, uint32_t kato_ms, struct host_ctrl **ret_ctrl,
		 struct host_queue **ret_io, struct weft_error *error)
{
	struct host_options opts;
	struct host_ctrl *ctrl;
	char name[32];
	int r;

	host_options_init(&opts);
	opts.traddr = load.traddr;
	opts.trsvcid = load.trsvcid;
	opts.subnqn = load.subnqn;
	opts.kato_ms = kato_ms;
	opts.timeout_ms = COMMAND_TIMEOUT_MS;
	opts.hdgst = load_random(worker, 4) == 0;
	opts.ddgst = load_random(worker, 4) == 0;
	opts.no_sq_flow = load_random(worker, 2);
	snprintf(opts.hostnqn, sizeof(opts.hostnqn), "nqn.2026-01.io.weft.test:load-%u",
		 worker->index);
	snprintf(name, sizeof(name), "load %u", worker->index);
	uuid_from_text(name, opts.hostid);
	r = host_connect(&opts, &ctrl, error);
	if (r < 0)
		return r;
	if (ret_io) {
		r = host_io_queues(ctrl, 1, error);
		if (!r)
			r = host_io_open(ctrl, 1, LOAD_DEPTH, ret_io, error);
		if (r < 0) {
			host_disconnect(ctrl);
			return r;
		}
	}
	atomic_fetch_add(&load_result.associations, 1);
	*ret_ctrl = ctrl;
	return 0;
}

static void note_time(uint64_t us)
{
	uint64_t slowest = load_result.slowest_us;

	while (us > slowest &&
	       !atomic_compare_exchange_weak(&load_result.slowest_us, &slowest, us))
		;
	if (us > load.stall_ms * UINT64_C(1000))
		atomic_fetch_add(&load_result.stalls, 1);
}

static int run(struct host_queue *io, uint8_t opcode, uint64_t slba, uint32_t blocks, void *data,
	       struct weft_error *error)
{
	struct host_request req = { .data = data, .length = blocks * BLOCK };
	uint64_t started = load_now_us();
	struct nvme_status status;
	int r;

	host_rw_sqe(&req.sqe, opcode, load.nsid, slba, blocks, 0);
	r = host_command(io, &req, COMMAND_TIMEOUT_MS, error);
	if (r < 0)
		return r;
	note_time(load_now_us() - started);
	status = nvme_cqe_status(&req.cqe);
	if (!nvme_status_ok(status))
		return weft_error_set(error, EREMOTEIO, "%s: %s",
				      opcode == NVME_CMD_READ ? "read" : "write",
				      nvme_status_str(status, NVME_STATUS_KIND_NVM));
	return 0;
}

int load_verify(struct load_worker *worker, struct host_queue *io, struct weft_error *error)
{
	uint32_t blocks = 1u << load_random(worker, 9);
	uint64_t slba = (uint64_t)worker->index * RANGE_BLOCKS +
			load_random(worker, RANGE_BLOCKS - blocks + 1);
	uint64_t mark = ++worker->turn << 16 | worker->index;
	int r;

	for (size_t at = 0; at < blocks * BLOCK; at += sizeof(mark)) {
		uint64_t word = mark ^ at << 40;

		memcpy(worker->data + at, &word, sizeof(word));
	}
	r = run(io, NVME_CMD_WRITE, slba, blocks, worker->data, error);
	if (!r)
		r = run(io, NVME_CMD_READ, slba, blocks, worker->back, error);
	if (r < 0)
		return r;
	if (memcmp(worker->data, worker->back, blocks * BLOCK) != 0)
		load_torn(worker, "what was read is not what was written");
	else
		atomic_fetch_add(&load_result.verified, 1);
	return 0;
}
