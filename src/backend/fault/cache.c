/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A volatile write cache: each block keeps every version that was written to
 * it since the last flush. A flush writes the newest versions to the child,
 * flushes the child, and forgets the versions. A power cut writes a random
 * version of each block, or none. So any subset of the writes since the last
 * flush may survive, in any order, and a write may be torn between any blocks.
 *
 * One write-out (flush or cut) runs at a time, as a chain of I/Os of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/fault/fault.h"

#define BUCKETS 4096
#define RUN_MAX 65536	/* most bytes of one I/O of a write-out */

struct version {
	struct version *older;	/* owned */
	unsigned char bytes[];
};

struct block {
	struct block *next;	/* in the same bucket */
	uint64_t index;
	struct version *newest;	/* owned; never NULL */
	unsigned int versions;
};

/* One block of a write-out. */
struct pick {
	uint64_t index;
	struct version *version;	/* borrowed: only this write-out forgets it */
};

struct write_out {
	struct fault_cache *cache;
	struct pick *picks;		/* owned; ascending by index */
	size_t count, next;
	struct list flushes;		/* struct fault_io.node: flushes that it ends */
	bool cut;			/* it belongs to a power cut */
	unsigned char *buffer;		/* owned: RUN_MAX bytes, aligned */
	struct iovec iov;
	struct weft_io io;
};

struct fault_cache {
	struct fault_device *device;	/* borrowed */
	uint32_t block_size;
	pthread_mutex_t lock;		/* guards all below */
	pthread_cond_t changed;		/* signals busy, off and cut_done */
	struct block *buckets[BUCKETS];	/* owned */
	size_t block_count;
	struct list waiting;		/* struct fault_io.node: flushes not in a write-out */
	bool busy;			/* a write-out runs */
	bool off;			/* the power is cut */
	bool cut_done;
	int cut_result;
	struct loop *loop;		/* of the last I/O; a power cut is written out there */
	void *reactor;			/* the target's handle of that reactor */
	struct write_out *cut;		/* the write-out to be started there */
	struct loop_message start;
};

static void start_flushes(struct fault_cache *cache, void *reactor);

struct fault_cache *fault_cache_new(struct fault_device *device, uint32_t block_size)
{
	struct fault_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	cache->device = device;
	cache->block_size = block_size;
	pthread_mutex_init(&cache->lock, NULL);
	pthread_cond_init(&cache->changed, NULL);
	list_init(&cache->waiting);
	return cache;
}

static void versions_free(struct version *version)
{
	while (version) {
		struct version *older = version->older;

		free(version);
		version = older;
	}
}

void fault_cache_free(struct fault_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (cache->buckets[i]) {
			struct block *block = cache->buckets[i];

			cache->buckets[i] = block->next;
			versions_free(block->newest);
			free(block);
		}
	pthread_mutex_destroy(&cache->lock);
	pthread_cond_destroy(&cache->changed);
	free(cache);
}

/* ---- blocks; with the lock held ---- */

static struct block *find_block(const struct fault_cache *cache, uint64_t index)
{
	struct block *block = cache->buckets[index % BUCKETS];

	while (block && block->index != index)
		block = block->next;
	return block;
}

static struct block *get_block(struct fault_cache *cache, uint64_t index)
{
	struct block **bucket = &cache->buckets[index % BUCKETS];
	struct block *block = find_block(cache, index);

	if (block)
		return block;
	block = calloc(1, sizeof(*block));
	if (!block)
		return NULL;
	block->index = index;
	block->next = *bucket;
	*bucket = block;
	cache->block_count++;
	return block;
}

/* Adds a version; bytes NULL: zeroes. */
static int add_version(struct fault_cache *cache, uint64_t index, const void *bytes)
{
	struct version *version = calloc(1, sizeof(*version) + cache->block_size);
	struct block *block = version ? get_block(cache, index) : NULL;

	if (!block) {
		free(version);
		return -ENOMEM;
	}
	if (bytes)
		memcpy(version->bytes, bytes, cache->block_size);
	version->older = block->newest;
	block->newest = version;
	block->versions++;
	return 0;
}

