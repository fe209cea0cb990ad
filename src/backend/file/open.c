/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds, opens, locks, creates and closes a file or a block device. */
#include "backend/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "backend/backend.h"
#include "backend/file/claim.h"
#include "loop/loop.h"
#include "util/str.h"

static const struct weft_option file_options[] = {
	{ .name = "path", .type = WEFT_OPTION_PATH, .required = true,
	  .help = "the file or block device" },
	{ .name = "size", .type = WEFT_OPTION_SIZE, .fallback = "all of it",
	  .help = "how much of it to use; a file that is missing or smaller is made this large" },
	{ .name = "block_size", .type = WEFT_OPTION_NUMBER, .fallback = "512, or the device's",
	  .help = "unit of I/O of a regular file: 512 or 4096 bytes" },
	{ .name = "direct", .type = WEFT_OPTION_BOOL, .fallback = "true",
	  .help = "go around the page cache where the file system can" },
	{ .name = "read_only", .type = WEFT_OPTION_BOOL, .fallback = "false",
	  .help = "refuse writes, and open it for reading only" },
	{ .name = "lock", .type = WEFT_OPTION_BOOL, .fallback = "true",
	  .help = "refuse a file or device that something else has in use" },
	{ 0 },
};

static int refuse(struct weft_error *error, int code, const char *path, const char *advice)
{
	return weft_error_set(error, code, "%s: %s%s%s", path, strerror(code), *advice ? "; " : "",
			      advice);
}

/* True if a missing file may be created; not in /dev, where a missing device is unplugged. */
static bool may_create(const struct weft_params *params, const char *path)
{
	return weft_param_number(params, "size", 0) &&
	       !weft_param_bool(params, "read_only", false) &&
	       (strncmp(path, "/dev/", 5) || !strncmp(path, "/dev/shm/", 9));
}

static int check_type(const char *path, mode_t mode, struct weft_error *error)
{
	if (S_ISREG(mode) || S_ISBLK(mode))
		return 0;
	return weft_error_set(error, EINVAL,
			      "%s is a %s; it must be a regular file or a block device", path,
			      S_ISDIR(mode) ? "folder" :
			      S_ISCHR(mode) ? "character device" :
					      "pipe or socket");
}

/* Opens the path's file or block device, or creates a file, and gets its stat. */
static int open_path(struct file_device *device, const struct weft_params *params,
		     struct stat *ret_st, struct weft_error *error)
{
	int flags = O_CLOEXEC | O_NOCTTY | (device->read_only ? O_RDONLY : O_RDWR);
	struct stat st = { .st_mode = S_IFREG };
	int r;

	if (stat(device->path, &st) < 0) {
		r = errno;
		if (r != ENOENT || !may_create(params, device->path))
			return file_refuse_open(device, r, error);
		flags |= O_CREAT;
	}
	r = check_type(device->path, st.st_mode, error);
	if (r < 0)
		return r;
	device->fd = open(device->path, flags, 0600);
	if (device->fd < 0 || fstat(device->fd, ret_st) < 0)
		return file_refuse_open(device, errno, error);
	device->is_block = S_ISBLK(ret_st->st_mode);
	device->blocks = !device->is_block && loop_file_blocks(device->fd);
	file_remember_path(device, ret_st);
	return 0;
}

/* Takes the claim; none for a block device that is only read, which may be mounted. */
static int take_claim(struct file_device *device, const struct weft_params *params,
		      const struct stat *st, struct weft_error *error)
{
	int r;

	if (!weft_param_bool(params, "lock", true) || (device->is_block && device->read_only))
		return 0;
	r = claim_take(&device->claim, device->path, st, !device->read_only);
	if (r == 0)
		return 0;
	return refuse(error, -r, device->path,
		      r != -EBUSY      ? "it cannot be locked: set lock to false to do without" :
		      device->is_block ? "unmount it or end what uses it, or export it read-only" :
					 "another program has locked it: end that, or set lock to "
					 "false");
}

/* Refuses zoned disks: NVM command set hosts write anywhere, so most writes would fail. */
static int refuse_zones(const struct file_device *device, const struct stat *st,
			struct weft_error *error)
{
	if (!device->is_block || device->read_only || !file_is_zoned(st))
		return 0;
	return weft_error_set(error, EINVAL,
			      "%s is a zoned disk: each zone must be written in order, but hosts "
			      "write anywhere; export it read-only, or a file on it, or what "
			      "dm-zoned makes of it",
			      device->path);
}

