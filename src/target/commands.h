/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command sets. Each parse function looks at req->sqe, sets req->execute
 * and req->data_length (what the command transfers by its own fields), and
 * returns a status; on failure it has set req->error_location. execute ends in
 * request_complete(), once.
 */
#ifndef WEFT_TARGET_COMMANDS_H
#define WEFT_TARGET_COMMANDS_H

#include "spec/nvme.h"
#include "target/view.h"

struct controller;
struct queue;
struct request;

struct nvme_status fabrics_parse(struct request *req);		/* fabrics.c */
struct nvme_status connect_parse(struct request *req);		/* connect.c */
/* admin.c: of an I/O and of a discovery controller */
struct nvme_status admin_parse(struct request *req);
struct nvme_status discovery_parse(struct request *req);
struct nvme_status nvm_parse(struct request *req);		/* nvm.c */

/*
 * Lets a large Write receive its data straight into the namespace's memory,
 * where its backend lends that: sets data and block_shift. false: it takes an
 * I/O buffer, as others do.
 */
bool nvm_lend_write(struct request *req);
/* What was lent for a Write is the backend's again: clears block_shift. Before it is unpinned. */
void nvm_write_ended(struct request *req);
/*
 * The view is another, and may not let the command write any more: revokes the
 * memory that was lent for data which is still on its way.
 */
void nvm_check_lent(struct request *req);

/* Parts of admin.c, a file each. */
struct nvme_status identify_parse(struct request *req);
struct nvme_status log_parse(struct request *req);
struct nvme_status features_get_parse(struct request *req);
struct nvme_status features_set_parse(struct request *req);
struct nvme_status abort_parse(struct request *req);
struct nvme_status async_event_parse(struct request *req);
struct nvme_status keep_alive_parse(struct request *req);

/*
 * The discovery log page, header and entries: what the host may see through
 * the port, with addresses that it can reach from where its connection `queue`
 * ends. malloc'ed; NULL where memory ran out.
 */
void *discovery_log(const struct view *view, const struct view_port *port,
		    const struct queue *queue, size_t *ret_size);

/*
 * The request that an Abort waited for has ended: completes the Abort, on its
 * own reactor. Any reactor. (abort.c)
 */
void abort_finished(struct request *abort);

/*
 * Answers a flush, or a durable write, that failed or that is refused because one has
 * failed, once that will survive a restart. It holds a pin of its namespace, whose
 * flush_error is set, and no backend has it. (flush_failure.c)
 */
void flush_fail(struct request *req, struct nvme_status status);

/* Refuses: fails a field at this offset of the SQE; to be returned from parse. */
struct nvme_status refuse(struct request *req, uint16_t sc, size_t sqe_offset);

#endif
