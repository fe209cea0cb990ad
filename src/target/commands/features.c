/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Get Features and Set Features (Base 2.1, 5.1.11 and 5.1.25). No value is saved: each
 * controller starts with the defaults, also after a reset.
 */
#include "spec/feature.h"

#include <assert.h>
#include <string.h>

#include "target/base/reactor.h"
#include "target/base/target.h"
#include "target/commands/admin.h"
#include "target/queue/controller.h"
#include "target/queue/queue.h"

#define AT(field) offsetof(struct nvme_sqe, field)

/*
 * One feature. check() checks the other fields of both commands. value() returns DW0 of
 * Get Features, or the default if `current` is false; fill() fills its data. set() applies
 * CDW11 (and the data) or refuses. A feature with value() or fill() and without set() is
 * constant. A feature without value() and fill() is a value that the controller keeps as
 * the host wrote it, without reserved bits, if set() allows it.
 */
struct feature {
	struct catalog_entry entry;	/* id: FID */
	bool ns;			/* of a namespace, not of the controller */
	uint32_t bits;			/* the bits of CDW11 that are its value */
	uint16_t get_length, set_length; /* bytes of data */
	struct nvme_status (*check)(struct request *req);
	uint32_t (*value)(const struct request *req, bool current);
	void (*fill)(const struct request *req, void *data); /* data of Get: get_length bytes */
	struct nvme_status (*set)(struct request *req);
};

static struct nvme_status refuse_value(struct request *req)
{
	return refuse(req, NVME_SC_INVALID_FIELD, AT(cdw11));
}

/* ---- 02h: power management ---- */

#define POWER_PS	0x1fu
#define POWER_WH	(7u << 5)	/* a hint of the workload */

/* Only power state 0 is supported (Base 2.1, 5.1.25.1.2). */
static struct nvme_status power_set(struct request *req)
{
	return le32_get(req->sqe.cdw11) & POWER_PS ? refuse_value(req) : NVME_SUCCESS;
}

/* ---- 04h: over and under thresholds of the composite temperature ---- */

#define TEMP_TMPSEL(cdw11)	((cdw11) >> 16 & 0xf)
#define TEMP_THSEL(cdw11)	((cdw11) >> 20 & 3)
#define TEMP_ALL_SENSORS	0xf	/* TMPSEL of Set Features */
#define TEMP_OVER		0
#define TEMP_UNDER		1
#define TEMP_OVER_DEFAULT	0xffffu	/* kelvins; the under threshold's is 0 */

/* Only the composite temperature is there; other THSEL are reserved (Base 2.1, 5.1.25.1.3). */
static struct nvme_status temperature_check(struct request *req)
{
	uint32_t cdw11 = le32_get(req->sqe.cdw11);
	bool all = req->sqe.opcode == NVME_ADMIN_SET_FEATURES &&
		   TEMP_TMPSEL(cdw11) == TEMP_ALL_SENSORS;

	if ((TEMP_TMPSEL(cdw11) && !all) || TEMP_THSEL(cdw11) > TEMP_UNDER)
		return refuse(req, NVME_SC_INVALID_FIELD, AT(cdw11) + 2);
	return NVME_SUCCESS;
}

static uint32_t temperature_value(const struct request *req, bool current)
{
	const struct controller *ctrl = req->queue->ctrl;
	bool over = TEMP_THSEL(le32_get(req->sqe.cdw11)) == TEMP_OVER;

	if (!current)
		return over ? TEMP_OVER_DEFAULT : 0;
	return over ? ctrl->temperature_over : ctrl->temperature_under;
}

/* Sends the temperature event if a threshold is crossed. */
static void announce_temperature(struct controller *ctrl)
{
	if (smart_critical_warning(ctrl) & NVME_SMART_TEMPERATURE)
		controller_event(ctrl, NVME_AER_SMART, NVME_AER_SMART_TEMPERATURE,
				 NVME_LOG_SMART);
}

static struct nvme_status temperature_set(struct request *req)
{
	struct controller *ctrl = req->queue->ctrl;
	uint32_t cdw11 = le32_get(req->sqe.cdw11);

	if (TEMP_THSEL(cdw11) == TEMP_OVER)
		ctrl->temperature_over = (uint16_t)cdw11;
	else
		ctrl->temperature_under = (uint16_t)cdw11;
	announce_temperature(ctrl);
	return NVME_SUCCESS;
}

/* ---- 05h, 06h: fixed ---- */

static uint32_t error_recovery_value(const struct request *req, bool current)
{
	return 0;
}

/* The cache is always on: a host that wants a durable write sets FUA. */
static uint32_t volatile_wc_value(const struct request *req, bool current)
{
	return NVME_FEAT_VWC_WCE;
}

/* ---- 07h: number of queues ---- */

