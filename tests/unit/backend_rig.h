/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a backend's I/O for a test: one at a time, on a real event loop. */
#ifndef WEFT_TESTS_UNIT_BACKEND_RIG_H
#define WEFT_TESTS_UNIT_BACKEND_RIG_H

#include <weft/backend.h>

#include "loop/loop.h"

struct rig {
	struct loop *loop;			/* owned */
	const struct weft_backend *backend;
	void *device;				/* owned, while open */
	struct weft_info info;
};

/* Opens a device with options given as "name=value" ..., NULL. 0 or -errno, as open()'s. */
int rig_open(struct rig *rig, struct weft_error *error, const char *backend, ...)
	__attribute__((sentinel));
void rig_close(struct rig *rig);
/* One I/O from or into a flat buffer (NULL where the operation has no data). The I/O's result. */
int rig_io(struct rig *rig, enum weft_op op, uint32_t flags, uint64_t offset, void *buffer,
	   uint64_t length);
/* The same with a vector. */
int rig_iov(struct rig *rig, enum weft_op op, uint64_t offset, const struct iovec *iov,
	    unsigned int iov_count);

#endif
