/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hosts against the real connection and target (transport, target, memory
 * backend) on a loop that stands still. The input is records of 16 bytes; each
 * is one step: a PDU, a command, the answer to an R2T, a change of the next PDU
 * or of the configuration, a backend that completes, time that passes, an end.
 * At the end everything is closed, and everything must have come back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fake_loop.h"
#include "fuzz.h"
#include "peer.h"
#include "record.h"
#include "spec/fabrics.h"
#include "spec/feature.h"
#include "spec/identify.h"
#include "spec/log.h"
#include "spec/property.h"
#include "target/queue/command.h"
#include "util/log.h"
#include "world.h"

#define RECORDS_MAX 160
#define MS 1000000ull

static struct peer peers[PEERS];
static bool hold_sends;			/* sends end when a step says so */
static unsigned int repeat;		/* of the next step */
static uint8_t payload[512 << 10];

/* ---- what the loop tells ---- */

void fake_on_send(int fd, const struct iovec *iov, unsigned int iov_count)
{
	for (unsigned int i = 0; i < iov_count; i++)
		peer_receive(&peers[fd], iov[i].iov_base, iov[i].iov_len);
}

static bool end_sends(void)
{
	bool any = false;

	for (int i = 0; i < PEERS; i++)
		any |= fake_socket_sent(i, 0);
	return any;
}

/* A turn of each reactor, or all until nothing is left to do. */
static void run(bool once)
{
	unsigned int turns = 0;

	do {
		bool any = world_turn(0);

		any |= world_turn(1);
		if (!hold_sends)
			any |= end_sends();
		if (!any)
			return;
		fuzz_assert(++turns < 4000);
	} while (!once);
}

/* ---- commands ---- */

static struct nvme_sqe sqe_of(uint8_t opcode, uint32_t nsid)
{
	return (struct nvme_sqe){ .opcode = opcode, .flags = NVME_SQE_PSDT_SGL,
				  .nsid = le32_of(nsid) };
}

/* An SGL that is wrong in one field; most values leave it as it is. */
static void spoil_sgl(struct nvme_sgl *sgl, uint8_t how)
{
	static const uint8_t types[] = { NVME_SGL_IN_CAPSULE, NVME_SGL_TRANSPORT_SGL, 0x40, 0x00 };

	switch (how & 0xf) {
	case 1:
		sgl->type = types[how >> 4 & 3];
		break;
	case 2:
		sgl->addr = le64_of(UINT64_C(1) << (how >> 4) * 4);
		break;
	case 3:
		sgl->length = le32_of(le32_get(sgl->length) ^ 1u << (how >> 4) * 2);
		break;
	default:
		break;
	}
}

/* Sends it with an SGL for `length` bytes, and those that go to the controller in the capsule. */
static void send_odd_sqe(struct peer *peer, struct nvme_sqe *sqe, const void *data,
			 uint32_t length, bool in_capsule, uint8_t odd)
{
	sqe->sgl.type = in_capsule ? NVME_SGL_IN_CAPSULE : NVME_SGL_TRANSPORT_SGL;
	sqe->sgl.length = le32_of(length);
	spoil_sgl(&sqe->sgl, odd);
	peer_command(peer, sqe, data, in_capsule ? length : 0);
}

static void send_sqe(struct peer *peer, struct nvme_sqe *sqe, const void *data, uint32_t length,
		     bool in_capsule)
{
	send_odd_sqe(peer, sqe, data, length, in_capsule, 0);
}

static const char *const subnqns[] = { NQN_A, NQN_B, NVMF_DISCOVERY_NQN, "nqn.2026-11.example:c" };
static const char *const hostnqns[] = { HOST_ANY, HOST_FRIEND, HOST_ANY, "x" };

struct connect {
	uint16_t qid, sqsize, cntlid;
	uint8_t subnqn, hostnqn, hostid, cattr;
	uint32_t kato;
	bool in_capsule;
};

static void send_connect(struct peer *peer, const struct connect *connect)
{
	struct nvmf_connect_data data = { .cntlid = le16_of(connect->cntlid) };
	struct nvmf_connect_cmd cmd = {
		.opcode = NVME_ADMIN_FABRICS, .flags = NVME_SQE_PSDT_SGL, .fctype = NVMF_CONNECT,
		.qid = le16_of(connect->qid), .sqsize = le16_of(connect->sqsize),
		.cattr = connect->cattr, .kato = le32_of(connect->kato),
	};
	struct nvme_sqe sqe;

	memset(data.hostid, 0x5a ^ connect->hostid, sizeof(data.hostid));
	strcpy(data.subnqn, subnqns[connect->subnqn & 3]);
	strcpy(data.hostnqn, hostnqns[connect->hostnqn & 3]);
	memcpy(&sqe, &cmd, sizeof(sqe));
	peer->connect_cid = (uint16_t)(peer->cid + 1);
	send_sqe(peer, &sqe, &data, sizeof(data), connect->in_capsule);
}