/* Frees a version that was written out and is durable now, and the older ones. */
static void forget(struct fault_cache *cache, const struct pick *pick)
{
	struct block **at = &cache->buckets[pick->index % BUCKETS];
	struct block *block;
	struct version **link;

	while ((*at)->index != pick->index)
		at = &(*at)->next;
	block = *at;
	link = &block->newest;
	block->versions = 0;
	for (; *link && *link != pick->version; link = &(*link)->older)
		block->versions++;
	versions_free(*link);
	*link = NULL;
	if (block->newest)
		return;
	*at = block->next;
	free(block);
	cache->block_count--;
}

/* ---- write-outs ---- */

static int by_index(const void *a, const void *b)
{
	const struct pick *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

static void write_out_free(struct write_out *out)
{
	free(out->picks);
	free(out->buffer);
	free(out);
}

/* The version of a block that survives a power cut: any since the last flush, or none. */
static struct version *survivor(const struct block *block, uint64_t *random)
{
	uint64_t choice = fault_random(random) % (block->versions + 1);
	struct version *version = block->newest;

	while (choice-- && version)
		version = version->older;
	return version;
}

/* Picks a random version of each block; random NULL: the newest. NULL: no memory. Locked. */
static struct write_out *write_out_new(struct fault_cache *cache, uint64_t *random)
{
	struct write_out *out = calloc(1, sizeof(*out));

	if (!out)
		return NULL;
	out->cache = cache;
	list_init(&out->flushes);
	out->picks = calloc(cache->block_count + 1, sizeof(*out->picks));
	if (!out->picks || posix_memalign((void **)&out->buffer, 4096, RUN_MAX)) {
		write_out_free(out);
		return NULL;
	}
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct block *block = cache->buckets[i]; block; block = block->next) {
			struct version *version =
				random ? survivor(block, random) : block->newest;

			if (version)
				out->picks[out->count++] = (struct pick){ block->index, version };
		}
	qsort(out->picks, out->count, sizeof(*out->picks), by_index);
	return out;
}

static void flush_ended(struct loop_message *message)
{
	struct fault_io *flush = container_of(message, struct fault_io, message);

	weft_io_done(container_of(flush, struct weft_io, scratch), -flush->error);
}

/* Ends each flush on its own reactor. error: positive, or 0. */
static void end_flushes(struct list *flushes, int error)
{
	struct list *node;

	while ((node = list_pop(flushes))) {
		struct fault_io *flush = list_entry(node, struct fault_io, node);

		flush->error = error;
		flush->message.run = flush_ended;
		loop_post(flush->loop, &flush->message);
	}
}

/* Wakes the thread that waits for the power cut. The device may be closed from then on. */
static void end_cut(struct fault_cache *cache, int result)
{
	pthread_mutex_lock(&cache->lock);
	cache->cut_done = true;
	cache->cut_result = result;
	pthread_cond_broadcast(&cache->changed);
	pthread_mutex_unlock(&cache->lock);
}

/* Ends the flushes last, because they keep the device open. */
static void write_out_done(struct write_out *out, int result)
{
	struct fault_cache *cache = out->cache;
	struct list flushes;
	bool off;

	list_init(&flushes);
	pthread_mutex_lock(&cache->lock);
	for (size_t i = 0; result == 0 && !out->cut && i < out->count; i++)
		forget(cache, &out->picks[i]);
	cache->busy = false;
	off = cache->off;
	list_splice_tail(&flushes, &out->flushes);
	pthread_cond_broadcast(&cache->changed);
	pthread_mutex_unlock(&cache->lock);
	start_flushes(cache, out->io.reactor);
	if (out->cut)
		end_cut(cache, result);
	write_out_free(out);
	end_flushes(&flushes, off ? ENODEV : -result);
}

static void write_out_step(struct weft_io *io, int result);

static void write_out_submit(struct write_out *out, enum weft_op op, uint64_t offset,
			     uint64_t length)
{
	out->iov = (struct iovec){ out->buffer, length };
	out->io.op = op;
	out->io.offset = offset;
	out->io.length = length;
	out->io.iov = length ? &out->iov : NULL;
	out->io.iov_count = length != 0;
	out->io.done = write_out_step;
	weft_child_submit(out->cache->device->child, &out->io);
}

