/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads or writes a range of a namespace in order, with several commands under way at a time. */
#ifndef WEFT_HOST_STREAM_H
#define WEFT_HOST_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "host/host.h"

struct stream_options {
	uint64_t	offset;		/* bytes, a multiple of the block size */
	uint64_t	length;		/* bytes; of a write: the most bytes of input */
	uint32_t	io_size;	/* bytes of one command; 0: 256 KiB, or MDTS if less */
	uint16_t	depth;		/* commands under way at a time */
	bool		fua;		/* writes: each is durable when it completes */
};

/* Receives the next `size` bytes that were read. 0 or -errno with *error filled. */
typedef int stream_sink_fn(void *user, const void *bytes, size_t size, struct weft_error *error);
/*
 * Gets up to `size` bytes to write: *ret_size is less only at the end of the input. 0; -EAGAIN: no
 * input has come for a while; or -errno with *error filled.
 */
typedef int stream_source_fn(void *user, void *bytes, size_t size, size_t *ret_size,
			     struct weft_error *error);

/*
 * Both functions open I/O queue 1 and close it. They fail if the range does not fit the namespace
 * or its blocks, or when a command fails; the error has the offset. stream_write() ends with a
 * Flush, unless FUA made each write durable; *ret_written is the number of bytes written.
 */
int stream_read(struct host_ctrl *ctrl, const struct host_ns *ns, const struct stream_options *opts,
		stream_sink_fn *sink, void *user, struct weft_error *error);
int stream_write(struct host_ctrl *ctrl, const struct host_ns *ns,
		 const struct stream_options *opts, stream_source_fn *source, void *user,
		 uint64_t *ret_written, struct weft_error *error);

#endif