static void send_property(struct peer *peer, uint8_t fctype, uint8_t attrib, uint32_t offset,
			  uint64_t value)
{
	struct nvmf_property_cmd cmd = {
		.opcode = NVME_ADMIN_FABRICS, .flags = NVME_SQE_PSDT_SGL, .fctype = fctype,
		.attrib = attrib, .ofst = le32_of(offset), .value = le64_of(value),
	};
	struct nvme_sqe sqe;

	memcpy(&sqe, &cmd, sizeof(sqe));
	send_sqe(peer, &sqe, NULL, 0, false);
}

#define CC_ENABLED (NVME_CC_EN | NVME_SQES << NVME_CC_IOSQES_SHIFT | \
		    NVME_CQES << NVME_CC_IOCQES_SHIFT)

/* ---- steps ---- */

enum open_depth { OPEN_ONLY, OPEN_IC, OPEN_ADMIN, OPEN_ENABLED, OPEN_IO, OPEN_DISCOVERY };

static void drop(struct peer *peer, int result)
{
	fake_socket_end(peer->fd, result);
	run(false);
}

/* A new connection, as far as the step says; the old one of that peer ends. */
static void step_open(struct peer *peer, const uint8_t *r)
{
	enum open_depth depth = r[2] % (OPEN_DISCOVERY + 1);
	const struct peer *admin = &peers[r[9] % PEERS];
	struct connect connect = {
		.sqsize = r[8] % 32 + 1, .cntlid = NVMF_CNTLID_DYNAMIC, .in_capsule = true,
		.cattr = r[10] & NVMF_CATTR_NO_SQ_FLOW, .kato = r[11] * 1000u,
		.subnqn = depth == OPEN_DISCOVERY ? 2 : 0,
	};

	if (fake_socket(peer->fd))
		drop(peer, 0);
	/* one whose backend or whose send does not end stays */
	if (fake_socket(peer->fd))
		return;
	peer_reset(peer);
	world_connect(r[3], peer->fd, depth == OPEN_DISCOVERY && !(r[4] & 0x80) ?
					      8 : world_ports[r[4] % WORLD_PORTS]);
	if (depth == OPEN_ONLY)
		return;
	peer_icreq(peer, r[5] & 3, r[6] & 0x30 ? r[6] & 31 : 0, r[7] & 3);
	run(false);
	if (depth == OPEN_IC)
		return;
	if (depth == OPEN_IO) {
		connect.qid = r[12] % 4 + 1;
		connect.cntlid = admin->cntlid;
	}
	send_connect(peer, &connect);
	run(false);
	if (depth == OPEN_ENABLED || depth == OPEN_DISCOVERY)
		send_property(peer, NVMF_PROPERTY_SET, 0, NVME_PROP_CC, CC_ENABLED);
}

static void step_connect(struct peer *peer, const uint8_t *r)
{
	const struct connect connect = {
		.qid = r[2] & 7, .sqsize = record_u16(r + 3),
		.cntlid = r[5] & 8 ? record_u16(r + 6) : r[5] & 4 ? NVMF_CNTLID_DYNAMIC :
			  peers[r[5] & 3].cntlid,
		.subnqn = r[8], .hostnqn = r[9], .cattr = r[10], .kato = record_u32(r + 11),
		.in_capsule = r[15] & 1, .hostid = r[15] & 2,
	};

	send_connect(peer, &connect);
}

static void step_property(struct peer *peer, const uint8_t *r)
{
	static const uint32_t values[] = { CC_ENABLED, 0, CC_ENABLED | NVME_CC_SHN_NORMAL,
					   CC_ENABLED | NVME_CC_CSS_IOCSS };
	static const uint8_t offsets[] = { NVME_PROP_CC, NVME_PROP_CAP, NVME_PROP_VS,
					   NVME_PROP_CSTS, NVME_PROP_CC, NVME_PROP_NSSR,
					   NVME_PROP_CRTO, NVME_PROP_CAP };
	static const uint8_t fctypes[] = { NVMF_PROPERTY_SET, NVMF_PROPERTY_GET, NVMF_DISCONNECT,
					   NVMF_AUTH_SEND };
	uint8_t offset = offsets[r[4] & 7];

	send_property(peer, fctypes[r[2] & 3], r[3] ? r[3] & 3 : offset == NVME_PROP_CAP,
		      r[4] & 0x80 ? r[6] : offset,
		      r[2] & 4 ? record_u32(r + 5) : values[r[5] & 3]);
}

