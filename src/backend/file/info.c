/* SPDX-License-Identifier: BSD-3-Clause */
/* The properties of a file or a block device: sizes, alignments, caches. */
#include "backend/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "util/cleanup.h"

#define PAGE 4096
#define PHYSICAL_MAX 65536 /* file systems may report more, which hosts do not need */

int file_size(const struct file_device *device, uint64_t *ret_size)
{
	struct stat st;
	uint64_t size;

	if (device->is_block) {
		if (ioctl(device->fd, BLKGETSIZE64, &size) < 0)
			return -errno;
		if (!size) /* unplugged, or a loop device without a file */
			return -ENXIO;
	} else {
		if (fstat(device->fd, &st) < 0)
			return -errno;
		size = (uint64_t)st.st_size;
	}
	*ret_size = size < device->limit ? size : device->limit;
	return 0;
}

int file_block_size(const struct file_device *device, uint32_t *ret_block_size)
{
	int size;

	if (ioctl(device->fd, BLKSSZGET, &size) < 0)
		return -errno;
	*ret_block_size = (uint32_t)size;
	return 0;
}

/* Gets statx(2)'s alignment of direct I/O; false: the kernel or file system doesn't report it. */
static bool known_alignment(int fd, uint32_t *ret_alignment)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) < 0 ||
	    !(stx.stx_mask & STATX_DIOALIGN))
		return false;
	*ret_alignment = stx.stx_dio_mem_align <= PAGE ? stx.stx_dio_offset_align : 0;
	return true;
}

bool file_try_direct(int fd, uint32_t block_size)
{
	_cleanup_free_ void *block = NULL;
	int flags = fcntl(fd, F_GETFL);
	uint32_t alignment;
	bool can;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_DIRECT) < 0)
		return false;
	if (known_alignment(fd, &alignment))
		can = alignment && alignment <= block_size;
	else
		can = !posix_memalign(&block, PAGE, block_size) &&
		      pread(fd, block, block_size, 0) >= 0;
	if (!can)
		fcntl(fd, F_SETFL, flags & ~O_DIRECT);
	return can;
}

/* Reads a queue attribute of the block device dev; if dev is a partition, of its disk. */
static bool queue_attribute(dev_t dev, const char *name, char *value, int value_size)
{
	static const char *const disk_of[] = { "", "../" };
	char path[128];
	FILE *file = NULL;
	bool found;

	for (size_t i = 0; i < 2 && !file; i++) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%squeue/%s", major(dev),
			 minor(dev), disk_of[i], name);
		file = fopen(path, "re");
	}
	if (!file)
		return false;
	found = fgets(value, value_size, file) != NULL;
	fclose(file);
	return found;
}

static uint64_t queue_number(dev_t dev, const char *name)
{
	char value[32];

	return queue_attribute(dev, name, value, sizeof(value)) ? strtoull(value, NULL, 10) : 0;
}

/* True also if the disk doesn't report it: flushes that are not needed do no harm. */
static bool has_write_cache(dev_t dev)
{
	char value[32];

	return !queue_attribute(dev, "write_cache", value, sizeof(value)) ||
	       strncmp(value, "write through", 13) != 0;
}

bool file_is_zoned(const struct stat *st)
{
	char value[32];

	return queue_attribute(st->st_rdev, "zoned", value, sizeof(value)) &&
	       strncmp(value, "host-managed", 12) == 0;
}

static int block_info(const struct file_device *device, dev_t dev, struct weft_info *info)
{
	unsigned int physical;

	if (ioctl(device->fd, BLKPBSZGET, &physical) < 0)
		return -errno;
	info->physical_block_size = physical;
	if (queue_number(dev, "discard_max_bytes"))
		info->discard_granularity = (uint32_t)queue_number(dev, "discard_granularity");
	info->volatile_cache = !device->direct || has_write_cache(dev);
	return 0;
}

/* True if the file system can punch holes. Tries it beyond the end, where there is no data. */
static bool can_punch(const struct file_device *device, const struct stat *st)
{
	return fallocate(device->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (st->st_size + PAGE - 1) / PAGE * PAGE, PAGE) == 0;
}

static void regular_info(const struct file_device *device, const struct stat *st,
			 struct weft_info *info)
{
	uint32_t unit = (uint32_t)st->st_blksize;

	if (unit < 512 || unit > PHYSICAL_MAX || (unit & (unit - 1)))
		unit = PAGE;
	info->physical_block_size = unit;
	if (!device->read_only && can_punch(device, st))
		info->discard_granularity = unit;
	info->volatile_cache = true;
}

int file_info(const struct file_device *device, struct weft_info *ret_info)
{
	struct weft_info info = {
		.block_size = device->block_size,
		.read_only = device->read_only,
	};
	struct stat st;
	dev_t disk;
	int r;

	if (fstat(device->fd, &st) < 0)
		return -errno;
	r = file_size(device, &info.size);
	if (r < 0)
		return r;
	disk = device->is_block ? st.st_rdev : st.st_dev;
	if (device->is_block) {
		r = block_info(device, disk, &info);
		if (r < 0)
			return r;
	} else {
		regular_info(device, &st, &info);
	}
	info.rotational = queue_number(disk, "rotational") != 0;
	*ret_info = info;
	return 0;
}
