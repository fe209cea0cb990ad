/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An example of a plugin: a disk in memory that is late, and fails now and
 * then, to see how hosts take it; weft is told when it does. Each I/O waits in a queue for its time to
 * come; a thread of the device's own completes it then.
 */
#include <weft/backend.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <syslog.h>
#include <time.h>

struct slow {
	char *data;			/* owned mapping of size bytes */
	uint64_t size;
	uint64_t delay;			/* nanoseconds */
	uint64_t fail_every;		/* 0: never */
	struct weft_owner *owner;	/* who is told that the device changed */

	pthread_t thread;
	pthread_mutex_t mutex;		/* guards all below */
	pthread_cond_t changed;
	struct weft_io *first, **last;	/* a queue, in the order of their times */
	uint64_t count, failed;		/* of I/Os so far */
	bool closing;
};

/* What an I/O needs while it waits; lives in its scratch. */
struct wait {
	struct weft_io *next;
	uint64_t due;			/* CLOCK_MONOTONIC, nanoseconds */
};

_Static_assert(sizeof(struct wait) <= WEFT_IO_SCRATCH, "fits an I/O's scratch");

static struct wait *wait_of(struct weft_io *io)
{
	return (struct wait *)(void *)io->scratch;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void copy(struct slow *slow, const struct weft_io *io)
{
	char *at = slow->data + io->offset;

	for (unsigned int i = 0; i < io->iov_count; at += io->iov[i++].iov_len)
		if (io->op == WEFT_OP_READ)
			memcpy(io->iov[i].iov_base, at, io->iov[i].iov_len);
		else
			memcpy(at, io->iov[i].iov_base, io->iov[i].iov_len);
}

/* It fails: refresh() says so, and is called at once. */
static int fail(struct slow *slow)
{
	pthread_mutex_lock(&slow->mutex);
	slow->failed++;
	pthread_mutex_unlock(&slow->mutex);
	weft_device_changed(slow->owner);
	return -EIO;
}

static int perform(struct slow *slow, const struct weft_io *io, uint64_t number)
{
	if (slow->fail_every && number % slow->fail_every == 0)
		return fail(slow);
	switch (io->op) {
	case WEFT_OP_READ:
	case WEFT_OP_WRITE:
		copy(slow, io);
		return 0;
	case WEFT_OP_WRITE_ZEROES:
	case WEFT_OP_DISCARD:
		memset(slow->data + io->offset, 0, io->length);
		return 0;
	case WEFT_OP_FLUSH:
		return 0;
	}
	return -EOPNOTSUPP;
}

/* The first I/O, unlinked, once its time has come; NULL where the device closes. */
static struct weft_io *next_due(struct slow *slow)
{
	struct weft_io *io;

	while (!slow->closing) {
		uint64_t due = slow->first ? wait_of(slow->first)->due : 0;
		struct timespec until = { (time_t)(due / 1000000000), (long)(due % 1000000000) };

		if (!slow->first) {
			pthread_cond_wait(&slow->changed, &slow->mutex);
		} else if (due > now()) {
			pthread_cond_timedwait(&slow->changed, &slow->mutex, &until);
		} else {
			io = slow->first;
			slow->first = wait_of(io)->next;
			if (!slow->first)
				slow->last = &slow->first;
			return io;
		}
	}
	return NULL;
}

static void *run(void *device)
{
	struct slow *slow = device;
	struct weft_io *io;
	uint64_t number;

	pthread_mutex_lock(&slow->mutex);
	while ((io = next_due(slow))) {
		number = ++slow->count;
		pthread_mutex_unlock(&slow->mutex);
		weft_io_done_from_thread(io, perform(slow, io, number));
		pthread_mutex_lock(&slow->mutex);
	}
	pthread_mutex_unlock(&slow->mutex);
	return NULL;
}

static void slow_submit(void *device, struct weft_io *io)
{
	struct slow *slow = device;

	*wait_of(io) = (struct wait){ .due = now() + slow->delay };
	pthread_mutex_lock(&slow->mutex);
	*slow->last = io;
	slow->last = &wait_of(io)->next;
	pthread_cond_signal(&slow->changed);
	pthread_mutex_unlock(&slow->mutex);
}

static int start(struct slow *slow)
{
	pthread_condattr_t monotonic;

	slow->last = &slow->first;
	pthread_mutex_init(&slow->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&slow->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return pthread_create(&slow->thread, NULL, run, slow);
}

static int slow_open(void **ret_device, const struct weft_params *params,
		     struct weft_info *ret_info, struct weft_error *error)
{
	uint64_t size = weft_param_number(params, "size", 0);
	struct slow *slow;
	int r;

	if (size < 4096)
		return weft_error_set(error, EINVAL, "slow: the size must be 4096 or more");
	slow = calloc(1, sizeof(*slow));
	if (!slow)
		return weft_error_set(error, ENOMEM, "out of memory");
	slow->size = size;
	slow->delay = weft_param_number(params, "delay", 100) * 1000000;
	slow->fail_every = weft_param_number(params, "fail_every", 0);
	slow->owner = weft_params_owner(params);
	slow->data = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	r = slow->data == MAP_FAILED ? errno : start(slow);
	if (r) {
		if (slow->data != MAP_FAILED)
			munmap(slow->data, size);
		free(slow);
		return weft_error_set(error, r, "slow: %s", strerror(r));
	}
	weft_log(LOG_INFO, "slow: each I/O takes %llu ms",
		 (unsigned long long)(slow->delay / 1000000));
	*ret_device = slow;
	*ret_info = (struct weft_info){
		.size = size,
		.block_size = 512,
		.physical_block_size = 4096,
		.discard_granularity = 4096,
	};
	return 0;
}

static int slow_refresh(void *device, struct weft_info *info)
{
	struct slow *slow = device;
	uint64_t failed;

	pthread_mutex_lock(&slow->mutex);
	failed = slow->failed;
	pthread_mutex_unlock(&slow->mutex);
	if (failed)
		snprintf(info->trouble, sizeof(info->trouble),
			 "slow: %llu commands have failed, as the option fail_every asks",
			 (unsigned long long)failed);
	return 0;
}

static void slow_close(void *device)
{
	struct slow *slow = device;

	pthread_mutex_lock(&slow->mutex);
	slow->closing = true;
	pthread_cond_signal(&slow->changed);
	pthread_mutex_unlock(&slow->mutex);
	pthread_join(slow->thread, NULL);
	pthread_cond_destroy(&slow->changed);
	pthread_mutex_destroy(&slow->mutex);
	munmap(slow->data, slow->size);
	free(slow);
}

static const struct weft_option slow_options[] = {
	{ .name = "size", .type = WEFT_OPTION_SIZE, .required = true, .help = "size of the disk" },
	{ .name = "delay", .type = WEFT_OPTION_NUMBER, .fallback = "100",
	  .help = "how long each I/O takes, milliseconds" },
	{ .name = "fail_every", .type = WEFT_OPTION_NUMBER, .fallback = "0, never",
	  .help = "let every N-th I/O fail" },
	{ 0 },
};

static const struct weft_backend slow_backend = {
	.size = sizeof(struct weft_backend),
	.name = "slow",
	.summary = "a disk in memory that is late and fails, for tests",
	.flags = WEFT_BACKEND_UNALIGNED,
	.options = slow_options,
	.open = slow_open,
	.close = slow_close,
	.submit = slow_submit,
	.refresh = slow_refresh,
};

/* The one symbol that weftd looks for. */
const struct weft_backend *weft_plugin(void);

const struct weft_backend *weft_plugin(void)
{
	return &slow_backend;
}