static const uint32_t nsids[8] = { 1, 2, 7, 0, NVME_NSID_ALL, 3, 1024, 1025 };

/* ---- what the target knows, from its own tables ---- */

/* The first opcode of the set from this one on. */
static uint8_t known_opcode(const struct command_set *set, uint8_t from)
{
	for (unsigned int i = 0; i < set->count; i++) {
		uint8_t opcode = (uint8_t)((from + i) % set->count);

		if (set->commands[opcode].name)
			return opcode;
	}
	return from;
}

/* The same for what is listed by numbers, in ascending order. */
static uint8_t known_id(const struct catalog_entry *(*catalog)(size_t), uint8_t from)
{
	const struct catalog_entry *entry;

	for (size_t i = 0; (entry = catalog(i)); i++)
		if (entry->id >= from)
			return entry->id;
	return catalog(0)->id;
}

/* How much an admin command transfers where it is as it should be. */
static uint32_t admin_length(const struct nvme_sqe *sqe)
{
	uint32_t cdw10 = le32_get(sqe->cdw10);

	switch (sqe->opcode) {
	case NVME_ADMIN_IDENTIFY:
		return NVME_IDENTIFY_SIZE;
	case NVME_ADMIN_GET_LOG_PAGE:
		return ((cdw10 >> 16) + 1) * 4;
	case NVME_ADMIN_SET_FEATURES:
	case NVME_ADMIN_GET_FEATURES:
		switch (cdw10 & 0xff) {
		case NVME_FEAT_HOST_BEHAVIOR:
			return 512;
		case NVME_FEAT_TIMESTAMP:
			return 8;
		case NVME_FEAT_HOST_ID:
			return le32_get(sqe->cdw11) & NVME_FEAT_HOST_ID_EXHID ? 16 : 8;
		default:
			return 0;
		}
	default:
		return 0;
	}
}

static void set_features(struct nvme_sqe *sqe, const uint8_t *r)
{
	uint8_t fid = r[4] & 0x80 ? r[5] : known_id(feature_catalog, r[4]);

	sqe->cdw10 = le32_of(fid | (r[12] & 7u) << NVME_FEAT_SEL_SHIFT | (r[12] & 8u) << 28);
	sqe->cdw11 = le32_of(r[7] & 1 ? 0xffffffff : r[7] & 2 ? 1u << r[8] % 32 :
			     r[7] & 4 ? 0xffff0000 : record_u32(r + 8));
	if (fid == NVME_FEAT_WRITE_PROTECT)
		sqe->nsid = le32_of(nsids[r[3] & 7]);
	payload[0] = r[14] & 3;
	payload[1] = r[14] >> 7;
}

static void set_identify(struct nvme_sqe *sqe, const uint8_t *r)
{
	if (r[15] & 4)
		sqe->cdw10 = le32_of(known_id(identify_catalog, r[4]) |
				     (uint32_t)record_u16(r + 6) << 16);
}

static void set_log_page(struct nvme_sqe *sqe, const uint8_t *r)
{
	uint8_t lid = r[5] & 0x40 ? known_id(log_catalog, r[4]) : r[4];

	sqe->cdw10 = le32_of(lid | (r[5] & 0x80u) << 8 | (r[6] * 16u + 15) << 16);
	sqe->cdw11 = le32_of(r[7]);
	sqe->cdw12 = le32_of(record_u16(r + 8) * 4u + (r[15] >> 1 & 1));
	sqe->cdw13 = le32_of(r[10]);
	sqe->cdw14 = le32_of((uint32_t)r[11] << 24 | (r[12] & 1u) << 23);
}

/* Of one of the last commands of a peer. */
static void set_abort(struct nvme_sqe *sqe, const uint8_t *r)
{
	uint16_t cid = (uint16_t)(peers[r[5] % PEERS].cid - (r[6] & 15));

	sqe->cdw10 = le32_of((r[4] & 7u) | (uint32_t)cid << 16);
}

