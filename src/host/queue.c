/* SPDX-License-Identifier: BSD-3-Clause */
/* A host's connection: opening it, exchanging ICReq and ICResp, waiting for events. */
#include "host/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host/host.h"
#include "host/queue_internal.h"
#include "util/cleanup.h"

int host_queue_error(const struct host_queue *q, struct weft_error *error, int code,
		     const char *format, ...)
{
	char text[320];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return weft_error_set(error, code, "%s, queue %u: %s", q->peer, q->qid, text);
}

int64_t host_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Waits for events of a socket until the deadline: 0, -ETIMEDOUT or -errno. */
static int poll_until(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = events };
		int64_t left = deadline_ms - host_now_ms();
		int r = poll(&pfd, 1, left > 0 ? (int)left : 0);

		if (r > 0)
			return 0;
		if (r == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* Connects to one address; the socket is blocking again afterwards. */
static int connect_address(const struct addrinfo *ai, int64_t deadline_ms, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	int on = 1, failure = 0, r;
	socklen_t len = sizeof(failure);

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, ai->ai_protocol);
	if (fd < 0)
		return -errno;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0) {
		if (errno != EINPROGRESS)
			return -errno;
		r = poll_until(fd, POLLOUT, deadline_ms);
		if (r < 0)
			return r;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len) < 0)
			return -errno;
		if (failure)
			return -failure;
	}
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* Connects to the first of the host's addresses that answers. */
static int connect_host(struct host_queue *q, const struct host_options *opts, int64_t deadline_ms,
			struct weft_error *error)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	int r = getaddrinfo(opts->traddr, opts->trsvcid, &hints, &list);

	if (r != 0)
		return weft_error_set(error, EHOSTUNREACH,
				      "address %s, port %s: %s; give an IP address or a host name "
				      "and a port number",
				      opts->traddr, opts->trsvcid,
				      r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
	r = -EHOSTUNREACH;
	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
		r = connect_address(ai, deadline_ms, &q->fd);
		if (r == 0)
			break;
	}
	freeaddrinfo(list);
	if (r == -ECONNREFUSED)
		return weft_error_set(error, -r,
				      "%s: connection refused; is an NVMe/TCP target listening on "
				      "that address and port?",
				      q->peer);
	if (r < 0)
		return weft_error_set(error, -r, "%s: cannot connect: %s", q->peer, strerror(-r));
	return 0;
}

/* Reads exactly `size` bytes. */
static int read_all(struct host_queue *q, void *buffer, size_t size, int64_t deadline_ms,
		    struct weft_error *error)
{
	for (size_t got = 0; got < size;) {
		ssize_t n;
		int r = poll_until(q->fd, POLLIN, deadline_ms);

		if (r < 0)
			return host_queue_error(q, error, -r, "no ICResp: %s", strerror(-r));
		n = recv(q->fd, (uint8_t *)buffer + got, size - got, MSG_DONTWAIT);
		if (n == 0)
			return host_queue_error(q, error, ECONNRESET,
						"the peer closed the connection instead of sending "
						"ICResp; does it speak NVMe/TCP without TLS?");
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return host_queue_error(q, error, errno, "no ICResp: %s", strerror(errno));
		got += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int check_icresp(struct host_queue *q, const struct nvme_tcp_icresp *resp, uint8_t dgst,
			struct weft_error *error)
{
	struct nvme_tcp_fault fault;

	if (nvme_tcp_header_check(&resp->ch, NVME_TCP_TO_HOST, false, false, 0, &fault) < 0 ||
	    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): it came in full */
	    resp->ch.type != NVME_TCP_ICRESP)
		return host_queue_error(q, error, EPROTO,
					"the answer to ICReq is not an ICResp; does the peer speak "
					"NVMe/TCP?");
	if (le16_get(resp->pfv) != NVME_TCP_PFV)
		return host_queue_error(q, error, EPROTO, "ICResp has PDU format version %u, not 0",
					le16_get(resp->pfv));
	if (resp->cpda > NVME_TCP_HPDA_MAX)
		return host_queue_error(q, error, EPROTO, "ICResp has CPDA %u, over 31",
					resp->cpda);
	if (resp->dgst & ~dgst)
		return host_queue_error(q, error, EPROTO,
					"ICResp enables digests that ICReq did not request");
	if (dgst & ~resp->dgst)
		return host_queue_error(q, error, EOPNOTSUPP,
					"the target refuses %s digests; connect without",
					dgst & ~resp->dgst & NVME_TCP_DGST_HDR ? "header" : "data");
	q->maxh2cdata = le32_get(resp->maxh2cdata);
	if (q->maxh2cdata < NVME_TCP_MAXH2C_MIN || q->maxh2cdata % 4)
		return host_queue_error(q, error, EPROTO,
					"ICResp has MAXH2CDATA %u, not a multiple of 4 of at least "
					"4096",
					q->maxh2cdata);
	q->format.pda = resp->cpda;
	return 0;
}

static int exchange_ic(struct host_queue *q, int64_t deadline_ms, struct weft_error *error)
{
	uint8_t dgst = (q->format.hdgst ? NVME_TCP_DGST_HDR : 0) |
		       (q->format.ddgst ? NVME_TCP_DGST_DATA : 0);
	struct nvme_tcp_icresp resp;
	struct nvme_tcp_icreq req;
	int r;

	nvme_tcp_put_icreq(&req, 0, dgst, 0);
	if (send(q->fd, &req, sizeof(req), MSG_NOSIGNAL) != sizeof(req))
		return host_queue_error(q, error, errno, "cannot send ICReq: %s", strerror(errno));
	r = read_all(q, &resp, sizeof(resp.ch), deadline_ms, error);
	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): 0: it came in full */
	if (r == 0 && resp.ch.type == NVME_TCP_ICRESP)
		r = read_all(q, &resp.ch + 1, sizeof(resp) - sizeof(resp.ch), deadline_ms, error);
	return r < 0 ? r : check_icresp(q, &resp, dgst, error);
}

