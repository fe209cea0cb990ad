/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads or writes a range of a namespace in order, with several commands under way at a time. */
#ifndef WEFT_HOST_STREAM_H
#define WEFT_HOST_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "host/host.h"

struct stream_options {
	uint64_t	offset;		/* bytes, a multiple of the block size */
	uint64_t	length;		/* bytes; of a write, the most that it will take */
	uint32_t	io_size;	/* bytes of one command; 0: 256 KiB, or MDTS */
	uint16_t	depth;		/* commands under way */
	bool		fua;		/* writes: each is durable before it is done */
};

/* Takes `size` bytes that were read, in order. 0 or -errno with *error filled. */
typedef int stream_sink_fn(void *user, const void *bytes, size_t size, struct weft_error *error);
/*
 * Gives up to `size` bytes to write: *ret_size is less at the end of the input alone. 0; -EAGAIN
 * where nothing came for a while; or -errno with *error filled.
 */
typedef int stream_source_fn(void *user, void *bytes, size_t size, size_t *ret_size,
			     struct weft_error *error);

/*
 * They open I/O queue 1 and close it. A range that does not fit the namespace or its blocks, and
 * the first command that fails, are errors that say where. A write flushes at the end, unless
 * each was durable; *ret_written tells how many bytes it wrote.
 */
int stream_read(struct host_ctrl *ctrl, const struct host_ns *ns, const struct stream_options *opts,
		stream_sink_fn *sink, void *user, struct weft_error *error);
int stream_write(struct host_ctrl *ctrl, const struct host_ns *ns,
		 const struct stream_options *opts, stream_source_fn *source, void *user,
		 uint64_t *ret_written, struct weft_error *error);

#endif
