/* SPDX-License-Identifier: BSD-3-Clause */
#include "host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "disk.h"
#include "fake_loop.h"
#include "net.h"
#include "queue.h"
#include "spec/fabrics.h"
#include "spec/feature.h"
#include "spec/identify.h"
#include "spec/log.h"
#include "spec/property.h"
#include "transport/tcp_connection.h"
#include "world.h"

#define PORT 1
#define CC_ENABLED (NVME_CC_EN | NVME_SQES << NVME_CC_IOSQES_SHIFT | \
		    NVME_CQES << NVME_CC_IOCQES_SHIFT)
#define STALL_TIMEOUT (30000 * MS)	/* the world's */
#define LOG_BYTES 4096

/* What the host is reading, because it heard of a change. */
enum news { NEWS_NONE, NEWS_NS_LOG, NEWS_NS_LIST, NEWS_ANA_LOG };

static struct host {
	unsigned int index;
	char nqn[64];
	struct queue_sim queues[SIM_QUEUES];
	bool up;
	bool leaving;			/* it closed its connections; they are ending */
	bool silent;			/* it does nothing any more */
	uint16_t cntlid;
	uint64_t last_sent;		/* the last command on the admin queue */
	uint64_t silent_since;		/* the last one on any */
	uint64_t stuck_since;		/* of the one that stands still; 0: it is not yet */
	bool ns_news, ana_news;		/* events that came */
	enum news reading;
	bool namespaces[8];		/* by NSID: what it believes */
	uint8_t ana[6];			/* the same, by group */
} hosts[SIM_HOSTS];

static unsigned int queue_count(void)
{
	return 1 + sim.scenario->io_queues;
}

/* ---- attaching ---- */

/* Until the admin-like command of that queue is answered; false: the connection is gone. */
static bool await(struct queue_sim *queue)
{
	for (unsigned int steps = 0; !queue->answered; steps++) {
		if (!fake_socket(queue->peer.fd))
			return false;
		fuzz_assert(steps < 100000);
		if (queue_serve(queue, false))
			continue;
		fuzz_assert(sim_inner_step());
	}
	return true;
}

static bool ask(struct queue_sim *queue, const void *sqe, const void *data, uint32_t to_target)
{
	struct nvme_sqe copy;

	memcpy(&copy, sqe, sizeof(copy));
	queue_command(queue, &copy, data, to_target, 0);
	return await(queue) && nvme_status_ok(queue->status);
}

static bool connect_queue(struct host *host, unsigned int index)
{
	struct queue_sim *queue = &host->queues[index];
	struct nvmf_connect_data data = {
		.cntlid = le16_of(index ? host->cntlid : NVMF_CNTLID_DYNAMIC),
	};
	const struct nvmf_connect_cmd cmd = {
		.opcode = NVME_ADMIN_FABRICS, .fctype = NVMF_CONNECT,
		.qid = le16_of((uint16_t)index), .sqsize = le16_of(QUEUE_COMMANDS - 1),
		.cattr = sim_chance(2) ? NVMF_CATTR_NO_SQ_FLOW : 0,
		.kato = le32_of(index ? 0 : sim.scenario->kato_ms),
	};

	queue_open(queue, host->index, index, sim_random(WORLD_REACTORS), PORT);
	if (!fake_socket(queue->peer.fd))
		return false;
	peer_icreq(&queue->peer, sim.scenario->digests ? (uint8_t)sim_random(4) : 0, 0,
		   sim_random(4));
	memset(data.hostid, (int)host->index + 1, sizeof(data.hostid));
	strcpy(data.subnqn, NQN_A);
	strcpy(data.hostnqn, host->nqn);
	host->last_sent = sim_now();
	if (!ask(queue, &cmd, &data, sizeof(data)))
		return false;
	queue->up = true;
	if (!index)
		host->cntlid = (uint16_t)queue->dw0;
	return true;
}

