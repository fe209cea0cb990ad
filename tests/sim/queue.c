/* SPDX-License-Identifier: BSD-3-Clause */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "net.h"
#include "spec/fabrics.h"
#include "spec/status.h"
#include "util/list.h"
#include "world.h"

#define IN_CAPSULE_MAX 16384

static uint32_t last_stamp;

static struct queue_sim *queue_of(struct peer *peer)
{
	return container_of(peer, struct queue_sim, peer);
}

static struct cmd *find(struct queue_sim *queue, uint16_t cid)
{
	for (unsigned int i = 0; i < QUEUE_COMMANDS; i++)
		if (queue->cmds[i].kind != CMD_FREE && queue->cmds[i].cid == cid)
			return &queue->cmds[i];
	return NULL;
}

static struct cmd *take(struct queue_sim *queue, enum cmd_kind kind)
{
	for (unsigned int i = 0; i < QUEUE_COMMANDS; i++) {
		struct cmd *cmd = &queue->cmds[i];

		if (cmd->kind != CMD_FREE)
			continue;
		*cmd = (struct cmd){ .kind = kind, .cid = (uint16_t)(queue->peer.cid + 1) };
		queue->used++;
		return cmd;
	}
	fuzz_failed("a queue has room for what it begins", __FILE__, __LINE__);
}

static void release(struct queue_sim *queue, struct cmd *cmd)
{
	free(cmd->data);
	cmd->data = NULL;
	cmd->kind = CMD_FREE;
	queue->used--;
}

static bool is_io(const struct cmd *cmd)
{
	return cmd->kind == CMD_READ || cmd->kind == CMD_WRITE || cmd->kind == CMD_ZEROES;
}

/* ---- answers ---- */

/* May a command of a host that did nothing wrong fail like this? */
static bool may_fail(const struct cmd *cmd, struct nvme_status status)
{
	const unsigned int every = WORLD_SMALL_NS | WORLD_SWAP_NS | WORLD_NO_NS1 | WORLD_ANA;
	uint16_t sc = nvme_status_sc(status);

	if (cmd->aborted && sc == NVME_SC_ABORT_REQ)
		return true;
	/* data within a command cannot wait for a buffer: the host is told to try again */
	if (cmd->in_capsule && sc == NVME_SC_TRANSIENT_TRANSPORT)
		return true;
	/* the device was replaced while data was on its way to it */
	if (sim.scenario->changes & every)
		return true;
	return sim.scenario->changes && (is_io(cmd) || cmd->kind == CMD_FLUSH) && cmd->disk > 0;
}

static void check_read(const struct queue_sim *queue, const struct cmd *cmd)
{
	fuzz_assert(cmd->got == cmd->length);
	for (unsigned int i = 0; i < cmd->pages; i++)
		fuzz_assert(disk_right(cmd->disk, queue->host, cmd->first + i,
				       cmd->data + (size_t)i * DISK_PAGE));
}

static void ended(struct queue_sim *queue, struct cmd *cmd, struct nvme_status status,
		  uint32_t dw0)
{
	bool ok = nvme_status_ok(status);

	sim_trace("host %u queue %u: command %u ended, status %x", queue->host, queue->qid,
		  cmd->cid, nvme_status_sc(status));
	sim_counts.commands++;
	sim_counts.failed += !ok;
	sim_counts.aborted += nvme_status_sc(status) == NVME_SC_ABORT_REQ;
	if (is_io(cmd)) {
		if (ok && cmd->kind == CMD_READ)
			check_read(queue, cmd);
		disk_done(cmd->disk, queue->host, cmd->first, cmd->pages, cmd->kind != CMD_READ,
			  cmd->stamp, !ok);
	}
	if (cmd->kind == CMD_OTHER) {
		queue->answered = true;
		queue->status = status;
		queue->dw0 = dw0;
		free(queue->answer);
		queue->answer = cmd->data;
		queue->answer_length = cmd->got;
		cmd->data = NULL;
	} else if (cmd->kind == CMD_AER) {
		fuzz_assert(ok);
		host_event(queue->host, dw0);
	} else {
		fuzz_assert(ok || may_fail(cmd, status));
	}
	release(queue, cmd);
}