static void step_admin(struct peer *peer, const uint8_t *r)
{
	uint8_t opcode = r[2] & 0x80 ? r[2] : known_opcode(&admin_commands, r[2]);
	bool of_namespace = opcode == NVME_ADMIN_IDENTIFY || (r[3] & 0x80);
	struct nvme_sqe sqe = sqe_of(opcode, of_namespace ? nsids[r[3] & 7] : 0);
	uint32_t length;

	sqe.cdw10 = le32_of(record_u32(r + 4));
	sqe.cdw11 = le32_of(record_u32(r + 8));
	if (opcode == NVME_ADMIN_GET_LOG_PAGE)
		set_log_page(&sqe, r);
	else if (opcode == NVME_ADMIN_IDENTIFY)
		set_identify(&sqe, r);
	else if (opcode == NVME_ADMIN_ABORT)
		set_abort(&sqe, r);
	else if (opcode == NVME_ADMIN_SET_FEATURES || opcode == NVME_ADMIN_GET_FEATURES)
		set_features(&sqe, r);
	length = r[13] ? r[13] * 4u : admin_length(&sqe);
	send_odd_sqe(peer, &sqe, payload, length,
		     nvme_sqe_dir(&sqe) == NVME_DATA_TO_CTRL && length && (r[15] & 1),
		     r[15] & 8 ? r[14] : 0);
	payload[0] = payload[1] = 0;
}

static uint32_t block_size(uint32_t nsid)
{
	return nsid == 2 ? 4096 : 512;
}

static void step_io(struct peer *peer, const uint8_t *r)
{
	uint32_t nsid = nsids[r[3] & 7];
	struct nvme_sqe sqe = sqe_of(r[2] & 0x80 ? r[2] : known_opcode(&nvm_commands, r[2]), nsid);
	uint32_t blocks = (r[6] & 0xc0) == 0xc0 ? (r[6] & 0x3fu) << 4 | 15 :
			  r[6] & 0x80 ? r[6] & 0x7f : r[6] & 7;
	uint32_t size = block_size(nsid) << (r[15] >> 6);
	uint32_t length = sqe.opcode <= NVME_CMD_READ && sqe.opcode ? (blocks + 1) * size : 0;
	bool in_capsule = sqe.opcode == NVME_CMD_WRITE && length <= 16384 && (r[15] & 1);

	if (length > sizeof(payload))
		length = sizeof(payload);
	sqe.cdw10 = le32_of(r[7] & 0x80 ? record_u32(r + 8) : record_u16(r + 4));
	sqe.cdw12 = le32_of(blocks | (uint32_t)r[12] << 24 | (r[7] & 1u) << 23);
	send_odd_sqe(peer, &sqe, payload, length, in_capsule, r[13]);
}

static void step_dsm(struct peer *peer, const uint8_t *r)
{
	struct nvme_sqe sqe = sqe_of(NVME_CMD_DSM, nsids[r[2] & 7]);
	struct nvme_dsm_range ranges[256] = {0};
	uint32_t count = r[3] + 1u;

	for (uint32_t i = 0; i < count; i++)
		ranges[i] = (struct nvme_dsm_range){
			.nlb = le32_of(r[4 + i % 4]), .slba = le64_of(i * record_u16(r + 8)),
		};
	sqe.cdw10 = le32_of(r[3]);
	sqe.cdw11 = le32_of(r[10] & 8 ? r[10] : NVME_DSM_AD);
	send_sqe(peer, &sqe, ranges, r[11] & 1 ? sizeof(ranges) : count * sizeof(ranges[0]),
		 r[15] & 1);
}

/* One field of the next H2CData is not what it should be. */
static void spoil_data(struct peer *peer, const uint8_t *r)
{
	static const struct {
		uint8_t offset, width;
	} fields[] = {
		{ offsetof(struct nvme_tcp_ch, flags), 1 },
		{ offsetof(struct nvme_tcp_h2c_data, cccid), 2 },
		{ offsetof(struct nvme_tcp_h2c_data, ttag), 2 },
		{ offsetof(struct nvme_tcp_h2c_data, datao), 4 },
		{ offsetof(struct nvme_tcp_h2c_data, datal), 4 },
	};
	uint8_t field = r[6] % 8;

	if (field < sizeof(fields) / sizeof(fields[0]) && peer->patch_count < PEER_PATCHES)
		peer->patches[peer->patch_count++] = (struct peer_patch){
			.offset = fields[field].offset, .width = fields[field].width, .xor = true,
			.value = r[7] & 1 ? record_u32(r + 8) : 1u << r[8] % 32,
		};
	else
		peer_stretch(peer, r[8] * 16u);
}

static void step_data(struct peer *peer, const uint8_t *r)
{
	if (r[6] & 0x40)
		spoil_data(peer, r);
	peer_h2c_data(peer, r[2] & 0x80 ? r[2] & 0x7f : 0,
		      r[3] & 1 ? record_u16(r + 4) * 4u + 4 : 128 << 10);
}

