/* SPDX-License-Identifier: BSD-3-Clause */
#include "target_rig.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loop/loop.h"
#include "spec/property.h"
#include "target/base/reactor.h"
#include "target/model/subsystem.h"
#include "target/queue/queue.h"
#include "util/log.h"

#define TIMEOUT_MS 10000

struct rig rig;

/* ---- the backend: memory that can stall ---- */

struct device {
	uint8_t *bytes;
	struct weft_info info;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool on;
	struct weft_io *kept[256];
	unsigned int count;
} stall = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static const struct weft_info infos[RIG_NS] = {
	{ .size = 8 << 20, .block_size = 512, .physical_block_size = 4096,
	  .discard_granularity = 65536, .atomic_size = 4096, .volatile_cache = true },
	{ .size = 4 << 20, .block_size = 4096, .physical_block_size = 4096, .read_only = true },
	{ .size = 1 << 20, .block_size = 512, .physical_block_size = 512, .volatile_cache = true },
};
static unsigned int next_info;

static int device_open(void **ret_device, const struct weft_params *params,
		       struct weft_info *ret_info, struct weft_error *error)
{
	struct device *device = calloc(1, sizeof(*device));

	assert_non_null(device);
	device->info = infos[next_info++ % RIG_NS];
	device->bytes = calloc(1, device->info.size);
	assert_non_null(device->bytes);
	*ret_info = device->info;
	*ret_device = device;
	return 0;
}

static void device_close(void *arg)
{
	struct device *device = arg;

	free(device->bytes);
	free(device);
}

static bool keep(struct weft_io *io)
{
	bool kept;

	pthread_mutex_lock(&stall.lock);
	kept = stall.on && stall.count < sizeof(stall.kept) / sizeof(stall.kept[0]);
	if (kept)
		stall.kept[stall.count++] = io;
	pthread_cond_broadcast(&stall.changed);
	pthread_mutex_unlock(&stall.lock);
	return kept;
}

static void device_submit(void *arg, struct weft_io *io)
{
	struct device *device = arg;

	if (keep(io))
		return;
	if (io->op == WEFT_OP_READ)
		memcpy(io->iov[0].iov_base, device->bytes + io->offset, io->length);
	else if (io->op == WEFT_OP_WRITE)
		memcpy(device->bytes + io->offset, io->iov[0].iov_base, io->length);
	else if (io->op == WEFT_OP_WRITE_ZEROES || io->op == WEFT_OP_DISCARD)
		memset(device->bytes + io->offset, 0, io->length);
	weft_io_done(io, 0);
}

static const struct weft_backend rig_backend = {
	.size = sizeof(struct weft_backend),
	.name = "rig",
	.summary = "memory of a test",
	.open = device_open,
	.close = device_close,
	.submit = device_submit,
};

void rig_stall(bool on)
{
	pthread_mutex_lock(&stall.lock);
	stall.on = on;
	for (unsigned int i = 0; !on && i < stall.count; i++)
		weft_io_done_from_thread(stall.kept[i], 0);
	if (!on)
		stall.count = 0;
	pthread_mutex_unlock(&stall.lock);
}

void rig_wait_stalled(unsigned int count)
{
	pthread_mutex_lock(&stall.lock);
	while (stall.count < count)
		pthread_cond_wait(&stall.changed, &stall.lock);
	pthread_mutex_unlock(&stall.lock);
}

/* ---- the configuration ---- */

static struct view_namespace *add_namespace(struct view_subsystem *subsystem, unsigned int index,
					    uint32_t nsid, uint32_t ana_grpid)
{
	struct view_namespace *ns = view_add_namespace(subsystem, nsid);

	assert_non_null(ns);
	ns->generation = 100 + nsid;
	ns->ns = rig.ns[index];
	memset(ns->uuid, (int)nsid, sizeof(ns->uuid));
	ns->read_only = infos[index].read_only;
	ns->block_shift = infos[index].block_size == 512 ? 9 : 12;
	ns->block_count = infos[index].size >> ns->block_shift;
	ns->ana_grpid = ana_grpid;
	return ns;
}

void rig_remove_namespace(struct view *view, uint32_t nsid)
{
	struct view_subsystem *subsystem = view_find_subsystem(view, NQN_A);
	struct view_namespace *ns = view_find_namespace(subsystem, nsid);

	subsystem->namespace_count--;
	memmove(ns, ns + 1, (size_t)(subsystem->namespaces + subsystem->namespace_count - ns) *
				    sizeof(*ns));
}

static struct view_subsystem *add_subsystem(struct view *view, const char *nqn, const char *serial)
{
	struct view_subsystem *subsystem = view_add_subsystem(view);

	assert_non_null(subsystem);
	subsystem->subsystem = subsystem_get(rig.target, nqn);
	subsystem->nqn = strdup(nqn);
	TEXT_SET(subsystem->serial, serial);
	TEXT_SET(subsystem->model, "weft test");
	TEXT_SET(subsystem->firmware, "0.1");
	subsystem->version = NVME_VS(2, 1, 0);
	subsystem->cntlid_min = 1;
	subsystem->cntlid_max = 0xffef;
	subsystem->qid_max = RIG_QID_MAX;
	subsystem->ieee_oui = 0x123456;
	return subsystem;
}

