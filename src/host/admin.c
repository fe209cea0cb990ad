/* SPDX-License-Identifier: BSD-3-Clause */
/* Identify, log pages, the discovery log; and the SQE of reads and writes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/host.h"
#include "host/queue_internal.h"
#include "spec/log.h"

#define LOG_CHUNK 4096u
#define DISC_RECORDS_MAX 65536u
#define DISC_TRIES 10

int host_identify(struct host_ctrl *ctrl, uint8_t cns, uint32_t nsid, uint8_t csi, void *ret_data,
		  struct weft_error *error)
{
	struct nvme_sqe sqe = {
		.opcode = NVME_ADMIN_IDENTIFY,
		.nsid = le32_of(nsid),
		.cdw10 = le32_of(cns),
		.cdw11 = le32_of((uint32_t)csi << 24),
	};
	char what[64];

	snprintf(what, sizeof(what), "Identify CNS %02Xh, NSID %u", cns, nsid);
	return host_admin(ctrl, what, &sqe, ret_data, NVME_IDENTIFY_SIZE, NULL, error);
}

int host_log(struct host_ctrl *ctrl, uint8_t lid, uint32_t nsid, uint64_t offset, void *ret_data,
	     uint32_t length, struct weft_error *error)
{
	char what[64];

	snprintf(what, sizeof(what), "Get Log Page %02Xh", lid);
	for (uint32_t done = 0; done < length;) {
		uint32_t n = length - done < LOG_CHUNK ? length - done : LOG_CHUNK;
		uint32_t numd = n / 4 - 1;
		struct nvme_sqe sqe = {
			.opcode = NVME_ADMIN_GET_LOG_PAGE,
			.nsid = le32_of(nsid),
			.cdw10 = le32_of(lid | numd << 16),
			.cdw11 = le32_of(numd >> 16),
			.cdw12 = le32_of((uint32_t)(offset + done)),
			.cdw13 = le32_of((uint32_t)((offset + done) >> 32)),
		};
		int r = host_admin(ctrl, what, &sqe, (uint8_t *)ret_data + done, n, NULL, error);

		if (r < 0)
			return r;
		done += n;
	}
	return 0;
}

int host_ns_open(struct host_ctrl *ctrl, uint32_t nsid, struct host_ns *ret_ns,
		 struct weft_error *error)
{
	struct host_ns ns = { .nsid = nsid };
	const struct nvme_lbaf *format;
	int r = host_identify(ctrl, NVME_CNS_NS, nsid, 0, &ns.id, error);

	if (r < 0)
		return r;
	ns.blocks = le64_get(ns.id.nsze);
	if (ns.blocks == 0)
		return weft_error_set(error, ENODEV,
				      "namespace %u is not in %s; weft identify lists those that "
				      "are",
				      nsid, ctrl->opts.subnqn);
	format = &ns.id.lbaf[NVME_FLBAS_INDEX(ns.id.flbas)];
	if (le16_get(format->ms))
		return weft_error_set(error, EOPNOTSUPP,
				      "namespace %u has %u bytes of metadata for each block, which "
				      "this host cannot handle",
				      nsid, le16_get(format->ms));
	if (format->lbads < 9 || format->lbads > 16)
		return weft_error_set(error, EPROTO, "namespace %u claims blocks of 2^%u bytes",
				      nsid, format->lbads);
	ns.block_size = 1u << format->lbads;
	*ret_ns = ns;
	return 0;
}

void host_rw_sqe(struct nvme_sqe *sqe, uint8_t opcode, uint32_t nsid, uint64_t slba,
		 uint32_t blocks, uint32_t flags)
{
	*sqe = (struct nvme_sqe){
		.opcode = opcode,
		.nsid = le32_of(nsid),
		.cdw10 = le32_of((uint32_t)slba),
		.cdw11 = le32_of((uint32_t)(slba >> 32)),
		.cdw12 = le32_of((blocks - 1) | flags),
	};
}

/* Reads the log once. The caller frees ret_disc->entries, even if GENCTR changed (-EAGAIN). */
static int read_discovery(struct host_ctrl *ctrl, struct host_disc *ret_disc,
			  struct weft_error *error)
{
	struct nvmf_disc_log head;
	int r = host_log(ctrl, NVME_LOG_DISCOVERY, 0, 0, &head, sizeof(head), error);

	if (r < 0)
		return r;
	ret_disc->genctr = le64_get(head.genctr);
	ret_disc->numrec = le64_get(head.numrec);
	if (ret_disc->numrec > DISC_RECORDS_MAX)
		return host_queue_error(ctrl->admin, error, EPROTO,
					"the discovery log claims more than %u records",
					DISC_RECORDS_MAX);
	ret_disc->entries = calloc(ret_disc->numrec + 1, sizeof(ret_disc->entries[0]));
	if (!ret_disc->entries)
		return weft_error_set(error, ENOMEM, "no memory for the discovery log");
	r = host_log(ctrl, NVME_LOG_DISCOVERY, 0, sizeof(head), ret_disc->entries,
		     (uint32_t)(ret_disc->numrec * sizeof(ret_disc->entries[0])), error);
	if (r == 0)
		r = host_log(ctrl, NVME_LOG_DISCOVERY, 0, 0, &head, sizeof(head), error);
	if (r == 0 && le64_get(head.genctr) != ret_disc->genctr)
		r = -EAGAIN;
	return r;
}

int host_discover(struct host_ctrl *ctrl, struct host_disc *ret_disc, struct weft_error *error)
{
	for (int i = 0; i < DISC_TRIES; i++) {
		struct host_disc disc = { .entries = NULL };
		int r = read_discovery(ctrl, &disc, error);

		if (r == 0) {
			*ret_disc = disc;
			return 0;
		}
		free(disc.entries);
		if (r != -EAGAIN)
			return r;
	}
	return host_queue_error(ctrl->admin, error, EAGAIN,
				"the discovery log changed each of %d times that it was read; try "
				"again",
				DISC_TRIES);
}
