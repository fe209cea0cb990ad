/* SPDX-License-Identifier: BSD-3-Clause */
/* The NVM command set: Read, Write, Flush, Write Zeroes, Dataset Management. */
#include <errno.h>

#include "loop/buffer.h"
#include "target/commands.h"
#include "target/controller.h"
#include "target/namespace.h"
#include "target/queue.h"
#include "target/reactor.h"
#include "target/view.h"

#define FIELD(name) offsetof(struct nvme_sqe, name)

/* May the host use this namespace through this port? (Base 2.1, 8.1.1) */
static struct nvme_status check_ana(const struct queue *queue, const struct view_namespace *ns)
{
	switch (queue->port ? queue->port->ana_states[ns->ana_grpid] : 0) {
	case 3:
		return nvme_status(NVME_SC_ANA_INACCESSIBLE);
	case 4:
		return nvme_status(NVME_SC_ANA_PERSISTENT_LOSS);
	case 0xf:
		return nvme_status(NVME_SC_ANA_TRANSITION);
	default:
		return NVME_SUCCESS;
	}
}

/* Finds the namespace of the command in the view that is valid now. */
static struct nvme_status resolve(struct request *req)
{
	const struct queue *queue = req->queue;

	req->view_ns = queue_namespace(queue, le32_get(req->sqe.nsid));
	if (!req->view_ns)
		return refuse(req, NVME_SC_INVALID_NS, FIELD(nsid));
	return check_ana(queue, req->view_ns);
}

static struct nvme_status check_range(struct request *req, uint64_t slba, uint64_t blocks,
				      size_t location)
{
	uint64_t count = req->view_ns->block_count;

	if (slba > count || blocks > count - slba)
		return refuse(req, NVME_SC_LBA_RANGE, location);
	return NVME_SUCCESS;
}

static bool writes(uint8_t opcode)
{
	return opcode == NVME_CMD_WRITE || opcode == NVME_CMD_WRITE_ZEROES ||
	       opcode == NVME_CMD_DSM;
}

/* What each I/O needs to hold: the namespace, the right to write, the range. */
static struct nvme_status check(struct request *req)
{
	struct nvme_status status = resolve(req);
	uint8_t opcode = req->sqe.opcode;

	if (!nvme_status_ok(status))
		return status;
	if (writes(opcode) && req->view_ns->read_only)
		return nvme_status_dnr(NVME_SC_NS_WRITE_PROTECTED);
	if (opcode == NVME_CMD_READ || opcode == NVME_CMD_WRITE || opcode == NVME_CMD_WRITE_ZEROES)
		return check_range(req, nvme_rw_slba(&req->sqe), nvme_rw_nlb(&req->sqe),
				   FIELD(cdw10));
	return NVME_SUCCESS;
}

/* Does the buffer hold the blocks still? The namespace may have got others of another size. */
static bool same_length(const struct request *req)
{
	if (req->sqe.opcode != NVME_CMD_READ && req->sqe.opcode != NVME_CMD_WRITE)
		return true;
	return (uint64_t)nvme_rw_nlb(&req->sqe) << req->view_ns->block_shift == req->data_length;
}

/* Time has passed since parse (data came, a buffer was waited for): the view may be another. */
static bool check_again(struct request *req)
{
	struct nvme_status status;

	if (req->view_ns)
		return true;
	status = check(req);
	if (nvme_status_ok(status) && !same_length(req))
		status = refuse(req, NVME_SC_INVALID_NS, FIELD(nsid));
	if (nvme_status_ok(status))
		return true;
	request_complete(req, status);
	return false;
}

/* Is the I/O done only once something is durable? */
static bool must_last(enum weft_op op, uint32_t flags)
{
	return op == WEFT_OP_FLUSH || flags & WEFT_IO_FUA;
}