static bool enable(struct host *host)
{
	const struct nvmf_property_cmd cc = {
		.opcode = NVME_ADMIN_FABRICS, .fctype = NVMF_PROPERTY_SET,
		.ofst = le32_of(NVME_PROP_CC), .value = le64_of(CC_ENABLED),
	};
	const struct nvme_sqe events = {
		.opcode = NVME_ADMIN_SET_FEATURES, .cdw10 = le32_of(NVME_FEAT_ASYNC_EVENT),
		.cdw11 = le32_of(NVME_AEC_NS_ATTR | NVME_AEC_ANA),
	};

	if (!ask(&host->queues[0], &cc, NULL, 0) || !ask(&host->queues[0], &events, NULL, 0))
		return false;
	queue_aer(&host->queues[0]);
	return true;
}

static void close_all(struct host *host)
{
	for (unsigned int i = 0; i < queue_count(); i++) {
		struct queue_sim *queue = &host->queues[i];

		fake_socket_end(queue->peer.fd, sim_chance(2) ? 0 : -ECONNRESET);
		queue_lost(queue);
	}
	host->up = false;
	host->leaving = true;
}

static bool gone(const struct host *host)
{
	for (unsigned int i = 0; i < queue_count(); i++)
		if (fake_socket(host->queues[i].peer.fd))
			return false;
	return true;
}

static void attach(struct host *host)
{
	bool good;

	for (unsigned int i = 0; i < queue_count(); i++)
		queue_done(&host->queues[i]);
	for (unsigned int i = 0; i < queue_count(); i++)
		host->queues[i].peer.fd = (int)(host->index * SIM_QUEUES + i);
	host->leaving = false;
	host->reading = NEWS_NONE;
	/* it does not know yet, and asks as after an event */
	host->ns_news = host->ana_news = true;
	good = connect_queue(host, 0) && enable(host);
	for (unsigned int i = 1; good && i < queue_count(); i++)
		good = connect_queue(host, i);
	sim_trace("host %u: %s", host->index, good ? "attached" : "could not attach");
	sim_counts.attached += good;
	if (good)
		host->up = true;
	else
		close_all(host);
	/* nothing but another configuration keeps a host away */
	fuzz_assert(good || sim.scenario->changes);
}

/* ---- news ---- */

void host_event(unsigned int index, uint32_t dw0)
{
	struct host *host = &hosts[index];
	uint8_t log = (uint8_t)(dw0 >> 16);

	sim_trace("host %u: event %06x", index, dw0);
	sim_counts.events++;
	host->ns_news |= log == NVME_LOG_CHANGED_NS;
	host->ana_news |= log == NVME_LOG_ANA;
	fuzz_assert(log == NVME_LOG_CHANGED_NS || log == NVME_LOG_ANA);
	queue_aer(&host->queues[0]);
}

static void ask_log(struct host *host, uint8_t lid, enum news reading)
{
	const struct nvme_sqe sqe = {
		.opcode = NVME_ADMIN_GET_LOG_PAGE, .nsid = le32_of(NVME_NSID_ALL),
		.cdw10 = le32_of(lid | (LOG_BYTES / 4 - 1) << 16),
	};

	host->reading = reading;
	host->last_sent = sim_now();
	queue_command(&host->queues[0], &sqe, NULL, 0, LOG_BYTES);
}

static void ask_list(struct host *host)
{
	const struct nvme_sqe sqe = { .opcode = NVME_ADMIN_IDENTIFY, .cdw10 = le32_of(0x02) };

	host->reading = NEWS_NS_LIST;
	host->last_sent = sim_now();
	queue_command(&host->queues[0], &sqe, NULL, 0, NVME_IDENTIFY_SIZE);
}

static void read_list(struct host *host)
{
	const le32 *list = (const le32 *)host->queues[0].answer;

	memset(host->namespaces, 0, sizeof(host->namespaces));
	for (unsigned int i = 0; i < 1024 && le32_get(list[i]); i++) {
		fuzz_assert(le32_get(list[i]) < 8);
		host->namespaces[le32_get(list[i])] = true;
	}
}

static void read_ana(struct host *host)
{
	const uint8_t *at = host->queues[0].answer;
	unsigned int groups = le16_get(((const struct nvme_log_ana *)at)->ngrps);

	memset(host->ana, 0, sizeof(host->ana));
	at += sizeof(struct nvme_log_ana);
	for (unsigned int i = 0; i < groups; i++) {
		const struct nvme_ana_desc *desc = (const struct nvme_ana_desc *)at;

		fuzz_assert(le32_get(desc->grpid) < sizeof(host->ana));
		host->ana[le32_get(desc->grpid)] = desc->state;
		at += sizeof(*desc) + le32_get(desc->nnsids) * sizeof(le32);
	}
}