/* Writes the next run of adjacent blocks; after the last run, flushes the child. */
static void write_out_next(struct write_out *out)
{
	uint32_t size = out->cache->block_size;
	const struct pick *first = &out->picks[out->next];
	size_t count = 0;

	while (out->next < out->count && (count + 1) * size <= RUN_MAX &&
	       first[count].index == first->index + count) {
		memcpy(out->buffer + count * size, first[count].version->bytes, size);
		count++;
		out->next++;
	}
	if (count)
		write_out_submit(out, WEFT_OP_WRITE, first->index * size, count * size);
	else
		write_out_submit(out, WEFT_OP_FLUSH, 0, 0);
}

static void write_out_step(struct weft_io *io, int result)
{
	struct write_out *out = container_of(io, struct write_out, io);

	if (result < 0 || io->op == WEFT_OP_FLUSH)
		write_out_done(out, result);
	else
		write_out_next(out);
}

/* Starts a write-out for all waiting flushes. One that runs already calls this at its end. */
static void start_flushes(struct fault_cache *cache, void *reactor)
{
	struct write_out *out = NULL;
	struct list failed;
	int error = ENOMEM;

	list_init(&failed);
	pthread_mutex_lock(&cache->lock);
	if (!cache->busy && !list_empty(&cache->waiting)) {
		if (cache->off)
			error = ENODEV;
		else
			out = write_out_new(cache, NULL);
		list_splice_tail(out ? &out->flushes : &failed, &cache->waiting);
		cache->busy = out != NULL;
	}
	pthread_mutex_unlock(&cache->lock);
	end_flushes(&failed, error);
	if (!out)
		return;
	out->io.reactor = reactor;
	write_out_next(out);
}

/* ---- I/O ---- */

/* A read. The blocks that the cache had when it began replace those of the child. */
struct cached_read {
	struct weft_io io;
	struct weft_io *whole;		/* borrowed */
	struct fault_cache *cache;
	bool *present;			/* of each block */
	unsigned char bytes[];
};

static void copy_in(const struct weft_io *io, uint64_t at, const unsigned char *bytes,
		    uint64_t length)
{
	for (unsigned int i = 0; i < io->iov_count && length; i++) {
		const struct iovec *iov = &io->iov[i];
		uint64_t part;

		if (at >= iov->iov_len) {
			at -= iov->iov_len;
			continue;
		}
		part = iov->iov_len - at < length ? iov->iov_len - at : length;
		memcpy((char *)iov->iov_base + at, bytes, part);
		bytes += part;
		length -= part;
		at = 0;
	}
}

static void copy_out(const struct weft_io *io, uint64_t at, unsigned char *bytes, uint64_t length)
{
	for (unsigned int i = 0; i < io->iov_count && length; i++) {
		const struct iovec *iov = &io->iov[i];
		uint64_t part;

		if (at >= iov->iov_len) {
			at -= iov->iov_len;
			continue;
		}
		part = iov->iov_len - at < length ? iov->iov_len - at : length;
		memcpy(bytes, (const char *)iov->iov_base + at, part);
		bytes += part;
		length -= part;
		at = 0;
	}
}

static void read_done(struct weft_io *io, int result)
{
	struct cached_read *read = container_of(io, struct cached_read, io);
	struct weft_io *whole = read->whole;
	uint32_t size = read->cache->block_size;

	for (uint64_t i = 0; result == 0 && i < whole->length / size; i++)
		if (read->present[i])
			copy_in(whole, i * size, read->bytes + i * size, size);
	free(read->present);
	free(read);
	weft_io_done(whole, result);
}

static void cached_read(struct fault_cache *cache, struct weft_io *io)
{
	uint64_t first = io->offset / cache->block_size, count = io->length / cache->block_size;
	struct cached_read *read = calloc(1, sizeof(*read) + io->length);
	bool *present = calloc(count, sizeof(*present));

	if (!read || !present) {
		free(read);
		free(present);
		weft_io_done(io, -ENOMEM);
		return;
	}
	read->whole = io;
	read->cache = cache;
	read->present = present;
	pthread_mutex_lock(&cache->lock);
	for (uint64_t i = 0; i < count; i++) {
		const struct block *block = find_block(cache, first + i);

		present[i] = block;
		if (block)
			memcpy(read->bytes + i * cache->block_size, block->newest->bytes,
			       cache->block_size);
	}
	pthread_mutex_unlock(&cache->lock);
	read->io = (struct weft_io){
		.op = WEFT_OP_READ, .offset = io->offset, .length = io->length, .iov = io->iov,
		.iov_count = io->iov_count, .reactor = io->reactor, .done = read_done,
	};
	weft_child_submit(cache->device->child, &read->io);
}

