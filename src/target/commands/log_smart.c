/* SPDX-License-Identifier: BSD-3-Clause */
/* SMART / Health Information, log page 02h (Base 2.1, 5.1.12.1.3). */
#include "loop/loop.h"
#include "spec/log.h"
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "target/commands/admin.h"
#include "target/model/namespace.h"
#include "target/queue/controller.h"
#include "target/queue/queue.h"

#define HOUR UINT64_C(3600000000000)	/* nanoseconds */
#define SPARE_PERCENT 100		/* constant: the wear of the medium is not known here */
#define COMPOSITE_KELVIN 298		/* constant: there is no sensor */

/* Thousands of 512 bytes, rounded up. */
static le128 data_units(uint64_t bytes)
{
	uint64_t unit = 512 * 1000;

	return le128_of(bytes / unit + (bytes % unit != 0));
}

static void add_totals(struct namespace_totals *sum, const struct view_namespace *ns)
{
	struct namespace_totals totals;

	namespace_totals(ns->ns, &totals);
	sum->reads += totals.reads;
	sum->writes += totals.writes;
	sum->read_bytes += totals.read_bytes;
	sum->written_bytes += totals.written_bytes;
	sum->media_errors += totals.media_errors;
}

/* Totals of one namespace, or of all if NSID is 0 or FFFFFFFFh. false: the command was refused. */
static bool sum_totals(struct request *req, struct namespace_totals *ret)
{
	const struct queue *queue = req->queue;
	const struct view_namespace *ns;
	uint32_t nsid = le32_get(req->sqe.nsid);
	struct namespace_totals sum = { 0 };

	if (nsid == 0 || nsid == NVME_NSID_ALL) {
		ns = queue_namespace_above(queue, 0);
		for (; ns; ns = queue_namespace_after(queue, ns))
			add_totals(&sum, ns);
	} else if (nsid > view_nsid_max(queue->subsystem)) {
		request_fail_field(req, NVME_SC_INVALID_NS, offsetof(struct nvme_sqe, nsid));
		return false;
	} else {
		ns = queue_namespace(queue, nsid);
		if (!ns) {
			request_fail_field(req, NVME_SC_INVALID_FIELD,
					   offsetof(struct nvme_sqe, nsid));
			return false;
		}
		add_totals(&sum, ns);
	}
	*ret = sum;
	return true;
}

static uint64_t error_count(struct controller *ctrl, struct target *target)
{
	uint64_t count;

	pthread_mutex_lock(&target->lock);
	count = ctrl->error_count;
	pthread_mutex_unlock(&target->lock);
	return count;
}

uint8_t smart_critical_warning(const struct controller *ctrl)
{
	if (COMPOSITE_KELVIN >= ctrl->temperature_over ||
	    COMPOSITE_KELVIN <= ctrl->temperature_under)
		return NVME_SMART_TEMPERATURE;
	return 0;
}

void log_smart_reply(struct request *req)
{
	struct target *target = req->queue->reactor->target;
	struct nvme_log_smart page = {
		.critical_warning = smart_critical_warning(req->queue->ctrl),
		.composite_temperature = le16_of(COMPOSITE_KELVIN),
		.available_spare = SPARE_PERCENT,
	};
	struct namespace_totals totals;

	if (!sum_totals(req, &totals))
		return;
	page.data_units_read = data_units(totals.read_bytes);
	page.data_units_written = data_units(totals.written_bytes);
	page.host_read_commands = le128_of(totals.reads);
	page.host_write_commands = le128_of(totals.writes);
	page.power_cycles = le128_of(1);
	page.power_on_hours = le128_of((loop_clock() - target->started) / HOUR);
	page.media_errors = le128_of(totals.media_errors);
	page.error_log_entries = le128_of(error_count(req->queue->ctrl, target));
	log_reply(req, &page, sizeof(page));
}