/* Reads on, or begins to; false: there is nothing new. */
static bool follow_news(struct host *host)
{
	struct queue_sim *admin = &host->queues[0];

	if (!admin->answered)
		return false;
	if (host->reading != NEWS_NONE && !nvme_status_ok(admin->status)) {
		fuzz_assert(sim.scenario->changes);
		host->reading = NEWS_NONE;
	}
	switch (host->reading) {
	case NEWS_NS_LOG:
		ask_list(host);
		return true;
	case NEWS_NS_LIST:
		read_list(host);
		break;
	case NEWS_ANA_LOG:
		read_ana(host);
		break;
	case NEWS_NONE:
		break;
	}
	host->reading = NEWS_NONE;
	if (host->ns_news) {
		host->ns_news = false;
		ask_log(host, NVME_LOG_CHANGED_NS, NEWS_NS_LOG);
	} else if (host->ana_news) {
		host->ana_news = false;
		ask_log(host, NVME_LOG_ANA, NEWS_ANA_LOG);
	} else {
		return false;
	}
	return true;
}

/* ---- living ---- */

static bool is_still(const struct host *host)
{
	return sim.scenario->still && host->index == 0;
}

/* May the target end its connections? */
static bool may_lose(const struct host *host)
{
	return is_still(host) || host->silent || (sim.scenario->changes &
		(WORLD_NO_A | WORLD_UNLINKED | WORLD_FRIENDS_ONLY | WORLD_DRAINING));
}

/* Has the target ended one? Then all go. true: it has. */
static bool notice_loss(struct host *host)
{
	for (unsigned int i = 0; i < queue_count(); i++) {
		if (fake_socket(host->queues[i].peer.fd))
			continue;
		sim_trace("host %u: lost queue %u", host->index, i);
		sim_counts.lost++;
		fuzz_assert(may_lose(host));
		close_all(host);
		return true;
	}
	return false;
}

static bool keep_alive(struct host *host)
{
	const struct nvme_sqe sqe = { .opcode = NVME_ADMIN_KEEP_ALIVE };

	if (!sim.scenario->kato_ms || host->reading != NEWS_NONE ||
	    sim_now() - host->last_sent < sim.scenario->kato_ms * MS / 3 ||
	    !host->queues[0].answered)
		return false;
	host->last_sent = sim_now();
	queue_command(&host->queues[0], &sqe, NULL, 0, 0);
	return true;
}

bool host_serve(unsigned int index)
{
	struct host *host = &hosts[index];
	bool any = false;

	if (!host->up || host->silent || notice_loss(host))
		return false;
	for (unsigned int i = 0; i < queue_count(); i++)
		any |= queue_serve(&host->queues[i], true);
	return follow_news(host) || keep_alive(host) || any;
}

static bool begin_io(struct host *host)
{
	static const enum cmd_kind kinds[] = { CMD_READ, CMD_READ, CMD_READ, CMD_WRITE, CMD_WRITE,
					       CMD_WRITE, CMD_ZEROES, CMD_FLUSH };
	struct queue_sim *queue = &host->queues[1 + sim_random(sim.scenario->io_queues)];
	unsigned int max = sim_chance(3) ? 1 : sim.scenario->pages_max;
	enum cmd_kind kind = kinds[sim_random(8)];

	if (is_still(host)) {
		kind = CMD_READ;
		max = DISK_PART;
	}
	return queue_io(queue, kind, sim_random(DISKS), 1 + sim_random(max));
}

/* From a third of the way on, one stands still or falls silent. */
static void misbehave(struct host *host)
{
	if (host->index != 0 || sim.step < sim.scenario->steps / 3)
		return;
	if (sim.scenario->silent && !host->silent) {
		sim_trace("host 0: silent from now on");
		host->silent = true;
		host->silent_since = sim_now();
	}
	for (unsigned int i = 1; sim.scenario->still && i < queue_count(); i++) {
		net_block(host->queues[i].peer.fd, true);
		if (!host->stuck_since && net_stuck(host->queues[i].peer.fd)) {
			sim_trace("host 0: queue %u is stuck", i);
			host->stuck_since = sim_now();
			sim_counts.stuck++;
		}
	}
}

