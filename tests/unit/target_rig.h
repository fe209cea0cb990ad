/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the target's tests share: a running target with a configuration of two
 * subsystems and four ports, a backend that can be told to stall, and hosts
 * that speak to it through the in-process transport.
 */
#ifndef TESTS_UNIT_TARGET_RIG_H
#define TESTS_UNIT_TARGET_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spec/fabrics.h"
#include "spec/feature.h"
#include "spec/identify.h"
#include "spec/log.h"
#include "spec/nvme.h"
#include "target/base/target.h"
#include "target/model/namespace.h"
#include "target/model/view.h"
#include "target/queue/controller.h"
#include "transport/inprocess.h"

#define NQN_A "nqn.2026-11.example:a"	/* NSID 1: 8 MiB of 512; 2: 4 MiB of 4096, read-only; 7 */
#define NQN_B "nqn.2026-11.example:b"	/* no namespace; HOST_FRIEND alone may use it */
#define HOST_ANY "nqn.2026-11.example:host"
#define HOST_FRIEND "nqn.2026-11.example:friend"

/* Ports: 1 has A, B and a referral, 2 has A, 3 listens everywhere and has A, 8 is for discovery. */
#define PORT_BOTH 1
#define PORT_A 2
#define PORT_WILDCARD 3
#define PORT_DISCOVERY 8
#define RIG_NS 3			/* namespaces that are open */
#define RIG_MDTS 5			/* 128 KiB */
#define RIG_INLINE 16384
#define RIG_QUEUE_SIZE 64
#define RIG_QID_MAX 3

struct rig {
	struct target *target;
	struct namespace *ns[RIG_NS];	/* of NSID 1, 2, 7 */
};
extern struct rig rig;

/* A target with two reactors, for cmocka_unit_test_setup_teardown(). */
int rig_setup(void **state);
int rig_teardown(void **state);
#define rig_test(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

/* The configuration, to be changed by the test, and published. */
struct view *rig_view(void);
/* Takes a namespace out of NQN_A. */
void rig_remove_namespace(struct view *view, uint32_t nsid);
void rig_publish(struct view *view);

/* While set, the backend keeps what is submitted; clearing it completes all that. */
void rig_stall(bool stall);
/* Waits until the backend keeps that many. */
void rig_wait_stalled(unsigned int count);

/* A queue of a host. */
struct host {
	struct inprocess *conn;
	uint16_t cntlid, cid;
};

/* Connects an admin queue and enables the controller. */
void host_open(struct host *host, unsigned int reactor, uint16_t portid, const char *subnqn,
	       const char *hostnqn);
/* The same, but CC.EN stays 0. */
void host_open_disabled(struct host *host, unsigned int reactor, uint16_t portid,
			const char *subnqn, const char *hostnqn);
/* Connects an I/O queue to the controller of an admin queue of HOST_ANY. */
void host_open_io(struct host *io, const struct host *admin, unsigned int reactor, uint16_t qid,
		  const char *subnqn);
void host_close(struct host *host);
void host_set_cc(struct host *host, uint32_t cc);

/* A command without data. */
struct inprocess_command command(uint8_t opcode, uint32_t nsid, uint32_t cdw10, uint32_t cdw11);
/* Lets it read into a buffer. */
void command_reads(struct inprocess_command *command, void *buffer, uint32_t size);
/* Lets it carry data, in the capsule or not. */
void command_sends(struct inprocess_command *command, const void *data, uint32_t length,
		   bool in_capsule);

/* Sends; for what completes later. */
void host_send(struct host *host, struct inprocess_command *command);
/* Waits for it; NVME_SC_*. Fails the test after 10 s. */
uint16_t host_wait(struct host *host, struct inprocess_command *command);
/* Both. */
uint16_t host_run(struct host *host, struct inprocess_command *command);
/* Runs it, which must succeed. */
void host_ok(struct host *host, struct inprocess_command *command);
/*
 * Runs it on an admin queue: it must fail with that status, Do Not Retry, and
 * the error log's newest entry must tell so and name that byte of the command.
 */
void host_refused(struct host *host, struct inprocess_command *command, uint16_t sc,
		  uint16_t location);

/* Get Log Page, all but the offset and what else the test sets. */
struct inprocess_command log_command(uint8_t lid, void *buffer, uint32_t size);
/* Reads a whole log page with RAE=1, so that it changes nothing. */
void host_peek_log(struct host *host, uint8_t lid, void *buffer, uint32_t size);

#endif
