/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk in memory: sparse, all zeroes at first, and gone when the device is closed.
 * Pages are allocated when they are written and freed when they are discarded.
 * Several reactors may read and write the same range at once, as on any disk;
 * this needs no lock.
 *
 * Reading memory that was never written would make the kernel map it, and with
 * huge pages clear 2 MiB of it. So each chunk has a mark that says whether the
 * chunk was written, and chunks without a mark are read from a page of zeroes. A
 * write sets the mark after it has stored its data, and zeroing a chunk removes
 * the mark before it frees the memory. So when all these commands have ended, no
 * chunk without a mark has data, whatever their order was.
 */
#include "backend/backend.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "loop/loop.h"
#include "util/copy.h"

#define PAGE 4096
#define CHUNK_SHIFT 21	/* of a huge page */
#define CHUNK (UINT64_C(1) << CHUNK_SHIFT)
/* Freeing more bytes than this takes milliseconds, too long for a reactor that has other work. */
#define CLEAR_INLINE (16 << 20)

struct memory {
	char *base;		/* owned mapping; aligned to a huge page */
	uint64_t size;
	_Atomic uint8_t *written; /* owned: for each chunk, 1: written; 0: it reads as zeroes */
	bool cold;		/* the disk is larger than the processor's cache */
};

/* The size of the last-level cache if the system doesn't report it. */
#define CACHE_SIZE (32 << 20)

static const struct weft_option memory_options[] = {
	{ .name = "size", .type = WEFT_OPTION_SIZE, .required = true,
	  .help = "size of the disk; memory is used as it is written" },
	{ .name = "huge_pages", .type = WEFT_OPTION_BOOL, .fallback = "false",
	  .help = "use memory in units of 2 MiB where the kernel can: faster, less sparse" },
	{ 0 },
};

/* Lent to readers of unwritten chunks. Never written, so the kernel maps one page for all of it. */
static char zeroes[CHUNK] __attribute__((aligned(PAGE)));

static uint64_t cache_size(void)
{
	long size = sysconf(_SC_LEVEL3_CACHE_SIZE);

	return size > 0 ? (uint64_t)size : CACHE_SIZE;
}