static void answered(struct peer *peer, const struct nvme_cqe *cqe)
{
	struct queue_sim *queue = queue_of(peer);
	struct cmd *cmd = find(queue, le16_get(cqe->cid));

	fuzz_assert(cmd);
	ended(queue, cmd, nvme_cqe_status(cqe), le32_get(cqe->dw0));
}

static void got_data(struct peer *peer, uint16_t cid, uint32_t offset, const uint8_t *data,
		     uint32_t length, bool success)
{
	struct queue_sim *queue = queue_of(peer);
	struct cmd *cmd = find(queue, cid);

	fuzz_assert(cmd && (cmd->kind == CMD_READ || cmd->kind == CMD_OTHER));
	fuzz_assert(offset == cmd->got && length <= cmd->length - cmd->got);
	memcpy(cmd->data + offset, data, length);
	cmd->got += length;
	if (success)
		ended(queue, cmd, NVME_SUCCESS, 0);
}

static const uint8_t *payload(struct peer *peer, uint16_t cid)
{
	struct cmd *cmd = find(queue_of(peer), cid);

	fuzz_assert(cmd && cmd->kind == CMD_WRITE);
	return cmd->data;
}

static const struct peer_ops ops = { .answered = answered, .data = got_data, .payload = payload };

/* ---- commands ---- */

static void send(struct queue_sim *queue, struct nvme_sqe *sqe, const void *data,
		 uint32_t in_capsule, uint32_t length)
{
	sqe->flags = NVME_SQE_PSDT_SGL;
	sqe->sgl = (struct nvme_sgl){ .type = in_capsule ? NVME_SGL_IN_CAPSULE :
							   NVME_SGL_TRANSPORT_SGL };
	sqe->sgl.length = le32_of(length);
	peer_command(&queue->peer, sqe, data, in_capsule);
}

static uint8_t opcode_of(enum cmd_kind kind)
{
	return kind == CMD_READ ? NVME_CMD_READ : kind == CMD_WRITE ? NVME_CMD_WRITE :
	       kind == CMD_ZEROES ? NVME_CMD_WRITE_ZEROES : NVME_CMD_FLUSH;
}

static void fill(struct cmd *cmd)
{
	cmd->data = malloc(cmd->length);
	fuzz_assert(cmd->data);
	if (cmd->kind != CMD_WRITE)
		return;
	cmd->stamp = ++last_stamp;
	for (unsigned int i = 0; i < cmd->pages; i++)
		disk_fill(cmd->data + (size_t)i * DISK_PAGE, cmd->stamp);
}

bool queue_io(struct queue_sim *queue, enum cmd_kind kind, unsigned int disk, unsigned int pages)
{
	struct nvme_sqe sqe = { .opcode = opcode_of(kind), .nsid = le32_of(disks[disk].nsid) };
	unsigned int shift = disks[disk].block_shift, first = 0;
	struct cmd *cmd;
	uint64_t slba;

	if (queue->used >= sim.scenario->depth ||
	    (kind != CMD_FLUSH &&
	     !disk_take(disk, queue->host, pages, kind != CMD_READ, &first)))
		return false;
	cmd = take(queue, kind);
	cmd->disk = disk;
	cmd->first = first;
	cmd->pages = pages;
	if (kind == CMD_READ || kind == CMD_WRITE) {
		cmd->length = pages * DISK_PAGE;
		fill(cmd);
	}
	slba = (uint64_t)(queue->host * DISK_PART + first) * DISK_PAGE >> shift;
	if (kind != CMD_FLUSH) {
		sqe.cdw10 = le32_of((uint32_t)slba);
		sqe.cdw12 = le32_of((pages * DISK_PAGE >> shift) - 1);
	}
	cmd->in_capsule = kind == CMD_WRITE && cmd->length <= IN_CAPSULE_MAX && sim_chance(2);
	sim_trace("host %u queue %u: command %u, opcode %02x of NSID %u, pages %u+%u%s",
		  queue->host, queue->qid, cmd->cid, sqe.opcode, disks[disk].nsid, first, pages,
		  cmd->in_capsule ? ", data in capsule" : "");
	send(queue, &sqe, cmd->data, cmd->in_capsule ? cmd->length : 0, cmd->length);
	return true;
}

