/* SPDX-License-Identifier: BSD-3-Clause */
/* The backend `fault`: passes I/Os to its child, or lets them fail, wait or hang by rules. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/fault/fault.h"

#define MILLISECOND UINT64_C(1000000)	/* of nanoseconds */

static const struct weft_option fault_options[] = {
	{ .name = "child", .type = WEFT_OPTION_CHILD, .required = true,
	  .help = "the backend beneath, and its options" },
	{ .name = "rules", .type = WEFT_OPTION_STRING, .fallback = "none",
	  .help = "what is to fail from the start, such as 'fail read EIO odds 100; delay all 5'" },
	{ .name = "control", .type = WEFT_OPTION_PATH, .fallback = "none",
	  .help = "a UNIX socket that takes rules and commands at run time" },
	{ .name = "cache", .type = WEFT_OPTION_BOOL, .fallback = "false",
	  .help = "keep writes in a volatile cache until they are flushed" },
	{ .name = "seed", .type = WEFT_OPTION_NUMBER, .fallback = "1",
	  .help = "of what is decided by chance" },
	{ 0 },
};

static struct weft_io *io_of(struct fault_io *fault)
{
	return container_of(fault, struct weft_io, scratch);
}

/* ---- I/O ---- */

static void hand_on(struct fault_device *device, struct weft_io *io)
{
	if (device->cache)
		fault_cache_submit(device->cache, io);
	else
		weft_child_submit(device->child, io);
}

static void released(struct loop_message *message)
{
	struct fault_io *fault = container_of(message, struct fault_io, message);

	if (fault->error)
		weft_io_done(io_of(fault), -fault->error);
	else
		hand_on(fault->device, io_of(fault));
}

static void delayed(struct loop_timer *timer)
{
	struct fault_io *fault = container_of(timer, struct fault_io, timer);

	hand_on(fault->device, io_of(fault));
}

static void delay(struct weft_io *io, uint64_t ms)
{
	struct fault_io *fault = fault_io_of(io);
	int r;

	fault->timer = (struct loop_timer){ .fire = delayed };
	r = loop_timer_start(loop_current(), &fault->timer, ms * MILLISECOND);
	if (r < 0)
		weft_io_done(io, r);
}

/* The part of an I/O that is done before it fails. */
struct part {
	struct weft_io io;
	struct weft_io *whole;	/* borrowed */
	struct iovec iov;
	int error;
};

static void part_done(struct weft_io *io, int result)
{
	struct part *part = container_of(io, struct part, io);
	struct weft_io *whole = part->whole;
	int error = part->error;

	free(part);
	weft_io_done(whole, result < 0 ? result : -error);
}

/* Takes whole blocks of the first vector only, which suffices for tests. */
static void shorten(struct fault_device *device, struct weft_io *io, uint64_t length, int error)
{
	struct part *part = NULL;

	if (io->iov_count && length > io->iov[0].iov_len)
		length = io->iov[0].iov_len;
	if (length && length <= io->length)
		part = calloc(1, sizeof(*part));
	if (!part) {
		weft_io_done(io, -error);
		return;
	}
	part->whole = io;
	part->error = error;
	part->io = (struct weft_io){
		.op = io->op, .flags = io->flags, .offset = io->offset, .length = length,
		.reactor = io->reactor, .done = part_done,
	};
	if (io->iov_count) {
		part->iov = (struct iovec){ io->iov[0].iov_base, length };
		part->io.iov = &part->iov;
		part->io.iov_count = 1;
	}
	hand_on(device, &part->io);
}

/* Applies the rules to an I/O. One that is to hang joins `held` under the same lock. */
static struct fault_verdict judge(struct fault_device *device, struct weft_io *io)
{
	struct fault_point *point = device->point;
	struct fault_io *fault = fault_io_of(io);
	struct fault_verdict verdict = { FAULT_FAIL, .error = ENODEV };

	pthread_mutex_lock(&point->lock);
	point->count[io->op]++;
	if (!point->gone)
		verdict = fault_rules_judge(&point->rules, io, &point->random);
	if (verdict.action == FAULT_HANG) {
		fault->message.run = released;
		list_add_tail(&point->held, &fault->node);
		point->held_count++;
		pthread_cond_broadcast(&point->changed);
	}
	pthread_mutex_unlock(&point->lock);
	return verdict;
}

static void fault_submit(void *object, struct weft_io *io)
{
	struct fault_device *device = object;
	struct fault_io *fault = fault_io_of(io);
	struct fault_verdict verdict;

	fault->device = device;
	fault->loop = loop_current();
	verdict = judge(device, io);
	switch (verdict.action) {
	case FAULT_PASS:
		hand_on(device, io);
		break;
	case FAULT_FAIL:
		weft_io_done(io, -verdict.error);
		break;
	case FAULT_DELAY:
		delay(io, verdict.amount);
		break;
	case FAULT_SHORT:
		shorten(device, io, verdict.amount, verdict.error);
		break;
	case FAULT_HANG:
		break;
	}
}

/* ---- the device ---- */

static void fault_close(void *object)
{
	struct fault_device *device = object;

	fault_point_call(device->point, FAULT_OP_CLOSE);
	fault_point_close(device->point, device);
	fault_cache_free(device->cache);
	weft_child_close(device->child);
	free(device);
}

static int add_cache(struct fault_device *device, struct weft_info *info)
{
	device->cache = fault_cache_new(device, info->block_size);
	if (!device->cache)
		return -ENOMEM;
	info->volatile_cache = true;
	info->discard_granularity = 0;
	info->atomic_size = 0;
	return 0;
}

static int fault_open(void **ret_device, const struct weft_params *params,
		      struct weft_info *ret_info, struct weft_error *error)
{
	struct fault_device *device = calloc(1, sizeof(*device));
	struct weft_info info;
	int r;

	if (!device)
		return weft_error_set(error, ENOMEM, "out of memory");
	r = fault_point_open(&device->point, weft_param_string(params, "control"),
			     weft_param_string(params, "rules"),
			     weft_param_number(params, "seed", 1), error);
	if (r < 0)
		goto fail;
	r = fault_point_call(device->point, FAULT_OP_OPEN);
	if (r < 0)
		weft_error_set(error, -r, "fault: a rule made opening the device fail: %s",
			       strerror(-r));
	else
		r = weft_child_open(&device->child, params, "child", &info, error);
	if (r < 0)
		goto fail_point;
	if (weft_param_bool(params, "cache", false) && add_cache(device, &info) < 0) {
		r = weft_error_set(error, ENOMEM, "out of memory");
		goto fail_child;
	}
	device->owner = weft_params_owner(params);
	fault_point_attach(device->point, device);
	*ret_device = device;
	*ret_info = info;
	return 0;
fail_child:
	weft_child_close(device->child);
fail_point:
	fault_point_close(device->point, device);
fail:
	free(device);
	return r;
}

static int fault_refresh(void *object, struct weft_info *info)
{
	struct fault_device *device = object;
	bool gone;
	int r = fault_point_call(device->point, FAULT_OP_REFRESH);

	if (r < 0)
		return r;
	pthread_mutex_lock(&device->point->lock);
	gone = device->point->gone;
	pthread_mutex_unlock(&device->point->lock);
	return gone ? -ENODEV : weft_child_refresh(device->child, info);
}

const struct weft_backend fault_backend = {
	.size = sizeof(struct weft_backend),
	.name = "fault",
	.summary = "fails to order, for tests; stands on another backend",
	.options = fault_options,
	.open = fault_open,
	.close = fault_close,
	.submit = fault_submit,
	.refresh = fault_refresh,
};
