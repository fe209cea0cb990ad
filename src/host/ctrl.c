/* SPDX-License-Identifier: BSD-3-Clause */
/* An association: Connect, properties, enabling, I/O queues, shutdown. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/host.h"
#include "host/queue_internal.h"
#include "spec/feature.h"
#include "spec/property.h"
#include "util/str.h"

#define ADMIN_DEPTH 31

static int connect_refused(const struct host_queue *q, const struct host_options *opts,
			   const struct nvme_cqe *cqe, struct weft_error *error)
{
	struct nvme_status st = nvme_cqe_status(cqe);
	uint32_t dw0 = le32_get(cqe->dw0);

	switch (nvme_status_sc(st)) {
	case NVME_SC_CONNECT_INVALID_HOST:
		return host_queue_error(q, error, EACCES,
					"host %s may not connect to %s; allow it on the target or "
					"give another with --hostnqn",
					opts->hostnqn, opts->subnqn);
	case NVME_SC_CONNECT_INVALID_PARAM:
		return host_queue_error(q, error, ENOENT,
					"Connect to %s refused: the %s is invalid at offset %u%s",
					opts->subnqn,
					dw0 & NVMF_CONNECT_IATTR_DATA ? "data" : "command",
					dw0 & 0xffff,
					dw0 == (NVMF_CONNECT_IATTR_DATA |
						offsetof(struct nvmf_connect_data, subnqn)) ?
						"; no such subsystem here, try weft discover" :
						"");
	default:
		return host_queue_error(q, error, EREMOTEIO, "Connect to %s refused: %s",
					opts->subnqn,
					nvme_status_str(st, NVME_STATUS_KIND_FABRICS));
	}
}

/* Sends Connect on a queue. *cntlid: the CNTLID to ask for, then the one that was returned. */
static int fabrics_connect(struct host_queue *q, const struct host_options *opts, uint16_t *cntlid,
			   struct weft_error *error)
{
	struct nvmf_connect_data data = { .cntlid = le16_of(*cntlid) };
	struct nvmf_connect_cmd cmd = {
		.opcode = NVME_CMD_FABRICS,
		.fctype = NVMF_CONNECT,
		.qid = le16_of(q->qid),
		.sqsize = le16_of(q->depth),
		.cattr = q->no_sq_flow ? NVMF_CATTR_NO_SQ_FLOW : 0,
		.kato = le32_of(q->qid == 0 ? opts->kato_ms : 0),
	};
	struct host_request req = { .data = &data, .length = sizeof(data) };
	uint32_t dw0;
	int r;

	memcpy(data.hostid, opts->hostid, sizeof(data.hostid));
	pad_copy(data.subnqn, sizeof(data.subnqn), opts->subnqn, '\0');
	pad_copy(data.hostnqn, sizeof(data.hostnqn), opts->hostnqn, '\0');
	memcpy(&req.sqe, &cmd, sizeof(cmd));
	r = host_command(q, &req, opts->timeout_ms, error);
	if (r < 0)
		return r;
	if (!nvme_status_ok(nvme_cqe_status(&req.cqe)))
		return connect_refused(q, opts, &req.cqe, error);
	dw0 = le32_get(req.cqe.dw0);
	if (dw0 & (NVMF_CONNECT_ATR | NVMF_CONNECT_ASCR))
		return host_queue_error(q, error, EACCES,
					"%s wants authentication, which this host cannot do",
					opts->subnqn);
	*cntlid = (uint16_t)dw0;
	return 0;
}

/* Sends a command on the admin queue. Any status except success is an error. */
static int admin_command(struct host_ctrl *ctrl, const char *what, struct host_request *req,
			 struct weft_error *error)
{
	struct nvme_status st;
	int r = host_command(ctrl->admin, req, ctrl->opts.timeout_ms, error);

	if (r < 0)
		return r;
	ctrl->kept_alive_ms = host_now_ms();
	st = nvme_cqe_status(&req->cqe);
	if (!nvme_status_ok(st))
		return host_queue_error(ctrl->admin, error, EREMOTEIO, "%s failed: %s (0x%x%s)",
					what, nvme_status_str(st, NVME_STATUS_KIND_ADMIN),
					nvme_status_sc(st),
					st.v & NVME_STATUS_DNR ? ", do not retry" : "");
	return 0;
}

static int property_get(struct host_ctrl *ctrl, const char *what, uint32_t offset, bool wide,
			uint64_t *ret_value, struct weft_error *error)
{
	struct nvmf_property_cmd cmd = {
		.opcode = NVME_CMD_FABRICS,
		.fctype = NVMF_PROPERTY_GET,
		.attrib = wide ? NVMF_PROPERTY_8 : NVMF_PROPERTY_4,
		.ofst = le32_of(offset),
	};
	struct host_request req = { .length = 0 };
	int r;

	memcpy(&req.sqe, &cmd, sizeof(cmd));
	r = admin_command(ctrl, what, &req, error);
	if (r == 0)
		*ret_value = wide ? le64_get(req.cqe.result) : le32_get(req.cqe.dw0);
	return r;
}