bool host_step(unsigned int index)
{
	struct host *host = &hosts[index];
	struct queue_sim *any = &host->queues[sim_random(queue_count())];

	if (host->silent)
		return false;
	if (!host->up) {
		if (sim.calm || !gone(host) || host->stuck_since)
			return false;
		attach(host);
		return true;
	}
	if (notice_loss(host))
		return true;
	misbehave(host);
	if (host->silent)
		return false;
	if (queue_serve(any, false) || keep_alive(host))
		return true;
	if (sim_chance(3) && follow_news(host))
		return true;
	if (sim.calm)
		return false;
	if (sim.scenario->leaves && sim_chance(100)) {
		sim_trace("host %u: leaves", index);
		close_all(host);
		return true;
	}
	if (sim.scenario->aborts && sim_chance(6) && any->qid &&
	    queue_pending(&host->queues[0], DISKS) < 3)
		return queue_abort(&host->queues[0], any);
	return begin_io(host);
}

/* ---- what must hold ---- */

/*
 * A host that no longer keeps alive, or takes nothing, has its time; then it is gone. Its
 * connections linger for the host to close them as well, and each of the two timers fires late by
 * as much as time passes at once.
 */
static void check_gone(const struct host *host)
{
	uint64_t now = sim_now(), late = 2 * sim.scenario->age_ms * MS + MS;
	uint64_t alive = sim.scenario->kato_ms * MS * 3 / 2 + TCP_LINGER_MS * MS;

	if (host->silent && now > host->silent_since + alive + late)
		fuzz_assert(gone(host));
	if (host->stuck_since && host->up)
		fuzz_assert(now <= host->stuck_since + STALL_TIMEOUT * 3 / 2 + late);
}

void hosts_check(void)
{
	for (unsigned int i = 0; i < sim.scenario->hosts; i++) {
		struct host *host = &hosts[i];

		check_gone(host);
		if (!host->up || host->silent || is_still(host) || notice_loss(host))
			continue;
		/* nobody waits but for the disk that hangs */
		for (unsigned int q = 0; q < queue_count(); q++)
			fuzz_assert(queue_pending(&host->queues[q], sim.hung ? 2 : DISKS) == 0);
	}
}

static uint8_t ana_truth(unsigned int group)
{
	if (group == 1)
		return sim.changes & WORLD_ANA ? NVME_ANA_INACCESSIBLE : NVME_ANA_OPTIMIZED;
	return sim.changes & WORLD_LOSS ? NVME_ANA_PERSISTENT_LOSS :
	       sim.changes & WORLD_TRANSITION ? NVME_ANA_CHANGE : NVME_ANA_NONOPTIMIZED;
}

void hosts_check_calm(void)
{
	hosts_check();
	for (unsigned int i = 0; i < sim.scenario->hosts; i++) {
		const struct host *host = &hosts[i];

		if (!host->up || host->silent || is_still(host))
			continue;
		fuzz_assert(host->reading == NEWS_NONE && !host->ns_news && !host->ana_news);
		fuzz_assert(host->namespaces[1] == !(sim.changes & WORLD_NO_NS1));
		fuzz_assert(host->namespaces[2] == !(sim.changes & WORLD_NO_NS2));
		fuzz_assert(host->namespaces[7]);
		fuzz_assert(host->ana[1] == ana_truth(1) && host->ana[5] == ana_truth(5));
	}
}

void hosts_new(void)
{
	memset(hosts, 0, sizeof(hosts));
	for (unsigned int i = 0; i < SIM_HOSTS; i++) {
		hosts[i].index = i;
		snprintf(hosts[i].nqn, sizeof(hosts[i].nqn), "nqn.2026-11.example:host-%u", i);
		for (unsigned int q = 0; q < SIM_QUEUES; q++)
			hosts[i].queues[q].peer.fd = (int)(i * SIM_QUEUES + q);
	}
}

void hosts_leave(void)
{
	for (unsigned int i = 0; i < sim.scenario->hosts; i++)
		close_all(&hosts[i]);
}

void hosts_done(void)
{
	for (unsigned int i = 0; i < SIM_HOSTS; i++)
		for (unsigned int q = 0; q < SIM_QUEUES; q++)
			queue_done(&hosts[i].queues[q]);
}
