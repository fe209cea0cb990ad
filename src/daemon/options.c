/* SPDX-License-Identifier: BSD-3-Clause */
/* weftd's command line. Parsing and help use one table of options. */
#include "daemon/options.h"

#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "control/control.h"
#include "loop/loop.h"
#include "util/str.h"

#define EXIT_USAGE 2
#define OPEN_TIMEOUT_MS 30000
#define CONNECT_TIMEOUT_MS 10000
#define POLL_US 20	/* longer than a busy host pauses, shorter than a sleep and wake-up */
#define STALL_TIMEOUT_MS 30000
#define MAX_CONNECTIONS 16384
#define MAX_PENDING_CONNECTIONS 4096
#define MAX_HOST_CONNECTIONS 4096
#define MAX_MEMORY (UINT64_C(1) << 30)
#define MAX_MEMORY_LEAST (UINT64_C(1) << 20)

enum option_id {
	OPTION_CONFIG = 256,
	OPTION_SOCKET,
	OPTION_API_GROUP,
	OPTION_STATE_DIR,
	OPTION_CORES,
	OPTION_LOOP,
	OPTION_POLL_US,
	OPTION_OPEN_TIMEOUT,
	OPTION_CONNECT_TIMEOUT,
	OPTION_STALL_TIMEOUT,
	OPTION_MAX_CONNECTIONS,
	OPTION_MAX_PENDING_CONNECTIONS,
	OPTION_MAX_HOST_CONNECTIONS,
	OPTION_MAX_MEMORY,
	OPTION_MAX_BUFFERS,
	OPTION_PLUGIN,
	OPTION_SANDBOX,
	OPTION_CHECK,
	OPTION_LOG_LEVEL,
	OPTION_HELP_BACKEND,
	OPTION_VERSION,
	OPTION_HELP,
};

static const struct {
	const char *name, *value, *help;
	int id;
} table[] = {
	{ "config", "FILE", "configuration to load (" OPTIONS_CONFIG_DEFAULT ")", OPTION_CONFIG },
	{ "socket", "PATH", "UNIX socket of the API (" CONTROL_SOCKET_DEFAULT ")", OPTION_SOCKET },
	{ "api-group", "GROUP", "group that may use the API (" CONTROL_GROUP_DEFAULT ", if there)",
	  OPTION_API_GROUP },
	{ "state-dir", "DIR", "what must survive a restart (" OPTIONS_STATE_DIR_DEFAULT ")",
	  OPTION_STATE_DIR },
	{ "cores", "N|LIST", "reactors: a number, or the CPUs to pin them to, as 0,2-3 (one for "
	  "each CPU)", OPTION_CORES },
	{ "loop", "ENGINE", "auto, io_uring or epoll (auto)", OPTION_LOOP },
	{ "poll-us", "N", "poll for work for N microseconds before sleeping, while work comes "
	  "that often (20)", OPTION_POLL_US },
	{ "open-timeout-ms", "N", "at the start, listen when all namespaces are open or have "
	  "failed, or after N ms (30000)", OPTION_OPEN_TIMEOUT },
	{ "connect-timeout-ms", "N", "end connections that do not send ICReq, and then Connect, "
	  "within N ms (10000)", OPTION_CONNECT_TIMEOUT },
	{ "stall-timeout-ms", "N", "end connections of hosts that for N ms do not receive data "
	  "they requested, or do not send R2T data or the rest of a PDU; 0: never (30000)",
	  OPTION_STALL_TIMEOUT },
	{ "max-connections", "N", "limit of all connections; more are refused (16384)",
	  OPTION_MAX_CONNECTIONS },
	{ "max-pending-connections", "N",
	  "limit of connections from one address before Connect (4096)",
	  OPTION_MAX_PENDING_CONNECTIONS },
	{ "max-host-connections", "N", "limit of connections, which are queues, of one host (4096)",
	  OPTION_MAX_HOST_CONNECTIONS },
	{ "max-memory", "SIZE", "memory for connections and queues, half for one host (1G)",
	  OPTION_MAX_MEMORY },
	{ "max-buffers", "SIZE", "memory for I/O buffers, a quarter for one host (256M for "
	  "each reactor)", OPTION_MAX_BUFFERS },
	{ "plugin", "FILE", "load a backend plugin; may be repeated", OPTION_PLUGIN },
	{ "sandbox", "on|off|report",
	  "forbid system calls that are not needed, and core dumps (on)", OPTION_SANDBOX },
	{ "check", NULL, "check the configuration file and exit", OPTION_CHECK },
	{ "log-level", "LEVEL", "error, warning, notice, info or debug (info)", OPTION_LOG_LEVEL },
	{ "help-backend", "NAME", "show a backend's options and exit", OPTION_HELP_BACKEND },
	{ "version", NULL, "show the version and exit", OPTION_VERSION },
	{ "help", NULL, "show this help and exit", OPTION_HELP },
};
#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

