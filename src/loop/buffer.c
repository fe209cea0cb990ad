/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pool of I/O buffers: a buddy allocator that merges only when it must.
 *
 * Getting a buffer pops a free list, and putting it back pushes one. If a list is empty,
 * a larger free buffer is split. Neighbours are merged when no larger buffer is left, and
 * by the timer that gives memory back. The allocator's data is kept outside of the
 * buffers, so that memory that was given back stays untouched.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "loop/engine.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, size) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(p, size) ((void)0)
#endif

#define PAGE 4096u
#define TOP (LOOP_BUFFER_CLASSES - 1)
#define NONE UINT32_MAX
#define TRIM_AFTER 1000000000ull	/* nanoseconds */
#define TRIM_PAUSE 1000000ull		/* nanoseconds between the parts of a large trim */
#define TRIM_AT_ONCE ((size_t)16 * 1024 * 1024)

static_assert(PAGE << TOP == LOOP_BUFFER_MAX, "the classes end at the largest buffer");

/* The state of a page; 0 if no buffer starts at it. */
enum buffer_state {
	BUFFER_CLASS = 0x0f,		/* bits: the class of the buffer that starts here */
	BUFFER_STARTS = 0x10,
	BUFFER_FREE = 0x20,
	BUFFER_DIRTY = 0x40,		/* free, and backed by memory */
};

static unsigned int class_of(size_t size)
{
	if (size <= PAGE)
		return 0;
	return 64 - (unsigned int)__builtin_clzll((size - 1) / PAGE);
}

static size_t class_size(unsigned int class)
{
	return (size_t)PAGE << class;
}

size_t loop_buffer_size(size_t size)
{
	return size ? class_size(class_of(size)) : 0;
}

static void *page_address(const struct loop_buffers *b, uint32_t page)
{
	return b->arena + (size_t)page * PAGE;
}

static void push(struct loop_buffers *b, unsigned int class, uint32_t page, uint8_t dirty)
{
	b->state[page] = (uint8_t)(BUFFER_STARTS | BUFFER_FREE | dirty | class);
	b->next[page] = b->free[class];
	b->free[class] = page;
	if (dirty)
		b->dirty += class_size(class);
}

/* The list must not be empty. */
static uint32_t pop(struct loop_buffers *b, unsigned int class, uint8_t *ret_dirty)
{
	uint32_t page = b->free[class];

	b->free[class] = b->next[page];
	*ret_dirty = b->state[page] & BUFFER_DIRTY;
	if (*ret_dirty)
		b->dirty -= class_size(class);
	return page;
}

/* Rebuilds all free lists with neighbours merged, dirty buffers first in each. */
static void merge(struct loop_buffers *b)
{
	uint8_t *state = b->state;

	for (unsigned int class = 0; class < TOP; class++) {
		uint32_t half = 1u << class;

		for (uint32_t page = 0; page < b->fresh; page += 2 * half) {
			uint8_t first = state[page], second = state[page + half];

			if ((first & ~BUFFER_DIRTY) != (BUFFER_STARTS | BUFFER_FREE | class) ||
			    (second & ~BUFFER_DIRTY) != (BUFFER_STARTS | BUFFER_FREE | class))
				continue;
			state[page] = (uint8_t)((first + 1) | (second & BUFFER_DIRTY));
			state[page + half] = 0;
		}
	}

	b->dirty = 0;
	for (unsigned int class = 0; class <= TOP; class++)
		b->free[class] = NONE;
	for (unsigned int dirty = 0; dirty <= BUFFER_DIRTY; dirty += BUFFER_DIRTY) {
		for (uint32_t page = 0; page < b->fresh;) {
			unsigned int class = state[page] & BUFFER_CLASS;

			if ((state[page] & (BUFFER_FREE | BUFFER_DIRTY)) == (BUFFER_FREE | dirty))
				push(b, class, page, (uint8_t)dirty);
			page += 1u << class;
		}
	}
}

/* Splits a larger free buffer to fill the list of `class`. False if there is none. */
static bool refill(struct loop_buffers *b, unsigned int class)
{
	unsigned int from = class;
	uint8_t dirty = 0;
	uint32_t page;

	while (from <= TOP && b->free[from] == NONE)
		from++;
	if (from <= TOP) {
		page = pop(b, from, &dirty);
	} else if (b->fresh < b->pages) {
		from = TOP;
		page = b->fresh;
		b->fresh += 1u << TOP;
	} else {
		return false;
	}
	while (from > class) {
		from--;
		push(b, from, page + (1u << from), dirty);
	}
	push(b, class, page, dirty);
	return true;
}

void *loop_buffer_get(struct loop *loop, size_t size)
{
	struct loop_buffers *b = &loop->buffers;
	unsigned int class = class_of(size);
	uint8_t dirty;
	uint32_t page;
	void *buffer;

	if (size > LOOP_BUFFER_MAX || b->in_use + class_size(class) > (size_t)b->pages * PAGE)
		return NULL;
	if (b->free[class] == NONE && !refill(b, class)) {
		merge(b);
		if (!refill(b, class))
			return NULL;
	}
	page = pop(b, class, &dirty);
	b->state[page] = (uint8_t)(BUFFER_STARTS | class);
	b->in_use += class_size(class);
	if (b->dirty < b->low)
		b->low = b->dirty;
	buffer = page_address(b, page);
	ASAN_UNPOISON_MEMORY_REGION(buffer, class_size(class));
	return buffer;
}

