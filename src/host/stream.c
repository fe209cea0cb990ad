/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads or writes a range by a window of commands, which are completed in order. */
#include "host/stream.h"

#include <errno.h>
#include <stdlib.h>

#define IO_SIZE_DEFAULT (256u << 10)

struct slot {
	struct host_request req;
	uint8_t *buffer; /* owned */
	uint64_t offset; /* in the namespace, bytes */
};

/* Commands head to tail - 1 are under way, each in slot number % depth. */
struct window {
	struct host_ctrl *ctrl;
	const struct host_ns *ns;
	const struct stream_options *opts;
	struct host_queue *queue; /* owned */
	struct slot *slots; /* owned */
	uint32_t io_size;
	uint64_t head, tail;
	uint8_t opcode;
};

static void window_done(struct window *w)
{
	for (uint16_t i = 0; w->slots && i < w->queue->depth; i++)
		free(w->slots[i].buffer);
	free(w->slots);
	host_queue_close(w->queue);
}

static uint32_t choose_io_size(const struct window *w)
{
	uint32_t size = w->opts->io_size ? w->opts->io_size : IO_SIZE_DEFAULT;
	uint64_t most = (uint64_t)w->ns->block_size * 65536;

	if (size > w->ctrl->max_transfer)
		size = w->ctrl->max_transfer;
	if (size > most)
		size = (uint32_t)most;
	size -= size % w->ns->block_size;
	return size ? size : w->ns->block_size;
}

static int check_range(const struct window *w, struct weft_error *error)
{
	uint64_t size = w->ns->blocks * w->ns->block_size;
	const struct stream_options *opts = w->opts;

	if (opts->offset % w->ns->block_size || opts->length % w->ns->block_size)
		return weft_error_set(error, EINVAL,
				      "offset %llu and length %llu must be multiples of namespace "
				      "%u's block size, %u",
				      (unsigned long long)opts->offset,
				      (unsigned long long)opts->length, w->ns->nsid,
				      w->ns->block_size);
	if (opts->offset > size || opts->length > size - opts->offset)
		return weft_error_set(error, EINVAL,
				      "%llu bytes at %llu do not fit namespace %u, which has %llu",
				      (unsigned long long)opts->length,
				      (unsigned long long)opts->offset, w->ns->nsid,
				      (unsigned long long)size);
	return 0;
}

static int window_init(struct window *w, struct weft_error *error)
{
	int r = check_range(w, error);

	if (r == 0)
		r = host_io_queues(w->ctrl, 1, error);
	if (r == 0)
		r = host_io_open(w->ctrl, 1, w->opts->depth, &w->queue, error);
	if (r < 0)
		return r;
	w->io_size = choose_io_size(w);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): 0 says that there is a queue */
	w->slots = calloc(w->queue->depth, sizeof(w->slots[0]));
	for (uint16_t i = 0; w->slots && i < w->queue->depth; i++) {
		w->slots[i].buffer = malloc(w->io_size);
		if (!w->slots[i].buffer)
			return weft_error_set(error, ENOMEM, "no memory for the data");
	}
	return w->slots ? 0 : weft_error_set(error, ENOMEM, "no memory for the commands");
}

static struct slot *slot_of(const struct window *w, uint64_t number)
{
	return &w->slots[number % w->queue->depth];
}

static bool window_full(const struct window *w)
{
	return w->tail - w->head == w->queue->depth;
}

/* Sends the next command, for `size` bytes at `offset` of the namespace. */
static void window_push(struct window *w, uint64_t offset, uint32_t size)
{
	struct slot *slot = slot_of(w, w->tail++);

	host_rw_sqe(&slot->req.sqe, w->opcode, w->ns->nsid, offset / w->ns->block_size,
		    size / w->ns->block_size, w->opts->fua ? NVME_RW_FUA : 0);
	slot->offset = offset;
	slot->req.data = slot->buffer;
	slot->req.length = size;
	host_submit(w->queue, &slot->req);
}

static int check_slot(const struct window *w, const struct slot *slot, struct weft_error *error)
{
	bool is_read = w->opcode == NVME_CMD_READ;
	struct nvme_status st = nvme_cqe_status(&slot->req.cqe);

	if (!nvme_status_ok(st))
		return weft_error_set(error, EREMOTEIO,
				      "%s of %u bytes at %llu of namespace %u failed: %s",
				      is_read ? "read" : "write", slot->req.length,
				      (unsigned long long)slot->offset, w->ns->nsid,
				      nvme_status_str(st, NVME_STATUS_KIND_NVM));
	if (is_read && slot->req.received != slot->req.length)
		return weft_error_set(error, EPROTO,
				      "read at %llu of namespace %u returned %u of %u bytes",
				      (unsigned long long)slot->offset, w->ns->nsid,
				      slot->req.received, slot->req.length);
	return 0;
}

