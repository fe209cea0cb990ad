/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared by the I/O commands of all command sets: finding the namespace, checking its blocks,
 * and the backend's I/O. A command ends in the done() of its row, or fails here.
 */
#ifndef WEFT_TARGET_COMMANDS_IO_H
#define WEFT_TARGET_COMMANDS_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/backend.h>

#include "spec/nvme.h"
#include "target/queue/request.h"

struct namespace_counters;

/*
 * Makes the checks of the row's flags, sets view_ns, and data_length if blocks are transferred.
 * Then calls the row's parse().
 */
struct nvme_status io_parse(struct request *req);
/* For io_check_again(). */
bool io_recheck(struct request *req);
/* Checks that the blocks are in the namespace. location: offset of the field in the SQE. */
struct nvme_status io_check_range(struct request *req, uint64_t slba, uint64_t blocks,
				  size_t location);

/*
 * Repeats the checks of io_parse() if the command had to wait since, for data or a buffer, because
 * the view may have changed. false: the command failed.
 */
static inline bool io_check_again(struct request *req)
{
	return req->view_ns || io_recheck(req);
}

/* Submits an I/O to the backend of req->view_ns. In bytes; flags: enum weft_io_flags. */
void io_submit(struct request *req, enum weft_op op, uint32_t flags, uint64_t offset,
	       uint64_t length);
/* The same for the command's range of blocks. */
void io_submit_range(struct request *req, enum weft_op op, uint32_t flags);
/* The counters of its namespace on this reactor; valid while the namespace is pinned. */
struct namespace_counters *io_counters(struct request *req);

/*
 * Answers a flush or durable write that failed, or is refused because an earlier one failed,
 * once the failure is stored and survives a restart. The request pins its namespace, whose
 * flush_error is set, and no backend holds the request. (flush_failure.c)
 */
void flush_fail(struct request *req, struct nvme_status status);

/* ---- memory lent by the backend, in place of an I/O buffer ---- */

/* For a Read: points req->iov to lent memory and pins the namespace. false: none is lent. */
bool io_lend_read(struct request *req);
/* For large data from the host: lend() and lent_ended() of rows. */
bool io_lend_write(struct request *req);
void io_lent_ended(struct request *req);
/* view_changed() of rows: revokes lent memory that the new view no longer lets the host write. */
void io_check_lent(struct request *req);

#endif