bool queue_abort(struct queue_sim *admin, struct queue_sim *of)
{
	unsigned int start = sim_random(QUEUE_COMMANDS);
	struct nvme_sqe sqe = { .opcode = NVME_ADMIN_ABORT };

	for (unsigned int i = 0; i < QUEUE_COMMANDS; i++) {
		struct cmd *cmd = &of->cmds[(start + i) % QUEUE_COMMANDS];

		if (!is_io(cmd))
			continue;
		cmd->aborted = true;
		sqe.cdw10 = le32_of(of->qid | (uint32_t)cmd->cid << 16);
		take(admin, CMD_ABORT);
		sim_trace("host %u: aborts command %u of queue %u", of->host, cmd->cid, of->qid);
		send(admin, &sqe, NULL, 0, 0);
		return true;
	}
	return false;
}

void queue_aer(struct queue_sim *admin)
{
	struct nvme_sqe sqe = { .opcode = NVME_ADMIN_ASYNC_EVENT };

	take(admin, CMD_AER);
	send(admin, &sqe, NULL, 0, 0);
}

void queue_command(struct queue_sim *queue, const struct nvme_sqe *sqe, const void *data,
		   uint32_t to_target, uint32_t from_target)
{
	struct cmd *cmd = take(queue, CMD_OTHER);
	struct nvme_sqe copy = *sqe;

	queue->answered = false;
	cmd->length = from_target;
	cmd->data = malloc(from_target + 1);
	fuzz_assert(cmd->data);
	send(queue, &copy, data, to_target, to_target ? to_target : from_target);
}

bool queue_serve(struct queue_sim *queue, bool whole)
{
	if (!queue->peer.r2t_count)
		return false;
	peer_h2c_data(&queue->peer, sim_random(queue->peer.r2t_count),
		      whole || sim_chance(2) ? UINT32_MAX : 4 * (1 + sim_random(8192)));
	return true;
}

unsigned int queue_pending(const struct queue_sim *queue, unsigned int but_disk)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < QUEUE_COMMANDS; i++) {
		const struct cmd *cmd = &queue->cmds[i];

		if (cmd->kind == CMD_FREE || cmd->kind == CMD_AER)
			continue;
		count += !((is_io(cmd) || cmd->kind == CMD_FLUSH) && cmd->disk == but_disk);
	}
	return count;
}

/* ---- connections ---- */

void queue_open(struct queue_sim *queue, unsigned int host, unsigned int index,
		unsigned int reactor, uint16_t portid)
{
	int fd = (int)(host * SIM_QUEUES + index);

	memset(queue, 0, sizeof(*queue));
	peer_init(&queue->peer, fd);
	queue->peer.ops = &ops;
	queue->host = host;
	queue->qid = (uint16_t)index;
	net_attach(&queue->peer);
	world_connect(reactor, fd, portid);
}

void queue_lost(struct queue_sim *queue)
{
	for (unsigned int i = 0; i < QUEUE_COMMANDS; i++) {
		struct cmd *cmd = &queue->cmds[i];

		if (cmd->kind == CMD_FREE)
			continue;
		if (is_io(cmd))
			disk_done(cmd->disk, queue->host, cmd->first, cmd->pages,
				  cmd->kind != CMD_READ, cmd->stamp, true);
		release(queue, cmd);
	}
	queue->up = false;
	net_detach(queue->peer.fd);
	queue->peer.out_count = 0;
	queue->peer.r2t_count = 0;
}

void queue_done(struct queue_sim *queue)
{
	free(queue->answer);
	queue->answer = NULL;
	peer_done(&queue->peer);
	memset(queue, 0, sizeof(*queue));
}