static int allocate(struct host_queue *q)
{
	q->by_cid = calloc(q->depth, sizeof(q->by_cid[0]));
	q->free_cid = calloc(q->depth, sizeof(q->free_cid[0]));
	q->tx_heads = malloc(TX_HEADS_SIZE);
	q->tx_iov = calloc(TX_IOV_MAX, sizeof(q->tx_iov[0]));
	q->rx = malloc(RX_SIZE);
	if (!q->by_cid || !q->free_cid || !q->tx_heads || !q->tx_iov || !q->rx)
		return -ENOMEM;
	while (q->free_count < q->depth) {
		q->free_cid[q->free_count] = (uint16_t)(q->depth - 1 - q->free_count);
		q->free_count++;
	}
	return 0;
}

static struct host_queue *queue_new(const struct host_options *opts, uint16_t qid, uint16_t depth)
{
	struct host_queue *q = calloc(1, sizeof(*q));
	bool colons = strchr(opts->traddr, ':');

	if (!q)
		return NULL;
	q->fd = -1;
	q->qid = qid;
	q->depth = depth;
	q->no_sq_flow = opts->no_sq_flow;
	q->format = (struct nvme_tcp_format){ .hdgst = opts->hdgst, .ddgst = opts->ddgst };
	q->icd = NVME_TCP_ADMIN_ICD;
	q->stage_last = &q->stage_first;
	snprintf(q->peer, sizeof(q->peer), colons ? "[%s]:%s" : "%s:%s", opts->traddr,
		 opts->trsvcid);
	if (allocate(q) < 0) {
		host_queue_close(q);
		return NULL;
	}
	return q;
}

int host_queue_open(const struct host_options *opts, uint16_t qid, uint16_t depth,
		    struct host_queue **ret_queue, struct weft_error *error)
{
	int64_t deadline = host_now_ms() + opts->timeout_ms;
	struct host_queue *q = queue_new(opts, qid, depth);
	int r;

	if (!q)
		return weft_error_set(error, ENOMEM, "no memory for a queue of %u commands", depth);
	r = connect_host(q, opts, deadline, error);
	if (r == 0)
		r = exchange_ic(q, deadline, error);
	if (r < 0) {
		host_queue_close(q);
		return r;
	}
	*ret_queue = q;
	return 0;
}

void host_queue_close(struct host_queue *q)
{
	if (!q)
		return;
	if (q->fd >= 0)
		close(q->fd);
	free(q->by_cid);
	free(q->free_cid);
	free(q->tx_heads);
	free(q->tx_iov);
	free(q->rx);
	free(q);
}

int host_wait(struct host_queue *q, int timeout_ms, struct weft_error *error)
{
	short events = POLLIN;
	int r = host_flush(q, error);

	if (r < 0)
		return r;
	if (host_queue_unsent(q))
		events |= POLLOUT;
	r = poll_until(q->fd, events, host_now_ms() + timeout_ms);
	if (r == -ETIMEDOUT)
		return host_queue_error(q, error, -r, "the target does not answer in time");
	if (r < 0)
		return host_queue_error(q, error, -r, "cannot wait: %s", strerror(-r));
	return host_receive(q, false, error);
}

static void mark_done(struct host_request *req)
{
	*(bool *)req->user = true;
}

int host_command(struct host_queue *q, struct host_request *req, int timeout_ms,
		 struct weft_error *error)
{
	int64_t deadline = host_now_ms() + timeout_ms;
	bool done = false;
	int r = 0;

	if (q->lost)
		return host_queue_error(q, error, ENOTCONN, "the connection was given up");
	req->done = mark_done;
	req->user = &done;
	host_submit(q, req);
	while (!done && r == 0) {
		int64_t left = deadline - host_now_ms();

		r = host_wait(q, left > 0 ? (int)left : 0, error);
	}
	q->lost |= r < 0;
	return r;
}
