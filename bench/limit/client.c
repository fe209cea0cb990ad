/* SPDX-License-Identifier: BSD-3-Clause */
/* The asking end: keeps every connection at its depth and measures. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "host/histogram.h"
#include "limit/limit.h"

struct client_thread {
	const struct client_options *options;
	pthread_t thread;
	struct stream streams[CONNECTIONS_MAX];
	uint64_t started[CONNECTIONS_MAX][DEPTH_MAX];
	uint64_t next[CONNECTIONS_MAX];	/* chunk, of a sequential run */
	unsigned int count, outstanding;
	uint64_t random, now, begin, measure, end;
	uint64_t payload_bytes;
	uint8_t *payload;		/* owned: what is written */
	bool measuring, stopping;
	struct histogram latency;
	struct rusage before, after;
	int result;
};

/* splitmix64, scaled */
static uint64_t draw_below(struct client_thread *t, uint64_t n)
{
	uint64_t x = t->random += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	x ^= x >> 31;
	return (uint64_t)((unsigned __int128)x * n >> 64);
}

static void submit(struct stream *stream, uint16_t tag)
{
	struct client_thread *t = stream->owner;
	const struct client_options *o = t->options;
	unsigned int lane = (unsigned int)(stream - t->streams);
	uint64_t chunks = o->memory / o->size;
	bool is_read = o->read_percent == 100 ||
		       (o->read_percent && draw_below(t, 100) < o->read_percent);
	struct head head = {
		.kind = is_read ? KIND_READ : o->size <= o->in_capsule ? KIND_WRITE : KIND_WRITE_LONG,
		.tag = tag,
		.length = o->size,
		.offset = (o->random ? draw_below(t, chunks) : t->next[lane]++ % chunks) * o->size,
	};

	stream_push_head(stream, &head, COMMAND_SIZE);
	if (head.kind == KIND_WRITE)
		stream_push(stream, t->payload, o->size);
	t->started[lane][tag] = t->now;
	t->outstanding++;
}

static void arrived(struct stream *stream)
{
	struct client_thread *t = stream->owner;
	struct head head = stream->head;

	if (head.kind == KIND_READY) {
		head.kind = KIND_DATA_OUT;
		stream_push_head(stream, &head, sizeof(head));
		stream_push(stream, t->payload, head.length);
	}
	if (head.kind != KIND_RESPONSE)
		return;
	t->outstanding--;
	if (t->now >= t->measure && t->now < t->end) {
		unsigned int lane = (unsigned int)(stream - t->streams);

		histogram_add(&t->latency, t->now - t->started[lane][head.tag]);
		t->payload_bytes += head.length;
	}
	if (!t->stopping)
		submit(stream, head.tag);
}

/* The clock is read once for each batch, as in `weft perf`. */
static void woken(struct stream *stream)
{
	struct client_thread *t = stream->owner;

	t->now = clock_ns();
	if (!t->measuring && t->now >= t->measure) {
		getrusage(RUSAGE_THREAD, &t->before);
		t->measuring = true;
	}
	if (!t->stopping && t->now >= t->end) {
		getrusage(RUSAGE_THREAD, &t->after);
		t->stopping = true;
	}
}

static bool over(void *owner)
{
	struct client_thread *t = owner;

	return t->stopping && !t->outstanding;
}

static void *work(void *arg)
{
	static const struct role role = { .woken = woken, .arrived = arrived, .over = over };
	struct client_thread *t = arg;
	engine_fn *engine = t->options->uring ? engine_uring : engine_wait;

	t->now = t->begin = clock_ns();
	t->measure = t->begin + (uint64_t)(t->options->ramp * 1e9);
	t->end = t->measure + (uint64_t)(t->options->seconds * 1e9);
	for (unsigned int i = 0; i < t->count; i++)
		for (unsigned int tag = 0; tag < t->options->depth; tag++)
			submit(&t->streams[i], (uint16_t)tag);
	t->result = engine(&role, t, t->streams, t->count, t->options->look_us);
	if (t->result == 0 && !over(t))
		t->result = -ECONNRESET;
	return NULL;
}

static int connect_one(const struct client_options *o)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	int one = 1, fd, r = 0;

	if (getaddrinfo(o->address, o->port, &hints, &found) != 0)
		return -EINVAL;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0 ||
	    send(fd, &o->hello, sizeof(o->hello), MSG_NOSIGNAL) != sizeof(o->hello) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0)
		r = -errno;
	freeaddrinfo(found);
	return r < 0 ? r : fd;
}

static double cpu_seconds(const struct client_thread *t)
{
	return (double)(t->after.ru_utime.tv_sec - t->before.ru_utime.tv_sec +
			t->after.ru_stime.tv_sec - t->before.ru_stime.tv_sec) +
	       (double)(t->after.ru_utime.tv_usec - t->before.ru_utime.tv_usec +
			t->after.ru_stime.tv_usec - t->before.ru_stime.tv_usec) / 1e6;
}

static void print(const struct client_options *o, const struct histogram *latency, uint64_t bytes,
		  double cpu)
{
	static const double percentiles[] = { 50, 90, 99, 99.9, 99.99 };
	double ios = (double)latency->count;

	printf("{\"total\": {\"ios\": %.0f, \"bytes\": %llu, \"iops\": %.3f, "
	       "\"bytes_per_second\": %.3f, \"latency_us\": {\"mean\": %.3f",
	       ios, (unsigned long long)bytes, ios / o->seconds, (double)bytes / o->seconds,
	       histogram_mean(latency) / 1e3);
	for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
		printf(", \"p%g\": %.3f", percentiles[i],
		       (double)histogram_percentile(latency, percentiles[i]) / 1e3);
	printf(", \"max\": %.3f}}, \"host_cpu\": {\"us_per_io\": %.4f}}\n",
	       (double)latency->max / 1e3, ios > 0 ? cpu * 1e6 / ios : 0);
}

static int open_threads(const struct client_options *o, struct client_thread *threads)
{
	for (unsigned int i = 0; i < o->hello.connections; i++) {
		struct client_thread *t = &threads[i % o->hello.threads];
		int fd = connect_one(o), r;

		if (fd < 0)
			return fd;
		t->next[t->count] = o->memory / o->size / o->hello.connections * i;
		r = stream_init(&t->streams[t->count], fd, t);
		t->streams[t->count++].halves = o->hello.halves;
		if (r < 0)
			return r;
	}
	for (unsigned int i = 0; i < o->hello.threads; i++) {
		threads[i].options = o;
		threads[i].random = clock_ns() + i;
		threads[i].payload = malloc(o->size);
		if (!threads[i].payload)
			return -ENOMEM;
		memset(threads[i].payload, 0x5a, o->size);
	}
	return 0;
}

int client_run(const struct client_options *o)
{
	struct client_thread *threads = calloc(o->hello.threads, sizeof(*threads));
	struct histogram *latency = calloc(1, sizeof(*latency));
	uint64_t bytes = 0;
	double cpu = 0;
	int r;

	if (!threads || !latency)
		return -ENOMEM;
	r = open_threads(o, threads);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < o->hello.threads; i++)
		if (pthread_create(&threads[i].thread, NULL, work, &threads[i]))
			abort();
	for (unsigned int i = 0; i < o->hello.threads; i++) {
		pthread_join(threads[i].thread, NULL);
		if (threads[i].result < 0)
			r = threads[i].result;
		histogram_merge(latency, &threads[i].latency);
		bytes += threads[i].payload_bytes;
		cpu += cpu_seconds(&threads[i]);
	}
	if (r == 0)
		print(o, latency, bytes, cpu);
	return r;
}
