/* SPDX-License-Identifier: BSD-3-Clause */
/* Who acts next, and how time passes. */
#include "sim.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "disk.h"
#include "fake_loop.h"
#include "host.h"
#include "net.h"
#include "world.h"

#define FDS (SIM_HOSTS * SIM_QUEUES)
/* How long nobody may wait for a disk that is not hung. */
#define WAIT_MAX_MS 3000

struct sim sim;
struct sim_counts sim_counts;
static uint64_t state;

/* splitmix64 */
uint32_t sim_random(uint32_t bound)
{
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z ^ (z >> 31)) >> 16) % bound;
}

uint64_t sim_now(void)
{
	return loop_clock();
}

void sim_trace(const char *format, ...)
{
	va_list args;

	if (!sim.trace)
		return;
	printf("%6u %12.6f  ", sim.step, (double)sim_now() / 1e9);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* ---- steps ---- */

static bool complete_one(void)
{
	unsigned int count = world_late_count();

	if (!count)
		return false;
	world_late_complete(sim_random(count), 0, sim_chance(2));
	return true;
}

static bool inner(unsigned int what)
{
	int fd = (int)sim_random(FDS);

	switch (what % 8) {
	case 0:
		return world_turn(0);
	case 1:
		return world_turn(1);
	case 2:
		return net_end_send(fd);
	case 3:
	case 4:
		return net_take(fd, false);
	case 5:
	case 6:
		return net_deliver(fd, false);
	default:
		return complete_one();
	}
}

/* Each wire and reactor once; what is on its way is not kept waiting. */
static bool sweep(bool whole)
{
	bool any = false;

	for (int fd = 0; fd < FDS; fd++) {
		any |= net_end_send(fd);
		any |= net_take(fd, whole);
		any |= net_deliver(fd, whole);
	}
	any |= world_turn(0);
	any |= world_turn(1);
	return any;
}

bool sim_inner_step(void)
{
	for (unsigned int tries = 0; tries < 12; tries++)
		if (inner(sim_random(8)))
			return true;
	return sweep(false) || complete_one();
}

/* Reactors get a new view one after the other, and work on meanwhile. */
void fake_on_post(struct loop *loop)
{
	static bool inside;

	if (inside)
		return;
	inside = true;
	for (unsigned int i = sim_random(4); i > 0; i--)
		inner(sim_random(8));
	inside = false;
}

void sim_settle(void)
{
	unsigned int rounds = 0;
	bool any;

	do {
		any = sweep(true);
		while (complete_one())
			any = true;
		for (unsigned int i = 0; i < sim.scenario->hosts; i++)
			any |= host_serve(i);
		fuzz_assert(++rounds < 20000);
	} while (any);
}

/* ---- the configuration ---- */

static void change(void)
{
	unsigned int bits = sim.scenario->changes, bit;

	do {
		bit = 1u << sim_random(16);
	} while (!(bits & bit));
	sim.changes ^= bit;
	sim_counts.changes++;
	sim_trace("the configuration changes: %04x", sim.changes);
	if (bit & (WORLD_NO_NS1 | WORLD_SWAP_NS))
		disk_forget(0);
	if (bit & (WORLD_NO_NS2 | WORLD_SWAP_NS))
		disk_forget(1);
	if (bit & WORLD_NO_A)
		for (unsigned int i = 0; i < DISKS; i++)
			disk_forget(i);
	world_change(sim.changes);
}

static void toggle_hang(void)
{
	sim.hung = !sim.hung;
	sim_counts.hangs += sim.hung;
	sim_trace("the disk of NSID 7 %s", sim.hung ? "hangs" : "goes on");
	world_late_hang(1, sim.hung);
}

/* ---- time ---- */

/* All are up to date; some time passes. */
static void age(void)
{
	uint32_t ms = 1 + sim_random(sim.scenario->age_ms);

	sim_settle();
	hosts_check();
	sim_trace("%u ms pass", ms);
	fake_clock_advance(ms * MS);
}

/* Whoever waits for anything but the hung disk is served within a bounded time. */
static void catch_up(void)
{
	for (unsigned int ms = 0; ms < WAIT_MAX_MS; ms += 100) {
		sim_settle();
		fake_clock_advance(100 * MS);
	}
	sim_settle();
	hosts_check();
}

static void step(void)
{
	unsigned int what = sim_random(200);

	if (what < 2 && sim.scenario->changes)
		change();
	else if (what == 2 && sim.scenario->hangs)
		toggle_hang();
	else if (what < 6 && sim.scenario->age_ms && !sim.scenario->hangs)
		age();
	else if (what < 20)
		fake_clock_advance(sim_random(200000));
	else if (what < 70)
		host_step(sim_random(sim.scenario->hosts));
	else
		sim_inner_step();
}

void sim_run(const struct scenario *scenario, uint64_t seed, bool trace)
{
	const size_t buffers = scenario->buffers ? scenario->buffers : 4 << 20;
	const struct world_options options = {
		.max_pending = FDS, .max_host = SIM_QUEUES, .cntlid_max = 100,
		.buffers = buffers, .buffer_limit = buffers,
	};

	sim = (struct sim){ .scenario = scenario, .seed = seed, .trace = trace };
	state = seed;
	net_reset();
	disk_reset();
	hosts_new();
	world_new(&options);
	for (; sim.step < scenario->steps; sim.step++) {
		step();
		if (scenario->hangs && sim.step % 400 == 399)
			catch_up();
	}
	/* whoever is to go has gone by then */
	for (unsigned int i = 0; i < 60 && (scenario->silent || scenario->still); i++)
		age();
	sim.calm = true;
	if (sim.hung)
		toggle_hang();
	catch_up();
	hosts_check_calm();
	hosts_leave();
	sim_settle();
	world_free();
	hosts_done();
	net_reset();
}
