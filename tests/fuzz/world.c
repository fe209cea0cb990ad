/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "fake_loop.h"
#include "fuzz.h"
#include "spec/fabrics.h"
#include "spec/log.h"
#include "spec/property.h"
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "target/base/thread.h"
#include "target/model/namespace.h"
#include "target/model/subsystem.h"
#include "target/model/view.h"
#include "target/queue/request.h"
#include "transport/tcp_connection.h"

#define CONNECT_TIMEOUT_MS 10000
#define MDTS 7				/* 512 KiB: four R2Ts */
#define STALL_TIMEOUT_MS 30000
#define LATE_MAX 256
#define DEVICES 3			/* the first is the memory backend's */
#define LATE_DEVICES 2
#define MEMORY_SIZE (8 << 20)

/* Two of the largest transfers; three connections of the four that a fuzzer can have. */
static const struct world_options few = {
	.max_pending = 3, .max_host = 3, .cntlid_max = 3,
	.buffers = 1 << 20, .buffer_limit = 3 << 20,
};

const uint16_t world_ports[WORLD_PORTS] = { 1, 2, 3, 8 };

static struct {
	struct target target;
	struct reactor reactors[WORLD_REACTORS];
	struct reactor *pointers[WORLD_REACTORS];
	struct namespace *devices[DEVICES];
	bool in_view[DEVICES];
	bool publishing;		/* some reactors have the old view yet */
	uint64_t generation;
	uint16_t cntlid_max;
} world;

/* ---- the late backend ---- */

static const struct weft_info late_infos[LATE_DEVICES] = {
	{ .size = 4 << 20, .block_size = 4096, .physical_block_size = 4096,
	  .discard_granularity = 4096, .volatile_cache = true },
	{ .size = 1 << 20, .block_size = 512, .physical_block_size = 512, .atomic_size = 4096,
	  .volatile_cache = true },
};

struct late_device {
	struct weft_info info;
	unsigned int index;
	uint8_t *data;			/* owned */
};

struct late_io {
	struct weft_io *io;
	struct late_device *device;
};

static struct {
	struct late_io kept[LATE_MAX];
	unsigned int count;
	bool at_once;
	bool hangs[LATE_DEVICES];
	unsigned int opening;		/* the index of the device that is opened next */
} late;

static int late_open(void **ret_device, const struct weft_params *params,
		     struct weft_info *ret_info, struct weft_error *error)
{
	struct late_device *device = calloc(1, sizeof(*device));

	fuzz_assert(device);
	device->index = late.opening;
	device->info = *ret_info = late_infos[late.opening];
	device->data = calloc(1, device->info.size);
	fuzz_assert(device->data);
	*ret_device = device;
	return 0;
}

static void late_close(void *device)
{
	free(((struct late_device *)device)->data);
	free(device);
}

/* Touches all the memory that it was given, as a device would. */
static void late_transfer(const struct late_io *what)
{
	const struct weft_io *io = what->io;
	uint8_t *at = what->device->data + io->offset;

	if (io->op == WEFT_OP_WRITE_ZEROES)
		memset(at, 0, io->length);
	for (unsigned int i = 0; i < io->iov_count; i++) {
		if (io->op == WEFT_OP_READ)
			memcpy(io->iov[i].iov_base, at, io->iov[i].iov_len);
		else
			memcpy(at, io->iov[i].iov_base, io->iov[i].iov_len);
		at += io->iov[i].iov_len;
	}
}

static void late_check(const struct weft_info *info, const struct weft_io *io)
{
	uint64_t total = 0;

	fuzz_assert(io->op <= WEFT_OP_DISCARD);
	fuzz_assert(io->offset % info->block_size == 0 && io->length % info->block_size == 0);
	fuzz_assert(io->offset <= info->size && io->length <= info->size - io->offset);
	for (unsigned int i = 0; i < io->iov_count; i++)
		total += io->iov[i].iov_len;
	if (io->op == WEFT_OP_READ || io->op == WEFT_OP_WRITE)
		fuzz_assert(total == io->length && total);
}