static struct view_port *add_port(struct view *view, uint16_t portid, const char *traddr,
				  uint16_t trsvcid)
{
	struct view_port *port = view_add_port(view);

	assert_non_null(port);
	port->portid = portid;
	port->trtype = NVMF_TRTYPE_TCP;
	assert_int_equal(view_add_address(port, NVMF_ADRFAM_IPV4, traddr), 0);
	port->addr.trsvcid = trsvcid;
	port->inline_data_size = RIG_INLINE;
	port->max_queue_size = RIG_QUEUE_SIZE;
	port->mdts = RIG_MDTS;
	port->ana_states[1] = NVME_ANA_OPTIMIZED;
	return port;
}

struct view *rig_view(void)
{
	struct view *view = view_new();
	struct view_subsystem *a = add_subsystem(view, NQN_A, "SERIAL1");
	struct view_subsystem *b = add_subsystem(view, NQN_B, "SERIAL2");
	struct view_port *both = add_port(view, PORT_BOTH, "192.0.2.1", 4420);
	struct view_port *only = add_port(view, PORT_A, "192.0.2.2", 4420);
	struct view_port *any = add_port(view, PORT_WILDCARD, "0.0.0.0", 4421);
	struct view_port *discovery = add_port(view, PORT_DISCOVERY, "192.0.2.1", 8009);
	struct view_referral *referral = view_add_referral(both);

	add_namespace(a, 0, 1, 1);
	add_namespace(a, 1, 2, 1);
	add_namespace(a, 2, 7, 5);
	a->allow_any_host = true;
	view_allow_host(b, view_add_host(view, HOST_FRIEND));
	view_link(both, a);
	view_link(both, b);
	view_link(only, a);
	view_link(any, a);
	discovery->discovery = true;
	referral->portid = 9;
	referral->trtype = NVMF_TRTYPE_TCP;
	referral->adrfam = NVMF_ADRFAM_IPV6;
	referral->traddr = strdup("fe80::1%eth0");
	referral->addr.trsvcid = 8009;
	view->genctr = 7;
	return view;
}

void rig_publish(struct view *view)
{
	view_publish(rig.target, view);
}

int rig_setup(void **state)
{
	struct target_options options = { .reactor_count = 2, .connect_timeout_ms = 10000 };
	struct weft_error error;

	log_set_level(LOG_ERR);
	next_info = 0;
	if (target_start(&rig.target, &options, &error) < 0)
		return -1;
	for (unsigned int i = 0; i < RIG_NS; i++)
		if (namespace_open(&rig.ns[i], rig.target, &rig_backend, NULL, &error) < 0)
			return -1;
	rig_publish(rig_view());
	return 0;
}

int rig_teardown(void **state)
{
	bool in_time;

	rig_stall(false);
	in_time = target_stop(rig.target, 4000);
	for (unsigned int i = 0; i < RIG_NS; i++)
		namespace_close(rig.ns[i]);
	return in_time ? 0 : -1;
}

/* ---- hosts ---- */

struct inprocess_command command(uint8_t opcode, uint32_t nsid, uint32_t cdw10, uint32_t cdw11)
{
	struct inprocess_command cmd = { 0 };

	cmd.sqe.opcode = opcode;
	cmd.sqe.flags = NVME_SQE_PSDT_SGL;
	cmd.sqe.nsid = le32_of(nsid);
	cmd.sqe.sgl.type = NVME_SGL_TRANSPORT_SGL;
	cmd.sqe.cdw10 = le32_of(cdw10);
	cmd.sqe.cdw11 = le32_of(cdw11);
	return cmd;
}

void command_reads(struct inprocess_command *cmd, void *buffer, uint32_t size)
{
	cmd->buffer = buffer;
	cmd->size = size;
	cmd->sqe.sgl.length = le32_of(size);
}

void command_sends(struct inprocess_command *cmd, const void *data, uint32_t length,
		   bool in_capsule)
{
	cmd->data = data;
	cmd->length = length;
	cmd->in_capsule = in_capsule;
	cmd->sqe.sgl.length = le32_of(length);
	cmd->sqe.sgl.type = in_capsule ? NVME_SGL_IN_CAPSULE : NVME_SGL_TRANSPORT_SGL;
}

void host_send(struct host *host, struct inprocess_command *cmd)
{
	cmd->sqe.cid = le16_of(++host->cid);
	inprocess_send(host->conn, cmd);
	assert_int_not_equal(inprocess_state(host->conn, cmd), INPROCESS_FULL);
}

uint16_t host_wait(struct host *host, struct inprocess_command *cmd)
{
	assert_true(inprocess_wait(host->conn, cmd, TIMEOUT_MS));
	assert_int_equal(le16_get(cmd->cqe.cid), le16_get(cmd->sqe.cid));
	return nvme_status_sc(nvme_cqe_status(&cmd->cqe));
}

