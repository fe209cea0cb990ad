/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of a host queue share. */
#ifndef WEFT_HOST_QUEUE_INTERNAL_H
#define WEFT_HOST_QUEUE_INTERNAL_H

#include "host/queue.h"

#define TX_HEADS_SIZE	(64u << 10)
#define TX_IOV_MAX	512u
#define TX_HEAD_MAX	(128u + NVME_TCP_DIGEST_LEN)	/* header, digest, padding; data digest */
#define RX_SIZE		(256u << 10)

/* CLOCK_MONOTONIC. */
int64_t host_now_ms(void);
/* Names the connection and what went wrong with it; returns -code. */
int host_queue_error(const struct host_queue *q, struct weft_error *error, int code,
		     const char *format, ...) __attribute__((format(printf, 4, 5)));
/*
 * Sends H2CTermReq, as far as the socket takes it, with the header at fault, of which `avail`
 * bytes are there (a common header at least); returns -EPROTO.
 */
int host_queue_terminate(struct host_queue *q, const struct nvme_tcp_fault *fault,
			 const struct nvme_tcp_ch *ch, size_t avail, struct weft_error *error);
/* Stages a request again, for the data that an R2T asked for. */
void host_queue_stage(struct host_queue *q, struct host_request *req);

#endif
