/* SPDX-License-Identifier: BSD-3-Clause */
/* Functions that the files of a host queue share. */
#ifndef WEFT_HOST_QUEUE_INTERNAL_H
#define WEFT_HOST_QUEUE_INTERNAL_H

#include "host/queue.h"

#define TX_HEADS_SIZE	(64u << 10)
#define TX_IOV_MAX	512u
#define TX_HEAD_MAX	(128u + NVME_TCP_DIGEST_LEN)	/* header, digest, padding; data digest */
#define RX_SIZE		(256u << 10)

/* The time by CLOCK_MONOTONIC. */
int64_t host_now_ms(void);
/* Fills *error with the connection and the message; returns -code. */
int host_queue_error(const struct host_queue *q, struct weft_error *error, int code,
		     const char *format, ...) __attribute__((format(printf, 4, 5)));
/*
 * Sends H2CTermReq, if the socket takes it, with the PDU header in error. `avail` bytes of that
 * header have arrived, at least its common header. Returns -EPROTO.
 */
int host_queue_terminate(struct host_queue *q, const struct nvme_tcp_fault *fault,
			 const struct nvme_tcp_ch *ch, size_t avail, struct weft_error *error);
/* Puts a request into the list of those to stage, for the data that an R2T asks for. */
void host_queue_stage(struct host_queue *q, struct host_request *req);

#endif