/* If the timer cannot be started, the memory is kept until the next put. */
static void trim_after(struct loop *loop, uint64_t after)
{
	(void)loop_timer_start(loop, &loop->buffers.trim, after);
}

void loop_buffer_put(struct loop *loop, void *buffer, size_t size)
{
	struct loop_buffers *b = &loop->buffers;
	unsigned int class = class_of(size);
	uint32_t page = (uint32_t)((size_t)((uint8_t *)buffer - b->arena) / PAGE);

	assert(b->state[page] == (BUFFER_STARTS | class));
	ASAN_POISON_MEMORY_REGION(buffer, class_size(class));
	b->in_use -= class_size(class);
	push(b, class, page, BUFFER_DIRTY);
	if (!list_empty(&b->waiting))
		list_splice_tail(&loop->tasks, &b->waiting);
	if (!b->trim.slot) {
		b->low = 0;
		trim_after(loop, TRIM_AFTER);
	}
}

void loop_buffer_wait(struct loop *loop, struct loop_task *task)
{
	if (list_empty(&task->node))
		list_add_tail(&loop->buffers.waiting, &task->node);
}

size_t loop_buffer_in_use(const struct loop *loop)
{
	return loop->buffers.in_use;
}

/* Gives a free buffer's memory back. A registered slab is given back as a whole or not at all. */
static bool give_back(struct loop *loop, uint32_t page, unsigned int class)
{
	struct loop_buffers *b = &loop->buffers;
	uint32_t slab = page >> TOP;

	if (b->fixed[slab] && class < TOP)
		return false;
	if (b->fixed[slab])
		loop->ops->buffers_forget(loop, slab);
	madvise(page_address(b, page), class_size(class), MADV_DONTNEED);
	b->state[page] &= (uint8_t)~BUFFER_DIRTY;
	b->dirty -= class_size(class);
	b->excess -= class_size(class);
	return true;
}

/* Gives free buffers' memory back, the largest first, TRIM_AT_ONCE bytes at the most. */
static void release(struct loop *loop)
{
	struct loop_buffers *b = &loop->buffers;
	size_t before = b->dirty, budget;

	/* A merged buffer is dirty if one of its halves was. */
	merge(b);
	b->excess += b->dirty - before;
	before = b->excess;
	budget = before < TRIM_AT_ONCE ? before : TRIM_AT_ONCE;
	for (unsigned int class = TOP + 1; class-- > 0 && class_size(class) <= budget;) {
		uint32_t page = b->free[class];

		for (; page != NONE && class_size(class) <= budget; page = b->next[page]) {
			if (!(b->state[page] & BUFFER_DIRTY))
				break;
			if (give_back(loop, page, class))
				budget -= class_size(class);
		}
	}
	if (b->excess == before)
		b->excess = 0; /* the rest is a part of a larger buffer */
}

/* Gives back the memory that was not used since the last call. Runs only while there is some. */
static void trim(struct loop_timer *timer)
{
	struct loop *loop = container_of(timer, struct loop, buffers.trim);
	struct loop_buffers *b = &loop->buffers;

	if (!b->excess || b->excess > b->low)
		b->excess = b->low;
	if (b->excess)
		release(loop);
	b->low = b->dirty;
	if (b->excess)
		trim_after(loop, TRIM_PAUSE);
	else if (b->dirty)
		trim_after(loop, TRIM_AFTER);
}

int loop_buffers_init(struct loop *loop, size_t limit, struct weft_error *error)
{
	struct loop_buffers *b = &loop->buffers;
	size_t size, tables;

	if (!limit)
		limit = LOOP_BUFFER_LIMIT_DEFAULT;
	size = (limit + LOOP_BUFFER_MAX - 1) & ~(size_t)(LOOP_BUFFER_MAX - 1);
	if (size / PAGE >= NONE || size < limit)
		return weft_error_set(error, EINVAL, "%zu bytes of I/O buffers are too many",
				      limit);
	b->pages = (uint32_t)(size / PAGE);
	tables = b->pages * (sizeof(*b->next) + sizeof(*b->state)) +
		 size / LOOP_BUFFER_MAX * sizeof(*b->fixed);
	b->map_size = size + LOOP_BUFFER_MAX + tables;
	b->map = mmap(NULL, b->map_size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (b->map == MAP_FAILED)
		return weft_error_set(error, errno, "reserving %zu bytes for I/O buffers: %s", size,
				      strerror(errno));
	b->arena = (uint8_t *)(((uintptr_t)b->map + LOOP_BUFFER_MAX - 1) &
			       ~(uintptr_t)(LOOP_BUFFER_MAX - 1));
	b->next = (uint32_t *)(void *)(b->arena + size);
	b->state = (uint8_t *)(b->next + b->pages);
	b->fixed = (bool *)(b->state + b->pages);
	ASAN_POISON_MEMORY_REGION(b->arena, size);
	for (unsigned int class = 0; class <= TOP; class++)
		b->free[class] = NONE;
	list_init(&b->waiting);
	b->trim.fire = trim;
	return 0;
}

void loop_buffers_done(struct loop *loop)
{
	struct loop_buffers *b = &loop->buffers;

	loop_timer_stop(loop, &b->trim);
	ASAN_UNPOISON_MEMORY_REGION(b->arena, (size_t)b->pages * PAGE);
	munmap(b->map, b->map_size);
}