static void step_patch(struct peer *peer, const uint8_t *r)
{
	if (peer->patch_count == PEER_PATCHES)
		return;
	peer->patches[peer->patch_count++] = (struct peer_patch){
		.offset = r[2] & 0x80 ? record_u16(r + 3) : r[3], .width = r[5] % 4 + 1,
		.late = r[2] & 1, .xor = r[2] & 2, .value = record_u32(r + 6),
	};
}

static void step_raw(struct peer *peer, const uint8_t *r)
{
	peer->wild = true;
	peer_bytes(peer, r + 3, r[2] % 13 + 1);
}

static void step_complete(struct peer *peer, const uint8_t *r)
{
	static const int results[] = { 0, 0, 0, -EIO, -ENOSPC, -EROFS, -EOPNOTSUPP, -EAGAIN,
				       -EACCES, -EBADE, -ENODEV, -ETIMEDOUT, -ENOMEM, -EINVAL,
				       -EILSEQ, -ECANCELED, -ENOENT, -ENXIO, -ENOLINK, -ECONNRESET,
				       -ENOTCONN, -ESHUTDOWN, -EHOSTUNREACH, -ENETUNREACH, -EFBIG,
				       -EINTR, -EBUSY, -EPERM, -EBADMSG, -EREMOTEIO, -ESTALE, -1 };

	if (r[2] & 0x80)
		world_late_at_once(r[2] & 1);
	for (unsigned int i = 0; i < r[4] % 8u + 1; i++)
		world_late_complete(r[3], results[r[5] & 31], r[5] & 0x80);
}

static void step_sent(struct peer *peer, const uint8_t *r)
{
	if (r[2] & 0x80)
		hold_sends = r[2] & 1;
	else
		fake_socket_sent(peer->fd, r[2] & 1 ? -EPIPE : 0);
}

static void step_end(struct peer *peer, const uint8_t *r)
{
	fake_socket_end(peer->fd, r[2] & 1 ? -ECONNRESET : 0);
}

static void step_term(struct peer *peer, const uint8_t *r)
{
	peer_term(peer, record_u16(r + 2), record_u32(r + 4));
}

static void step_time(struct peer *peer, const uint8_t *r)
{
	fake_clock_advance((MS << r[2] % 20) + r[3]);
}

static void step_view(struct peer *peer, const uint8_t *r)
{
	world_change(record_u16(r + 2));
}

static void step_repeat(struct peer *peer, const uint8_t *r)
{
	repeat = r[2] % 80;
}

static void step_cork(struct peer *peer, const uint8_t *r)
{
	peer->cork = r[2] & 1;
	peer->chop = r[3];
	if (!peer->cork)
		peer_flush(peer);
	else if (r[5] & 0x80) /* all but the last bytes: of a digest, say */
		peer_flush_part(peer, peer->out_count - (peer->out_count < (r[5] & 7u) ?
							 peer->out_count : (r[5] & 7u)));
	else if (r[4])
		peer_flush_part(peer, r[4] & 0x80 ? (r[4] & 0x7f) * 256u : r[4]);
}

static void (*const steps[])(struct peer *peer, const uint8_t *r) = {
	step_open, step_connect, step_property, step_admin, step_io, step_dsm, step_data,
	step_patch, step_raw, step_complete, step_sent, step_end, step_term, step_time, step_view,
	step_repeat, step_cork,
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static void take_step(const uint8_t *r)
{
	struct peer *peer = &peers[r[1] % PEERS];
	unsigned int times = 1;

	if (steps[r[0] % STEPS] != step_repeat) {
		times += repeat;
		repeat = 0;
	}
	for (unsigned int i = 0; i < times; i++)
		steps[r[0] % STEPS](peer, r);
	if (!(r[1] & 0x80))
		run(r[1] & 0x40);
}

static void finish(void)
{
	hold_sends = false;
	world_late_at_once(true);
	for (int i = 0; i < PEERS; i++)
		drop(&peers[i], 0);
	/* what neither sends nor receives any more ends by its timer */
	fake_clock_advance(60000 * MS);
	run(false);
	world_free();
	for (int i = 0; i < PEERS; i++)
		peer_done(&peers[i]);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	log_set_level(LOG_EMERG);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	hold_sends = false;
	repeat = 0;
	for (int i = 0; i < PEERS; i++)
		peer_init(&peers[i], i);
	world_new(NULL);
	for (size_t i = 0; i < RECORDS_MAX && size >= RECORD_SIZE; i++) {
		take_step(data);
		data += RECORD_SIZE;
		size -= RECORD_SIZE;
	}
	finish();
	return 0;
}