static void late_submit(void *opened, struct weft_io *io)
{
	struct late_device *device = opened;
	struct late_io what = { .io = io, .device = device };

	late_check(&device->info, io);
	if ((late.hangs[device->index] || !late.at_once) && late.count < LATE_MAX) {
		late.kept[late.count++] = what;
		return;
	}
	late_transfer(&what);
	weft_io_done(io, 0);
}

static const struct weft_backend late_backend = {
	.size = sizeof(struct weft_backend),
	.name = "late",
	.summary = "completes when it is told to",
	.open = late_open,
	.close = late_close,
	.submit = late_submit,
};

void world_late_at_once(bool at_once)
{
	late.at_once = at_once;
}

void world_late_hang(unsigned int index, bool hangs)
{
	late.hangs[index] = hangs;
}

unsigned int world_late_count(void)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < late.count; i++)
		count += !late.hangs[late.kept[i].device->index];
	return count;
}

struct completion {
	struct weft_io *io;
	int result;
};

static void complete(void *arg)
{
	struct completion *completion = arg;

	weft_io_done(completion->io, completion->result);
}

/* The index in late.kept of the which'th that can be completed. */
static unsigned int late_find(unsigned int which)
{
	unsigned int i = 0;

	for (;; i++)
		if (!late.hangs[late.kept[i].device->index] && which-- == 0)
			return i;
}

void world_late_complete(unsigned int which, int result, bool from_thread)
{
	struct completion completion = { .result = result };
	unsigned int count = world_late_count();
	struct late_io what;

	if (!count)
		return;
	which = late_find(which % count);
	what = late.kept[which];
	late.kept[which] = late.kept[--late.count];
	completion.io = what.io;
	if (result == 0)
		late_transfer(&what);
	if (from_thread)
		weft_io_done_from_thread(what.io, result);
	else
		fake_loop_call(((struct reactor *)what.io->reactor)->loop, complete, &completion);
}

/* ---- devices ---- */

/* In place of the real ones: of each device the size alone is asked for. */
uint64_t weft_param_number(const struct weft_params *params, const char *name, uint64_t fallback)
{
	return MEMORY_SIZE;
}

bool weft_param_bool(const struct weft_params *params, const char *name, bool fallback)
{
	return fallback;
}

static void device_open(unsigned int index)
{
	struct weft_error error;

	if (world.devices[index])
		return;
	late.opening = index ? index - 1 : 0;
	fuzz_assert(namespace_open(&world.devices[index], &world.target,
				   index ? &late_backend : &memory_backend, NULL, &error) == 0);
}

/* As the control thread does: what no view has is closed once it is idle. */
static void devices_close(void)
{
	if (world.publishing)
		return;
	namespaces_sweep(&world.target, false);
	for (unsigned int i = 0; i < DEVICES; i++) {
		if (!world.devices[i] || world.in_view[i] || !namespace_idle(world.devices[i]))
			continue;
		namespace_close(world.devices[i]);
		world.devices[i] = NULL;
	}
}

/* ---- the configuration ---- */

static void add_namespace(struct view_subsystem *subsystem, unsigned int index, uint32_t nsid,
			  uint32_t ana_grpid, unsigned int changes)
{
	struct view_namespace *ns = view_add_namespace(subsystem, nsid);

	fuzz_assert(ns);
	device_open(index);
	world.in_view[index] = true;
	ns->generation = world.generation;
	ns->ns = world.devices[index];
	memset(ns->uuid, (int)nsid, sizeof(ns->uuid));
	ns->read_only = nsid == 7 && (changes & WORLD_SMALL_NS);
	ns->block_shift = ns->ns->info.block_size == 512 ? 9 : 12;
	ns->block_count = ns->ns->info.size >> ns->block_shift;
	if (changes & WORLD_SMALL_NS)
		ns->block_count /= 8;
	ns->ana_grpid = ana_grpid;
	if (nsid == 7) {
		memset(ns->nguid, 0x77, sizeof(ns->nguid));
		memset(ns->eui64, 0x78, sizeof(ns->eui64));
	}
}

static struct view_subsystem *add_subsystem(struct view *view, const char *nqn)
{
	struct view_subsystem *subsystem = view_add_subsystem(view);

