/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread of the load generator: keeps its connections full. It sleeps in recv(2) if it has one
 * connection and in epoll_wait(2) if it has more; the clock is read once for each batch that
 * arrives, not for each command.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/perf_internal.h"
#include "util/cleanup.h"
#include "util/list.h"

#define WAIT_MS 100
#define DRAIN_NS (UINT64_C(10) * 1000000000)
#define EVENTS 64

static uint64_t now(struct perf_worker *w)
{
	if (!w->now_ns)
		w->now_ns = perf_now_ns();
	return w->now_ns;
}

/* splitmix64 */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static uint64_t draw(struct perf_worker *w)
{
	return mix(w->random += 0x9e3779b97f4a7c15u);
}

/* A number below n. */
static uint64_t draw_below(struct perf_worker *w, uint64_t n)
{
	return (uint64_t)((unsigned __int128)draw(w) * n >> 64);
}

/* Fills in the data of a chunk, which depends only on its position and the run's seed. */
static void fill(const struct perf *p, uint64_t chunk, uint64_t *words)
{
	uint64_t state = p->seed ^ mix(chunk + 1);

	for (size_t i = 0; i < p->opts->io_size / sizeof(words[0]); i++)
		words[i] = mix(state + i);
}

static bool matches(const struct perf *p, uint64_t chunk, const uint64_t *words)
{
	uint64_t state = p->seed ^ mix(chunk + 1);

	for (size_t i = 0; i < p->opts->io_size / sizeof(words[0]); i++)
		if (words[i] != mix(state + i))
			return false;
	return true;
}

static int fail(struct perf_worker *w, int code, const char *what, uint64_t chunk, const char *why)
{
	const struct perf *p = w->perf;

	w->result = weft_error_set(&w->error, code,
				   "%s of %u blocks at block %llu of namespace %u: %s",
				   what, p->blocks,
				   (unsigned long long)(p->first_block + chunk * p->blocks),
				   p->ns.nsid, why);
	return w->result;
}

/* Checks a completed command. With verify, it compares a read and marks a written chunk. */
static int check(struct perf_worker *w, struct perf_slot *slot)
{
	struct perf *p = w->perf;
	bool is_read = slot->req.sqe.opcode == NVME_CMD_READ;
	const char *what = is_read ? "read" : "write";
	struct nvme_status st = nvme_cqe_status(&slot->req.cqe);
	unsigned char bit = (unsigned char)(1u << slot->chunk % 8);

	if (!nvme_status_ok(st))
		return fail(w, EREMOTEIO, what, slot->chunk,
			    nvme_status_str(st, NVME_STATUS_KIND_NVM));
	if (is_read && slot->req.received != slot->req.length)
		return fail(w, EPROTO, what, slot->chunk, "success, but the data is not complete");
	if (!p->written)
		return 0;
	if (!is_read) {
		atomic_fetch_or(&p->written[slot->chunk / 8], bit);
	} else if (slot->compare) {
		w->verified++;
		if (!matches(p, slot->chunk, (const uint64_t *)(const void *)slot->buffer))
			return fail(w, EBADMSG, what, slot->chunk,
				    "the data differs from what was written");
	}
	return 0;
}

static void submit(struct perf_worker *w, struct perf_slot *slot)
{
	struct perf *p = w->perf;
	struct perf_lane *lane = slot->lane;
	unsigned int share = p->opts->read_percent;
	bool is_read = share == 100 || (share && draw_below(w, 100) < share);

	if (p->opts->random) {
		slot->chunk = draw_below(w, p->chunks);
	} else {
		slot->chunk = lane->first + lane->next;
		lane->next = lane->next + 1 < lane->count ? lane->next + 1 : 0;
	}
	host_rw_sqe(&slot->req.sqe, is_read ? NVME_CMD_READ : NVME_CMD_WRITE, p->ns.nsid,
		    p->first_block + slot->chunk * p->blocks, p->blocks, 0);
	slot->req.data = is_read ? slot->buffer : p->pattern;
	if (p->written && !is_read) {
		fill(p, slot->chunk, (uint64_t *)(void *)slot->buffer);
		slot->req.data = slot->buffer;
	}
	slot->compare = p->written && is_read &&
			atomic_load(&p->written[slot->chunk / 8]) >> slot->chunk % 8 & 1;
	slot->start_ns = now(w);
	host_submit(lane->queue, &slot->req);
}

static void on_done(struct host_request *req)
{
	struct perf_slot *slot = container_of(req, struct perf_slot, req);
	struct perf_worker *w = slot->lane->worker;
	struct perf *p = w->perf;
	struct perf_side *side = req->sqe.opcode == NVME_CMD_READ ? &w->read : &w->write;

	if (check(w, slot) < 0) {
		w->stopping = true;
		return;
	}
	if (now(w) >= p->measure_ns && now(w) < p->end_ns) {
		histogram_add(&side->latency, now(w) - slot->start_ns);
		side->bytes += req->length;
	}
	atomic_store_explicit(&w->ios, atomic_load_explicit(&w->ios, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	atomic_store_explicit(&w->bytes,
			      atomic_load_explicit(&w->bytes, memory_order_relaxed) + req->length,
			      memory_order_relaxed);
	if (!w->stopping)
		submit(w, slot);
}

static unsigned int outstanding(const struct perf_worker *w)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < w->lane_count; i++)
		sum += host_queue_outstanding(w->lanes[i].queue);
	return sum;
}

