/* SPDX-License-Identifier: BSD-3-Clause */
/* The load generator: its set-up, its threads and the sums of their results. */
#include "host/perf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/perf_internal.h"
#include "util/cleanup.h"
#include "util/str.h"

#define TICK_NS 50000000
#define PROGRESS_NS 1000000000u

/* Sets the range and the I/O size; checks them against the namespace and the controller. */
static int set_range(struct perf *p, const struct host_ctrl *ctrl, struct weft_error *error)
{
	const struct perf_options *opts = p->opts;
	uint64_t size = p->ns.blocks * p->ns.block_size;
	uint64_t length = opts->length ? opts->length : size - opts->offset;

	if (opts->io_size % p->ns.block_size || opts->io_size == 0)
		return weft_error_set(error, EINVAL,
				      "I/O size %u is not a multiple of namespace %u's block size "
				      "%u",
				      opts->io_size, p->ns.nsid, p->ns.block_size);
	if (opts->io_size > ctrl->max_transfer || opts->io_size / p->ns.block_size > 65536)
		return weft_error_set(error, EINVAL,
				      "I/O size %u is more than the controller takes at once; %u "
				      "is the most",
				      opts->io_size, ctrl->max_transfer);
	if (opts->offset % p->ns.block_size)
		return weft_error_set(error, EINVAL,
				      "offset %llu is not a multiple of the block size %u",
				      (unsigned long long)opts->offset, p->ns.block_size);
	if (opts->offset >= size || length > size - opts->offset || length < opts->io_size)
		return weft_error_set(error, EINVAL,
				      "range of %llu bytes at %llu does not fit namespace %u of "
				      "%llu bytes, or holds no I/O",
				      (unsigned long long)length, (unsigned long long)opts->offset,
				      p->ns.nsid, (unsigned long long)size);
	p->blocks = opts->io_size / p->ns.block_size;
	p->first_block = opts->offset / p->ns.block_size;
	p->chunks = length / opts->io_size;
	return 0;
}

/* Allocates memory that the workers share: data to write, and the marks of written chunks. */
static int set_memory(struct perf *p, struct weft_error *error)
{
	uint8_t uuid[16];

	uuid_random(uuid);
	memcpy(&p->seed, uuid, sizeof(p->seed));
	p->pattern = malloc(p->opts->io_size);
	if (p->opts->verify)
		p->written = calloc(p->chunks / 8 + 1, 1);
	if (!p->pattern || (p->opts->verify && !p->written))
		return weft_error_set(error, ENOMEM, "no memory for the run's data");
	for (uint32_t i = 0; i < p->opts->io_size; i++)
		p->pattern[i] = (uint8_t)(uuid[i % 16] + i / 16 * 167);
	return 0;
}

static int open_lane(struct perf_lane *lane, struct host_ctrl *ctrl, uint16_t qid, uint16_t count,
		     struct weft_error *error)
{
	struct perf *p = lane->worker->perf;
	int r = host_io_open(ctrl, qid, p->opts->depth, &lane->queue, error);

	if (r < 0)
		return r;
	lane->count = p->chunks / count ? p->chunks / count : 1;
	lane->first = (qid - 1u) * lane->count % p->chunks;
	lane->slots = calloc(lane->queue->depth, sizeof(lane->slots[0]));
	if (!lane->slots)
		return weft_error_set(error, ENOMEM, "no memory for the commands");
	for (uint16_t i = 0; i < lane->queue->depth; i++) {
		struct perf_slot *slot = &lane->slots[i];

		slot->lane = lane;
		slot->req.length = p->opts->io_size;
		if (p->opts->verify) {
			slot->buffer = malloc(p->opts->io_size);
			if (!slot->buffer)
				return weft_error_set(error, ENOMEM, "no memory for the data");
		}
	}
	return 0;
}

static void close_lane(struct perf_lane *lane)
{
	for (uint16_t i = 0; lane->slots && i < lane->queue->depth; i++)
		free(lane->slots[i].buffer);
	free(lane->slots);
	host_queue_close(lane->queue);
}

