/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads return zeroes and writes are dropped: for measurements, and as the shortest example. */
#include "backend/backend.h"

#include <errno.h>
#include <string.h>

static char zeroes[1 << 20]; /* lent to readers, never written */

static const struct weft_option null_options[] = {
	{ .name = "size", .type = WEFT_OPTION_SIZE, .required = true,
	  .help = "how large it seems" },
	{ 0 },
};

static int null_open(void **ret_device, const struct weft_params *params,
		     struct weft_info *ret_info, struct weft_error *error)
{
	uint64_t size = weft_param_number(params, "size", 0);

	if (size < 512)
		return weft_error_set(error, EINVAL, "null: size is %llu; it must be 512 or more",
				      (unsigned long long)size);
	*ret_device = NULL;
	*ret_info = (struct weft_info){
		.size = size,
		.block_size = 512,
		.physical_block_size = 4096,
		.discard_granularity = 512,
	};
	return 0;
}

static void null_close(void *device)
{
}

static void null_submit(void *device, struct weft_io *io)
{
	if (io->op == WEFT_OP_READ)
		for (unsigned int i = 0; i < io->iov_count; i++)
			memset(io->iov[i].iov_base, 0, io->iov[i].iov_len);
	weft_io_done(io, 0);
}

static unsigned int null_lend(void *device, uint64_t offset, uint64_t length, struct iovec *iov,
			      unsigned int count)
{
	if (length > sizeof(zeroes))
		return 0;
	iov[0] = (struct iovec){ zeroes, length };
	return 1;
}

const struct weft_backend null_backend = {
	.size = sizeof(struct weft_backend),
	.name = "null",
	.summary = "reads as zeroes and forgets what is written",
	.flags = WEFT_BACKEND_SYNC | WEFT_BACKEND_UNALIGNED,
	.options = null_options,
	.open = null_open,
	.close = null_close,
	.submit = null_submit,
	.lend = null_lend,
};
