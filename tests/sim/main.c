/* SPDX-License-Identifier: BSD-3-Clause */
/* sim: runs scenarios with one seed after another, or one again with its trace. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"
#include "sim.h"
#include "util/log.h"
#include "world.h"

/* Of the configuration: what does not concern who uses NSID 1 by port 1. */
#define ELSEWHERE (WORLD_NO_NS2 | WORLD_NO_PORT2 | WORLD_REFERRALS | WORLD_LOSS | \
		   WORLD_TRANSITION | WORLD_REGROUP | WORLD_ANY_IPV6)

const struct scenario scenarios[] = {
	{ .name = "data", .summary = "hosts read and write, with and without digests",
	  .hosts = 3, .io_queues = 2, .depth = 8, .steps = 600, .pages_max = 16,
	  .digests = true },
	{ .name = "large", .summary = "transfers of which few fit the I/O buffers",
	  .hosts = 3, .io_queues = 2, .depth = 12, .steps = 900, .pages_max = DISK_PART,
	  .buffers = 1 << 20 },
	{ .name = "keepalive", .summary = "who keeps alive stays, who falls silent goes",
	  .hosts = 3, .io_queues = 1, .depth = 4, .steps = 900, .pages_max = 4,
	  .kato_ms = 1000, .age_ms = 150, .silent = true },
	{ .name = "stall", .summary = "who takes nothing goes, the others stay",
	  .hosts = 3, .io_queues = 2, .depth = 8, .steps = 1500, .pages_max = 8,
	  .kato_ms = 15000, .age_ms = 3000, .still = true },
	{ .name = "buffers", .summary = "a disk hangs; the others are waited for, but not long",
	  .hosts = 4, .io_queues = 2, .depth = 16, .steps = 1200, .pages_max = DISK_PART,
	  .buffers = 1 << 20, .hangs = true },
	{ .name = "aborts", .summary = "commands are aborted wherever they are",
	  .hosts = 2, .io_queues = 2, .depth = 12, .steps = 800, .pages_max = 16,
	  .hangs = true, .aborts = true },
	{ .name = "bystanders", .summary = "changes disturb nobody whom they do not concern",
	  .hosts = 3, .io_queues = 2, .depth = 8, .steps = 900, .pages_max = 16,
	  .kato_ms = 2000, .age_ms = 200, .changes = ELSEWHERE },
	{ .name = "changes", .summary = "everything that a configuration can do to hosts",
	  .hosts = 3, .io_queues = 2, .depth = 8, .steps = 900, .pages_max = 16,
	  .changes = ELSEWHERE | WORLD_NO_NS1 | WORLD_SWAP_NS | WORLD_SMALL_NS |
		     WORLD_UNLINKED | WORLD_ANA | WORLD_NO_A | WORLD_FEW_QUEUES |
		     WORLD_FRIENDS_ONLY, .leaves = true, .aborts = true },
	{ .name = "churn", .summary = "hosts come and go in the middle of their I/O",
	  .hosts = 4, .io_queues = 2, .depth = 8, .steps = 900, .pages_max = DISK_PART,
	  .leaves = true, .aborts = true },
	{ .name = NULL },
};

static void usage(FILE *to)
{
	fputs("usage: sim [--scenario NAME] [--seed N] [--runs N] [--trace]\n\n"
	      "Runs the target in virtual time: each scenario, or one, --runs (100) times with\n"
	      "the seeds from --seed (1) on. A failure names the seed that repeats it.\n\n", to);
	for (const struct scenario *s = scenarios; s->name; s++)
		fprintf(to, "  %-12s %s\n", s->name, s->summary);
}

/* Something did not hold: how to see it again. */
static void failed(int signal)
{
	char text[160];
	int length = snprintf(text, sizeof(text), "step %u; to repeat it: sim --scenario %s "
			      "--seed %llu --runs 1 --trace\n", sim.step, sim.scenario->name,
			      (unsigned long long)sim.seed);

	fflush(stdout);
	if (length > 0 && write(STDERR_FILENO, text, (size_t)length) < 0)
		_exit(3);
}

static const struct scenario *find(const char *name)
{
	for (const struct scenario *s = scenarios; s->name; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	fprintf(stderr, "sim: no scenario \"%s\"; sim --help lists them\n", name);
	exit(2);
}

static uint64_t number(const char *text)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 0);

	if (!*text || *end) {
		fprintf(stderr, "sim: \"%s\" is not a number\n", text);
		exit(2);
	}
	return value;
}

static void run(const struct scenario *scenario, uint64_t seed, uint64_t runs, bool trace)
{
	struct sim_counts *n = &sim_counts;

	memset(n, 0, sizeof(*n));
	for (uint64_t i = 0; i < runs; i++)
		sim_run(scenario, seed + i, trace);
	printf("%-12s %llu runs: %lu commands, %lu failed (%lu aborted), %lu events, %lu changes, "
	       "%lu hangs, %lu stuck, %lu attached, %lu lost\n", scenario->name,
	       (unsigned long long)runs, n->commands, n->failed, n->aborted, n->events,
	       n->changes, n->hangs, n->stuck, n->attached, n->lost);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "scenario", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'n' },
		{ "runs", required_argument, NULL, 'r' }, { "trace", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' }, { 0 },
	};
	const struct scenario *only = NULL;
	uint64_t seed = 1, runs = 100;
	bool trace = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		switch (c) {
		case 's': only = find(optarg); break;
		case 'n': seed = number(optarg); break;
		case 'r': runs = number(optarg); break;
		case 't': trace = true; break;
		case 'h': usage(stdout); return 0;
		default: usage(stderr); return 2;
		}
	}
	log_set_level(trace ? LOG_DEBUG : LOG_EMERG);
	signal(SIGABRT, failed);
	for (const struct scenario *s = scenarios; s->name; s++)
		if (!only || s == only)
			run(s, seed, runs, trace);
	return 0;
}