/* Opens the connections and deals them out to the workers. */
static int open_lanes(struct perf *p, struct host_ctrl *ctrl, struct perf_worker *workers,
		      unsigned int threads, uint16_t connections, struct weft_error *error)
{
	uint16_t qid = 1;

	assert(workers);
	for (unsigned int t = 0; t < threads; t++) {
		struct perf_worker *w = &workers[t];
		unsigned int share = connections / threads + (t < connections % threads);

		w->perf = p;
		w->random = p->seed + t * 0x632be59bd9b4e019u;
		w->lanes = calloc(share, sizeof(w->lanes[0]));
		if (!w->lanes)
			return weft_error_set(error, ENOMEM, "no memory for the connections");
		for (; w->lane_count < share; qid++) {
			struct perf_lane *lane = &w->lanes[w->lane_count++];
			int r;

			lane->worker = w;
			r = open_lane(lane, ctrl, qid, connections, error);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static bool all_finished(struct perf_worker *workers, unsigned int threads)
{
	for (unsigned int t = 0; t < threads; t++)
		if (workers[t].started && !atomic_load(&workers[t].finished))
			return false;
	return true;
}

/* Keeps the association alive and reports progress until the workers are done. */
static void attend(struct perf *p, struct host_ctrl *ctrl, struct perf_worker *workers,
		   unsigned int threads, perf_progress_fn *progress, void *user)
{
	const struct timespec tick = { .tv_nsec = TICK_NS };
	uint64_t next = p->begin_ns + PROGRESS_NS;

	while (!all_finished(workers, threads)) {
		uint64_t ios = 0, bytes = 0;

		nanosleep(&tick, NULL);
		/* If it fails, the I/O queues soon fail as well. */
		host_tend(ctrl, NULL);
		if (perf_now_ns() < next)
			continue;
		next += PROGRESS_NS;
		for (unsigned int t = 0; t < threads; t++) {
			ios += atomic_load(&workers[t].ios);
			bytes += atomic_load(&workers[t].bytes);
		}
		if (progress)
			progress(user, (double)(perf_now_ns() - p->begin_ns) / 1e9, ios, bytes);
	}
}

/* Runs the workers and returns the first one's error. */
static int run_workers(struct perf *p, struct host_ctrl *ctrl, struct perf_worker *workers,
		       unsigned int threads, perf_progress_fn *progress, void *user,
		       struct weft_error *error)
{
	int r = 0;

	p->begin_ns = perf_now_ns();
	p->measure_ns = p->begin_ns + (uint64_t)(p->opts->ramp * 1e9);
	p->end_ns = p->measure_ns + (uint64_t)(p->opts->seconds * 1e9);
	for (unsigned int t = 0; t < threads && r == 0; t++) {
		r = -pthread_create(&workers[t].thread, NULL, perf_worker_main, &workers[t]);
		workers[t].started = r == 0;
	}
	if (r < 0) {
		weft_error_set(error, -r, "cannot start a thread: %s", strerror(-r));
		atomic_store(&p->stop, true);
	}
	attend(p, ctrl, workers, threads, progress, user);
	for (unsigned int t = 0; t < threads; t++) {
		if (workers[t].started)
			pthread_join(workers[t].thread, NULL);
		if (r == 0 && workers[t].result < 0) {
			r = workers[t].result;
			if (error)
				*error = workers[t].error;
		}
	}
	return r;
}

static void add_side(struct perf_side *sum, const struct perf_side *side)
{
	histogram_merge(&sum->latency, &side->latency);
	sum->bytes += side->bytes;
}

static void sum_up(const struct perf *p, const struct perf_worker *workers, unsigned int threads,
		   struct perf_result *ret_result)
{
	memset(ret_result, 0, sizeof(*ret_result));
	ret_result->seconds = p->opts->seconds;
	ret_result->threads = threads;
	ret_result->depth = workers[0].lanes[0].queue->depth;
	for (unsigned int t = 0; t < threads; t++) {
		const struct perf_worker *w = &workers[t];

		add_side(&ret_result->read, &w->read);
		add_side(&ret_result->write, &w->write);
		ret_result->cpu_user += w->cpu_user;
		ret_result->cpu_system += w->cpu_system;
		ret_result->verified += w->verified;
		ret_result->connections += (uint16_t)w->lane_count;
	}
}

int perf_run(struct host_ctrl *ctrl, const struct perf_options *opts, perf_progress_fn *progress,
	     void *user, struct perf_result *ret_result, struct weft_error *error)
{
	struct perf p = { .opts = opts };
	struct perf_worker *workers = NULL;
	unsigned int threads = 0;
	int r = host_ns_open(ctrl, opts->nsid, &p.ns, error);

	if (r == 0)
		r = set_range(&p, ctrl, error);
	if (r == 0)
		r = set_memory(&p, error);
	if (r == 0)
		r = host_io_queues(ctrl, opts->connections, error);
	if (r == 0) {
		threads = opts->threads < ctrl->io_queues ? opts->threads : ctrl->io_queues;
		workers = calloc(threads, sizeof(workers[0]));
		if (!workers)
			r = weft_error_set(error, ENOMEM, "no memory for the threads");
	}
	if (r == 0)
		r = open_lanes(&p, ctrl, workers, threads, ctrl->io_queues, error);
	if (r == 0)
		r = run_workers(&p, ctrl, workers, threads, progress, user, error);
	if (r == 0)
		sum_up(&p, workers, threads, ret_result);

	for (unsigned int t = 0; workers && t < threads; t++) {
		for (unsigned int i = 0; i < workers[t].lane_count; i++)
			close_lane(&workers[t].lanes[i]);
		free(workers[t].lanes);
	}
	free(workers);
	free(p.pattern);
	free(p.written);
	return r;
}
