/* SPDX-License-Identifier: BSD-3-Clause */
/* I/O commands: their namespace, their blocks, their backend. */
#include "target/commands/io.h"

#include <errno.h>

#include "loop/buffer.h"
#include "spec/log.h"
#include "target/base/reactor.h"
#include "target/model/namespace.h"
#include "target/model/view.h"
#include "target/queue/command.h"
#include "target/queue/queue.h"
#include "target/queue/request.h"

#define FIELD(name) offsetof(struct nvme_sqe, name)

/* ---- checks ---- */

/* Success if the namespace's ANA state on the port allows I/O. (Base 2.1, 8.1.1) */
static struct nvme_status check_ana(const struct view_port *port, const struct view_namespace *ns)
{
	switch (port->ana_states[ns->ana_grpid]) {
	case NVME_ANA_INACCESSIBLE:
		return nvme_status(NVME_SC_ANA_INACCESSIBLE);
	case NVME_ANA_PERSISTENT_LOSS:
		return nvme_status(NVME_SC_ANA_PERSISTENT_LOSS);
	case NVME_ANA_CHANGE:
		return nvme_status(NVME_SC_ANA_TRANSITION);
	default:
		return NVME_SUCCESS;
	}
}

/* Finds the namespace of the command in the view that is valid now. */
static struct nvme_status resolve(struct request *req)
{
	const struct queue *queue = req->queue;

	/* removed from the configuration: the connection is about to end */
	if (!queue->port || !queue->subsystem)
		return nvme_status(NVME_SC_CTRL_PATH_ERROR);
	req->view_ns = queue_namespace(queue, le32_get(req->sqe.nsid));
	if (!req->view_ns)
		return refuse(req, NVME_SC_INVALID_NS, FIELD(nsid));
	return check_ana(queue->port, req->view_ns);
}

struct nvme_status io_check_range(struct request *req, uint64_t slba, uint64_t blocks,
				  size_t location)
{
	uint64_t count = req->view_ns->block_count;

	if (slba > count || blocks > count - slba)
		return refuse(req, NVME_SC_LBA_RANGE, location);
	return NVME_SUCCESS;
}

/* Makes the checks that the row's flags ask for: namespace, write protection, range. */
static struct nvme_status check(struct request *req)
{
	struct nvme_status status = resolve(req);
	uint8_t flags = req->command->flags;

	if (!nvme_status_ok(status))
		return status;
	if (flags & COMMAND_WRITES && req->view_ns->read_only)
		return nvme_status_dnr(NVME_SC_NS_WRITE_PROTECTED);
	if (flags & COMMAND_RANGE)
		return io_check_range(req, nvme_rw_slba(&req->sqe), nvme_rw_nlb(&req->sqe),
				      FIELD(cdw10));
	return NVME_SUCCESS;
}

static uint64_t range_bytes(const struct request *req)
{
	return (uint64_t)nvme_rw_nlb(&req->sqe) << req->view_ns->block_shift;
}

struct nvme_status io_parse(struct request *req)
{
	struct nvme_status status = check(req);

	if (!nvme_status_ok(status))
		return status;
	if (req->command->flags & COMMAND_BLOCKS) {
		uint64_t length = range_bytes(req);

		/* MDTS (Base 2.1, 5.1.13.2.1) */
		if (length > UINT64_C(4096) << req->queue->port->mdts)
			return refuse(req, NVME_SC_INVALID_FIELD, FIELD(cdw12));
		req->data_length = (uint32_t)length;
	}
	return req->command->parse ? req->command->parse(req) : NVME_SUCCESS;
}

/* True if the blocks still have the size that data_length was computed with. */
static bool same_length(const struct request *req)
{
	return !(req->command->flags & COMMAND_BLOCKS) || range_bytes(req) == req->data_length;
}

bool io_recheck(struct request *req)
{
	struct nvme_status status = check(req);

	if (nvme_status_ok(status) && !same_length(req))
		status = refuse(req, NVME_SC_INVALID_NS, FIELD(nsid));
	if (nvme_status_ok(status))
		return true;
	request_complete(req, status);
	return false;
}

/* ---- to the backend ---- */

/* True if data must be durable before the I/O is done. */
static bool must_sync(enum weft_op op, uint32_t flags)
{
	return op == WEFT_OP_FLUSH || flags & WEFT_IO_FUA;
}