/* Maps memory for the disk. NULL: the kernel refuses it. */
static char *map(uint64_t size)
{
	char *whole, *base;

	if (size > SIZE_MAX - CHUNK)
		return NULL;
	whole = mmap(NULL, size + CHUNK, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (whole == MAP_FAILED)
		return NULL;
	base = whole + (-(uintptr_t)whole & (CHUNK - 1));
	if (base > whole)
		munmap(whole, (size_t)(base - whole));
	/* rounded up to whole pages */
	size = (size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	if (base + size < whole + size + CHUNK)
		munmap(base + size, (size_t)(whole + CHUNK - base));
	return base;
}

static int memory_open(void **ret_device, const struct weft_params *params,
		       struct weft_info *ret_info, struct weft_error *error)
{
	uint64_t size = weft_param_number(params, "size", 0);
	struct memory *memory;

	if (size < PAGE)
		return weft_error_set(error, EINVAL, "memory: size is %llu; it must be %u or more",
				      (unsigned long long)size, PAGE);
	memory = calloc(1, sizeof(*memory));
	if (!memory)
		return weft_error_set(error, ENOMEM, "out of memory");
	memory->size = size;
	memory->cold = size > cache_size();
	memory->base = map(size);
	if (memory->base)
		memory->written = calloc((size_t)((size - 1) >> CHUNK_SHIFT) + 1,
					 sizeof(*memory->written));
	if (!memory->written) {
		if (memory->base)
			munmap(memory->base, size);
		free(memory);
		return weft_error_set(error, ENOMEM, "memory: no room for %llu bytes: %s",
				      (unsigned long long)size, strerror(ENOMEM));
	}
	madvise(memory->base, size, MADV_DONTDUMP);
	/* advice: the disk works without huge pages, too */
	if (weft_param_bool(params, "huge_pages", false))
		madvise(memory->base, size, MADV_HUGEPAGE);
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
	free(memory->written);
	free(memory);
}

/* True if the chunk at this offset was written. */
static bool is_written(const struct memory *memory, uint64_t offset)
{
	return atomic_load_explicit(&memory->written[offset >> CHUNK_SHIFT], memory_order_relaxed);
}

static bool in_one_chunk(uint64_t offset, uint64_t length)
{
	return (offset ^ (offset + length - 1)) < CHUNK;
}

/* Marks written chunks. A mark that is set is only read, so that reactors share its cache line. */
static void memory_written(void *device, uint64_t offset, uint64_t length)
{
	struct memory *memory = device;
	size_t last = (size_t)((offset + length - 1) >> CHUNK_SHIFT);

	for (size_t i = (size_t)(offset >> CHUNK_SHIFT); i <= last; i++)
		if (!atomic_load_explicit(&memory->written[i], memory_order_relaxed))
			atomic_store_explicit(&memory->written[i], 1, memory_order_release);
}

/* Removes the marks of chunks that lie within [offset, end), before the range is zeroed. */
static void forget(struct memory *memory, uint64_t offset, uint64_t end)
{
	uint64_t first = (offset + CHUNK - 1) >> CHUNK_SHIFT;
	/* the disk's last chunk may be short */
	uint64_t last = (end == memory->size ? end + CHUNK - 1 : end) >> CHUNK_SHIFT;

	for (; first < last; first++)
		atomic_store_explicit(&memory->written[first], 0, memory_order_seq_cst);
}

/*
 * Returns how many bytes from this offset, `length` at most, are in chunks that are all written
 * or all unwritten; *ret_written says which. Each mark is read once, because it may change.
 */
static uint64_t run_length(const struct memory *memory, uint64_t offset, uint64_t length,
			   bool *ret_written)
{
	bool written = is_written(memory, offset);
	uint64_t end = (offset & ~(CHUNK - 1)) + CHUNK;

	while (end < offset + length && is_written(memory, end) == written)
		end += CHUNK;
	*ret_written = written;
	return end - offset < length ? end - offset : length;
}

/* Zeroes the written chunks of the range. */
static void zero_written(struct memory *memory, uint64_t offset, uint64_t length)
{
	bool written;

	while (length) {
		uint64_t run = run_length(memory, offset, length, &written);

		if (written)
			memset(memory->base + offset, 0, run);
		offset += run;
		length -= run;
	}
}

/* Zeroes the range; whole pages of it are freed. */
static void memory_zero(struct memory *memory, uint64_t offset, uint64_t length)
{
	uint64_t end = offset + length;
	uint64_t first = (offset + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	uint64_t last = end & ~(uint64_t)(PAGE - 1);

	if (first >= last) {
		zero_written(memory, offset, length);
		return;
	}
	zero_written(memory, offset, first - offset);
	zero_written(memory, last, end - last);
	forget(memory, offset, end);
	if (madvise(memory->base + first, last - first, MADV_DONTNEED) < 0)
		memset(memory->base + first, 0, last - first);
}

/* A large range, which is cleared on a thread because that takes long. */
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
	/*
	 * copy_cold() needs no fence, which would cost as much as it gains: its stores are
	 * ordered by the lock of the socket that the completion is sent on.
	 */
	if (memory->cold)
		copy_cold(to, from, count);
	else
		memcpy(to, from, count);
}

static void load(const struct memory *memory, char *to, uint64_t offset, uint64_t length)
{
	bool written;

	while (length) {
		uint64_t run = run_length(memory, offset, length, &written);

		if (written)
			memcpy(to, memory->base + offset, run);
		else
			memset(to, 0, run);
		to += run;
		offset += run;
		length -= run;
	}
}

/* These copies are separate functions because tests/tsan.supp lists them by name. */
static void memory_copy_out(struct memory *memory, const struct weft_io *io)
{
	uint64_t at = io->offset;

	for (unsigned int i = 0; i < io->iov_count; at += io->iov[i++].iov_len)
		load(memory, io->iov[i].iov_base, at, io->iov[i].iov_len);
}

static void memory_copy_in(struct memory *memory, const struct weft_io *io)
{
	char *at = memory->base + io->offset;

	for (unsigned int i = 0; i < io->iov_count; at += io->iov[i++].iov_len)
		store(memory, at, io->iov[i].iov_base, io->iov[i].iov_len);
}

static void memory_submit(void *device, struct weft_io *io)
{
	struct memory *memory = device;

	switch (io->op) {
	case WEFT_OP_READ:
		memory_copy_out(memory, io);
		break;
	case WEFT_OP_WRITE:
		memory_copy_in(memory, io);
		if (!in_one_chunk(io->offset, io->length) || !is_written(memory, io->offset))
			memory_written(memory, io->offset, io->length);
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

/* A separate function, so that memory_lend() stays short. */
static __attribute__((noinline)) unsigned int lend_chunks(struct memory *memory, uint64_t offset,
							  uint64_t length, struct iovec *iov,
							  unsigned int count)
{
	unsigned int used = 0;
	bool written;

	while (length && used < count) {
		uint64_t run = run_length(memory, offset, length, &written);

		if (!written && run > sizeof(zeroes))
			run = sizeof(zeroes);
		iov[used++] = (struct iovec){ written ? memory->base + offset : zeroes, run };
		offset += run;
		length -= run;
	}
	return length ? 0 : used;
}

static unsigned int memory_lend(void *device, uint64_t offset, uint64_t length, struct iovec *iov,
				unsigned int count)
{
	struct memory *memory = device;

	if (!in_one_chunk(offset, length))
		return lend_chunks(memory, offset, length, iov, count);
	iov->iov_base = is_written(memory, offset) ? memory->base + offset : zeroes;
	iov->iov_len = length;
	return 1;
}

static void *memory_lend_write(void *device, uint64_t offset, uint64_t length)
{
	struct memory *memory = device;

	/* marked now, for readers; a discard may remove the mark, so written() sets it again */
	memory_written(device, offset, length);
	return memory->base + offset;
}

const struct weft_backend memory_backend = {
	.size = sizeof(struct weft_backend),
	.name = "memory",
	.summary = "a sparse disk in memory, gone when weftd ends",
	.flags = WEFT_BACKEND_SYNC | WEFT_BACKEND_UNALIGNED,
	.options = memory_options,
	.open = memory_open,
	.close = memory_close,
	.submit = memory_submit,
	.lend = memory_lend,
	.lend_write = memory_lend_write,
	.written = memory_written,
};
