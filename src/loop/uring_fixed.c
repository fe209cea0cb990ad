/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * io_uring: registered buffers. For each direct transfer the kernel looks up and pins the
 * pages of the buffer, unless the memory is registered. Registering pins memory, and a
 * daemon that is idle or has no direct files should not pin all I/O buffers. So buffers
 * are registered in slabs of the largest buffer's size: when a direct file first uses the
 * slab, until its memory goes back to the system (buffer.c).
 */
#include <string.h>

#include "loop/uring.h"
#include "util/log.h"

static size_t slab_count(const struct uring *u)
{
	return (size_t)u->loop.buffers.pages * LOOP_BUFFER_MIN / LOOP_BUFFER_MAX;
}

void uring_fixed_open(struct uring *u)
{
	/* If this fails, I/O works without registered buffers. */
	u->fixes = io_uring_register_buffers_sparse(&u->ring, (unsigned int)slab_count(u)) == 0;
}

/* Registers the memory of a slab; an empty vector unregisters it. 0 or -errno. */
static int update_slab(struct uring *u, unsigned int slab, struct iovec memory)
{
	__u64 tag = 0;
	int r = io_uring_register_buffers_update_tag(&u->ring, slab, &memory, &tag, 1);

	return r < 0 ? r : 0;
}

static bool register_slab(struct uring *u, unsigned int slab)
{
	struct loop_buffers *b = &u->loop.buffers;
	int r = update_slab(u, slab, (struct iovec){ b->arena + (size_t)slab * LOOP_BUFFER_MAX,
						     LOOP_BUFFER_MAX });

	b->fixed[slab] = r == 0;
	if (r == 0)
		return true;
	/* Mostly RLIMIT_MEMLOCK. Tried again after a slab was unregistered. */
	u->fixes = false;
	if (!u->fix_failed)
		log_info("no more I/O buffers can be registered, which would save some CPU time "
			 "(%s; see RLIMIT_MEMLOCK)", strerror(-r));
	u->fix_failed = true;
	return false;
}

int uring_fixed_slab(struct uring *u, const struct iovec *iov)
{
	const struct loop_buffers *b = &u->loop.buffers;
	uintptr_t at = (uintptr_t)iov->iov_base - (uintptr_t)b->arena;
	size_t slab = at / LOOP_BUFFER_MAX;

	if (slab >= slab_count(u) || iov->iov_len > LOOP_BUFFER_MAX - at % LOOP_BUFFER_MAX)
		return -1;
	if (!b->fixed[slab] && (!u->fixes || !register_slab(u, (unsigned int)slab)))
		return -1;
	return (int)slab;
}

void uring_fixed_forget(struct loop *loop, unsigned int slab)
{
	struct uring *u = uring_of(loop);

	(void)update_slab(u, slab, (struct iovec){ NULL, 0 });
	loop->buffers.fixed[slab] = false;
	u->fixes = true;
}
