/* SPDX-License-Identifier: BSD-3-Clause */
/* The discovery log page: who sees what, by which address, and the notice of a change. */
#include <stdlib.h>
#include <string.h>

#include "target_rig.h"

#define QUIET_MS 50
#define ENTRIES 8

struct log {
	struct nvmf_disc_log head;
	struct nvmf_disc_entry entry[ENTRIES];
};

static void open_on(struct host *host, uint16_t portid, const char *hostnqn)
{
	host_open(host, 1, portid, NVMF_DISCOVERY_NQN, hostnqn);
}

static void read_log(struct host *host, struct log *log)
{
	struct inprocess_command cmd = log_command(NVME_LOG_DISCOVERY, log, sizeof(*log));

	host_ok(host, &cmd);
}

static void log_of(uint16_t portid, const char *hostnqn, struct log *log)
{
	struct host host;

	open_on(&host, portid, hostnqn);
	read_log(&host, log);
	host_close(&host);
}

static void assert_entry(const struct nvmf_disc_entry *entry, uint8_t subtype, uint16_t portid,
			 const char *subnqn, const char *traddr, const char *trsvcid)
{
	char padded[256];

	assert_int_equal(entry->subtype, subtype);
	assert_int_equal(entry->trtype, NVMF_TRTYPE_TCP);
	assert_int_equal(le16_get(entry->portid), portid);
	assert_int_equal(le16_get(entry->cntlid), 0xffff);
	assert_true(le16_get(entry->asqsz) >= 32);
	assert_string_equal(entry->subnqn, subnqn);
	memset(padded, ' ', sizeof(padded));
	memcpy(padded, traddr, strlen(traddr));
	assert_memory_equal(entry->traddr, padded, sizeof(entry->traddr));
	memset(padded, ' ', sizeof(padded));
	memcpy(padded, trsvcid, strlen(trsvcid));
	assert_memory_equal(entry->trsvcid, padded, sizeof(entry->trsvcid));
}

static void test_order(void **state)
{
	struct log log;

	log_of(PORT_BOTH, HOST_FRIEND, &log);
	assert_int_equal(le64_get(log.head.genctr), 7);
	assert_int_equal(le64_get(log.head.numrec), 4);
	assert_int_equal(le16_get(log.head.recfmt), 0);
	assert_entry(&log.entry[0], NVMF_SUBTYPE_CURRENT, 1, NVMF_DISCOVERY_NQN, "192.0.2.1",
		     "4420");
	assert_int_equal(le16_get(log.entry[0].eflags), NVMF_EFLAGS_EPCSD);
	assert_entry(&log.entry[1], NVMF_SUBTYPE_NVM, 1, NQN_A, "192.0.2.1", "4420");
	assert_int_equal(log.entry[1].treq, NVMF_TREQ_NO_SQ_FLOW);
	assert_int_equal(log.entry[1].tsas[0], NVMF_TCP_SECTYPE_NONE);
	assert_entry(&log.entry[2], NVMF_SUBTYPE_NVM, 1, NQN_B, "192.0.2.1", "4420");
	/* the scope of a referral's address is of no use elsewhere */
	assert_entry(&log.entry[3], NVMF_SUBTYPE_REFERRAL, 9, NVMF_DISCOVERY_NQN, "fe80::1",
		     "8009");
	assert_int_equal(log.entry[3].adrfam, NVMF_ADRFAM_IPV6);
	assert_int_equal(log.entry[4].trtype, 0);
}

static void test_only_allowed(void **state)
{
	struct log log;

	log_of(PORT_BOTH, HOST_ANY, &log);
	assert_int_equal(le64_get(log.head.numrec), 3);
	assert_string_equal(log.entry[1].subnqn, NQN_A);
	assert_int_equal(log.entry[2].subtype, NVMF_SUBTYPE_REFERRAL);
	log_of(PORT_A, HOST_FRIEND, &log);
	assert_int_equal(le64_get(log.head.numrec), 2);
	assert_string_equal(log.entry[1].subnqn, NQN_A);
}

static void test_wildcard(void **state)
{
	struct log log;

	/* the rig's hosts have reached us by 198.51.100.5 */
	log_of(PORT_WILDCARD, HOST_ANY, &log);
	assert_int_equal(le64_get(log.head.numrec), 2);
	assert_entry(&log.entry[0], NVMF_SUBTYPE_CURRENT, 3, NVMF_DISCOVERY_NQN, "198.51.100.5",
		     "4421");
	assert_entry(&log.entry[1], NVMF_SUBTYPE_NVM, 3, NQN_A, "198.51.100.5", "4421");
}

static void set_addresses(struct view *view, uint16_t portid, const char *const *addresses)
{
	struct view_port *port = view_find_port(view, portid);

	while (port->address_count)
		free(port->addresses[--port->address_count].traddr);
	for (; *addresses; addresses++)
		assert_int_equal(view_add_address(port, strchr(*addresses, ':') ?
						  NVMF_ADRFAM_IPV6 : NVMF_ADRFAM_IPV4,
						  *addresses), 0);
}