uint16_t host_run(struct host *host, struct inprocess_command *cmd)
{
	host_send(host, cmd);
	return host_wait(host, cmd);
}

void host_ok(struct host *host, struct inprocess_command *cmd)
{
	assert_int_equal(host_run(host, cmd), NVME_SC_SUCCESS);
}

struct inprocess_command log_command(uint8_t lid, void *buffer, uint32_t size)
{
	uint32_t numd = size / 4 - 1;
	struct inprocess_command cmd = command(NVME_ADMIN_GET_LOG_PAGE, NVME_NSID_ALL,
					       lid | numd << 16, numd >> 16);

	command_reads(&cmd, buffer, size);
	return cmd;
}

void host_peek_log(struct host *host, uint8_t lid, void *buffer, uint32_t size)
{
	struct inprocess_command cmd = log_command(lid, buffer, size);

	cmd.sqe.cdw10 = le32_of(le32_get(cmd.sqe.cdw10) | NVME_LOG_RAE);
	host_ok(host, &cmd);
}

void host_refused(struct host *host, struct inprocess_command *cmd, uint16_t sc, uint16_t location)
{
	struct nvme_log_error entry;

	assert_int_equal(host_run(host, cmd), sc);
	assert_true(nvme_cqe_status(&cmd->cqe).v & NVME_STATUS_DNR);
	host_peek_log(host, NVME_LOG_ERROR, &entry, sizeof(entry));
	assert_int_equal(le16_get(entry.cid), le16_get(cmd->sqe.cid));
	assert_int_equal(le16_get(entry.status), le16_get(cmd->cqe.status));
	assert_int_equal(entry.opc, cmd->sqe.opcode);
	assert_int_equal(le16_get(entry.peloc), location);
}

static void open_queue(struct host *host, unsigned int reactor, uint16_t portid, uint16_t qid,
		       uint16_t cntlid, const char *subnqn, const char *hostnqn)
{
	struct transport_address local = {
		.trtype = NVMF_TRTYPE_TCP, .adrfam = NVMF_ADRFAM_IPV4, .traddr = "198.51.100.5",
		.trsvcid = 4420,
	};
	struct nvmf_connect_data data = { .cntlid = le16_of(cntlid) };
	struct nvmf_connect_cmd connect = {
		.opcode = NVME_ADMIN_FABRICS, .flags = NVME_SQE_PSDT_SGL, .fctype = NVMF_CONNECT,
		.qid = le16_of(qid), .sqsize = le16_of(31),
	};
	struct inprocess_command cmd = { 0 };

	memset(data.hostid, 0x5a, sizeof(data.hostid));
	strcpy(data.subnqn, subnqn);
	strcpy(data.hostnqn, hostnqn);
	memcpy(&cmd.sqe, &connect, sizeof(cmd.sqe));
	command_sends(&cmd, &data, sizeof(data), true);
	host->cid = 0;
	host->conn = inprocess_open(rig.target->reactors[reactor], portid, &local);
	assert_non_null(host->conn);
	host_ok(host, &cmd);
	host->cntlid = (uint16_t)le32_get(cmd.cqe.dw0);
}

void host_set_cc(struct host *host, uint32_t cc)
{
	struct nvmf_property_cmd set = {
		.opcode = NVME_ADMIN_FABRICS, .flags = NVME_SQE_PSDT_SGL,
		.fctype = NVMF_PROPERTY_SET, .ofst = le32_of(NVME_PROP_CC), .value = le64_of(cc),
	};
	struct inprocess_command cmd = { 0 };

	memcpy(&cmd.sqe, &set, sizeof(cmd.sqe));
	cmd.sqe.sgl.type = NVME_SGL_TRANSPORT_SGL;
	host_ok(host, &cmd);
}

void host_open_disabled(struct host *host, unsigned int reactor, uint16_t portid,
			const char *subnqn, const char *hostnqn)
{
	open_queue(host, reactor, portid, 0, NVMF_CNTLID_DYNAMIC, subnqn, hostnqn);
}

void host_open(struct host *host, unsigned int reactor, uint16_t portid, const char *subnqn,
	       const char *hostnqn)
{
	host_open_disabled(host, reactor, portid, subnqn, hostnqn);
	host_set_cc(host, NVME_CC_EN | NVME_SQES << NVME_CC_IOSQES_SHIFT |
			  NVME_CQES << NVME_CC_IOCQES_SHIFT);
}

void host_open_io(struct host *io, const struct host *admin, unsigned int reactor, uint16_t qid,
		  const char *subnqn)
{
	struct host owner = *admin;
	struct inprocess_command cmd = command(NVME_ADMIN_SET_FEATURES, 0, NVME_FEAT_NUM_QUEUES,
					       7 | 7 << 16);

	host_run(&owner, &cmd);
	open_queue(io, reactor, PORT_BOTH, qid, admin->cntlid, subnqn, HOST_ANY);
}

void host_close(struct host *host)
{
	inprocess_close(host->conn);
	host->conn = NULL;
}
