/* SPDX-License-Identifier: BSD-3-Clause */
/* weft perf: measures the performance of a namespace. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/hostcmd.h"
#include "host/perf.h"
#include "util/cleanup.h"
#include "util/str.h"

enum {
	OPT_THREADS = CLI_OPT_OWN,
	OPT_RAMP,
	OPT_OFFSET,
	OPT_LENGTH,
	OPT_NO_FLOW,
	OPT_POLL,
	OPT_VERIFY
};

static const double percentiles[] = { 50, 90, 99, 99.9, 99.99 };
#define PERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

static bool take_number(const struct hostcmd *cmd, const char *option, uint64_t low, uint64_t high,
			unsigned int *ret)
{
	uint64_t n;

	if (!hostcmd_number(cmd, option, optarg, low, high, &n))
		return false;
	*ret = (unsigned int)n;
	return true;
}

static bool take_pattern(const struct hostcmd *cmd, struct perf_options *perf)
{
	perf->random = strcmp(optarg, "rand") == 0;
	if (perf->random || strcmp(optarg, "seq") == 0)
		return true;
	cli_usage(cmd->cli, "--pattern is '%s'; it must be rand or seq", optarg);
	return false;
}

static bool take_option(struct hostcmd *cmd, struct perf_options *perf, int c)
{
	unsigned int n = 0;
	uint64_t size;

	switch (c) {
	case 'i':
		return take_number(cmd, "--namespace-id", 1, NVME_NSID_ALL - 1, &perf->nsid);
	case 'Q':
		if (!take_number(cmd, "--queue-depth", 1, HOST_QUEUE_DEPTH_MAX, &n))
			return false;
		perf->depth = (uint16_t)n;
		return true;
	case 'b':
		if (!hostcmd_size(cmd, "--block-size", optarg, &size))
			return false;
		perf->io_size = size <= UINT32_MAX ? (uint32_t)size : UINT32_MAX;
		return true;
	case 'p':
		return take_pattern(cmd, perf);
	case 'r':
		return take_number(cmd, "--read", 0, 100, &perf->read_percent);
	case 'c':
		if (!take_number(cmd, "--connections", 1, HOST_QUEUE_MAX, &n))
			return false;
		perf->connections = (uint16_t)n;
		return true;
	case OPT_THREADS:
		return take_number(cmd, "--threads", 1, HOST_QUEUE_MAX, &perf->threads);
	case 't':
		return hostcmd_seconds(cmd, "--time", optarg, &perf->seconds);
	case OPT_RAMP:
		return hostcmd_seconds(cmd, "--ramp", optarg, &perf->ramp);
	case OPT_OFFSET:
		return hostcmd_size(cmd, "--offset", optarg, &perf->offset);
	case OPT_LENGTH:
		return hostcmd_size(cmd, "--length", optarg, &perf->length);
	case OPT_NO_FLOW:
		cmd->opts.no_sq_flow = true;
		return true;
	case OPT_POLL:
		perf->busy_poll = true;
		return true;
	default:
		perf->verify = true;
		return true;
	}
}

static bool take_options(struct hostcmd *cmd, struct perf_options *perf, int argc, char **argv,
			 int *ret_exit)
{
	int c;

	while ((c = hostcmd_next_option(cmd, argc, argv, ret_exit)) >= 0) {
		if (!take_option(cmd, perf, c)) {
			*ret_exit = CLI_USAGE;
			return false;
		}
	}
	return c != -2 && hostcmd_ready(cmd, argc, argv, ret_exit);
}

/* A line on the terminal with the results of the last second. */
struct ticker {
	uint64_t ios, bytes;
	double seconds;
};

static void tick(void *user, double seconds, uint64_t ios, uint64_t bytes)
{
	struct ticker *t = user;
	double span = seconds - t->seconds;

	if (span > 0)
		fprintf(stderr, "\r%4.0f s  %9.0f IOPS  %8.1f MB/s\033[K", seconds,
			(double)(ios - t->ios) / span, (double)(bytes - t->bytes) / span / 1e6);
	*t = (struct ticker){ ios, bytes, seconds };
}