static void submit(struct request *req, enum weft_op op, uint64_t offset, uint64_t length)
{
	struct namespace *ns = req->view_ns->ns;
	struct reactor *reactor = req->queue->reactor;

	req->view_ns = NULL;
	if (req->hold.pin != ns) {
		/* a Dataset Management command may outlive the namespace that it began on */
		if (req->hold.pin)
			namespace_unpin(req->hold.pin, reactor->index);
		req->hold.pin = ns;
		namespace_pin(ns, reactor->index);
	}
	if (must_last(op, req->io.flags) &&
	    atomic_load_explicit(&ns->flush_error, memory_order_relaxed)) {
		flush_fail(req, nvme_status_dnr(NVME_SC_WRITE_FAULT));
		return;
	}
	req->io.op = op;
	req->io.offset = offset;
	req->io.length = length;
	req->io.reactor = reactor;
	req->submitted = loop_now(reactor->loop);
	if (op == WEFT_OP_READ || op == WEFT_OP_WRITE) {
		req->iov[0] = (struct iovec){ req->data, req->data_length };
		req->io.iov = req->iov;
		req->io.iov_count = 1;
	} else {
		req->io.iov = NULL;
		req->io.iov_count = 0;
	}
	ns->backend->submit(ns->device, &req->io);
}

static void submit_range(struct request *req, enum weft_op op, uint32_t flags)
{
	uint8_t shift = req->view_ns->block_shift;

	req->io.flags = flags;
	submit(req, op, nvme_rw_slba(&req->sqe) << shift,
	       (uint64_t)nvme_rw_nlb(&req->sqe) << shift);
}

static struct namespace_counters *counters(struct request *req)
{
	return &req->hold.pin->counters[req->queue->reactor->index];
}

static void read_succeeded(struct request *req)
{
	struct namespace_counters *c = counters(req);

	counter_add(&c->reads, 1);
	counter_add(&c->read_bytes, req->data_length);
	counter_add(&req->queue->counters.read_bytes, req->data_length);
	request_complete(req, NVME_SUCCESS);
}

static void execute_read(struct request *req)
{
	const struct view_namespace *view_ns;
	struct namespace *ns;

	if (!check_again(req))
		return;
	view_ns = req->view_ns;
	ns = view_ns->ns;
	if (ns->backend->lend && !req->queue->stable_data && !req->hold.buffer) {
		req->iov_count = ns->backend->lend(ns->device,
						   nvme_rw_slba(&req->sqe) << view_ns->block_shift,
						   req->data_length, req->iov, REQUEST_IOVS);
		if (req->iov_count) {
			req->hold.pin = ns;
			namespace_pin(ns, req->queue->reactor->index);
			read_succeeded(req);
			return;
		}
	}
	if (request_take_buffer(req, request_execute))
		submit_range(req, WEFT_OP_READ, 0);
}

static void execute_write(struct request *req);

static uint32_t fua(const struct request *req)
{
	return le32_get(req->sqe.cdw12) & NVME_RW_FUA ? WEFT_IO_FUA : 0;
}

static void write_succeeded(struct request *req)
{
	struct namespace_counters *c = counters(req);

	counter_add(&c->writes, 1);
	counter_add(&c->written_bytes, req->data_length);
	counter_add(&req->queue->counters.written_bytes, req->data_length);
	request_complete(req, NVME_SUCCESS);
}

bool nvm_lend_write(struct request *req)
{
	const struct view_namespace *view_ns = req->view_ns;
	struct reactor *reactor = req->queue->reactor;
	struct namespace *ns = view_ns ? view_ns->ns : NULL;
	void *memory;

	/* not where a digest may yet say that the data is not to be written */
	if (req->execute != execute_write || !ns || req->queue->stable_data ||
	    req->data_length < LOOP_TAKE_MIN || !ns->backend->lend_write ||
	    !request_try_buffer(req, 1u << view_ns->block_shift))
		return false;
	memory = ns->backend->lend_write(ns->device,
					 nvme_rw_slba(&req->sqe) << view_ns->block_shift,
					 req->data_length);
	if (!memory) {
		request_drop_hold(req->queue, &req->hold);
		return false;
	}
	req->data = memory;
	req->block_shift = view_ns->block_shift;
	req->hold.pin = ns;
	namespace_pin(ns, reactor->index);
	return true;
}

