/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The serving end. Payloads of reads come from where the request says, in a memory that is as
 * large as the disk it stands for; payloads of writes are received and forgotten, or, where the
 * client asks for that, copied to such places.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "limit/limit.h"
#include "util/copy.h"

struct server_thread {
	const struct hello *hello;
	pthread_t thread;
	struct stream streams[CONNECTIONS_MAX];
	unsigned int count;
	int result;
};

static uint8_t *memory;
static uint64_t memory_size;

static void answer(struct stream *stream, uint16_t kind)
{
	struct head head = { .kind = kind, .tag = stream->head.tag, .length = stream->head.length };

	stream_push_head(stream, &head, sizeof(head));
}

static uint8_t *place_of(const struct head *head)
{
	if (head->length > memory_size || head->offset > memory_size - head->length)
		abort();
	return memory + head->offset;
}

static void payload(struct stream *stream, uint64_t at, const uint8_t *bytes, size_t n)
{
	copy_cold(place_of(&stream->head) + at, bytes, n);
}

static void arrived(struct stream *stream)
{
	const struct head *head = &stream->head;

	if (head->kind == KIND_READ) {
		uint8_t *place = place_of(head);

		answer(stream, KIND_DATA_IN);
		stream_push(stream, place, head->length);
	}
	answer(stream, head->kind == KIND_WRITE_LONG ? KIND_READY : KIND_RESPONSE);
}

static void woken(struct stream *stream)
{
	(void)stream;
}

static bool over(void *owner)
{
	(void)owner;
	return false;
}

static void *serve(void *arg)
{
	struct server_thread *t = arg;
	const struct role role = { .woken = woken, .payload = t->hello->store ? payload : NULL,
				   .arrived = arrived, .over = over };
	engine_fn *engine = t->hello->uring ? engine_uring : engine_wait;

	t->result = engine(&role, t, t->streams, t->count, t->hello->look_us);
	return NULL;
}

static int listen_at(const char *address, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *found;
	struct sockaddr_in name;
	socklen_t size = sizeof(name);
	int one = 1, fd;

	if (getaddrinfo(address, port, &hints, &found) != 0)
		return -EINVAL;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, 1024) < 0 ||
	    getsockname(fd, (struct sockaddr *)&name, &size) < 0)
		return -errno;
	freeaddrinfo(found);
	printf("%u\n", ntohs(name.sin_port));
	fflush(stdout);
	return fd;
}

static int accept_one(int listener, struct hello *hello)
{
	int one = 1, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (recv(fd, hello, sizeof(*hello), MSG_WAITALL) != sizeof(*hello) ||
	    hello->size != sizeof(*hello) || !hello->threads || hello->threads > THREADS_MAX ||
	    !hello->connections || hello->connections > CONNECTIONS_MAX) {
		close(fd);
		return -EPROTO;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* Takes all connections of one client and serves them to their end. */
static int session(int listener, struct server_thread *threads)
{
	struct hello hello = { .connections = 1 }, again;
	unsigned int n = 0;
	int r = 0;

	for (unsigned int i = 0; i < hello.connections && r >= 0; i++) {
		struct server_thread *t;

		r = accept_one(listener, i ? &again : &hello);
		if (r < 0)
			break;
		t = &threads[i % hello.threads];
		t->hello = &hello;
		n = i < hello.threads ? i + 1 : n;
		r = stream_init(&t->streams[t->count], r, t);
		t->streams[t->count++].halves = hello.halves;
	}
	for (unsigned int i = 1; i < n && r >= 0; i++)
		if (pthread_create(&threads[i].thread, NULL, serve, &threads[i]))
			abort();
	if (r >= 0)
		serve(&threads[0]);
	for (unsigned int i = 1; i < n && r >= 0; i++)
		pthread_join(threads[i].thread, NULL);
	for (unsigned int i = 0; i < n; i++) {
		for (unsigned int k = 0; k < threads[i].count; k++)
			stream_done(&threads[i].streams[k]);
		threads[i].count = 0;
	}
	return r < 0 ? r : 0;
}

int server_run(const char *address, const char *port, uint64_t size)
{
	struct server_thread *threads = calloc(THREADS_MAX, sizeof(*threads));
	int listener;

	memory_size = size;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || !threads)
		return -ENOMEM;
	madvise(memory, size, MADV_HUGEPAGE);
	memset(memory, 0xa5, size);
	listener = listen_at(address, port);
	if (listener < 0)
		return listener;
	for (;;) {
		int r = session(listener, threads);

		if (r < 0 && r != -EPROTO)
			fprintf(stderr, "limit: a client was lost: %s\n", strerror(-r));
	}
}