static int property_set(struct host_ctrl *ctrl, const char *what, uint32_t offset, uint32_t value,
			struct weft_error *error)
{
	struct nvmf_property_cmd cmd = {
		.opcode = NVME_CMD_FABRICS,
		.fctype = NVMF_PROPERTY_SET,
		.attrib = NVMF_PROPERTY_4,
		.ofst = le32_of(offset),
		.value = le64_of(value),
	};
	struct host_request req = { .length = 0 };

	memcpy(&req.sqe, &cmd, sizeof(cmd));
	return admin_command(ctrl, what, &req, error);
}

/* Polls CSTS until (CSTS & mask) == want. */
static int wait_csts(struct host_ctrl *ctrl, uint32_t mask, uint32_t want, uint32_t timeout_ms,
		     struct weft_error *error)
{
	int64_t deadline = host_now_ms() + timeout_ms;
	struct timespec pause = { .tv_nsec = 1000000 };
	uint64_t csts = 0;

	for (;;) {
		int r = property_get(ctrl, "Property Get CSTS", NVME_PROP_CSTS, false, &csts,
				     error);

		if (r < 0)
			return r;
		if ((csts & mask) == want)
			return 0;
		if (csts & NVME_CSTS_CFS)
			return host_queue_error(ctrl->admin, error, EIO,
						"the controller has failed (CSTS.CFS)");
		if (host_now_ms() > deadline)
			return host_queue_error(ctrl->admin, error, ETIMEDOUT,
						"CSTS is 0x%x after %u ms", (unsigned int)csts,
						timeout_ms);
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 100000000)
			pause.tv_nsec *= 2;
	}
}

static int enable(struct host_ctrl *ctrl, struct weft_error *error)
{
	uint32_t cc =
		NVME_CC_EN | NVME_SQES << NVME_CC_IOSQES_SHIFT | NVME_CQES << NVME_CC_IOCQES_SHIFT;
	uint64_t vs = 0;
	int r;

	r = property_get(ctrl, "Property Get CAP", NVME_PROP_CAP, true, &ctrl->cap, error);
	if (r < 0)
		return r;
	r = property_get(ctrl, "Property Get VS", NVME_PROP_VS, false, &vs, error);
	if (r < 0)
		return r;
	ctrl->vs = (uint32_t)vs;
	if (ctrl->cap & NVME_CAP_CSS_IOCSS)
		cc |= NVME_CC_CSS_IOCSS;
	r = property_set(ctrl, "Property Set CC", NVME_PROP_CC, cc, error);
	if (r < 0)
		return r;
	return wait_csts(ctrl, NVME_CSTS_RDY, NVME_CSTS_RDY, nvme_cap_timeout_ms(ctrl->cap) + 1000,
			 error);
}

/* Sends Identify Controller and sets the limits that it reports. */
static int identify(struct host_ctrl *ctrl, struct weft_error *error)
{
	unsigned int page = 12 + (unsigned int)(ctrl->cap >> NVME_CAP_MPSMIN_SHIFT & 0xf);
	uint32_t ioccsz;
	int r;

	r = host_identify(ctrl, NVME_CNS_CTRL, 0, 0, &ctrl->id, error);
	if (r < 0)
		return r;
	ctrl->max_transfer = UINT32_MAX;
	if (ctrl->id.mdts && ctrl->id.mdts + page < 32)
		ctrl->max_transfer = 1u << (ctrl->id.mdts + page);
	ioccsz = le32_get(ctrl->id.ioccsz);
	if (ioccsz > sizeof(struct nvme_sqe) / 16 && ioccsz <= 1u << 20 &&
	    le32_get(ctrl->id.sgls) & NVME_SGLS_OFFSET && le16_get(ctrl->id.icdoff) == 0)
		ctrl->io_icd = ioccsz * 16 - (uint32_t)sizeof(struct nvme_sqe);
	return 0;
}

static int start(struct host_ctrl *ctrl, struct weft_error *error)
{
	int r;

	ctrl->cntlid = NVMF_CNTLID_DYNAMIC;
	r = host_queue_open(&ctrl->opts, 0, ADMIN_DEPTH, &ctrl->admin, error);
	if (r == 0)
		r = fabrics_connect(ctrl->admin, &ctrl->opts, &ctrl->cntlid, error);
	if (r == 0)
		r = enable(ctrl, error);
	if (r == 0)
		r = identify(ctrl, error);
	return r;
}

int host_connect(const struct host_options *opts, struct host_ctrl **ret_ctrl,
		 struct weft_error *error)
{
	bool discovery = strcmp(opts->subnqn, NVMF_DISCOVERY_NQN) == 0;
	enum nvmf_nqn_fault fault = nvmf_nqn_check(opts->subnqn, NVMF_NQN_SIZE, 0);
	struct host_ctrl *ctrl;
	int r;