static uint32_t queues_max(const struct queue *queue)
{
	uint32_t max = queue->subsystem ? queue->subsystem->qid_max : 1;

	if (max == 0 || max > CONTROLLER_QUEUES_MAX)
		return CONTROLLER_QUEUES_MAX;
	return max;
}

static uint32_t queues_dw0(uint32_t queues)
{
	return (queues - 1) | (queues - 1) << 16;
}

static uint32_t num_queues_value(const struct request *req, bool current)
{
	const struct controller *ctrl = req->queue->ctrl;

	if (current && ctrl->queues_granted)
		return queues_dw0(ctrl->queues_granted);
	return queues_dw0(queues_max(req->queue));
}

/* False if there are I/O queues already. Under the lock, because their Connects read this. */
static bool grant_queues(struct controller *ctrl, uint16_t granted)
{
	struct target *target = ctrl->reactor->target;
	bool frozen;

	pthread_mutex_lock(&target->lock);
	frozen = ctrl->queues_frozen;
	if (!frozen)
		ctrl->queues_granted = granted;
	pthread_mutex_unlock(&target->lock);
	return !frozen;
}

static struct nvme_status num_queues_set(struct request *req)
{
	uint32_t cdw11 = le32_get(req->sqe.cdw11);
	uint32_t submission = (cdw11 & 0xffff) + 1, completion = (cdw11 >> 16) + 1;
	uint32_t granted = queues_max(req->queue);

	/* FFFFh is invalid (Base 2.1, 5.1.25.2.1) */
	if (submission > 0xffff)
		return refuse_value(req);
	if (completion > 0xffff)
		return refuse(req, NVME_SC_INVALID_FIELD, AT(cdw11) + 2);
	/* queues come in pairs */
	if (granted > submission)
		granted = submission;
	if (granted > completion)
		granted = completion;
	if (!grant_queues(req->queue->ctrl, (uint16_t)granted))
		return nvme_status_dnr(NVME_SC_CMD_SEQ_ERROR);
	req->cqe.dw0 = le32_of(queues_dw0(granted));
	return NVME_SUCCESS;
}

/* ---- 0Bh: which asynchronous events ---- */

#define AEC_SMART 0xffu		/* critical warnings; only the temperature's is sent */

static uint32_t async_event_value(const struct request *req, bool current)
{
	return current ? req->queue->ctrl->async_config : 0;
}

static struct nvme_status async_event_set(struct request *req)
{
	struct controller *ctrl = req->queue->ctrl;
	uint32_t notices = ctrl->discovery ? NVME_AEC_DISC_LOG : NVME_AEC_NS_ATTR | NVME_AEC_ANA;

	/* events that OAES does not report are not enabled, as Get Features shows */
	ctrl->async_config = le32_get(req->sqe.cdw11) & (AEC_SMART | notices);
	if (!ctrl->discovery)
		announce_temperature(ctrl);
	else if (req->queue->port)
		ctrl->discovery_digest = discovery_log_digest(req->queue);
	return NVME_SUCCESS;
}

/* ---- 0Fh: keep alive timeout ---- */

static uint32_t kato_value(const struct request *req, bool current)
{
	return current ? req->queue->ctrl->kato_ms : 0;
}

static struct nvme_status kato_set(struct request *req)
{
	controller_set_kato(req->queue->ctrl, le32_get(req->sqe.cdw11));
	return NVME_SUCCESS;
}

/* ---- 16h: host behavior support ---- */

static void host_behavior_fill(const struct request *req, void *data)
{
	struct nvme_host_behavior behavior = { .acre = req->queue->ctrl->host_acre };

	memcpy(data, &behavior, sizeof(behavior));
}

/*
 * A host may enable features that this controller does not have (ETDAS, LBAFEE, HDISNS, CDFE),
 * without effect. Values above 1 are reserved (Base 2.1, 5.1.25.1.14).
 */
static struct nvme_status host_behavior_set(struct request *req)
{
	struct nvme_host_behavior behavior;

	memcpy(&behavior, req->data, sizeof(behavior));
	if (behavior.acre > 1 || behavior.etdas > 1 || behavior.lbafee > 1 || behavior.hdisns > 1)
		return refuse(req, NVME_SC_INVALID_FIELD, AT(sgl));
	req->queue->ctrl->host_acre = behavior.acre;
	return NVME_SUCCESS;
}

/* ---- 81h: host identifier: the one of Connect, 16 bytes ---- */

/* Over fabrics it cannot be set, and has only the 128-bit form (Base 2.1, 5.1.25.1.28). */
static struct nvme_status host_id_check(struct request *req)
{
	if (req->sqe.opcode == NVME_ADMIN_SET_FEATURES)
		return nvme_status_dnr(NVME_SC_CMD_SEQ_ERROR);
	if (!(le32_get(req->sqe.cdw11) & NVME_FEAT_HOST_ID_EXHID))
		return refuse_value(req);
	return NVME_SUCCESS;
}