static void test_discovery_port(void **state)
{
	struct view *view;
	struct log log;

	log_of(PORT_DISCOVERY, HOST_FRIEND, &log);
	assert_int_equal(le64_get(log.head.numrec), 5);
	assert_entry(&log.entry[0], NVMF_SUBTYPE_CURRENT, 8, NVMF_DISCOVERY_NQN, "192.0.2.1",
		     "8009");
	assert_entry(&log.entry[1], NVMF_SUBTYPE_NVM, 1, NQN_A, "192.0.2.1", "4420");
	assert_entry(&log.entry[2], NVMF_SUBTYPE_NVM, 1, NQN_B, "192.0.2.1", "4420");
	assert_entry(&log.entry[3], NVMF_SUBTYPE_NVM, 2, NQN_A, "192.0.2.2", "4420");
	assert_entry(&log.entry[4], NVMF_SUBTYPE_NVM, 3, NQN_A, "198.51.100.5", "4421");
	/* a port that listens on every IPv6 address has none that an IPv4 host could be told */
	view = rig_view();
	set_addresses(view, PORT_WILDCARD, (const char *const[]){ "::", NULL });
	rig_publish(view);
	log_of(PORT_DISCOVERY, HOST_FRIEND, &log);
	assert_int_equal(le64_get(log.head.numrec), 4);
}

/* The entries of a port with these addresses, for a host that asks elsewhere on this machine. */
static void log_of_addresses(const char *const *addresses, struct log *ret)
{
	struct view *view = rig_view();

	set_addresses(view, PORT_WILDCARD, addresses);
	rig_publish(view);
	log_of(PORT_DISCOVERY, HOST_FRIEND, ret);
}

static void test_several_addresses(void **state)
{
	struct log log;

	/* the one that the host has come by says it all: 198.51.100.5, see target_rig.c */
	log_of_addresses((const char *const[]){ "192.0.2.9", "198.51.100.5", "2001:db8::9", NULL },
			 &log);
	assert_int_equal(le64_get(log.head.numrec), 5);
	assert_entry(&log.entry[4], NVMF_SUBTYPE_NVM, 3, NQN_A, "198.51.100.5", "4421");
	/* every address of both families */
	log_of_addresses((const char *const[]){ "0.0.0.0", "::", NULL }, &log);
	assert_int_equal(le64_get(log.head.numrec), 5);
	assert_entry(&log.entry[4], NVMF_SUBTYPE_NVM, 3, NQN_A, "198.51.100.5", "4421");
	/* else each, but for one on a link that the host need not be on */
	log_of_addresses((const char *const[]){ "192.0.2.9", "2001:db8::9", "fe80::9%eth0", NULL },
			 &log);
	assert_int_equal(le64_get(log.head.numrec), 6);
	assert_entry(&log.entry[4], NVMF_SUBTYPE_NVM, 3, NQN_A, "192.0.2.9", "4421");
	assert_entry(&log.entry[5], NVMF_SUBTYPE_NVM, 3, NQN_A, "2001:db8::9", "4421");
	assert_int_equal(log.entry[5].adrfam, NVMF_ADRFAM_IPV6);
	log_of_addresses((const char *const[]){ "fe80::9%eth0", NULL }, &log);
	assert_int_equal(le64_get(log.head.numrec), 5);
	assert_entry(&log.entry[4], NVMF_SUBTYPE_NVM, 3, NQN_A, "fe80::9", "4421");
	/* a name that does not stand for anything yet */
	log_of_addresses((const char *const[]){ NULL }, &log);
	assert_int_equal(le64_get(log.head.numrec), 4);
}

static void test_unique_nqn(void **state)
{
	static const char unique[] = "nqn.2026-11.example:discovery";
	struct view *view = rig_view();
	struct nvme_id_ctrl id;
	struct inprocess_command cmd = command(NVME_ADMIN_IDENTIFY, 0, NVME_CNS_CTRL, 0);
	struct host host;
	struct log log;

	TEXT_SET(view->discovery_nqn, unique);
	rig_publish(view);
	host_open(&host, 0, PORT_BOTH, unique, HOST_ANY);
	read_log(&host, &log);
	assert_string_equal(log.entry[0].subnqn, unique);
	command_reads(&cmd, &id, sizeof(id));
	host_ok(&host, &cmd);
	assert_string_equal(id.subnqn, unique);
	host_close(&host);
}

