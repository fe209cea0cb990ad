/* SPDX-License-Identifier: BSD-3-Clause */
/* The controller that the host's tests talk to. */
#include "host_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spec/fabrics.h"
#include "spec/feature.h"
#include "spec/identify.h"
#include "spec/log.h"
#include "spec/property.h"
#include "spec/tcp.h"
#include "util/crc32c.h"

/* A capsule that came while a write's data was awaited. */
struct stash {
	struct stash *next;
	struct nvme_tcp_cmd cmd;
	uint32_t datal;
	uint8_t data[PEER_ICD];
};

struct connection {
	struct connection *next;
	struct peer *peer;
	pthread_t thread;
	struct stash *first, **last;
	int fd;
	struct nvme_tcp_format format;
	bool no_sq_flow;
	bool connected;
	uint16_t qid;
	uint32_t cc;
	struct nvme_tcp_cmd cmd;
	uint8_t data[1u << 20];
};

static bool get(int fd, void *buffer, size_t size)
{
	return size == 0 || recv(fd, buffer, size, MSG_WAITALL) == (ssize_t)size;
}

static void put(struct connection *c, const void *bytes, size_t size)
{
	if (send(c->fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
		shutdown(c->fd, SHUT_RDWR);
}

static void put_digest(struct connection *c, const void *bytes, size_t size, bool wrong)
{
	le32 digest = le32_of(crc32c(0, bytes, size) ^ wrong);

	put(c, &digest, sizeof(digest));
}

/* A PDU: header, digest, data, digest. */
static void put_pdu(struct connection *c, const struct nvme_tcp_ch *ch, const void *data,
		    uint32_t datal)
{
	uint8_t header[NVME_TCP_HEADER_MAX];

	memcpy(header, ch, ch->hlen);
	if (c->qid && c->connected && c->peer->fault == PEER_MUTATES)
		header[rand_r(&c->peer->seed) % 24] ^= (uint8_t)(1 << rand_r(&c->peer->seed) % 8);
	put(c, header, ch->hlen);
	if (c->format.hdgst)
		put_digest(c, ch, ch->hlen, c->qid && c->peer->fault == PEER_BAD_HEADER_DIGEST);
	if (!datal)
		return;
	put(c, data, datal);
	if (c->format.ddgst)
		put_digest(c, data, datal, c->qid && c->peer->fault == PEER_BAD_DATA_DIGEST);
}

static void respond(struct connection *c, uint16_t sc, uint64_t result)
{
	struct nvme_tcp_rsp rsp = { .cqe = { .result = le64_of(result), .cid = c->cmd.sqe.cid } };

	if (c->qid && c->peer->fault == PEER_UNKNOWN_CID)
		rsp.cqe.cid = le16_of(0x7777);
	nvme_cqe_set_status(&rsp.cqe, nvme_status(sc));
	nvme_tcp_put_rsp(&rsp, &c->format);
	put_pdu(c, &rsp.ch, NULL, 0);
}

/* Data in several PDUs, then success in the way that was negotiated. */
static void send_data(struct connection *c, const uint8_t *data, uint32_t length)
{
	enum peer_fault fault = c->qid ? c->peer->fault : PEER_GOOD;
	uint32_t sent = 0;

	if (fault == PEER_SHORT_READ)
		length /= 2;
	while (sent < length) {
		uint32_t n = length - sent < PEER_C2H_MAX ? length - sent : PEER_C2H_MAX;
		uint8_t flags = sent + n == length ? NVME_TCP_F_LAST : 0;
		struct nvme_tcp_c2h_data pdu;

		if (flags && c->no_sq_flow)
			flags |= NVME_TCP_F_SUCCESS;
		nvme_tcp_put_c2h_data(&pdu, &c->format, le16_get(c->cmd.sqe.cid),
				      fault == PEER_DATA_OUT_OF_RANGE ? length : sent, n, flags);
		put_pdu(c, &pdu.ch, data + sent, n);
		sent += n;
	}
	if (!c->no_sq_flow)
		respond(c, NVME_SC_SUCCESS, 0);
}

/* Reads a PDU's header and digest; the rest is the caller's. */
static bool get_header(struct connection *c, void *header, struct nvme_tcp_ch *ret_ch)
{
	struct nvme_tcp_fault fault;
	le32 digest;

	if (!get(c->fd, header, sizeof(*ret_ch)))
		return false;
	memcpy(ret_ch, header, sizeof(*ret_ch));
	if (nvme_tcp_header_check(ret_ch, NVME_TCP_TO_CTRL, c->format.hdgst, c->format.ddgst,
				  1u << 20, &fault)) {
		fprintf(stderr, "peer: %s\n", fault.what);
		abort();
	}
	if (!get(c->fd, (uint8_t *)header + sizeof(*ret_ch), ret_ch->hlen - sizeof(*ret_ch)))
		return false;
	if (ret_ch->type == NVME_TCP_H2C_TERM) {
		c->peer->terms++;
		return false;
	}
	if (!c->format.hdgst || ret_ch->type < NVME_TCP_CMD)
		return true;
	if (!get(c->fd, &digest, sizeof(digest)))
		return false;
	if (le32_get(digest) != crc32c(0, header, ret_ch->hlen))
		abort();
	return true;
}

static bool get_data(struct connection *c, const struct nvme_tcp_ch *ch, uint8_t *data)
{
	uint32_t length = nvme_tcp_data_len(ch, c->format.hdgst, c->format.ddgst);
	le32 digest;

	if (!get(c->fd, data, length))
		return false;
	if (!length || !c->format.ddgst)
		return true;
	if (!get(c->fd, &digest, sizeof(digest)))
		return false;
	if (le32_get(digest) != crc32c(0, data, length))
		abort();
	return true;
}

/* Reads the header of the next H2CData; capsules before it are put aside. */
static bool get_h2c_header(struct connection *c, struct nvme_tcp_h2c_data *ret_pdu,
			   struct nvme_tcp_ch *ret_ch)
{
	uint8_t header[NVME_TCP_HEADER_MAX];

	while (get_header(c, header, ret_ch)) {
		struct stash *stash;

		memcpy(ret_pdu, header, sizeof(*ret_pdu));
		if (ret_ch->type != NVME_TCP_CMD)
			return ret_ch->type == NVME_TCP_H2C_DATA;
		stash = calloc(1, sizeof(*stash));
		memcpy(&stash->cmd, header, sizeof(stash->cmd));
		stash->datal = nvme_tcp_data_len(ret_ch, c->format.hdgst, c->format.ddgst);
		*c->last = stash;
		c->last = &stash->next;
		if (!get_data(c, ret_ch, stash->data))
			return false;
	}
	return false;
}

/* The next capsule: one that was put aside, or one from the socket. */
static bool next_command(struct connection *c, uint32_t *ret_datal)
{
	struct stash *stash = c->first;
	struct nvme_tcp_ch ch;

	if (!stash) {
		if (!get_header(c, &c->cmd, &ch) || !get_data(c, &ch, c->data))
			return false;
		*ret_datal = nvme_tcp_data_len(&ch, c->format.hdgst, c->format.ddgst);
		return true;
	}
	c->cmd = stash->cmd;
	memcpy(c->data, stash->data, stash->datal);
	*ret_datal = stash->datal;
	c->first = stash->next;
	if (!c->first)
		c->last = &c->first;
	free(stash);
	return true;
}

/* Asks for a write's data in R2Ts of 10000 bytes, which MAXH2CDATA cuts further. */
static bool fetch(struct connection *c, uint32_t length)
{
	for (uint32_t asked = 0; asked < length;) {
		uint32_t n = length - asked < 10000 ? length - asked : 10000, got = 0;
		struct nvme_tcp_h2c_data pdu;
		struct nvme_tcp_ch ch;
		struct nvme_tcp_r2t r2t;

		nvme_tcp_put_r2t(&r2t, &c->format, le16_get(c->cmd.sqe.cid), 0x5a5a,
				 c->peer->fault == PEER_R2T_OUT_OF_RANGE ? length : asked, n);
		put_pdu(c, &r2t.ch, NULL, 0);
		if (c->peer->fault == PEER_R2T_TWICE)
			put_pdu(c, &r2t.ch, NULL, 0);
		while (got < n) {
			uint32_t datal;

			if (!get_h2c_header(c, &pdu, &ch))
				return false;
			datal = le32_get(pdu.datal);
			if (datal > PEER_MAXH2C || le16_get(pdu.ttag) != 0x5a5a ||
			    le32_get(pdu.datao) != asked + got ||
			    !(ch.flags & NVME_TCP_F_LAST) != (got + datal < n)) {
				/* What we asked for may have been changed on the way. */
				if (c->peer->fault != PEER_MUTATES)
					abort();
				return false;
			}
			if (!get_data(c, &ch, c->data + asked + got))
				return false;
			got += datal;
		}
		asked += n;
	}
	return true;
}

static void on_connect(struct connection *c)
{
	const struct nvmf_connect_cmd *cmd = (const struct nvmf_connect_cmd *)&c->cmd.sqe;

	c->qid = le16_get(cmd->qid);
	c->no_sq_flow = cmd->cattr & NVMF_CATTR_NO_SQ_FLOW;
	if (c->peer->fault == PEER_REFUSES_HOST)
		respond(c, NVME_SC_CONNECT_INVALID_HOST, 0);
	else if (c->peer->fault == PEER_WANTS_AUTH)
		respond(c, NVME_SC_SUCCESS, 1 | NVMF_CONNECT_ATR);
	else
		respond(c, NVME_SC_SUCCESS, 1);
	c->connected = true;
}

static void on_fabrics(struct connection *c)
{
	const struct nvmf_property_cmd *cmd = (const struct nvmf_property_cmd *)&c->cmd.sqe;
	uint32_t csts = nvme_cc_enabled(c->cc) ? NVME_CSTS_RDY : 0;

	if ((c->cc & NVME_CC_SHN_MASK) != NVME_CC_SHN_NONE)
		csts |= NVME_CSTS_SHST_COMPLETE;
	switch (cmd->fctype) {
	case NVMF_CONNECT:
		return on_connect(c);
	case NVMF_PROPERTY_SET:
		c->cc = (uint32_t)le64_get(cmd->value);
		return respond(c, NVME_SC_SUCCESS, 0);
	default:
		if (le32_get(cmd->ofst) == NVME_PROP_CAP)
			return respond(c, NVME_SC_SUCCESS, 63 | UINT64_C(4) << NVME_CAP_TO_SHIFT);
		return respond(c, NVME_SC_SUCCESS,
			       le32_get(cmd->ofst) == NVME_PROP_CSTS ? csts : NVME_VS(2, 1, 0));
	}
}

static void on_identify(struct connection *c)
{
	struct nvme_id_ctrl ctrl = {
		.mdts = 5, .cntrltype = 1, .sgls = le32_of(1 | NVME_SGLS_OFFSET),
		.ioccsz = le32_of((64 + PEER_ICD) / 16), .vwc = NVME_VWC_PRESENT,
	};
	struct nvme_id_ns ns = { .nsze = le64_of(PEER_BLOCKS), .lbaf[0].lbads = 9 };
	struct nvme_ns_list list = { .nsid[0] = le32_of(1) };
	uint8_t cns = (uint8_t)le32_get(c->cmd.sqe.cdw10);
	uint32_t nsid = le32_get(c->cmd.sqe.nsid);

	if (cns == NVME_CNS_NS && nsid != 1)
		memset(&ns, 0, sizeof(ns));
	if (nsid)
		memset(&list, 0, sizeof(list));
	send_data(c, cns == NVME_CNS_NS ? (void *)&ns : cns == NVME_CNS_CTRL ? (void *)&ctrl :
		  (void *)&list, 4096);
}

static void on_log(struct connection *c)
{
	struct { struct nvmf_disc_log head; struct nvmf_disc_entry entry[7]; } log;
	uint64_t offset = nvme_log_offset(&c->cmd.sqe), length = nvme_log_length(&c->cmd.sqe);
	bool moves = c->peer->fault == PEER_GENCTR_MOVES;

	memset(&log, 0, sizeof(log));
	/* Every reading finds another generation, the first five times. */
	c->peer->discovery_reads++;
	log.head.genctr = le64_of(moves && c->peer->discovery_reads < 15 ?
				  c->peer->discovery_reads : 99);
	log.head.numrec = le64_of(7);
	for (size_t i = 0; i < 7; i++) {
		log.entry[i].trtype = NVMF_TRTYPE_TCP;
		log.entry[i].portid = le16_of((uint16_t)i);
		strcpy(log.entry[i].subnqn, PEER_NQN);
	}
	if (offset + length > sizeof(log))
		return respond(c, NVME_SC_INVALID_FIELD, 0);
	send_data(c, (uint8_t *)&log + offset, (uint32_t)length);
}

static void on_admin(struct connection *c)
{
	switch (c->cmd.sqe.opcode) {
	case NVME_ADMIN_IDENTIFY:
		return on_identify(c);
	case NVME_ADMIN_GET_LOG_PAGE:
		return on_log(c);
	case NVME_ADMIN_SET_FEATURES:
		return respond(c, NVME_SC_SUCCESS, 0x00030003);
	case NVME_ADMIN_KEEP_ALIVE:
		return respond(c, NVME_SC_SUCCESS, 0);
	default:
		return respond(c, NVME_SC_INVALID_OPCODE | NVME_STATUS_DNR, 0);
	}
}

static bool on_io(struct connection *c, bool in_capsule)
{
	uint64_t offset = nvme_rw_slba(&c->cmd.sqe) * PEER_BLOCK;
	uint32_t length = nvme_rw_nlb(&c->cmd.sqe) * PEER_BLOCK;
	bool ok = true;

	if (c->cmd.sqe.opcode == NVME_CMD_FLUSH) {
		respond(c, NVME_SC_SUCCESS, 0);
		return true;
	}
	if (length != le32_get(c->cmd.sqe.sgl.length))
		abort();
	switch (c->peer->fault) {
	case PEER_READ_ERROR:
		respond(c, NVME_SC_READ_ERROR | NVME_STATUS_DNR, 0);
		return true;
	case PEER_TERM: {
		struct nvme_tcp_fault fault = { .fes = NVME_TCP_FES_LIMIT };
		struct nvme_tcp_term term;

		nvme_tcp_put_term(&term, NVME_TCP_C2H_TERM, &fault, 0);
		put(c, &term, sizeof(term));
		return true;
	}
	case PEER_CLOSE:
		return false;
	case PEER_SILENT:
		return true;
	case PEER_DATA_AFTER_WRITE:
		send_data(c, c->data, length);
		return true;
	default:
		break;
	}
	if (offset + length > sizeof(c->peer->memory)) {
		respond(c, NVME_SC_LBA_RANGE | NVME_STATUS_DNR, 0);
		return true;
	}
	if (c->cmd.sqe.opcode == NVME_CMD_WRITE) {
		ok = in_capsule || fetch(c, length);
		pthread_mutex_lock(&c->peer->lock);
		if (ok)
			memcpy(c->peer->memory + offset, c->data, length);
		pthread_mutex_unlock(&c->peer->lock);
		if (ok)
			respond(c, NVME_SC_SUCCESS, 0);
		return ok;
	}
	pthread_mutex_lock(&c->peer->lock);
	memcpy(c->data, c->peer->memory + offset, length);
	pthread_mutex_unlock(&c->peer->lock);
	send_data(c, c->data, length);
	return true;
}

static bool initialize(struct connection *c)
{
	struct nvme_tcp_icresp resp;
	struct nvme_tcp_icreq req;
	struct nvme_tcp_ch ch;

	if (!get_header(c, &req, &ch) || ch.type != NVME_TCP_ICREQ)
		return false;
	if (c->peer->fault == PEER_NOT_NVME) {
		put(c, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
		return false;
	}
	nvme_tcp_put_icresp(&resp, 0, c->peer->fault == PEER_NO_DIGESTS ? 0 : req.dgst,
			    PEER_MAXH2C);
	put(c, &resp, sizeof(resp));
	c->format.hdgst = req.dgst & NVME_TCP_DGST_HDR;
	c->format.ddgst = req.dgst & NVME_TCP_DGST_DATA;
	return true;
}

static void *serve(void *arg)
{
	struct connection *c = arg;
	uint32_t datal;
	int on = 1;
	bool ok;

	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	ok = initialize(c);

	while (ok && next_command(c, &datal)) {
		if (c->cmd.sqe.opcode == NVME_CMD_FABRICS)
			on_fabrics(c);
		else if (c->qid == 0)
			on_admin(c);
		else
			ok = on_io(c, datal > 0);
	}
	close(c->fd);
	for (struct stash *stash; (stash = c->first);) {
		c->first = stash->next;
		free(stash);
	}
	return NULL;
}

static void *accept_all(void *arg)
{
	struct peer *peer = arg;

	for (;;) {
		struct connection *c = calloc(1, sizeof(*c));

		c->peer = peer;
		c->last = &c->first;
		c->fd = accept(peer->listener, NULL, NULL);
		if (c->fd < 0) {
			free(c);
			return NULL;
		}
		c->next = peer->connections;
		peer->connections = c;
		pthread_create(&c->thread, NULL, serve, c);
	}
}

struct peer *peer_start(enum peer_fault fault)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct peer *peer = calloc(1, sizeof(*peer));
	socklen_t len = sizeof(sin);

	peer->fault = fault;
	pthread_mutex_init(&peer->lock, NULL);
	peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(peer->listener, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    listen(peer->listener, 16) < 0 ||
	    getsockname(peer->listener, (struct sockaddr *)&sin, &len) < 0)
		abort();
	snprintf(peer->port, sizeof(peer->port), "%u", ntohs(sin.sin_port));
	pthread_create(&peer->thread, NULL, accept_all, peer);
	return peer;
}

void peer_stop(struct peer *peer)
{
	struct connection *c;

	shutdown(peer->listener, SHUT_RDWR);
	pthread_join(peer->thread, NULL);
	close(peer->listener);
	while ((c = peer->connections)) {
		peer->connections = c->next;
		pthread_join(c->thread, NULL);
		free(c);
	}
	free(peer);
}