/* Gets a block device's block size; a regular file has the option's, which direct I/O may need. */
static int choose_block_size(struct file_device *device, const struct weft_params *params,
			     struct weft_error *error)
{
	uint64_t size = weft_param_number(params, "block_size", 512);
	int r = 0;

	if (size != 512 && size != 4096)
		return weft_error_set(error, EINVAL,
				      "%s: block_size is %llu; it must be 512 or 4096",
				      device->path, (unsigned long long)size);
	device->block_size = (uint32_t)size;
	if (device->is_block)
		r = file_block_size(device, &device->block_size);
	return r < 0 ? refuse(error, -r, device->path, "") : 0;
}

/* Makes a regular file as large as the option "size", and refuses one smaller than a block. */
static int settle_size(struct file_device *device, struct weft_error *error)
{
	char wanted[32], actual[32];
	uint64_t size;
	int r;

	r = file_size(device, &size);
	if (r < 0)
		return refuse(error, -r, device->path, "");
	if (device->limit != UINT64_MAX && size < device->limit) {
		size_format(device->limit, wanted, sizeof(wanted));
		size_format(size, actual, sizeof(actual));
		if (device->is_block || device->read_only)
			return weft_error_set(error, EINVAL,
					      "%s has %s, less than its option size, %s",
					      device->path, actual, wanted);
		if (ftruncate(device->fd, (off_t)device->limit) < 0) {
			r = errno;
			return weft_error_set(error, r, "%s: cannot make it %s large: %s",
					      device->path, wanted, strerror(r));
		}
		size = device->limit;
	}
	if (size < device->block_size)
		return weft_error_set(error, EINVAL,
				      "%s has %llu bytes, less than a block; the option size "
				      "makes it larger",
				      device->path, (unsigned long long)size);
	return 0;
}

/* Makes a block device read-only that the kernel reports as write-protected. */
static void heed_write_protection(struct file_device *device)
{
	int protected = 0;

	if (!device->is_block || device->read_only)
		return;
	if (ioctl(device->fd, BLKROGET, &protected) < 0 || !protected)
		return;
	weft_log(LOG_NOTICE, "%s is write-protected: hosts can only read it", device->path);
	device->read_only = true;
}

static void choose_direct(struct file_device *device, const struct weft_params *params)
{
	if (!weft_param_bool(params, "direct", true))
		return;
	device->direct = file_try_direct(device->fd, device->block_size);
	if (!device->direct)
		weft_log(LOG_WARNING,
			 "%s: its file system has no direct I/O in units of %u bytes; "
			 "the page cache is used instead",
			 device->path, device->block_size);
}

static void file_close(void *object)
{
	struct file_device *device = object;

	claim_drop(device->claim);
	if (device->fd >= 0)
		close(device->fd);
	free(device->path);
	free(device);
}

static int set_up(struct file_device *device, const struct weft_params *params,
		  struct weft_info *ret_info, struct weft_error *error)
{
	struct stat st;
	int r;

	r = open_path(device, params, &st, error);
	if (r < 0)
		return r;
	r = take_claim(device, params, &st, error);
	if (r < 0)
		return r;
	heed_write_protection(device);
	r = refuse_zones(device, &st, error);
	if (r < 0)
		return r;
	r = choose_block_size(device, params, error);
	if (r < 0)
		return r;
	r = settle_size(device, error);
	if (r < 0)
		return r;
	choose_direct(device, params);
	r = file_info(device, ret_info);
	return r < 0 ? refuse(error, -r, device->path, "") : 0;
}

static int file_open(void **ret_device, const struct weft_params *params,
		     struct weft_info *ret_info, struct weft_error *error)
{
	struct file_device *device = calloc(1, sizeof(*device));
	int r;

	if (!device)
		return weft_error_set(error, ENOMEM, "out of memory");
	device->fd = -1;
	device->read_only = weft_param_bool(params, "read_only", false);
	device->limit = weft_param_number(params, "size", UINT64_MAX);
	device->path = strdup(weft_param_string(params, "path"));
	r = device->path ? set_up(device, params, ret_info, error) :
			   weft_error_set(error, ENOMEM, "out of memory");
	if (r < 0) {
		file_close(device);
		return r;
	}
	*ret_device = device;
	return 0;
}

static int file_refresh(void *object, struct weft_info *info)
{
	int r = file_size(object, &info->size);

	if (!r)
		file_check_path(object, info->trouble);
	return r;
}

const struct weft_backend file_backend = {
	.size = sizeof(struct weft_backend),
	.name = "file",
	.summary = "a regular file or a block device",
	.options = file_options,
	.open = file_open,
	.close = file_close,
	.submit = file_submit,
	.refresh = file_refresh,
};
