/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk in memory: sparse, zeroed at first, gone with the device. Pages are
 * allocated as they are written and freed as they are discarded. Ranges that
 * overlap in time may be read and written by several reactors at once, as on
 * any disk; nothing here needs a lock.
 */
#include "backend/backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "loop/loop.h"
#include "util/copy.h"

#define PAGE 4096
/* Freeing more pages than this takes long enough (milliseconds) to keep a reactor from others. */
#define CLEAR_INLINE (16 << 20)

struct memory {
	char *base;		/* owned mapping */
	uint64_t size;
	bool cold;		/* more than the processor's cache holds */
};

/* Used where the system doesn't tell how large the last cache is. */
#define CACHE_SIZE (32 << 20)

static const struct weft_option memory_options[] = {
	{ .name = "size", .type = WEFT_OPTION_SIZE, .required = true,
	  .help = "size of the disk; memory is used as it is written" },
	{ .name = "huge_pages", .type = WEFT_OPTION_BOOL, .fallback = "false",
	  .help = "use memory in units of 2 MiB where the kernel can: faster, less sparse" },
	{ 0 },
};

static uint64_t cache_size(void)
{
	long size = sysconf(_SC_LEVEL3_CACHE_SIZE);

	return size > 0 ? (uint64_t)size : CACHE_SIZE;
}

static int memory_open(void **ret_device, const struct weft_params *params,
		       struct weft_info *ret_info, struct weft_error *error)
{
	uint64_t size = weft_param_number(params, "size", 0);
	struct memory *memory;
	void *base;
	int r;

	if (size < PAGE)
		return weft_error_set(error, EINVAL, "memory: size is %llu; it must be %u or more",
				      (unsigned long long)size, PAGE);
	base = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED) {
		r = errno;
		return weft_error_set(error, r, "memory: no room for %llu bytes: %s",
				      (unsigned long long)size, strerror(r));
	}
	madvise(base, size, MADV_DONTDUMP);
	/* a wish: without it the disk works as well */
	if (weft_param_bool(params, "huge_pages", false))
		madvise(base, size, MADV_HUGEPAGE);
	memory = malloc(sizeof(*memory));
	if (!memory) {
		munmap(base, size);
		return weft_error_set(error, ENOMEM, "out of memory");
	}
	*memory = (struct memory){ .base = base, .size = size, .cold = size > cache_size() };
	*ret_device = memory;
	*ret_info = (struct weft_info){
		.size = size,
		.block_size = 512,
		.physical_block_size = PAGE,
		.discard_granularity = PAGE,
	};
	return 0;
}

static void memory_close(void *device)
{
	struct memory *memory = device;

	munmap(memory->base, memory->size);
	free(memory);
}

/* Zeroes the range; whole pages go back to the system. */
static void memory_zero(struct memory *memory, uint64_t offset, uint64_t length)
{
	uint64_t end = offset + length;
	uint64_t first = (offset + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	uint64_t last = end & ~(uint64_t)(PAGE - 1);

	if (first >= last || madvise(memory->base + first, last - first, MADV_DONTNEED) < 0) {
		memset(memory->base + offset, 0, length);
		return;
	}
	memset(memory->base + offset, 0, first - offset);
	memset(memory->base + last, 0, end - last);
}

/* A large range, cleared on a thread where that may take its time. */
struct memory_work {
	struct loop_op op;
	struct memory *memory;
};

_Static_assert(sizeof(struct memory_work) <= WEFT_IO_SCRATCH, "fits an I/O's scratch");

static struct weft_io *io_of(struct loop_op *op)
{
	return container_of(op, struct weft_io, scratch);
}

static int clear_work(struct loop_op *op)
{
	struct memory_work *work = container_of(op, struct memory_work, op);

	memory_zero(work->memory, io_of(op)->offset, io_of(op)->length);
	return 0;
}

static void clear_done(struct loop_op *op, int result)
{
	weft_io_done(io_of(op), result);
}

static void submit_clear(struct memory *memory, struct weft_io *io)
{
	struct memory_work *work = (struct memory_work *)(void *)io->scratch;

	if (io->length <= CLEAR_INLINE) {
		memory_zero(memory, io->offset, io->length);
		weft_io_done(io, 0);
		return;
	}
	work->memory = memory;
	work->op = (struct loop_op){ .done = clear_done };
	loop_op_work(loop_current(), &work->op, -1, clear_work);
}

static void store(const struct memory *memory, void *to, const void *from, size_t count)
{
	/* A fence after each would cost what is gained: the lock of the socket by which the
	 * completion leaves orders it. */
	if (memory->cold)
		copy_cold(to, from, count);
	else
		memcpy(to, from, count);
}

/* A function of its own, by whose name ThreadSanitizer knows it: tests/tsan.supp. */
static void memory_copy(struct memory *memory, const struct weft_io *io)
{
	char *at = memory->base + io->offset;

	for (unsigned int i = 0; i < io->iov_count; at += io->iov[i++].iov_len)
		if (io->op == WEFT_OP_READ)
			memcpy(io->iov[i].iov_base, at, io->iov[i].iov_len);
		else
			store(memory, at, io->iov[i].iov_base, io->iov[i].iov_len);
}

static void memory_submit(void *device, struct weft_io *io)
{
	struct memory *memory = device;

	switch (io->op) {
	case WEFT_OP_READ:
	case WEFT_OP_WRITE:
		memory_copy(memory, io);
		break;
	case WEFT_OP_WRITE_ZEROES:
	case WEFT_OP_DISCARD:
		submit_clear(memory, io);
		return;
	case WEFT_OP_FLUSH:
		break;
	}
	weft_io_done(io, 0);
}

static void *memory_lend(void *device, uint64_t offset, uint64_t length)
{
	struct memory *memory = device;

	return memory->base + offset;
}

const struct weft_backend memory_backend = {
	.abi = WEFT_BACKEND_ABI,
	.name = "memory",
	.summary = "a sparse disk in memory, gone when weftd ends",
	.flags = WEFT_BACKEND_SYNC | WEFT_BACKEND_UNALIGNED | WEFT_BACKEND_LENDS_WRITES,
	.options = memory_options,
	.open = memory_open,
	.close = memory_close,
	.submit = memory_submit,
	.lend = memory_lend,
};