static void host_id_fill(const struct request *req, void *data)
{
	const struct controller *ctrl = req->queue->ctrl;

	memcpy(data, ctrl->hostid, sizeof(ctrl->hostid));
}

/* ---- 84h: namespace write protection: as configured ---- */

static struct nvme_status write_protect_check(struct request *req)
{
	struct nvme_status status = admin_check_nsid(req);

	if (!nvme_status_ok(status))
		return status;
	req->view_ns = queue_namespace(req->queue, le32_get(req->sqe.nsid));
	if (!req->view_ns)
		return refuse(req, NVME_SC_INVALID_FIELD, AT(nsid));
	return NVME_SUCCESS;
}

static uint32_t write_protect_value(const struct request *req, bool current)
{
	return current && req->view_ns->read_only ? NVME_WP_ON : NVME_WP_NONE;
}

static const struct feature features[] = {
	/* weights and burst, which round robin does not use */
	{ { NVME_FEAT_ARBITRATION, ON_ADMIN, "Arbitration", "5.1.25.1.1" }, .bits = 0xffffff07 },
	{ { NVME_FEAT_POWER_MGMT, ON_ADMIN, "Power Management", "5.1.25.1.2" },
	  .bits = POWER_WH, .set = power_set },
	{ { NVME_FEAT_TEMP_THRESHOLD, ON_ADMIN, "Temperature Threshold", "5.1.25.1.3" },
	  .check = temperature_check, .value = temperature_value, .set = temperature_set },
	{ { NVME_FEAT_ERROR_RECOVERY, ON_ADMIN, "Error Recovery", "NVM 1.1, 4.1.3.2" },
	  .bits = 0x1ffff, .value = error_recovery_value },
	{ { NVME_FEAT_VOLATILE_WC, ON_ADMIN, "Volatile Write Cache", "5.1.25.1.4" },
	  .bits = NVME_FEAT_VWC_WCE, .value = volatile_wc_value },
	{ { NVME_FEAT_NUM_QUEUES, ON_ADMIN, "Number of Queues", "5.1.25.2.1" },
	  .value = num_queues_value, .set = num_queues_set },
	/* bit 0: the host does not need atomicity in normal operation */
	{ { NVME_FEAT_WRITE_ATOMIC, ON_ADMIN, "Write Atomicity Normal", "NVM 1.1, 4.1.3.4" },
	  .bits = 1 },
	{ { NVME_FEAT_ASYNC_EVENT, ON_BOTH, "Asynchronous Event Configuration", "5.1.25.1.5" },
	  .value = async_event_value, .set = async_event_set },
	{ { NVME_FEAT_KATO, ON_BOTH, "Keep Alive Timer", "5.1.25.1.8" },
	  .value = kato_value, .set = kato_set },
	{ { NVME_FEAT_HOST_BEHAVIOR, ON_ADMIN, "Host Behavior Support", "5.1.25.1.14" },
	  .get_length = sizeof(struct nvme_host_behavior),
	  .set_length = sizeof(struct nvme_host_behavior),
	  .fill = host_behavior_fill, .set = host_behavior_set },
	{ { NVME_FEAT_HOST_ID, ON_BOTH, "Host Identifier", "5.1.25.1.28" },
	  .check = host_id_check, .get_length = 16, .fill = host_id_fill },
	{ { NVME_FEAT_WRITE_PROTECT, ON_ADMIN, "Namespace Write Protection Config",
	    "5.1.25.1.31" }, .ns = true, .bits = 7,
	  .check = write_protect_check, .value = write_protect_value },
};
#define FEATURE_COUNT (sizeof(features) / sizeof(features[0]))
#define FEATURE_DATA_MAX sizeof(struct nvme_host_behavior)
_Static_assert(FEATURE_COUNT <= CONTROLLER_FEATURES, "every feature has a kept value");

const struct catalog_entry *feature_catalog(size_t i)
{
	return i < FEATURE_COUNT ? &features[i].entry : NULL;
}

void features_reset(struct controller *ctrl)
{
	memset(ctrl->features, 0, sizeof(ctrl->features));
	ctrl->temperature_over = TEMP_OVER_DEFAULT;
	ctrl->temperature_under = 0;
	ctrl->async_config = 0;
	ctrl->host_acre = false;
	ctrl->queues_granted = 0;
}

void features_describe(uint8_t on, struct nvme_log_features *page)
{
	for (size_t i = 0; i < FEATURE_COUNT; i++)
		if (features[i].entry.on & on)
			page->fid[features[i].entry.id] =
				le32_of(NVME_FID_FSUPP | (features[i].ns ? NVME_FID_SCOPE_NS :
									   NVME_FID_SCOPE_CTRL));
}

