/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of the raw limit, in and out. */
#include "limit/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

bool patience_looks(struct patience *patience)
{
	uint64_t now;

	if (patience->us == 0 || patience->us == LOOK_ALWAYS)
		return patience->us;
	now = clock_ns();
	if (!patience->since)
		patience->since = now;
	return now - patience->since < patience->us * UINT64_C(1000);
}

int stream_init(struct stream *stream, int fd, void *owner)
{
	*stream = (struct stream){ .fd = fd, .owner = owner };
	stream->iov = malloc(STREAM_IOVS * sizeof(stream->iov[0]));
	stream->heads = calloc(1, STREAM_HEADS);
	return stream->iov && stream->heads ? 0 : -ENOMEM;
}

void stream_done(struct stream *stream)
{
	close(stream->fd);
	free(stream->iov);
	free(stream->heads);
}

/* ---- out ---- */

void stream_push(struct stream *stream, const void *bytes, size_t length)
{
	struct iovec *last = stream->count > stream->sealed ? &stream->iov[stream->count - 1] : NULL;

	stream->unsent += length;
	if (last && (uint8_t *)last->iov_base + last->iov_len == bytes) {
		last->iov_len += length;
		return;
	}
	if (stream->count == STREAM_IOVS)
		abort();	/* a peer with more than DEPTH_MAX outstanding: not ours */
	stream->iov[stream->count++] = (struct iovec){ (void *)(uintptr_t)bytes, length };
}

void stream_push_head(struct stream *stream, const struct head *head, uint32_t size)
{
	uint8_t *at;

	if (stream->head_next + size > STREAM_HEADS)
		stream->head_next = 0;
	at = stream->heads + stream->head_next;
	stream->head_next += size;
	memcpy(at, head, sizeof(*head));
	stream_push(stream, at, size);
}

unsigned int stream_next(const struct stream *stream)
{
	unsigned int all = stream->count - stream->first, count = 0;
	uint64_t most = stream->unsent / 2, bytes = 0;

	if (all > STREAM_SEND_IOVS)
		all = STREAM_SEND_IOVS;
	if (!stream->halves)
		return all;
	most = most < SEGMENT ? SEGMENT : most - most % SEGMENT;
	while (count < all) {
		bytes += stream->iov[stream->first + count].iov_len;
		if (count && bytes > most)
			break;
		count++;
	}
	return count;
}

void stream_sent(struct stream *stream, size_t sent)
{
	stream->unsent -= sent;
	while (sent) {
		struct iovec *iov = &stream->iov[stream->first];

		if (sent < iov->iov_len) {
			iov->iov_base = (uint8_t *)iov->iov_base + sent;
			iov->iov_len -= sent;
			break;
		}
		sent -= iov->iov_len;
		stream->first++;
	}
	stream->sealed = 0;
	if (!stream_pending(stream)) {
		stream->first = stream->count = 0;
	} else if (stream->first >= STREAM_IOVS / 2) {
		stream->count -= stream->first;
		memmove(stream->iov, stream->iov + stream->first,
			stream->count * sizeof(stream->iov[0]));
		stream->first = 0;
	}
}

/* ---- in ---- */

/* Bytes of a message behind its head. */
static uint64_t rest(const struct head *head)
{
	const uint32_t command = COMMAND_SIZE - (uint32_t)sizeof(*head);

	switch (head->kind) {
	case KIND_READ:
	case KIND_WRITE_LONG:
		return command;
	case KIND_WRITE:
		return (uint64_t)command + head->length;
	case KIND_DATA_OUT:
	case KIND_DATA_IN:
		return head->length;
	default:
		return 0;
	}
}

/* Returns how many of the n bytes are done with: those before the payload, or of it. */
static size_t hand_payload(struct stream *stream, const struct role *role, const uint8_t *bytes,
			   size_t n)
{
	const struct head *head = &stream->head;
	uint64_t size = head->kind == KIND_WRITE || head->kind == KIND_DATA_OUT ? head->length : 0;
	uint64_t before = stream->left > size ? stream->left - size : 0;

	if (before)
		return before < n ? before : n;
	if (n)
		role->payload(stream, size - stream->left, bytes, n);
	return n;
}

void stream_take(struct stream *stream, const struct role *role, const uint8_t *bytes, size_t n)
{
	while (n) {
		size_t part;

		if (stream->have < sizeof(stream->head)) {
			part = sizeof(stream->head) - stream->have;
			part = part < n ? part : n;
			memcpy((uint8_t *)&stream->head + stream->have, bytes, part);
			stream->have += (uint32_t)part;
			bytes += part;
			n -= part;
			if (stream->have < sizeof(stream->head))
				return;
			stream->left = rest(&stream->head);
		}
		part = stream->left < n ? stream->left : n;
		if (role->payload)
			part = hand_payload(stream, role, bytes, part);
		stream->left -= part;
		bytes += part;
		n -= part;
		if (stream->left)
			continue;
		stream->have = 0;
		role->arrived(stream);
	}
}