	fuzz_assert(subsystem);
	subsystem->subsystem = subsystem_get(&world.target, nqn);
	subsystem->nqn = strdup(nqn);
	TEXT_SET(subsystem->serial, "SERIAL");
	TEXT_SET(subsystem->model, "weft fuzz");
	TEXT_SET(subsystem->firmware, "0.1");
	subsystem->version = NVME_VS(2, 1, 0);
	subsystem->cntlid_min = 1;
	subsystem->cntlid_max = world.cntlid_max;
	subsystem->qid_max = 4;
	return subsystem;
}

static struct view_port *add_port(struct view *view, uint16_t portid, const char *traddr,
				  unsigned int changes)
{
	struct view_port *port = view_add_port(view);

	fuzz_assert(port);
	port->portid = portid;
	port->trtype = NVMF_TRTYPE_TCP;
	fuzz_assert(!view_add_address(port, strchr(traddr, ':') ? NVMF_ADRFAM_IPV6 :
						 NVMF_ADRFAM_IPV4, traddr));
	port->addr.trsvcid = 4420;
	port->inline_data_size = 16384;
	port->max_queue_size = 64;
	port->mdts = MDTS;
	port->ana_states[1] = changes & WORLD_ANA ? NVME_ANA_INACCESSIBLE : NVME_ANA_OPTIMIZED;
	port->ana_states[5] = changes & WORLD_LOSS ? NVME_ANA_PERSISTENT_LOSS :
			      changes & WORLD_TRANSITION ? NVME_ANA_CHANGE : NVME_ANA_NONOPTIMIZED;
	return port;
}

static void add_subsystems(struct view *view, unsigned int changes)
{
	struct view_subsystem *b = add_subsystem(view, NQN_B), *a;
	unsigned int swap = changes & WORLD_SWAP_NS ? 1 : 0;

	view_allow_host(b, view_add_host(view, HOST_FRIEND));
	if (changes & WORLD_NO_A)
		return;
	a = add_subsystem(view, NQN_A);
	if (!(changes & WORLD_NO_NS1))
		add_namespace(a, 0 ^ swap, 1, 1, changes);
	if (!(changes & WORLD_NO_NS2))
		add_namespace(a, 1 ^ swap, 2, changes & WORLD_REGROUP ? 5 : 1, changes);
	add_namespace(a, 2, 7, 5, changes);
	a->allow_any_host = !(changes & WORLD_FRIENDS_ONLY);
	a->qid_max = changes & WORLD_FEW_QUEUES ? 1 : 4;
}

static void add_ports(struct view *view, unsigned int changes)
{
	struct view_subsystem *a = view_find_subsystem(view, NQN_A);
	struct view_subsystem *b = view_find_subsystem(view, NQN_B);
	struct view_port *both = add_port(view, 1, "192.0.2.1", changes);
	struct view_port *any = add_port(view, 3, "0.0.0.0", changes);
	struct view_port *discovery = add_port(view, 8, "192.0.2.1", changes);

	discovery->discovery = true;
	view_link(both, b);
	if (a && !(changes & WORLD_UNLINKED))
		view_link(both, a);
	if (a)
		view_link(any, a);
	if (!(changes & WORLD_NO_PORT2) && a)
		view_link(add_port(view, 2, changes & WORLD_ANY_IPV6 ? "::" : "2001:db8::1",
				   changes), a);
	for (unsigned int i = 0; i < (changes & WORLD_REFERRALS ? 5 : 1); i++) {
		struct view_referral *referral = view_add_referral(both);

		*referral = (struct view_referral){ .portid = 9, .trtype = NVMF_TRTYPE_TCP,
						    .adrfam = NVMF_ADRFAM_IPV6,
						    .traddr = strdup("fe80::1%eth0"),
						    .addr.trsvcid = 8009 };
	}
}

void world_change(unsigned int changes)
{
	struct view *view = view_new();

	fuzz_assert(view);
	world.generation++;
	memset(world.in_view, 0, sizeof(world.in_view));
	view->genctr = world.generation;
	add_subsystems(view, changes);
	add_ports(view, changes);
	world.target.draining |= changes & WORLD_DRAINING;
	world.publishing = true;
	view_publish(&world.target, view);
	world.publishing = false;
	devices_close();
}

