/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks hosts for data by R2T, and finds the request of H2CData PDUs. (NVMe/TCP 1.1, 3.3.2) */
#include <string.h>

#include "transport/tcp_connection.h"

#define H2C(field) offsetof(struct nvme_tcp_h2c_data, field)

void tcp_fetch(struct request *req)
{
	struct tcp_connection *conn = tcp_of_queue(req->queue);
	struct tcp_request *transfer = tcp_request(req);

	*transfer = (struct tcp_request){ 0 };
	list_init(&transfer->node);
	transfer->r2t_end = tcp_r2t_length(conn, req, 0);
	tcp_send_r2t(req);
}

static struct request *refuse(struct nvme_tcp_fault *ret_fault, uint16_t fes, uint32_t fei,
			      const char *what)
{
	*ret_fault = (struct nvme_tcp_fault){ .fes = fes, .fei = fei, .what = what };
	return NULL;
}

struct request *tcp_fetch_find(struct tcp_connection *conn, const struct nvme_tcp_h2c_data *pdu,
			       uint32_t length, struct nvme_tcp_fault *ret_fault)
{
	uint16_t ttag = le16_get(pdu->ttag);
	uint16_t index = tcp_ttag_index(&conn->queue, ttag);
	uint32_t offset = le32_get(pdu->datao);
	struct tcp_request *transfer;
	struct request *req;

	req = index < conn->queue.request_count ? &conn->queue.requests[index] : NULL;
	if (!queue_connected(&conn->queue))
		req = index == 0 ? &conn->queue.first : NULL;
	if (!req || req->state != REQUEST_FETCHING)
		return refuse(ret_fault, NVME_TCP_FES_HEADER_FIELD, H2C(ttag),
			      "H2CData that no R2T asked for");
	transfer = tcp_request(req);
	if (!transfer->r2t_count || ttag != tcp_ttag(&conn->queue, index, transfer->r2t_first))
		return refuse(ret_fault, NVME_TCP_FES_HEADER_FIELD, H2C(ttag),
			      "H2CData for another R2T than is due");
	if (memcmp(&pdu->cccid, &req->sqe.cid, sizeof(pdu->cccid)) != 0)
		return refuse(ret_fault, NVME_TCP_FES_HEADER_FIELD, H2C(cccid),
			      "H2CData for another command than its R2T");
	if (!length || le32_get(pdu->datal) != length)
		return refuse(ret_fault, NVME_TCP_FES_HEADER_FIELD, H2C(datal),
			      "H2CData whose length is not that of its data");
	if (offset != transfer->received)
		return refuse(ret_fault, NVME_TCP_FES_HEADER_FIELD, H2C(datao),
			      "H2CData that does not continue the one before");
	if (length > transfer->r2t_end - offset)
		return refuse(ret_fault, NVME_TCP_FES_OUT_OF_RANGE, H2C(datal),
			      "H2CData beyond its R2T");
	/* LAST before the end of the R2T: the rest would never come */
	if (pdu->ch.flags & NVME_TCP_F_LAST && length < transfer->r2t_end - offset)
		return refuse(ret_fault, NVME_TCP_FES_HEADER_FIELD, H2C(ch.flags),
			      "H2CData whose LAST flag is not at the end of its R2T");
	return req;
}

void tcp_fetched(struct request *req, uint32_t length, bool intact)
{
	struct tcp_connection *conn = tcp_of_queue(req->queue);
	struct tcp_request *transfer = tcp_request(req);

	transfer->received += length;
	if (!intact)
		transfer->bad_digest = true;
	if (transfer->received < transfer->r2t_end)
		return;
	transfer->r2t_count--;
	transfer->r2t_first = (transfer->r2t_first + 1) % TCP_TTAG_TURNS;
	if (transfer->received < req->data_length) {
		transfer->r2t_end += tcp_r2t_length(conn, req, transfer->r2t_end);
		if (transfer->asked < req->data_length)
			tcp_send_r2t(req);
		return;
	}
	request_received(req, transfer->bad_digest ? nvme_status(NVME_SC_TRANSIENT_TRANSPORT) :
						     NVME_SUCCESS);
}
