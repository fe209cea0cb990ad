/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection of the raw limit: as many bytes, cut the same way, as NVMe/TCP moves with SQ flow
 * control on and digests off, but with nothing behind it. Every message starts with 24 bytes:
 *
 *	read		72 bytes in; out a header, the payload, and 24 bytes of response
 *	write		72 bytes and the payload in; 24 bytes of response out
 *	write, long	72 bytes in, 24 out (R2T); a header of 24 and the payload in, 24 out
 *
 * stream.c holds what both ends and both engines share; wait.c and uring.c are the engines.
 */
#ifndef WEFT_BENCH_LIMIT_STREAM_H
#define WEFT_BENCH_LIMIT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define STREAM_IOVS	8192
#define STREAM_HEADS	(1u << 18)	/* bytes: more than a queue of DEPTH_MAX can have unsent */
#define STREAM_SEND_IOVS 1024		/* of one call */
#define SEGMENT		65000u		/* what TCP hands to the device at once: 64 KiB, less headers */
#define STREAM_BUFFER	(256u << 10)	/* that one receive fills */
#define DEPTH_MAX	1024

enum kind {
	KIND_READ = 1,		/* to the server */
	KIND_WRITE,		/* with its payload */
	KIND_WRITE_LONG,
	KIND_DATA_OUT,
	KIND_DATA_IN,		/* to the client */
	KIND_READY,
	KIND_RESPONSE,
};

struct head {
	uint16_t kind, tag;
	uint32_t length;	/* of the payload */
	uint64_t offset;	/* of the payload in the server's memory */
	uint64_t unused;
};
_Static_assert(sizeof(struct head) == 24, "the size of C2HData, R2T and a response");

#define COMMAND_SIZE 72u

struct stream {
	int fd;
	void *owner;		/* borrowed: the role's */
	uint16_t index;
	bool ended;		/* the peer closed */

	struct head head;	/* of the message that arrives */
	uint32_t have;		/* bytes of it */
	uint64_t left;		/* bytes of the message behind its head */

	struct iovec *iov;	/* owned; [first, count) is to be sent */
	unsigned int first, count;
	uint64_t unsent;	/* bytes of those */
	bool halves;		/* a send carries half of what there is */
	unsigned int sealed;	/* the kernel has those below */
	uint8_t *heads;		/* owned ring */
	uint32_t head_next;
	bool sending, watched;	/* the engine's */
};

/* What one end does. */
struct role {
	/* A receive brought something; what it brought follows. */
	void (*woken)(struct stream *stream);
	/* Bytes of what is written, `at` in it; NULL: they are forgotten. */
	void (*payload)(struct stream *stream, uint64_t at, const uint8_t *bytes, size_t n);
	/* A message arrived in full: stream->head. */
	void (*arrived)(struct stream *stream);
	/* Whether a thread's work is done. */
	bool (*over)(void *owner);
};

#define LOOK_ALWAYS UINT32_MAX

/* How long an end looks for what comes before it sleeps. */
struct patience {
	uint32_t us;		/* 0: sleeps at once; LOOK_ALWAYS: never */
	uint64_t since;		/* nothing has come; 0: not known yet */
};

/* Nothing came: whether to look again rather than to sleep. */
bool patience_looks(struct patience *patience);
/* Something came. */
static inline void patience_renew(struct patience *patience)
{
	patience->since = 0;
}

uint64_t clock_ns(void);

/*
 * Runs a thread's streams until the role is over or all have ended; looks for what comes for
 * `look_us` before it sleeps. 0 or -errno.
 */
typedef int engine_fn(const struct role *role, void *owner, struct stream *streams,
		      unsigned int count, uint32_t look_us);
engine_fn engine_wait;	/* recv(2) and sendmsg(2); epoll for more than one stream */
engine_fn engine_uring;	/* multishot receives into provided buffers, sendmsg */

/* Takes the descriptor over. 0 or -ENOMEM. */
int stream_init(struct stream *stream, int fd, void *owner);
void stream_done(struct stream *stream);
/* Appends a message's head (padded to `size` bytes), and then bytes that stay in place. */
void stream_push_head(struct stream *stream, const struct head *head, uint32_t size);
void stream_push(struct stream *stream, const void *bytes, size_t length);
/* Takes apart what arrived. */
void stream_take(struct stream *stream, const struct role *role, const uint8_t *bytes, size_t n);
/* Drops the first `sent` bytes of what is to be sent. */
void stream_sent(struct stream *stream, size_t sent);

/*
 * How many vectors, from the first, the next send is to carry: all, or half, in whole segments, so
 * that the peer has something to work on while the other half is copied.
 */
unsigned int stream_next(const struct stream *stream);

static inline bool stream_pending(const struct stream *stream)
{
	return stream->first < stream->count;
}

#endif