static const struct feature *find_feature(const struct request *req)
{
	uint8_t fid = (uint8_t)le32_get(req->sqe.cdw10);

	for (size_t i = 0; i < FEATURE_COUNT; i++)
		if (features[i].entry.id == fid && features[i].entry.on & admin_on(req))
			return &features[i];
	return NULL;
}

/* Where the controller keeps the value that the host wrote. NULL: a feature of another kind. */
static uint32_t *kept_value(const struct request *req, const struct feature *feature)
{
	bool kept = !feature->value && !feature->fill;

	return kept ? &req->queue->ctrl->features[feature - features] : NULL;
}

static uint32_t selector(const struct request *req)
{
	return le32_get(req->sqe.cdw10) >> NVME_FEAT_SEL_SHIFT & NVME_FEAT_SEL_MASK;
}

static uint32_t capabilities(const struct feature *feature)
{
	bool fixed = !feature->set && (feature->value || feature->fill);

	return (feature->ns ? NVME_FEAT_CAP_NS : 0) | (fixed ? 0 : NVME_FEAT_CAP_CHANGEABLE);
}

static void execute_get(struct request *req)
{
	const struct feature *feature = find_feature(req);
	bool current = selector(req) == NVME_FEAT_SEL_CURRENT;
	uint8_t data[FEATURE_DATA_MAX] = { 0 };
	uint32_t dw0 = 0, *kept;

	assert(feature); /* as parse found it */
	kept = kept_value(req, feature);
	if (selector(req) == NVME_FEAT_SEL_CAPS)
		dw0 = capabilities(feature);
	else if (feature->value)
		dw0 = feature->value(req, current);
	else if (kept && current)
		dw0 = *kept;
	else if (current)
		feature->fill(req, data);
	req->cqe.dw0 = le32_of(dw0);
	request_reply(req, data, sizeof(data), 0);
}

static bool holds_buffer(const struct request *req, uint32_t length)
{
	return req->sqe.sgl.type == NVME_SGL_TRANSPORT_SGL &&
	       le32_get(req->sqe.sgl.length) == length;
}

struct nvme_status features_get_parse(struct request *req)
{
	const struct feature *feature = find_feature(req);

	/* 5.1.11 */
	if (!feature)
		return refuse(req, NVME_SC_INVALID_FIELD, AT(cdw10));
	/* reserved values (figure "Get Features - Select") */
	if (selector(req) > NVME_FEAT_SEL_CAPS)
		return refuse(req, NVME_SC_INVALID_FIELD, AT(cdw10) + 1);
	req->execute = execute_get;
	if (selector(req) == NVME_FEAT_SEL_CAPS) {
		/* capabilities have no data; a host that has a buffer for data gets zeroes */
		if (holds_buffer(req, feature->get_length))
			req->data_length = feature->get_length;
		return NVME_SUCCESS;
	}
	req->data_length = feature->get_length;
	return feature->check ? feature->check(req) : NVME_SUCCESS;
}

/* A constant feature may be set to the value that it has. */
static struct nvme_status set_fixed(const struct feature *feature, struct request *req)
{
	uint32_t wanted = le32_get(req->sqe.cdw11) & feature->bits;

	if (feature->value && feature->value(req, true) == wanted)
		return NVME_SUCCESS;
	return refuse(req, NVME_SC_FEATURE_NOT_CHANGEABLE, AT(cdw10));
}

static void execute_set(struct request *req)
{
	const struct feature *feature = find_feature(req);
	struct nvme_status status = NVME_SUCCESS;
	uint32_t *kept;

	assert(feature); /* as parse found it */
	kept = kept_value(req, feature);
	if (feature->set)
		status = feature->set(req);
	else if (!kept)
		status = set_fixed(feature, req);
	if (kept && nvme_status_ok(status))
		*kept = le32_get(req->sqe.cdw11) & feature->bits;
	request_complete(req, status);
}

struct nvme_status features_set_parse(struct request *req)
{
	const struct feature *feature = find_feature(req);
	uint32_t nsid = le32_get(req->sqe.nsid);

	/* 5.1.25: FID, SV and NSID */
	if (!feature)
		return refuse(req, NVME_SC_INVALID_FIELD, AT(cdw10));
	if (le32_get(req->sqe.cdw10) & NVME_FEAT_SV)
		return refuse(req, NVME_SC_FEATURE_NOT_SAVEABLE, AT(cdw10) + 3);
	if (!feature->ns && nsid != 0 && nsid != NVME_NSID_ALL)
		return refuse(req, NVME_SC_FEATURE_NOT_PER_NS, AT(nsid));
	req->data_length = feature->set_length;
	req->execute = execute_set;
	return feature->check ? feature->check(req) : NVME_SUCCESS;
}