/* ---- life ---- */

void fake_on_enter(struct loop *loop)
{
	struct reactor *reactor = NULL;

	for (unsigned int i = 0; i < WORLD_REACTORS; i++)
		if (loop && world.reactors[i].loop == loop)
			reactor = &world.reactors[i];
	reactor_set_current(reactor);
}

static struct reactor *world_reactor(unsigned int index)
{
	return &world.reactors[index % WORLD_REACTORS];
}

void world_new(const struct world_options *options)
{
	struct target *target = &world.target;

	if (!options)
		options = &few;
	memset(&world, 0, sizeof(world));
	memset(&late, 0, sizeof(late));
	world.cntlid_max = options->cntlid_max;
	target->options.reactor_count = target->reactor_count = WORLD_REACTORS;
	target->options.connect_timeout_ms = CONNECT_TIMEOUT_MS;
	target->options.stall_timeout_ms = STALL_TIMEOUT_MS;
	target->options.max_pending_connections = options->max_pending;
	target->options.max_host_connections = options->max_host;
	target->buffer_limit = options->buffer_limit;
	limits_init(&target->limits);
	target->reactors = world.pointers;
	list_init(&target->subsystems);
	list_init(&target->closed_namespaces);
	pthread_mutex_init(&target->lock, NULL);
	target->discovery = subsystem_get(target, NVMF_DISCOVERY_NQN);
	target->discovery->discovery = true;
	for (unsigned int i = 0; i < WORLD_REACTORS; i++) {
		struct reactor *reactor = &world.reactors[i];

		world.pointers[i] = reactor;
		reactor->target = target;
		reactor->index = i;
		reactor->loop = fake_loop_new(options->buffers);
		list_init(&reactor->queues);
		buffer_lines_init(reactor);
	}
	world_change(0);
}

void world_connect(unsigned int index, int fd, uint16_t portid)
{
	struct reactor *reactor = world_reactor(index);
	struct limits_place place;

	if (!limits_arrive(&world.target, "192.0.2.1", TCP_CONNECTION_BYTES, &place))
		return;
	atomic_fetch_add(&reactor->connections, 1);
	tcp_connection_start(reactor, fd, portid, &place);
}

bool world_turn(unsigned int index)
{
	struct reactor *reactor = world_reactor(index);
	bool any;

	any = fake_loop_turn(reactor->loop);
	devices_close();
	return any;
}

void world_settle(void)
{
	unsigned int turns = 0;
	bool any;

	do {
		any = world_turn(0);
		any |= world_turn(1);
		fuzz_assert(++turns < 1000);
	} while (any);
}

void world_free(void)
{
	struct target *target = &world.target;

	memset(late.hangs, 0, sizeof(late.hangs));
	while (late.count)
		world_late_complete(0, -ECANCELED, late.count & 1);
	world_settle();
	for (unsigned int i = 0; i < WORLD_REACTORS; i++) {
		fuzz_assert(list_empty(&world.reactors[i].queues));
		fuzz_assert(list_empty(&world.reactors[i].buffers.waiting));
		fuzz_assert(world.reactors[i].buffers.floor_held == 0);
		fuzz_assert(world.reactors[i].buffers.long_replies == 0);
		fuzz_assert(world.reactors[i].connections == 0);
	}
	fuzz_assert(target->limits.connections == 0 && target->limits.memory == 0);
	for (unsigned int i = 0; i < LIMITS_BUCKETS; i++)
		fuzz_assert(list_empty(&target->limits.buckets[i]));
	for (unsigned int i = 0; i < DEVICES; i++)
		fuzz_assert(!world.devices[i] || namespace_idle(world.devices[i]));
	for (unsigned int i = 0; i < WORLD_REACTORS; i++)
		fake_loop_free(world.reactors[i].loop);
	view_free(target->view);
	for (unsigned int i = 0; i < DEVICES; i++)
		namespace_close(world.devices[i]);
	namespaces_sweep(target, false);
	fuzz_assert(list_empty(&target->closed_namespaces));
	subsystem_unref(target->discovery);
	fuzz_assert(list_empty(&target->subsystems));
	pthread_mutex_destroy(&target->lock);
}