	if (fault)
		return weft_error_set(error, EINVAL, "subsystem NQN '%s' %s", opts->subnqn,
				      nvmf_nqn_fault_str(fault));
	fault = nvmf_nqn_check(opts->hostnqn, NVMF_NQN_SIZE, 0);
	if (fault)
		return weft_error_set(error, EINVAL, "host NQN '%s' %s", opts->hostnqn,
				      nvmf_nqn_fault_str(fault));
	ctrl = calloc(1, sizeof(*ctrl));
	if (!ctrl)
		return weft_error_set(error, ENOMEM, "no memory for a controller");
	ctrl->opts = *opts;
	if (!opts->trsvcid)
		ctrl->opts.trsvcid = discovery ? "8009" : "4420";
	r = start(ctrl, error);
	if (r < 0) {
		host_queue_close(ctrl->admin);
		free(ctrl);
		return r;
	}
	*ret_ctrl = ctrl;
	return 0;
}

void host_disconnect(struct host_ctrl *ctrl)
{
	uint32_t cc = NVME_CC_EN | NVME_CC_SHN_NORMAL | NVME_SQES << NVME_CC_IOSQES_SHIFT |
		      NVME_CQES << NVME_CC_IOCQES_SHIFT;

	if (!ctrl)
		return;
	if (ctrl->cap & NVME_CAP_CSS_IOCSS)
		cc |= NVME_CC_CSS_IOCSS;
	ctrl->opts.timeout_ms = 2000;
	if (property_set(ctrl, "Property Set CC", NVME_PROP_CC, cc, NULL) == 0)
		wait_csts(ctrl, NVME_CSTS_SHST_MASK, NVME_CSTS_SHST_COMPLETE, 2000, NULL);
	host_queue_close(ctrl->admin);
	free(ctrl);
}

int host_admin(struct host_ctrl *ctrl, const char *what, const struct nvme_sqe *sqe, void *data,
	       uint32_t length, struct nvme_cqe *ret_cqe, struct weft_error *error)
{
	struct host_request req = { .sqe = *sqe, .data = data, .length = length };
	int r = admin_command(ctrl, what, &req, error);

	if (r < 0)
		return r;
	if (nvme_sqe_dir(sqe) == NVME_DATA_TO_HOST && req.received != length)
		return host_queue_error(ctrl->admin, error, EPROTO, "%s returned %u of %u bytes",
					what, req.received, length);
	if (ret_cqe)
		*ret_cqe = req.cqe;
	return 0;
}

int host_tend(struct host_ctrl *ctrl, struct weft_error *error)
{
	struct nvme_sqe sqe = { .opcode = NVME_ADMIN_KEEP_ALIVE };

	if (!ctrl->opts.kato_ms || host_now_ms() - ctrl->kept_alive_ms < ctrl->opts.kato_ms / 2)
		return 0;
	return host_admin(ctrl, "Keep Alive", &sqe, NULL, 0, NULL, error);
}

int host_io_queues(struct host_ctrl *ctrl, uint16_t count, struct weft_error *error)
{
	uint32_t want = count - 1u, got;
	struct nvme_sqe sqe = {
		.opcode = NVME_ADMIN_SET_FEATURES,
		.cdw10 = le32_of(NVME_FEAT_NUM_QUEUES),
		.cdw11 = le32_of(want << 16 | want),
	};
	struct nvme_cqe cqe;
	int r = host_admin(ctrl, "Set Features 07h (number of queues)", &sqe, NULL, 0, &cqe, error);

	if (r < 0)
		return r;
	got = le32_get(cqe.dw0);
	got = (got & 0xffff) < got >> 16 ? got & 0xffff : got >> 16;
	ctrl->io_queues = (uint16_t)(got < want ? got + 1 : count);
	return 0;
}

int host_io_open(struct host_ctrl *ctrl, uint16_t qid, uint16_t depth,
		 struct host_queue **ret_queue, struct weft_error *error)
{
	uint32_t most = nvme_cap_queue_max(ctrl->cap) - 1;
	uint16_t cntlid = ctrl->cntlid;
	struct host_queue *q;
	int r;

	if (most < 1)
		return host_queue_error(ctrl->admin, error, EPROTO,
					"CAP.MQES is 0: no I/O queue fits");
	r = host_queue_open(&ctrl->opts, qid, depth < most ? depth : (uint16_t)most, &q, error);
	if (r < 0)
		return r;
	r = fabrics_connect(q, &ctrl->opts, &cntlid, error);
	if (r < 0) {
		host_queue_close(q);
		return r;
	}
	q->icd = ctrl->io_icd;
	*ret_queue = q;
	return 0;
}