static json_t *side_json(const struct perf_side *side, double seconds)
{
	json_t *latency = json_pack("{s:f}", "mean", histogram_mean(&side->latency) / 1e3);
	char key[16];

	for (size_t i = 0; i < PERCENTILES; i++) {
		snprintf(key, sizeof(key), "p%g", percentiles[i]);
		json_object_set_new(
			latency, key,
			json_real((double)histogram_percentile(&side->latency, percentiles[i]) /
				  1e3));
	}
	json_object_set_new(latency, "max", json_real((double)side->latency.max / 1e3));
	return json_pack("{s:I, s:I, s:f, s:f, s:o}", "ios", (json_int_t)side->latency.count,
			 "bytes", (json_int_t)side->bytes, "iops",
			 (double)side->latency.count / seconds, "bytes_per_second",
			 (double)side->bytes / seconds, "latency_us", latency);
}

static double cpu_us_per_io(const struct perf_result *result, const struct perf_side *total)
{
	return total->latency.count ? (result->cpu_user + result->cpu_system) * 1e6 /
					      (double)total->latency.count :
				      0;
}

static void print_json(const struct hostcmd *cmd, const struct perf_options *perf,
		       const struct perf_result *result, const struct perf_side *total)
{
	json_t *settings = json_pack(
		"{s:s, s:s, s:I, s:I, s:i, s:i, s:i, s:s, s:i, s:f, s:f, s:b, s:b, s:b, s:b}",
		"traddr", cmd->opts.traddr, "nqn", cmd->opts.subnqn, "nsid", (json_int_t)perf->nsid,
		"block_size", (json_int_t)perf->io_size, "queue_depth", result->depth,
		"connections", result->connections, "threads", (int)result->threads, "pattern",
		perf->random ? "rand" : "seq", "read_percent", (int)perf->read_percent, "ramp",
		perf->ramp, "seconds", perf->seconds, "hdr_digest", cmd->opts.hdgst, "data_digest",
		cmd->opts.ddgst, "sq_flow_control", !cmd->opts.no_sq_flow, "poll", perf->busy_poll);
	json_t *cpu =
		json_pack("{s:f, s:f, s:f}", "user_seconds", result->cpu_user, "system_seconds",
			  result->cpu_system, "us_per_io", cpu_us_per_io(result, total));
	json_t *root = json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "settings", settings, "total",
				 side_json(total, result->seconds), "read",
				 side_json(&result->read, result->seconds), "write",
				 side_json(&result->write, result->seconds), "host_cpu", cpu,
				 "verified_reads", (json_int_t)result->verified);

	json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(root);
}

static void print_side(const char *name, const struct perf_side *side, double seconds)
{
	if (side->latency.count == 0)
		return;
	printf("%-6s %10.0f IOPS %10.1f MB/s   mean %8.1f us", name,
	       (double)side->latency.count / seconds, (double)side->bytes / seconds / 1e6,
	       histogram_mean(&side->latency) / 1e3);
	for (size_t i = 0; i < PERCENTILES; i++)
		printf("  p%g %.1f", percentiles[i],
		       (double)histogram_percentile(&side->latency, percentiles[i]) / 1e3);
	printf("  max %.1f\n", (double)side->latency.max / 1e3);
}