/* Watches a lane's socket for input, and for room to send if data is unsent. */
static int watch(int epfd, int op, struct perf_lane *lane)
{
	struct epoll_event event = {
		.events = EPOLLIN | (lane->want_write ? (uint32_t)EPOLLOUT : 0),
		.data.ptr = lane,
	};

	return epoll_ctl(epfd, op, lane->queue->fd, &event) < 0 ? -errno : 0;
}

static int flush_lane(struct perf_worker *w, int epfd, struct perf_lane *lane)
{
	int r = host_flush(lane->queue, &w->error);

	if (r < 0 || host_queue_unsent(lane->queue) == lane->want_write || epfd < 0)
		return r;
	lane->want_write = !lane->want_write;
	return watch(epfd, EPOLL_CTL_MOD, lane);
}

/* One turn with a single connection. */
static int turn_single(struct perf_worker *w, struct perf_lane *lane)
{
	int r = host_flush(lane->queue, &w->error);

	w->now_ns = 0;
	if (r < 0)
		return r;
	if (!host_queue_unsent(lane->queue))
		return host_receive(lane->queue, !w->perf->opts->busy_poll, &w->error);
	return host_wait(lane->queue, HOST_TIMEOUT_MS, &w->error);
}

/* One turn with several. */
static int turn_epoll(struct perf_worker *w, int epfd)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(epfd, events, EVENTS, w->perf->opts->busy_poll ? 0 : WAIT_MS);

	w->now_ns = 0;
	if (n < 0 && errno != EINTR)
		return weft_error_set(&w->error, errno, "epoll_wait: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		struct perf_lane *lane = events[i].data.ptr;
		int r = 0;

		if (events[i].events & ~(uint32_t)EPOLLOUT)
			r = host_receive(lane->queue, false, &w->error);
		if (r == 0)
			r = flush_lane(w, epfd, lane);
		if (r < 0)
			return r;
	}
	return 0;
}

static int start_lanes(struct perf_worker *w, int epfd)
{
	struct timeval timeout = { .tv_usec = WAIT_MS * 1000 };
	int r = 0;

	for (unsigned int i = 0; i < w->lane_count && r == 0; i++) {
		struct perf_lane *lane = &w->lanes[i];

		setsockopt(lane->queue->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
		for (uint16_t k = 0; k < lane->queue->depth; k++) {
			lane->slots[k].req.done = on_done;
			submit(w, &lane->slots[k]);
		}
		if (epfd >= 0)
			r = watch(epfd, EPOLL_CTL_ADD, lane);
		if (r == 0)
			r = flush_lane(w, epfd, lane);
	}
	return r;
}

static void cpu_since(struct perf_worker *w, const struct rusage *since)
{
	struct rusage ru;

	getrusage(RUSAGE_THREAD, &ru);
	w->cpu_user = (double)(ru.ru_utime.tv_sec - since->ru_utime.tv_sec) +
		      (double)(ru.ru_utime.tv_usec - since->ru_utime.tv_usec) / 1e6;
	w->cpu_system = (double)(ru.ru_stime.tv_sec - since->ru_stime.tv_sec) +
			(double)(ru.ru_stime.tv_usec - since->ru_stime.tv_usec) / 1e6;
}

/* Takes turns until the run ends, then until all outstanding commands are done. */
static int run(struct perf_worker *w, int epfd)
{
	struct perf *p = w->perf;
	struct rusage before = { .ru_utime.tv_sec = 0 };
	bool measuring = false;
	int r = start_lanes(w, epfd);

	while (r == 0 && (!w->stopping || outstanding(w))) {
		r = epfd < 0 ? turn_single(w, &w->lanes[0]) : turn_epoll(w, epfd);
		if (!measuring && now(w) >= p->measure_ns) {
			getrusage(RUSAGE_THREAD, &before);
			measuring = true;
		}
		if (!w->stopping && (now(w) >= p->end_ns || atomic_load(&p->stop))) {
			cpu_since(w, &before);
			w->stopping = true;
		}
		if (w->result < 0)
			return w->result;
		if (now(w) > p->end_ns + DRAIN_NS)
			return weft_error_set(&w->error, ETIMEDOUT,
					      "%u commands were not answered within 10 s of the "
					      "run's end",
					      outstanding(w));
	}
	return r;
}

void *perf_worker_main(void *arg)
{
	struct perf_worker *w = arg;
	_cleanup_close_ int epfd = -1;

	if (w->lane_count > 1) {
		epfd = epoll_create1(EPOLL_CLOEXEC);
		if (epfd < 0)
			w->result = weft_error_set(&w->error, errno, "epoll_create1: %s",
						   strerror(errno));
	}
	if (w->result == 0)
		w->result = run(w, epfd);
	if (w->result < 0)
		atomic_store(&w->perf->stop, true);
	atomic_store(&w->finished, true);
	return NULL;
}
