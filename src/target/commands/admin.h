/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by the files of the admin command set; no other file includes it. */
#ifndef WEFT_TARGET_COMMANDS_ADMIN_H
#define WEFT_TARGET_COMMANDS_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/feature.h"
#include "spec/log.h"
#include "target/model/view.h"
#include "target/queue/command.h"
#include "target/queue/queue.h"
#include "target/queue/request.h"

struct controller;

/* The most that one command transfers (MDTS), bytes. */
uint64_t admin_transfer_max(const struct queue *queue);
/* Success if NSID is 1..NN; else Invalid Namespace or Format. */
struct nvme_status admin_check_nsid(struct request *req);

/* ---- parse functions of admin.c's rows that have a file of their own ---- */

struct nvme_status identify_parse(struct request *req);
struct nvme_status log_parse(struct request *req);
struct nvme_status features_get_parse(struct request *req);
struct nvme_status features_set_parse(struct request *req);
struct nvme_status abort_parse(struct request *req);
struct nvme_status async_event_parse(struct request *req);

/* The request's kind of queue, to compare with the `on` of rows. */
static inline uint8_t admin_on(const struct request *req)
{
	return req->queue->commands->on;
}

/* ---- log pages: each answers req ---- */

/*
 * Completes a Get Log Page with the requested part of the page, and lets the page's event
 * be sent again unless the host retains it. Refuses an offset beyond the page.
 */
void log_reply(struct request *req, const void *page, size_t size);
/* True if the offset is within a page of this size. false: the command was refused. */
bool log_offset_valid(struct request *req, size_t size);
/* True if RAE (Retain Asynchronous Event) is set. */
bool log_retains(const struct request *req);

void log_error_reply(struct request *req);	/* 01h */
void log_smart_reply(struct request *req);	/* 02h */
void log_firmware_reply(struct request *req);	/* 03h */
void log_changed_ns_reply(struct request *req);	/* 04h */
void log_effects_reply(struct request *req);	/* 05h */
void log_ana_reply(struct request *req);	/* 0Ch */
void log_discovery_reply(struct request *req);	/* 70h */

/* The current critical warnings of log page 02h. */
uint8_t smart_critical_warning(const struct controller *ctrl);

/* The ANA state of a group as reported to hosts. Optimized, if the port sets no state. */
enum nvme_ana_state ana_state(const struct view_port *port, uint32_t grpid);

/* ---- identify_ns.c: CNS values of a namespace, and lists of namespaces ---- */

void identify_ns(struct request *req);		/* 00h, 11h */
void identify_ns_list(struct request *req);	/* 02h, 07h, 10h */
void identify_ns_desc(struct request *req);	/* 03h */
void identify_ns_nvm(struct request *req);	/* 05h */
void identify_ns_ind(struct request *req);	/* 08h */

/* ---- features.c ---- */

/* Fills log page 12h with the features that queues of this kind serve. */
void features_describe(uint8_t on, struct nvme_log_features *page);

/* ---- events.c ---- */

/* Forgets a held AER, which the caller completes. */
void events_forget_request(struct request *req);

/* ---- discovery.c ---- */

/* A digest of the current entries of log page 70h for this host; never 0. */
uint64_t discovery_log_digest(const struct queue *queue);

#endif
