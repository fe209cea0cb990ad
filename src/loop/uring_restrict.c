/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * io_uring: restricts a ring to the operations of this engine. Operations of a ring are not
 * seen by the filter of system calls. An attacker inside this process must not be able to open
 * files, connect or send device commands through the ring.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loop/uring.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t operations[] = {
	IORING_OP_ACCEPT, IORING_OP_ASYNC_CANCEL, IORING_OP_FALLOCATE, IORING_OP_FSYNC,
	IORING_OP_POLL_ADD, IORING_OP_READ, IORING_OP_READ_FIXED, IORING_OP_READV, IORING_OP_RECV,
	IORING_OP_SEND, IORING_OP_SENDMSG, IORING_OP_WRITE, IORING_OP_WRITE_FIXED, IORING_OP_WRITEV,
};

/*
 * Allowed registrations: liburing's use of the ring's own descriptor, the number of threads
 * (uring_file.c), and I/O buffers (uring_fixed.c). Others are made before the ring starts.
 */
static const uint8_t registrations[] = {
	IORING_REGISTER_RING_FDS, IORING_UNREGISTER_RING_FDS, IORING_REGISTER_IOWQ_MAX_WORKERS,
	IORING_REGISTER_BUFFERS_UPDATE,
};

/* liburing has functions for these two, but not all of its versions export them. */
static int register_with(struct io_uring *ring, unsigned int what, void *list, unsigned int count)
{
	long r = syscall(__NR_io_uring_register, ring->ring_fd, what, list, count);

	return r < 0 ? -errno : 0;
}

static int restrict_ring(struct io_uring *ring)
{
	struct io_uring_restriction list[COUNT(operations) + COUNT(registrations) + 1] = { 0 };
	unsigned int n = 0;

	for (size_t i = 0; i < COUNT(operations); i++, n++) {
		list[n].opcode = IORING_RESTRICTION_SQE_OP;
		list[n].sqe_op = operations[i];
	}
	for (size_t i = 0; i < COUNT(registrations); i++, n++) {
		list[n].opcode = IORING_RESTRICTION_REGISTER_OP;
		list[n].register_op = registrations[i];
	}
	list[n].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
	list[n++].sqe_flags = IOSQE_BUFFER_SELECT;
	return register_with(ring, IORING_REGISTER_RESTRICTIONS, list, n);
}

int uring_enable(struct uring *u, struct weft_error *error)
{
	int r = restrict_ring(&u->ring);

	if (r == 0)
		r = register_with(&u->ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	if (r < 0)
		return weft_error_set(error, -r, "io_uring: restricting a ring to what it is "
				      "for: %s", strerror(-r));
	return 0;
}
