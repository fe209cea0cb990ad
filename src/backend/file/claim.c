/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Claims keep other processes from a file or block device that weftd uses. A claim
 * belongs to the process, not to one device: while a namespace changes its options,
 * the old and the new device are both open. Regular files are locked by open file
 * description locks of fcntl(2); block devices that are written to are opened with
 * O_EXCL. Taking a claim may hang, and then delays only claims on the same file.
 */
#include "backend/file/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/list.h"

/* A weftd that was killed holds its files until its last I/O has ended. */
#define BUSY_TRIES 10
#define BUSY_WAIT_NS 50000000L

struct claim {
	struct list node;
	dev_t dev;		/* the block device, or the file system of the file */
	ino_t ino;		/* 0: a block device */
	unsigned int users;	/* devices that have it or are about to take it */
	pthread_mutex_t lock;	/* guards all below */
	bool write;		/* excludes other readers as well */
	int fd;			/* owned; used for the lock alone; -1: not locked yet */
};

static pthread_mutex_t claims_lock = PTHREAD_MUTEX_INITIALIZER; /* guards the list, and users */
static struct list claims = { &claims, &claims };

/* With the lock held. */
static struct claim *find(dev_t dev, ino_t ino)
{
	list_for_each(node, &claims) {
		struct claim *claim = list_entry(node, struct claim, node);

		if (claim->dev == dev && claim->ino == ino)
			return claim;
	}
	return NULL;
}

/* Finds or makes the claim on a file, and adds a user. NULL: out of memory. */
static struct claim *get(dev_t dev, ino_t ino)
{
	struct claim *claim;

	pthread_mutex_lock(&claims_lock);
	claim = find(dev, ino);
	if (!claim)
		claim = calloc(1, sizeof(*claim));
	if (claim && !claim->users++) {
		*claim = (struct claim){ .dev = dev, .ino = ino, .users = 1, .fd = -1 };
		pthread_mutex_init(&claim->lock, NULL);
		list_add_tail(&claims, &claim->node);
	}
	pthread_mutex_unlock(&claims_lock);
	return claim;
}

static int lock(int fd, short type)
{
	struct flock whole = { .l_type = type, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

/* Locks the file. The descriptor with the lock, or -errno; -EBUSY: another process has it. */
static int try_hold(const char *path, bool is_block, bool write)
{
	int flags = is_block ? O_RDONLY | O_EXCL : write ? O_RDWR : O_RDONLY;
	_cleanup_close_ int fd = open(path, flags | O_CLOEXEC | O_NOCTTY);
	int r;

	if (fd < 0)
		return -errno;
	if (!is_block) {
		r = lock(fd, write ? F_WRLCK : F_RDLCK);
		if (r < 0)
			return r;
	}
	return TAKE_FD(fd);
}

static int hold(const char *path, bool is_block, bool write)
{
	static const struct timespec wait = { .tv_nsec = BUSY_WAIT_NS };
	int fd;

	for (int tries = 0;; tries++) {
		fd = try_hold(path, is_block, write);
		if (fd != -EBUSY || tries == BUSY_TRIES)
			return fd;
		nanosleep(&wait, NULL);
	}
}

/* Changes the lock of a regular file from reading to writing. */
static int upgrade(struct claim *claim, const char *path)
{
	int fd;

	lock(claim->fd, F_UNLCK); /* the read lock would conflict with the write lock */
	fd = hold(path, false, true);
	if (fd < 0) {
		lock(claim->fd, F_RDLCK);
		return fd;
	}
	close(claim->fd);
	claim->fd = fd;
	claim->write = true;
	return 0;
}

/* Locks for a claim, unless another device of weftd has done so. With the claim's lock held. */
static int take(struct claim *claim, const char *path, bool is_block, bool write)
{
	int fd;

	if (claim->fd >= 0)
		return write && !claim->write ? upgrade(claim, path) : 0;
	fd = hold(path, is_block, write);
	if (fd < 0)
		return fd;
	claim->fd = fd;
	claim->write = write;
	return 0;
}

int claim_take(struct claim **ret_claim, const char *path, const struct stat *st, bool write)
{
	bool is_block = S_ISBLK(st->st_mode);
	struct claim *claim = get(is_block ? st->st_rdev : st->st_dev, is_block ? 0 : st->st_ino);
	int r;

	if (!claim)
		return -ENOMEM;
	pthread_mutex_lock(&claim->lock);
	r = take(claim, path, is_block, write);
	pthread_mutex_unlock(&claim->lock);
	if (r < 0)
		claim_drop(claim);
	else
		*ret_claim = claim;
	return r;
}

void claim_drop(struct claim *claim)
{
	bool last;

	if (!claim)
		return;
	pthread_mutex_lock(&claims_lock);
	last = !--claim->users;
	if (last)
		list_del(&claim->node);
	pthread_mutex_unlock(&claims_lock);
	if (!last)
		return;
	if (claim->fd >= 0)
		close(claim->fd);
	pthread_mutex_destroy(&claim->lock);
	free(claim);
}