/* Waits for the oldest command and checks it; its slot stays valid until the next push. */
static int window_pop(struct window *w, struct slot **ret_slot, struct weft_error *error)
{
	struct slot *slot = slot_of(w, w->head);
	int r = 0;

	while (r == 0 && slot->req.outstanding)
		r = host_wait(w->queue, w->ctrl->opts.timeout_ms, error);
	if (r == 0)
		r = host_tend(w->ctrl, error);
	if (r == 0)
		r = check_slot(w, slot, error);
	if (r < 0)
		return r;
	w->head++;
	*ret_slot = slot;
	return 0;
}

static int read_range(struct window *w, stream_sink_fn *sink, void *user, struct weft_error *error)
{
	uint64_t sent = 0, got = 0;
	struct slot *slot;
	int r;

	while (got < w->opts->length) {
		while (sent < w->opts->length && !window_full(w)) {
			uint64_t left = w->opts->length - sent;
			uint32_t n = left < w->io_size ? (uint32_t)left : w->io_size;

			window_push(w, w->opts->offset + sent, n);
			sent += n;
		}
		r = window_pop(w, &slot, error);
		if (r == 0)
			r = sink(user, slot->buffer, slot->req.length, error);
		if (r < 0)
			return r;
		got += slot->req.length;
	}
	return 0;
}

int stream_read(struct host_ctrl *ctrl, const struct host_ns *ns, const struct stream_options *opts,
		stream_sink_fn *sink, void *user, struct weft_error *error)
{
	struct window w = { .ctrl = ctrl, .ns = ns, .opts = opts, .opcode = NVME_CMD_READ };
	int r = window_init(&w, error);

	if (r == 0)
		r = read_range(&w, sink, user, error);
	window_done(&w);
	return r;
}

/* Fills the next slot from the source and sends it. *ret_end: the input or the range has ended. */
static int write_next(struct window *w, uint64_t sent, stream_source_fn *source, void *user,
		      bool *ret_end, struct weft_error *error)
{
	struct slot *slot = slot_of(w, w->tail);
	uint64_t left = w->opts->length - sent;
	size_t want = left < w->io_size ? (size_t)left : w->io_size, n = 0;
	int r = source(user, slot->buffer, want, &n, error);

	if (r < 0)
		return r;
	if (n % w->ns->block_size)
		return weft_error_set(error, EINVAL,
				      "the input ends after %llu bytes, which is not a multiple of "
				      "namespace %u's block size, %u; pad it",
				      (unsigned long long)(sent + n), w->ns->nsid,
				      w->ns->block_size);
	if (n)
		window_push(w, w->opts->offset + sent, (uint32_t)n);
	*ret_end = n < want || n == left;
	return 0;
}

static int write_range(struct window *w, stream_source_fn *source, void *user,
		       uint64_t *ret_written, struct weft_error *error)
{
	uint64_t sent = 0;
	struct slot *slot;
	bool end = w->opts->length == 0;

	while (!end || w->head < w->tail) {
		int r = 0;

		if (!end && !window_full(w)) {
			uint64_t tail = w->tail;

			r = write_next(w, sent, source, user, &end, error);
			if (w->tail > tail)
				sent += slot_of(w, tail)->req.length;
			if (r == 0)
				r = host_flush(w->queue, error);
			if (r == 0)
				continue;
		}
		if (r == -EAGAIN && w->head == w->tail)
			r = host_tend(w->ctrl, error);
		else if (r == 0 || r == -EAGAIN)
			r = window_pop(w, &slot, error);
		if (r < 0)
			return r;
	}
	*ret_written = sent;
	return 0;
}

static int flush(struct window *w, struct weft_error *error)
{
	struct host_request req = { .sqe = { .opcode = NVME_CMD_FLUSH,
					     .nsid = le32_of(w->ns->nsid) } };
	struct nvme_status st;
	int r;

	if (w->opts->fua || !(w->ctrl->id.vwc & NVME_VWC_PRESENT))
		return 0;
	r = host_command(w->queue, &req, w->ctrl->opts.timeout_ms, error);
	st = nvme_cqe_status(&req.cqe);
	if (r == 0 && !nvme_status_ok(st))
		r = weft_error_set(error, EREMOTEIO, "flush of namespace %u failed: %s",
				   w->ns->nsid, nvme_status_str(st, NVME_STATUS_KIND_NVM));
	return r;
}

int stream_write(struct host_ctrl *ctrl, const struct host_ns *ns,
		 const struct stream_options *opts, stream_source_fn *source, void *user,
		 uint64_t *ret_written, struct weft_error *error)
{
	struct window w = { .ctrl = ctrl, .ns = ns, .opts = opts, .opcode = NVME_CMD_WRITE };
	int r = window_init(&w, error);

	if (r == 0)
		r = write_range(&w, source, user, ret_written, error);
	if (r == 0)
		r = flush(&w, error);
	window_done(&w);
	return r;
}
