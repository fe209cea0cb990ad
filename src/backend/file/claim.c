/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Claims: a file or device in use is weftd's alone. A claim belongs to the
 * process, not to one device: while a namespace changes its options, the old
 * and the new device are both open. Regular files are locked by open file
 * description locks of fcntl(2); block devices that are written to are opened
 * exclusively. Taking one may hang, and then holds up those of the same file only.
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

/* A weftd that was killed may hold its files for a moment: as long as its last I/O takes. */
#define BUSY_TRIES 10
#define BUSY_WAIT_NS 50000000L

struct claim {
	struct list node;
	dev_t dev;		/* the block device, or what holds the file */
	ino_t ino;		/* 0: a block device */
	unsigned int users;	/* with those that are about to take it */
	pthread_mutex_t lock;	/* guards all below */
	bool write;		/* keeps readers out as well */
	int fd;			/* owned; holds the lock, used for nothing else; -1: not yet */
};

static pthread_mutex_t claims_lock = PTHREAD_MUTEX_INITIALIZER; /* of the list, and of users */
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

/* The claim on that file, with one user more; NULL where memory ran out. */
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

/* A descriptor that holds the lock, or -errno; -EBUSY where another process has it. */
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

/* Readers of a regular file are joined by a writer. */
static int upgrade(struct claim *claim, const char *path)
{
	int fd;

	lock(claim->fd, F_UNLCK); /* it would be in the way of our own */
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

/* Of a claim that others may hold already, or be about to. With its lock held. */
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
