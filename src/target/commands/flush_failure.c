/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The answer to a flush or durable write that failed. All later ones for the namespace fail too
 * (namespace.h), also after a restart of weftd. So the host gets the error only after the control
 * thread has stored the failure, or has failed to store it.
 */
#include "target/base/control_request.h"
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "target/commands/io.h"
#include "target/model/namespace.h"
#include "target/queue/queue.h"
#include "target/queue/request.h"

/* Lies in the I/O's scratch, which the backend no longer uses. */
struct flush_failure {
	struct control_request control;
	struct nvme_status status;	/* for the host */
};

_Static_assert(sizeof(struct flush_failure) <= WEFT_IO_SCRATCH, "fits the I/O");

static struct flush_failure *failure_of(struct request *req)
{
	return (struct flush_failure *)(void *)req->io.scratch;
}

static struct request *request_of(struct control_request *control)
{
	return request_of_io(container_of((void *)control, struct weft_io, scratch));
}

static void answer(struct request *req, struct nvme_status status)
{
	if (req->abandoned)
		request_let_go(req);
	else
		request_complete(req, status);
}

static void run(struct control_request *control)
{
	struct namespace *ns = request_of(control)->hold.pin;
	struct target *target = ns->target;

	target->control->flush_failed(control, ns, target->control_context);
}

/* Answers the host also if the failure could not be stored; the control thread has logged that. */
static void done(struct control_request *control, int result)
{
	struct request *req = request_of(control);

	atomic_store_explicit(&req->hold.pin->flush_error_settled, true, memory_order_relaxed);
	answer(req, failure_of(req)->status);
}

void flush_fail(struct request *req, struct nvme_status status)
{
	struct namespace *ns = req->hold.pin;
	struct flush_failure *failure = failure_of(req);

	if (!ns->target->control ||
	    atomic_load_explicit(&ns->flush_error_settled, memory_order_relaxed)) {
		answer(req, status);
		return;
	}
	*failure = (struct flush_failure){
		.control = { .reactor = req->queue->reactor, .run = run, .done = done },
		.status = status,
	};
	control_request_post(ns->target, &failure->control);
}
