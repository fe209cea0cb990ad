/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connect, command and data, over a real connection to a real target. The
 * input is a record (the command, and what the data is laid over) and up to
 * 1024 bytes that change that data. What connects must be what the data says.
 */
#include <string.h>

#include "fake_loop.h"
#include "fuzz.h"
#include "peer.h"
#include "record.h"
#include "spec/fabrics.h"
#include "target/queue/controller.h"
#include "transport/tcp_connection.h"
#include "util/log.h"
#include "world.h"

static struct peer peers[2];

void fake_on_send(int fd, const struct iovec *iov, unsigned int iov_count)
{
	for (unsigned int i = 0; i < iov_count; i++)
		peer_receive(&peers[fd], iov[i].iov_base, iov[i].iov_len);
}

static void run(void)
{
	do {
		world_settle();
	} while (fake_socket_sent(0, 0) || fake_socket_sent(1, 0));
}

static void fill(struct nvmf_connect_data *data, uint16_t cntlid, const char *subnqn)
{
	memset(data, 0, sizeof(*data));
	data->cntlid = le16_of(cntlid);
	memset(data->hostid, 0x5a, sizeof(data->hostid));
	strcpy(data->subnqn, subnqn);
	strcpy(data->hostnqn, HOST_ANY);
}

static void send_connect(struct peer *peer, const struct nvmf_connect_cmd *cmd,
			 const struct nvmf_connect_data *data, uint32_t length)
{
	struct nvme_sqe sqe;

	memcpy(&sqe, cmd, sizeof(sqe));
	sqe.sgl.type = length ? NVME_SGL_IN_CAPSULE : NVME_SGL_TRANSPORT_SGL;
	sqe.sgl.length = le32_of(sizeof(*data));
	peer->connect_cid = (uint16_t)(peer->cid + 1);
	peer_command(peer, &sqe, data, length);
	run();
	peer_h2c_data(peer, 0, sizeof(*data));
	run();
}

static void open_peer(struct peer *peer, int fd, uint16_t portid)
{
	peer_init(peer, fd);
	world_connect((unsigned int)fd, fd, portid);
	peer_icreq(peer, 0, 0, 0);
	run();
}

/* An admin queue, enabled, whose controller I/O queues may join. */
static void open_admin(uint16_t portid)
{
	struct nvmf_connect_cmd cmd = { .opcode = NVME_ADMIN_FABRICS, .flags = NVME_SQE_PSDT_SGL,
					.fctype = NVMF_CONNECT, .sqsize = le16_of(31) };
	struct nvmf_property_cmd enable = {
		.opcode = NVME_ADMIN_FABRICS, .flags = NVME_SQE_PSDT_SGL,
		.fctype = NVMF_PROPERTY_SET, .ofst = le32_of(0x14), .value = le64_of(0x460001),
	};
	struct nvmf_connect_data data;
	struct nvme_sqe sqe;

	open_peer(&peers[0], 0, portid);
	fill(&data, NVMF_CNTLID_DYNAMIC, NQN_A);
	send_connect(&peers[0], &cmd, &data, sizeof(data));
	fuzz_assert(portid == 8 || peers[0].cntlid);
	memcpy(&sqe, &enable, sizeof(sqe));
	sqe.sgl.type = NVME_SGL_TRANSPORT_SGL;
	peer_command(&peers[0], &sqe, NULL, 0);
	run();
}

/* What came of it. */
static void check(const struct nvmf_connect_cmd *cmd, const struct nvmf_connect_data *data)
{
	const struct loop_socket *socket = fake_socket(1);
	const struct tcp_connection *conn;
	const struct controller *ctrl;

	if (!socket)
		return;
	conn = container_of(socket, struct tcp_connection, socket);
	ctrl = conn->queue.ctrl;
	fuzz_assert(!ctrl == !queue_connected(&conn->queue));
	if (!ctrl)
		return;
	fuzz_assert(ctrl->cntlid == peers[1].cntlid && ctrl->cntlid);
	fuzz_assert(conn->queue.qid == le16_get(cmd->qid));
	fuzz_assert(conn->queue.size == le16_get(cmd->sqsize) + 1u);
	fuzz_assert(strcmp(ctrl->hostnqn, data->hostnqn) == 0);
	/* of an I/O queue any is taken, and the admin queue's counts */
	fuzz_assert(conn->queue.qid ||
		    memcmp(ctrl->hostid, data->hostid, sizeof(data->hostid)) == 0);
	fuzz_assert(!conn->queue.qid || ctrl->cntlid == le16_get(data->cntlid));
	fuzz_assert(ctrl->discovery || strcmp(data->subnqn, NQN_A) == 0 ||
		    strcmp(data->hostnqn, HOST_FRIEND) == 0);
}

static void try_connect(const uint8_t *r, const uint8_t *change, size_t size)
{
	static const char *const subnqns[] = { NQN_A, NQN_B, NVMF_DISCOVERY_NQN, "" };
	struct nvmf_connect_cmd cmd = {
		.opcode = NVME_ADMIN_FABRICS, .flags = NVME_SQE_PSDT_SGL, .fctype = NVMF_CONNECT,
		.qid = le16_of(r[2]), .sqsize = le16_of(record_u16(r + 3)),
		.recfmt = le16_of(r[1] & 1 ? r[5] : 0), .cattr = r[6],
		.kato = le32_of(record_u32(r + 7)),
	};
	struct nvmf_connect_data data;

	fill(&data, r[2] ? peers[0].cntlid : NVMF_CNTLID_DYNAMIC, subnqns[r[11] & 3]);
	if (r[1] & 2)
		strcpy(data.hostnqn, HOST_FRIEND);
	for (size_t i = 0; i < size && i < sizeof(data); i++)
		((uint8_t *)&data)[i] ^= change[i];
	open_peer(&peers[1], 1, world_ports[r[0] % WORLD_PORTS]);
	send_connect(&peers[1], &cmd, &data,
		     r[1] & 4 ? 0 : r[1] & 8 ? record_u16(r + 12) % 1025 : sizeof(data));
	check(&cmd, &data);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	log_set_level(LOG_EMERG);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < RECORD_SIZE)
		return 0;
	world_new(NULL);
	open_admin(world_ports[data[0] % WORLD_PORTS]);
	try_connect(data, data + RECORD_SIZE, size - RECORD_SIZE);
	for (int i = 0; i < 2; i++)
		fake_socket_end(i, 0);
	run();
	world_free();
	for (int i = 0; i < 2; i++)
		peer_done(&peers[i]);
	return 0;
}