static void test_in_pieces(void **state)
{
	struct inprocess_command cmd;
	struct host host;
	struct log log;
	uint8_t piece[1024];

	open_on(&host, PORT_BOTH, HOST_FRIEND);
	read_log(&host, &log);
	for (unsigned int i = 0; i < 5; i++) {
		cmd = log_command(NVME_LOG_DISCOVERY, piece, sizeof(piece));
		cmd.sqe.cdw12 = le32_of(i * 1024);
		host_ok(&host, &cmd);
		assert_memory_equal(piece, (uint8_t *)&log + i * 1024, sizeof(piece));
	}
	cmd.sqe.cdw12 = le32_of(5 * 1024 + 4);
	host_refused(&host, &cmd, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw12));
	cmd.sqe.cdw12 = le32_of(0);
	cmd.sqe.cdw10 = le32_of(le32_get(cmd.sqe.cdw10) |
				(uint32_t)NVMF_DISC_LSP_EXTDLPE << NVME_LOG_LSP_SHIFT);
	host_ok(&host, &cmd);
	assert_memory_equal(piece, &log, sizeof(piece));
	host_close(&host);
}

static void test_commands(void **state)
{
	struct inprocess_command cmd;
	struct host host;
	uint8_t bytes[1024];

	open_on(&host, PORT_BOTH, HOST_ANY);
	cmd = command(NVME_ADMIN_KEEP_ALIVE, 0, 0, 0);
	host_ok(&host, &cmd);
	cmd = command(NVME_ADMIN_ABORT, 0, 0, 0);
	host_refused(&host, &cmd, NVME_SC_INVALID_OPCODE, 0);
	cmd = log_command(NVME_LOG_SMART, bytes, 512);
	host_refused(&host, &cmd, NVME_SC_INVALID_LOG_PAGE, offsetof(struct nvme_sqe, cdw10));
	host_peek_log(&host, NVME_LOG_SUPPORTED, bytes, sizeof(bytes));
	for (unsigned int lid = 0; lid < 256; lid++)
		assert_int_equal(bytes[4 * lid], lid == NVME_LOG_SUPPORTED ||
						 lid == NVME_LOG_ERROR ||
						 lid == NVME_LOG_FEATURES ||
						 lid == NVME_LOG_DISCOVERY);
	host_close(&host);
}

/* ---- changes ---- */

static struct inprocess_command aer(void)
{
	return command(NVME_ADMIN_ASYNC_EVENT, 0, 0, 0);
}

static void enable(struct host *host)
{
	struct inprocess_command cmd = command(NVME_ADMIN_SET_FEATURES, 0, NVME_FEAT_ASYNC_EVENT,
					       NVME_AEC_DISC_LOG);

	host_ok(host, &cmd);
}

static void set_allow_any(bool allow)
{
	struct view *view = rig_view();

	view->genctr = allow ? 8 : 7;
	view_find_subsystem(view, NQN_B)->allow_any_host = allow;
	rig_publish(view);
}

static void test_notice(void **state)
{
	struct inprocess_command cmd = aer(), again = aer();
	struct host host;
	struct log log;

	open_on(&host, PORT_BOTH, HOST_ANY);
	enable(&host);
	host_send(&host, &cmd);
	set_allow_any(false);
	assert_false(inprocess_wait(host.conn, &cmd, QUIET_MS));
	set_allow_any(true);
	assert_int_equal(host_wait(&host, &cmd), NVME_SC_SUCCESS);
	assert_int_equal(le32_get(cmd.cqe.dw0), 0x70f002);
	host_send(&host, &again);
	set_allow_any(false);
	assert_false(inprocess_wait(host.conn, &again, QUIET_MS));
	read_log(&host, &log);
	assert_int_equal(le64_get(log.head.numrec), 3);
	set_allow_any(true);
	assert_int_equal(host_wait(&host, &again), NVME_SC_SUCCESS);
	read_log(&host, &log);
	assert_int_equal(le64_get(log.head.genctr), 8);
	assert_int_equal(le64_get(log.head.numrec), 4);
	host_close(&host);
}

/* Who sees the same as before is not told. */
static void test_no_notice(void **state)
{
	struct inprocess_command friends = aer(), others = aer(), silent = aer();
	struct host friend, other, unasked;

	open_on(&friend, PORT_BOTH, HOST_FRIEND);
	open_on(&other, PORT_A, HOST_ANY);
	open_on(&unasked, PORT_BOTH, HOST_ANY);
	enable(&friend);
	enable(&other);
	host_send(&friend, &friends);
	host_send(&other, &others);
	host_send(&unasked, &silent);
	set_allow_any(true);
	assert_false(inprocess_wait(friend.conn, &friends, QUIET_MS));
	assert_false(inprocess_wait(other.conn, &others, QUIET_MS));
	assert_false(inprocess_wait(unasked.conn, &silent, QUIET_MS));
	host_close(&friend);
	host_close(&other);
	host_close(&unasked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_order),
		rig_test(test_only_allowed),
		rig_test(test_wildcard),
		rig_test(test_discovery_port),
		rig_test(test_several_addresses),
		rig_test(test_unique_nqn),
		rig_test(test_in_pieces),
		rig_test(test_commands),
		rig_test(test_notice),
		rig_test(test_no_notice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