void io_submit(struct request *req, enum weft_op op, uint32_t flags, uint64_t offset,
	       uint64_t length)
{
	struct namespace *ns = req->view_ns->ns;
	struct reactor *reactor = req->queue->reactor;

	req->view_ns = NULL;
	if (req->hold.pin != ns) {
		/* a command of several I/Os may have begun on another namespace */
		if (req->hold.pin)
			namespace_unpin(req->hold.pin, reactor->index);
		req->hold.pin = ns;
		namespace_pin(ns, reactor->index);
	}
	if (must_sync(op, flags) &&
	    atomic_load_explicit(&ns->flush_error, memory_order_relaxed)) {
		flush_fail(req, nvme_status_dnr(NVME_SC_WRITE_FAULT));
		return;
	}
	req->io.op = op;
	req->io.flags = flags;
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

void io_submit_range(struct request *req, enum weft_op op, uint32_t flags)
{
	io_submit(req, op, flags, nvme_rw_slba(&req->sqe) << req->view_ns->block_shift,
		  range_bytes(req));
}

struct namespace_counters *io_counters(struct request *req)
{
	return &req->hold.pin->counters[req->queue->reactor->index];
}

/* ---- lent memory ---- */

static void pin(struct request *req, struct namespace *ns)
{
	req->hold.pin = ns;
	namespace_pin(ns, req->queue->reactor->index);
}

bool io_lend_read(struct request *req)
{
	struct namespace *ns = req->view_ns->ns;

	if (!ns->backend->lend || req->queue->stable_data || req->hold.buffer)
		return false;
	req->iov_count = ns->backend->lend(ns->device,
					   nvme_rw_slba(&req->sqe) << req->view_ns->block_shift,
					   req->data_length, req->iov, REQUEST_IOVS);
	if (!req->iov_count)
		return false;
	pin(req, ns);
	return true;
}

bool io_lend_write(struct request *req)
{
	const struct view_namespace *view_ns = req->view_ns;
	struct namespace *ns = view_ns ? view_ns->ns : NULL;
	void *memory;

	/* not with a data digest: the data must not be stored before its digest is checked */
	if (!ns || req->queue->stable_data || req->data_length < LOOP_TAKE_MIN ||
	    !ns->backend->lend_write || !request_try_buffer(req, 1u << view_ns->block_shift))
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
	pin(req, ns);
	return true;
}

void io_lent_ended(struct request *req)
{
	struct namespace *ns = req->hold.pin;

	ns->backend->written(ns->device, nvme_rw_slba(&req->sqe) << req->block_shift,
			     req->data_length);
	req->block_shift = 0;
}

void io_check_lent(struct request *req)
{
	if (req->state != REQUEST_FETCHING || !req->block_shift)
		return;
	if (!nvme_status_ok(check(req)) || req->view_ns->ns != req->hold.pin)
		req->revoked = true;
	/* the check is repeated, and then reported, when the data has come */
	req->error_location = REQUEST_NO_LOCATION;
	req->view_ns = NULL;
}

/* ---- and back ---- */

/* True for errors of an I/O that the backend has not begun: no data was lost. */
static bool not_begun(int error)
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
		counter_add(&io_counters(req)->media_errors, 1);
	if (must_sync(req->io.op, req->io.flags) && !not_begun(error) && ns->info.volatile_cache) {
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
	if (result < 0)
		io_failed(req, -result);
	else if (req->abandoned)
		request_let_go(req);
	else if (req->command->done)
		req->command->done(req);
	else
		request_complete(req, NVME_SUCCESS);
}

void weft_io_done(struct weft_io *io, int result)
{
	if (io->done)
		io->done(io, result);
	else
		io_done(request_of_io(io), result);
}

/* Carries the result of an I/O from another thread; lies in the I/O's `target`. */
struct posted_result {
	struct loop_message message;
	int result;
};

_Static_assert(sizeof(struct posted_result) <= sizeof(((struct weft_io *)0)->target),
	       "fits the I/O");

static void deliver(struct loop_message *message)
{
	struct posted_result *posted = container_of(message, struct posted_result, message);

	weft_io_done(container_of(posted, struct weft_io, target), posted->result);
}

void weft_io_done_from_thread(struct weft_io *io, int result)
{
	struct posted_result *posted = (struct posted_result *)(void *)io->target;

	posted->result = result;
	posted->message.run = deliver;
	loop_post(((struct reactor *)io->reactor)->loop, &posted->message);
}