static void print_help(void)
{
	printf("usage: weftd [OPTION...]\n\n"
	       "Shares block storage with NVMe/TCP hosts. Signals: SIGTERM ends it once commands\n"
	       "under way have ended, SIGHUP loads the configuration file again.\n\n");
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		char left[40];

		snprintf(left, sizeof(left), "--%s%s%s", table[i].name, table[i].value ? " " : "",
			 table[i].value ? table[i].value : "");
		printf("  %-28s %s\n", left, table[i].help);
	}
	printf("\nweft(1) changes what is served; weftd(8) and weft.json(5) tell more.\n");
}

static _Noreturn void usage_error(const char *option, const char *value, const char *right)
{
	fprintf(stderr, "weftd: --%s %s: %s\n", option, value, right);
	exit(EXIT_USAGE);
}

static uint64_t number(const char *option, const char *value, uint64_t low, uint64_t high)
{
	char right[80];
	uint64_t n;

	if (number_parse(value, low, high, &n) < 0) {
		snprintf(right, sizeof(right), "a number from %llu to %llu is needed",
			 (unsigned long long)low, (unsigned long long)high);
		usage_error(option, value, right);
	}
	return n;
}

static uint64_t size(const char *option, const char *value, uint64_t low)
{
	char least[32], right[80];
	uint64_t n;

	if (size_parse(value, &n) < 0 || n < low || n > INT64_MAX) {
		snprintf(right, sizeof(right), "a size of at least %s is needed",
			 size_format(low, least, sizeof(least)));
		usage_error(option, value, right);
	}
	return n;
}

static uint32_t count(const char *option, const char *value)
{
	return (uint32_t)number(option, value, 1, 1000000);
}

static unsigned int allowed_cpus(cpu_set_t *set)
{
	CPU_ZERO(set);
	if (sched_getaffinity(0, sizeof(*set), set) < 0)
		CPU_SET(0, set);
	return (unsigned int)CPU_COUNT(set);
}

/* Parses "0,2-3". Each CPU in the list gets its own reactor. */
static void parse_cpu_list(struct options *options, const char *text)
{
	static const char right[] =
		"a number of reactors, or CPUs that weftd may use, as 0,2-3, is needed";
	const char *at = text;
	unsigned int count = 0;
	cpu_set_t allowed;

	allowed_cpus(&allowed);
	while (*at) {
		char *end;
		unsigned long first = strtoul(at, &end, 10), last = first;

		if (end == at)
			usage_error("cores", text, right);
		if (*end == '-') {
			at = end + 1;
			last = strtoul(at, &end, 10);
			if (end == at)
				usage_error("cores", text, right);
		}
		if (last < first || last >= CPU_SETSIZE || (*end && *end != ','))
			usage_error("cores", text, right);
		for (unsigned long cpu = first; cpu <= last; cpu++) {
			if (!CPU_ISSET(cpu, &allowed) || count == OPTIONS_REACTORS_MAX)
				usage_error("cores", text, right);
			options->cpus[count++] = (int)cpu;
		}
		at = *end ? end + 1 : end;
	}
	if (!count)
		usage_error("cores", text, right);
	options->target.reactor_count = count;
	options->target.cpus = options->cpus;
}

static void parse_cores(struct options *options, const char *text)
{
	uint64_t n;

	/* a single number is a count; 3-3 pins one reactor to CPU 3 */
	if (strchr(text, ',') || strchr(text, '-')) {
		parse_cpu_list(options, text);
		return;
	}
	if (number_parse(text, 1, OPTIONS_REACTORS_MAX, &n) < 0)
		usage_error("cores", text, "1 to 64, or a list of CPUs as 0,2-3, is needed");
	options->target.reactor_count = (unsigned int)n;
	options->target.cpus = NULL;
}

static int parse_engine(const char *text)
{
	if (strcmp(text, "auto") == 0)
		return LOOP_ENGINE_AUTO;
	if (strcmp(text, "io_uring") == 0)
		return LOOP_ENGINE_IO_URING;
	if (strcmp(text, "epoll") == 0)
		return LOOP_ENGINE_EPOLL;
	usage_error("loop", text, "auto, io_uring or epoll is needed");
}

static int parse_level(const char *text)
{
	static const struct {
		const char *name;
		int level;
	} levels[] = { { "error", LOG_ERR }, { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
		       { "info", LOG_INFO }, { "debug", LOG_DEBUG } };

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(text, levels[i].name) == 0)
			return levels[i].level;
	usage_error("log-level", text, "error, warning, notice, info or debug is needed");
}

static enum sandbox_mode parse_sandbox(const char *text)
{
	if (strcmp(text, "on") == 0)
		return SANDBOX_ON;
	if (strcmp(text, "off") == 0)
		return SANDBOX_OFF;
	if (strcmp(text, "report") == 0)
		return SANDBOX_REPORT;
	usage_error("sandbox", text, "on, off or report is needed");
}