void nvm_write_ended(struct request *req)
{
	struct namespace *ns = req->hold.pin;

	ns->backend->written(ns->device, nvme_rw_slba(&req->sqe) << req->block_shift,
			     req->data_length);
	req->block_shift = 0;
}

void nvm_check_lent(struct request *req)
{
	if (req->state != REQUEST_FETCHING || !req->block_shift)
		return;
	if (!nvme_status_ok(check(req)) || req->view_ns->ns != req->hold.pin)
		req->revoked = true;
	/* what is wrong is said when the data has come, if it is still wrong then */
	req->error_location = REQUEST_NO_LOCATION;
	req->view_ns = NULL;
}

static void execute_write(struct request *req)
{
	if (!check_again(req))
		return;
	if (!req->block_shift)
		submit_range(req, WEFT_OP_WRITE, fua(req));
	else if (req->view_ns->ns == req->hold.pin && !req->revoked)
		write_succeeded(req);
	else
		/* it did not go to the device that the namespace has now: once more, then */
		request_complete(req, nvme_status(NVME_SC_CMD_INTERRUPTED));
}

static void execute_write_zeroes(struct request *req)
{
	uint32_t deallocate =
		le32_get(req->sqe.cdw12) & NVME_RW_DEAC ? WEFT_IO_DEALLOCATE : 0;

	if (check_again(req))
		submit_range(req, WEFT_OP_WRITE_ZEROES, fua(req) | deallocate);
}

static void execute_flush(struct request *req)
{
	if (!check_again(req))
		return;
	req->io.flags = 0;
	if (req->view_ns->ns->info.volatile_cache)
		submit(req, WEFT_OP_FLUSH, 0, 0);
	else
		request_complete(req, NVME_SUCCESS);
}

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

		if (!check_again(req))
			return;
		status = check_range(req, slba, blocks, FIELD(cdw10));
		if (!nvme_status_ok(status)) {
			request_complete(req, status);
			return;
		}
		req->progress++;
		if (!blocks || !req->view_ns->ns->info.discard_granularity)
			continue;
		shift = req->view_ns->block_shift;
		req->io.flags = 0;
		submit(req, WEFT_OP_DISCARD, slba << shift, (uint64_t)blocks << shift);
		return;
	}
	request_complete(req, NVME_SUCCESS);
}

static void execute_nothing(struct request *req)
{
	request_complete(req, NVME_SUCCESS);
}

static struct nvme_status rw_parse(struct request *req, void (*execute)(struct request *),
				   bool transfers)
{
	uint64_t length = (uint64_t)nvme_rw_nlb(&req->sqe) << req->view_ns->block_shift;
	const struct view_port *port = req->queue->port;

	req->execute = execute;
	if (!transfers)
		return NVME_SUCCESS;
	if (!port || length > UINT64_C(4096) << port->mdts)
		return refuse(req, NVME_SC_INVALID_FIELD, FIELD(cdw12));
	req->data_length = (uint32_t)length;
	return NVME_SUCCESS;
}

/*
 * NR says how many ranges there are. Linux always sends the 4096 bytes that 256
 * of them take, so more data than NR asks for is taken and not looked at.
 */
static uint32_t dsm_length(const struct request *req)
{
	const uint32_t all = NVME_DSM_RANGES_MAX * (uint32_t)sizeof(struct nvme_dsm_range);
	uint32_t needed = dsm_count(req) * (uint32_t)sizeof(struct nvme_dsm_range);
	uint32_t sent = le32_get(req->sqe.sgl.length);

	return sent > needed && sent <= all ? sent : needed;
}

static struct nvme_status dsm_parse(struct request *req)
{
	if (le32_get(req->sqe.cdw11) & NVME_DSM_AD) {
		req->execute = execute_dsm;
	} else {
		/* attributes are hints, and none helps here */
		req->execute = execute_nothing;
		req->consumes = true;
	}
	req->data_length = dsm_length(req);
	return NVME_SUCCESS;
}

