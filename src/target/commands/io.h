/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the commands of an I/O queue share, whatever their command set: the namespace, its blocks,
 * and the way to its backend and back. Each ends in the done() of its row, or fails here.
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
 * What the row's flags ask for: sets view_ns, and data_length where it transfers blocks. Then the
 * row's own parse().
 */
struct nvme_status io_parse(struct request *req);
/* For io_check_again(). */
bool io_recheck(struct request *req);
/* Are these blocks in the namespace? location: of the field that names them, in the SQE. */
struct nvme_status io_check_range(struct request *req, uint64_t slba, uint64_t blocks,
				  size_t location);

/*
 * Time may have passed since parse (data came, a buffer was waited for), and the view may be
 * another: checks the same again then. false: the command failed.
 */
static inline bool io_check_again(struct request *req)
{
	return req->view_ns || io_recheck(req);
}

/* Hands it to the backend of req->view_ns, which has just been checked. Bytes; flags: WEFT_IO_*. */
void io_submit(struct request *req, enum weft_op op, uint32_t flags, uint64_t offset,
	       uint64_t length);
/* The same for the command's range of blocks. */
void io_submit_range(struct request *req, enum weft_op op, uint32_t flags);
/* What its namespace counts on this reactor; while it is pinned. */
struct namespace_counters *io_counters(struct request *req);

/*
 * Answers a flush, or a durable write, that failed or that is refused because one has
 * failed, once that will survive a restart. It holds a pin of its namespace, whose
 * flush_error is set, and no backend has it. (flush_failure.c)
 */
void flush_fail(struct request *req, struct nvme_status status);

/* ---- memory that the backend lends, in place of an I/O buffer ---- */

/* For a Read: points req->iov to it and pins the namespace. false: there is none. */
bool io_lend_read(struct request *req);
/* For large data from the host; a row's lend() and lent_ended(). */
bool io_lend_write(struct request *req);
void io_lent_ended(struct request *req);
/* A row's view_changed(): revokes what the new view no longer lets the command write. */
void io_check_lent(struct request *req);

#endif
