/* SPDX-License-Identifier: BSD-3-Clause */
/* The NVM command set: Read, Write, Flush, Write Zeroes, Dataset Management. */
#include "spec/identify.h"
#include "spec/log.h"
#include "target/commands/io.h"
#include "target/model/namespace.h"
#include "target/model/view.h"
#include "target/queue/command.h"
#include "target/queue/queue.h"
#include "target/queue/request.h"

#define FIELD(name) offsetof(struct nvme_sqe, name)

/* ---- Read ---- */

static void read_succeeded(struct request *req)
{
	struct namespace_counters *c = io_counters(req);

	counter_add(&c->reads, 1);
	counter_add(&c->read_bytes, req->data_length);
	counter_add(&req->queue->counters.read_bytes, req->data_length);
	request_complete(req, NVME_SUCCESS);
}

static void read_done(struct request *req)
{
	req->iov_count = 1;
	read_succeeded(req);
}

static void execute_read(struct request *req)
{
	if (!io_check_again(req))
		return;
	if (io_lend_read(req))
		read_succeeded(req);
	else if (request_take_buffer(req, request_execute))
		io_submit_range(req, WEFT_OP_READ, 0);
}

/* ---- Write ---- */

static uint32_t fua(const struct request *req)
{
	return le32_get(req->sqe.cdw12) & NVME_RW_FUA ? WEFT_IO_FUA : 0;
}

static struct nvme_status parse_write(struct request *req)
{
	const struct weft_backend *backend = req->view_ns->ns->backend;

	req->consumes = backend->flags & WEFT_BACKEND_SYNC &&
			backend->flags & WEFT_BACKEND_UNALIGNED;
	return NVME_SUCCESS;
}

static void write_done(struct request *req)
{
	struct namespace_counters *c = io_counters(req);

	counter_add(&c->writes, 1);
	counter_add(&c->written_bytes, req->data_length);
	counter_add(&req->queue->counters.written_bytes, req->data_length);
	request_complete(req, NVME_SUCCESS);
}

static void execute_write(struct request *req)
{
	if (!io_check_again(req))
		return;
	if (!req->block_shift)
		io_submit_range(req, WEFT_OP_WRITE, fua(req));
	else if (req->view_ns->ns == req->hold.pin && !req->revoked)
		write_done(req);
	else
		/* the data may not be on the namespace's present device: the host retries */
		request_complete(req, nvme_status(NVME_SC_CMD_INTERRUPTED));
}

/* ---- Write Zeroes, Flush ---- */

static void execute_write_zeroes(struct request *req)
{
	uint32_t deallocate =
		le32_get(req->sqe.cdw12) & NVME_RW_DEAC ? WEFT_IO_DEALLOCATE : 0;

	if (io_check_again(req))
		io_submit_range(req, WEFT_OP_WRITE_ZEROES, fua(req) | deallocate);
}

static void execute_flush(struct request *req)
{
	if (!io_check_again(req))
		return;
	if (req->view_ns->ns->info.volatile_cache)
		io_submit(req, WEFT_OP_FLUSH, 0, 0, 0);
	else
		request_complete(req, NVME_SUCCESS);
}

/* ---- Dataset Management ---- */

static uint32_t dsm_count(const struct request *req)
{
	return (le32_get(req->sqe.cdw10) & NVME_DSM_NR_MASK) + 1;
}

/* Discards one range after the other; called again as each is done. */
static void execute_dsm(struct request *req)
{
	const struct nvme_dsm_range *ranges = (const struct nvme_dsm_range *)req->data;

	while (req->progress < dsm_count(req)) {
		const struct nvme_dsm_range *range = &ranges[req->progress];
		uint64_t slba = le64_get(range->slba);
		uint32_t blocks = le32_get(range->nlb);
		struct nvme_status status;
		uint8_t shift;

		if (!io_check_again(req))
			return;
		status = io_check_range(req, slba, blocks, FIELD(cdw10));
		if (!nvme_status_ok(status)) {
			request_complete(req, status);
			return;
		}
		req->progress++;
		if (!blocks || !req->view_ns->ns->info.discard_granularity)
			continue;
		shift = req->view_ns->block_shift;
		io_submit(req, WEFT_OP_DISCARD, 0, slba << shift, (uint64_t)blocks << shift);
		return;
	}
	request_complete(req, NVME_SUCCESS);
}

/*
 * NR is the number of ranges. Linux always sends 4096 bytes, the size of 256 ranges, so data
 * beyond NR ranges is accepted and ignored.
 */
static uint32_t dsm_length(const struct request *req)
{
	const uint32_t all = NVME_DSM_RANGES_MAX * (uint32_t)sizeof(struct nvme_dsm_range);
	uint32_t needed = dsm_count(req) * (uint32_t)sizeof(struct nvme_dsm_range);
	uint32_t sent = le32_get(req->sqe.sgl.length);

	return sent > needed && sent <= all ? sent : needed;
}

static void execute_nothing(struct request *req)
{
	request_complete(req, NVME_SUCCESS);
}

static struct nvme_status parse_dsm(struct request *req)
{
	req->data_length = dsm_length(req);
	if (!(le32_get(req->sqe.cdw11) & NVME_DSM_AD)) {
		/* the other attributes are hints, which are not used */
		req->execute = execute_nothing;
		req->consumes = true;
	}
	return NVME_SUCCESS;
}

#define RANGE (COMMAND_NAMESPACE | COMMAND_RANGE)

static const struct command commands[] = {
	[NVME_CMD_FLUSH] = {
		.name = "Flush", .on = ON_IO, .flags = COMMAND_NAMESPACE,
		.execute = execute_flush, .section = "NVM 1.1, 3.3.1",
		.notes = "NSID FFFFFFFFh is refused, as VWC says.",
	},
	[NVME_CMD_WRITE] = {
		.name = "Write", .on = ON_IO, .flags = RANGE | COMMAND_WRITES | COMMAND_BLOCKS,
		.effects = NVME_EFFECTS_LBCC, .parse = parse_write, .execute = execute_write,
		.done = write_done, .lend = io_lend_write, .lent_ended = io_lent_ended,
		.view_changed = io_check_lent,
		.section = "NVM 1.1, 3.3.6", .notes = "At most MDTS. FUA is obeyed.",
	},
	[NVME_CMD_READ] = {
		.name = "Read", .on = ON_IO, .flags = RANGE | COMMAND_BLOCKS,
		.execute = execute_read, .done = read_done, .section = "NVM 1.1, 3.3.4",
		.notes = "At most MDTS.",
	},
	[NVME_CMD_WRITE_ZEROES] = {
		.name = "Write Zeroes", .on = ON_IO, .flags = RANGE | COMMAND_WRITES,
		.support = NVME_ONCS_WRITE_ZEROES, .effects = NVME_EFFECTS_LBCC,
		.execute = execute_write_zeroes, .section = "NVM 1.1, 3.3.8",
		.notes = "FUA and DEAC are obeyed.",
	},
	[NVME_CMD_DSM] = {
		.name = "Dataset Management", .on = ON_IO,
		.flags = COMMAND_NAMESPACE | COMMAND_WRITES, .support = NVME_ONCS_DSM,
		.effects = NVME_EFFECTS_LBCC, .parse = parse_dsm, .execute = execute_dsm,
		.done = execute_dsm, .section = "NVM 1.1, 3.3.3",
		.notes = "Deallocates with AD; the other attributes do nothing. Up to 256 ranges.",
	},
};

const struct command_set nvm_commands = {
	.name = "NVM", .on = ON_IO, .opcode_at = FIELD(opcode), COMMAND_SET_TABLE(commands),
};