/* WRITE, WRITE_ZEROES. 0 or -ENOMEM. */
static int cached_write(struct fault_cache *cache, const struct weft_io *io)
{
	uint32_t size = cache->block_size;
	unsigned char *bytes = io->iov_count ? malloc(size) : NULL;
	int r = io->iov_count && !bytes ? -ENOMEM : 0;

	pthread_mutex_lock(&cache->lock);
	for (uint64_t at = 0; !r && at < io->length; at += size) {
		if (bytes)
			copy_out(io, at, bytes, size);
		r = add_version(cache, (io->offset + at) / size, bytes);
	}
	pthread_mutex_unlock(&cache->lock);
	free(bytes);
	return r;
}

/* The flush ends with a write-out that begins later, and so has all blocks of the cache. */
static void cached_flush(struct fault_cache *cache, struct weft_io *io)
{
	fault_io_of(io)->loop = loop_current();
	pthread_mutex_lock(&cache->lock);
	list_add_tail(&cache->waiting, &fault_io_of(io)->node);
	pthread_mutex_unlock(&cache->lock);
	start_flushes(cache, io->reactor);
}

static bool is_off(struct fault_cache *cache, const struct weft_io *io)
{
	bool off;

	pthread_mutex_lock(&cache->lock);
	off = cache->off;
	cache->loop = loop_current();
	cache->reactor = io->reactor;
	pthread_mutex_unlock(&cache->lock);
	return off;
}

void fault_cache_submit(struct fault_cache *cache, struct weft_io *io)
{
	int r;

	if (is_off(cache, io)) {
		weft_io_done(io, -ENODEV);
		return;
	}
	switch (io->op) {
	case WEFT_OP_READ:
		cached_read(cache, io);
		return;
	case WEFT_OP_FLUSH:
		cached_flush(cache, io);
		return;
	case WEFT_OP_DISCARD:
		weft_io_done(io, 0);	/* does nothing: the range reads as before */
		return;
	case WEFT_OP_WRITE:
	case WEFT_OP_WRITE_ZEROES:
		break;
	}
	r = cached_write(cache, io);
	if (!r && io->flags & WEFT_IO_FUA)
		cached_flush(cache, io);
	else
		weft_io_done(io, r);
}

/* ---- power loss ---- */

static void cut_start(struct loop_message *message)
{
	struct fault_cache *cache = container_of(message, struct fault_cache, start);

	write_out_next(cache->cut);
}

/* With the lock held. */
static void count_kept(const struct fault_cache *cache, const struct write_out *out,
		       unsigned int *ret_dirty, unsigned int *ret_kept)
{
	unsigned int kept = 0;

	for (size_t i = 0; i < out->count; i++)
		kept += find_block(cache, out->picks[i].index)->newest == out->picks[i].version;
	*ret_dirty = (unsigned int)cache->block_count;
	*ret_kept = kept;
}

/* Prepares the power cut's write-out and posts it to a reactor. With the lock held. */
static int cut_post(struct fault_cache *cache, uint64_t *random, unsigned int *ret_dirty,
		    unsigned int *ret_kept)
{
	struct write_out *out = write_out_new(cache, random);

	if (!out)
		return -ENOMEM;
	count_kept(cache, out, ret_dirty, ret_kept);
	out->cut = true;
	out->io.reactor = cache->reactor;
	cache->cut = out;
	cache->busy = true;
	cache->start.run = cut_start;
	loop_post(cache->loop, &cache->start);
	return 0;
}

int fault_cache_cut(struct fault_cache *cache, uint64_t *random, unsigned int *ret_dirty,
		    unsigned int *ret_kept)
{
	int r = 0;

	pthread_mutex_lock(&cache->lock);
	if (cache->off)
		r = -EALREADY;
	cache->off = true;
	*ret_dirty = *ret_kept = 0;
	while (!r && cache->busy)
		pthread_cond_wait(&cache->changed, &cache->lock);
	if (!r && cache->block_count) {
		r = cut_post(cache, random, ret_dirty, ret_kept);
		while (!r && !cache->cut_done)
			pthread_cond_wait(&cache->changed, &cache->lock);
		r = r ? r : cache->cut_result;
	}
	pthread_mutex_unlock(&cache->lock);
	return r;
}