static void print_text(const struct perf_options *perf, const struct perf_result *result,
		       const struct perf_side *total)
{
	char size[32];

	printf("%s, %s, %u %% reads, %u connection%s of depth %u, %g s\n",
	       size_format(perf->io_size, size, sizeof(size)),
	       perf->random ? "random" : "sequential", perf->read_percent, result->connections,
	       result->connections == 1 ? "" : "s", result->depth, result->seconds);
	if (result->read.latency.count && result->write.latency.count)
		print_side("total", total, result->seconds);
	print_side("read", &result->read, result->seconds);
	print_side("write", &result->write, result->seconds);
	if (total->latency.count == 0)
		printf("no command was completed in the measured time\n");
	printf("host   %.2f us of CPU an I/O (%.0f %% user, %.0f %% kernel of one core)\n",
	       cpu_us_per_io(result, total), result->cpu_user / result->seconds * 100,
	       result->cpu_system / result->seconds * 100);
	if (perf->verify)
		printf("verify %llu reads compared, all right\n",
		       (unsigned long long)result->verified);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct perf_options perf = { .nsid = 1,
				     .io_size = 4096,
				     .depth = 32,
				     .connections = 1,
				     .threads = 1,
				     .read_percent = 100,
				     .random = true,
				     .ramp = 1,
				     .seconds = 10 };
	_cleanup_free_ struct perf_result *result = calloc(1, sizeof(*result));
	_cleanup_free_ struct perf_side *total = calloc(1, sizeof(*total));
	struct host_ctrl *ctrl = NULL;
	struct ticker ticker = { .ios = 0 };
	bool live = isatty(STDERR_FILENO);
	struct weft_error error;
	struct hostcmd cmd;
	int r;

	hostcmd_init(&cmd, cli);
	if (!take_options(&cmd, &perf, argc, argv, &r))
		return r;
	if (perf.seconds <= 0)
		return cli_usage(cmd.cli, "--time must be more than 0");
	if (!result || !total)
		return cli_fail(cmd.cli, "out of memory");
	r = host_connect(&cmd.opts, &ctrl, &error);
	if (r == 0)
		r = perf_run(ctrl, &perf, live ? tick : NULL, &ticker, result, &error);
	host_disconnect(ctrl);
	if (live && ticker.ios)
		fputs("\r\033[K", stderr);
	if (r < 0)
		return cli_fail(cmd.cli, "%s", error.text);
	*total = result->read;
	histogram_merge(&total->latency, &result->write.latency);
	total->bytes += result->write.bytes;
	if (cmd.cli->json)
		print_json(&cmd, &perf, result, total);
	else
		print_text(&perf, result, total);
	return CLI_OK;
}

static const struct command_option options[] = {
	{ "namespace-id", 'i', "NSID", "the namespace (default 1)", NULL },
	{ "", 0, NULL, "load", NULL },
	{ "queue-depth", 'Q', "N", "commands under way on each connection (default 32)", NULL },
	{ "block-size", 'b', "SIZE", "bytes of one command (default 4K)", NULL },
	{ "pattern", 'p', "rand|seq", "(default rand)", "rand seq" },
	{ "read", 'r', "PERCENT", "share of reads (default 100)", NULL },
	{ "connections", 'c', "N", "I/O queues (default 1)", NULL },
	{ "threads", OPT_THREADS, "N", "threads that share the I/O queues (default 1)", NULL },
	{ "time", 't', "SECONDS", "how long to measure (default 10)", NULL },
	{ "ramp", OPT_RAMP, "SECONDS", "how long to run before measuring (default 1)", NULL },
	{ "offset", OPT_OFFSET, "SIZE", "the start of the range to use (default 0)", NULL },
	{ "length", OPT_LENGTH, "SIZE", "the size of the range (default to the end)", NULL },
	{ "no-sq-flow", OPT_NO_FLOW, NULL,
	  "turn SQ flow control off, which saves a PDU for each read", NULL },
	{ "poll", OPT_POLL, NULL,
	  "never sleep: lowest latency, one full core for each thread", NULL },
	{ "verify", OPT_VERIFY, NULL, "compare what is read with what this run wrote", NULL },
	{ NULL },
};

const struct command command_perf = {
	.name = "perf", .arguments = "[ADDRESS] NQN",
	.summary = "measure a remote disk",
	.text = "Keeps a namespace busy and measures IOPS, bandwidth and latency. It WRITES "
		"OVER the namespace's data unless the read share is 100, which is the default.",
	.kind = COMMAND_OF_HOST, .options = options,
	.example = "192.0.2.7 nqn.2014-08.io.weft:disk1 -Q 32 -r 70",
	.run = run,
};