struct nvme_status nvm_parse(struct request *req)
{
	struct controller *ctrl = req->queue->ctrl;
	struct nvme_status status;

	req->status_kind = NVME_STATUS_KIND_NVM;
	if (!atomic_load_explicit(&ctrl->ready, memory_order_acquire))
		return nvme_status_dnr(NVME_SC_CMD_SEQ_ERROR);
	switch (req->sqe.opcode) {
	case NVME_CMD_READ:
	case NVME_CMD_WRITE:
	case NVME_CMD_FLUSH:
	case NVME_CMD_WRITE_ZEROES:
	case NVME_CMD_DSM:
		break;
	default:
		return refuse(req, NVME_SC_INVALID_OPCODE, FIELD(opcode));
	}
	status = check(req);
	if (!nvme_status_ok(status))
		return status;
	switch (req->sqe.opcode) {
	case NVME_CMD_READ:
		return rw_parse(req, execute_read, true);
	case NVME_CMD_WRITE:
		req->consumes = req->view_ns->ns->backend->flags & WEFT_BACKEND_SYNC &&
				req->view_ns->ns->backend->flags & WEFT_BACKEND_UNALIGNED;
		return rw_parse(req, execute_write, true);
	case NVME_CMD_WRITE_ZEROES:
		return rw_parse(req, execute_write_zeroes, false);
	case NVME_CMD_DSM:
		return dsm_parse(req);
	default:
		req->execute = execute_flush;
		return NVME_SUCCESS;
	}
}

/* Did it never reach what it was to be written to? */
static bool untried(int error)
{
	return error == EAGAIN || error == EBUSY || error == EINTR || error == EOPNOTSUPP ||
	       error == ENOSYS || error == ECANCELED;
}

static void io_failed(struct request *req, int error)
{
	struct namespace *ns = req->hold.pin;
	struct nvme_status status = status_from_errno(error, req->io.op);

	if (nvme_status_sc(status) == NVME_SC_READ_ERROR ||
	    nvme_status_sc(status) == NVME_SC_WRITE_FAULT)
		counter_add(&counters(req)->media_errors, 1);
	if (must_last(req->io.op, req->io.flags) && !untried(error) && ns->info.volatile_cache) {
		namespace_flush_failed(ns, error);
		flush_fail(req, status);
	} else if (req->abandoned) {
		request_let_go(req);
	} else {
		request_complete(req, status);
	}
}

/* A backend has ended one I/O. */
static void io_done(struct request *req, int result)
{
	if (result < 0) {
		io_failed(req, -result);
		return;
	}
	if (req->abandoned) {
		request_let_go(req);
		return;
	}
	switch (req->io.op) {
	case WEFT_OP_READ:
		req->iov_count = 1;
		read_succeeded(req);
		return;
	case WEFT_OP_WRITE:
		write_succeeded(req);
		return;
	case WEFT_OP_DISCARD:
		if (req->sqe.opcode == NVME_CMD_DSM) {
			execute_dsm(req);
			return;
		}
		break;
	case WEFT_OP_FLUSH:
	case WEFT_OP_WRITE_ZEROES:
		break;
	}
	request_complete(req, NVME_SUCCESS);
}

void weft_io_done(struct weft_io *io, int result)
{
	if (io->done)
		io->done(io, result);
	else
		io_done(request_of_io(io), result);
}

/* How an I/O comes home from another thread; in its `target`. */
struct homecoming {
	struct loop_message message;
	int result;
};

_Static_assert(sizeof(struct homecoming) <= sizeof(((struct weft_io *)0)->target), "fits the I/O");

static void come_home(struct loop_message *message)
{
	struct homecoming *way = container_of(message, struct homecoming, message);

	weft_io_done(container_of(way, struct weft_io, target), way->result);
}

void weft_io_done_from_thread(struct weft_io *io, int result)
{
	struct homecoming *way = (struct homecoming *)(void *)io->target;

	way->result = result;
	way->message.run = come_home;
	loop_post(((struct reactor *)io->reactor)->loop, &way->message);
}