static void set_option(struct options *options, int id, const char *value)
{
	switch ((enum option_id)id) {
	case OPTION_CONFIG:
		options->config = value;
		options->config_given = true;
		break;
	case OPTION_SOCKET:
		options->socket = value;
		break;
	case OPTION_API_GROUP:
		options->api_group = value;
		break;
	case OPTION_STATE_DIR:
		options->state_dir = value;
		break;
	case OPTION_CORES:
		parse_cores(options, value);
		break;
	case OPTION_LOOP:
		options->target.engine = parse_engine(value);
		break;
	case OPTION_POLL_US:
		options->target.poll_us = (unsigned int)number("poll-us", value, 0, 1000000);
		break;
	case OPTION_OPEN_TIMEOUT:
		options->open_timeout_ms =
			(uint32_t)number("open-timeout-ms", value, 0, 3600000);
		break;
	case OPTION_CONNECT_TIMEOUT:
		options->target.connect_timeout_ms =
			(uint32_t)number("connect-timeout-ms", value, 1, 3600000);
		break;
	case OPTION_STALL_TIMEOUT:
		options->target.stall_timeout_ms =
			(uint32_t)number("stall-timeout-ms", value, 0, 3600000);
		break;
	case OPTION_MAX_CONNECTIONS:
		options->target.max_connections = count("max-connections", value);
		break;
	case OPTION_MAX_PENDING_CONNECTIONS:
		options->target.max_pending_connections = count("max-pending-connections", value);
		break;
	case OPTION_MAX_HOST_CONNECTIONS:
		options->target.max_host_connections = count("max-host-connections", value);
		break;
	case OPTION_MAX_MEMORY:
		options->target.max_memory = size("max-memory", value, MAX_MEMORY_LEAST);
		break;
	case OPTION_MAX_BUFFERS:
		options->target.max_buffers = size("max-buffers", value, LIMITS_BUFFERS_MIN);
		break;
	case OPTION_PLUGIN:
		if (options->plugin_count == OPTIONS_PLUGINS_MAX)
			usage_error("plugin", value, "there can be 16 plugins at most");
		options->plugins[options->plugin_count++] = value;
		break;
	case OPTION_SANDBOX:
		options->sandbox = parse_sandbox(value);
		break;
	case OPTION_CHECK:
		options->check = true;
		break;
	case OPTION_LOG_LEVEL:
		options->log_level = parse_level(value);
		break;
	case OPTION_HELP_BACKEND:
		options->help_backend = value;
		break;
	case OPTION_VERSION:
		printf("weftd %s\n", WEFT_VERSION);
		exit(EXIT_SUCCESS);
	case OPTION_HELP:
		print_help();
		exit(EXIT_SUCCESS);
	}
}

/* Checks that each reactor gets enough of the I/O buffers. */
static void check_buffers(const struct target_options *target)
{
	if (!target->max_buffers ||
	    target->max_buffers / target->reactor_count >= LIMITS_BUFFERS_MIN)
		return;
	fprintf(stderr, "weftd: --max-buffers: %u reactors need 16 MiB each at least\n",
		target->reactor_count);
	exit(EXIT_USAGE);
}

void options_parse(struct options *ret, int argc, char **argv)
{
	struct option longs[TABLE_COUNT + 1] = { 0 };
	cpu_set_t allowed;
	unsigned int cpus = allowed_cpus(&allowed);
	int id;

	for (size_t i = 0; i < TABLE_COUNT; i++) {
		longs[i].name = table[i].name;
		longs[i].has_arg = table[i].value ? required_argument : no_argument;
		longs[i].val = table[i].id;
	}
	*ret = (struct options){
		.config = OPTIONS_CONFIG_DEFAULT,
		.socket = CONTROL_SOCKET_DEFAULT,
		.state_dir = OPTIONS_STATE_DIR_DEFAULT,
		.log_level = LOG_INFO,
		.sandbox = SANDBOX_ON,
		.open_timeout_ms = OPEN_TIMEOUT_MS,
		.target = {
			.reactor_count = cpus < OPTIONS_REACTORS_MAX ? cpus : OPTIONS_REACTORS_MAX,
			.engine = LOOP_ENGINE_AUTO,
			.connect_timeout_ms = CONNECT_TIMEOUT_MS,
			.poll_us = POLL_US,
			.stall_timeout_ms = STALL_TIMEOUT_MS,
			.max_connections = MAX_CONNECTIONS,
			.max_pending_connections = MAX_PENDING_CONNECTIONS,
			.max_host_connections = MAX_HOST_CONNECTIONS,
			.max_memory = MAX_MEMORY,
		},
	};
	while ((id = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (id == '?') {
			fprintf(stderr, "Try 'weftd --help'.\n");
			exit(EXIT_USAGE);
		}
		set_option(ret, id == 'h' ? OPTION_HELP : id, optarg);
	}
	check_buffers(&ret->target);
	if (optind < argc) {
		fprintf(stderr, "weftd: %s: only options are expected; a configuration is named by "
				"--config %s\n", argv[optind], argv[optind]);
		exit(EXIT_USAGE);
	}
}
