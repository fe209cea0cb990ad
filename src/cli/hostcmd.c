/* SPDX-License-Identifier: BSD-3-Clause */
/* Options of the commands that are NVMe/TCP hosts. */
#include "cli/hostcmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/str.h"

const struct command_option hostcmd_options[] = {
	{ "", 0, NULL, "target", NULL },
	{ "traddr", 'a', "ADDRESS",
	  "the target's address or host name, also ADDRESS:PORT or [ADDRESS]:PORT "
	  "(default 127.0.0.1)", NULL },
	{ "nqn", 'n', "NQN", "the subsystem (discover: a unique discovery NQN)", NULL },
	{ "trsvcid", 's', "PORT", "the target's port (default 4420, discovery 8009)", "4420 8009" },
	{ "hostnqn", 'q', "NQN",
	  "the Host NQN (default /etc/nvme/hostnqn or this machine's)", NULL },
	{ "hostid", 'I', "UUID",
	  "the Host Identifier (default /etc/nvme/hostid or this machine's)", NULL },
	{ "hdr-digest", 'g', NULL, "protect headers by CRC32C", NULL },
	{ "data-digest", 'G', NULL, "protect data by CRC32C", NULL },
	{ "keep-alive-tmo", 'k', "SECONDS", "Keep Alive Timeout (default 30)", NULL },
	{ "timeout", HOSTCMD_OPT_TIMEOUT, "SECONDS",
	  "how long to wait for the target (default 30)", NULL },
	{ "", 0, NULL, "output", NULL },
	{ "json", CLI_OPT_JSON, NULL, "print JSON", NULL },
	{ NULL },
};

void hostcmd_init(struct hostcmd *cmd, struct cli *cli)
{
	cmd->cli = cli;
	host_options_init(&cmd->opts);
	cmd->opts.traddr = "127.0.0.1";
	cmd->address = (struct hostport){ .port = 0 };
}

bool hostcmd_number(const struct hostcmd *cmd, const char *option, const char *text, uint64_t low,
		    uint64_t high, uint64_t *ret)
{
	if (number_parse(text, low, high, ret) == 0)
		return true;
	cli_usage(cmd->cli, "%s is '%s'; it must be a number from %llu to %llu", option, text,
		  (unsigned long long)low, (unsigned long long)high);
	return false;
}

bool hostcmd_size(const struct hostcmd *cmd, const char *option, const char *text, uint64_t *ret)
{
	if (size_parse(text, ret) == 0)
		return true;
	cli_usage(cmd->cli, "%s is '%s'; it must be a size such as 4096, 64K or 1G", option, text);
	return false;
}

bool hostcmd_seconds(const struct hostcmd *cmd, const char *option, const char *text, double *ret)
{
	char *end;
	double v = strtod(text, &end);

	if (end != text && *end == '\0' && v >= 0 && v <= 1e6) {
		*ret = v;
		return true;
	}
	cli_usage(cmd->cli, "%s is '%s'; it must be a number of seconds", option, text);
	return false;
}

static bool take_hostnqn(struct hostcmd *cmd, const char *text)
{
	enum nvmf_nqn_fault fault = nvmf_nqn_check(text, strlen(text) + 1, 0);

	if (fault) {
		cli_usage(cmd->cli, "--hostnqn '%s' %s", text, nvmf_nqn_fault_str(fault));
		return false;
	}
	strcpy(cmd->opts.hostnqn, text);
	return true;
}

static bool take_hostid(struct hostcmd *cmd, const char *text)
{
	if (hex_parse(text, cmd->opts.hostid, sizeof(cmd->opts.hostid)) == 0)
		return true;
	cli_usage(cmd->cli, "--hostid is '%s'; it must be a UUID", text);
	return false;
}

static bool take_address(struct hostcmd *cmd, const char *text)
{
	struct weft_error error;

	if (hostport_parse(text, &cmd->address, &error) == 0)
		return true;
	cli_usage(cmd->cli, "%s", error.text);
	return false;
}

/* Sets traddr and trsvcid from ADDRESS:PORT. False if --trsvcid gives another port. */
static bool settle_address(struct hostcmd *cmd)
{
	uint64_t port = cmd->address.port, option;

	if (*cmd->address.host)
		cmd->opts.traddr = cmd->address.host;
	if (!port)
		return true;
	if (cmd->opts.trsvcid && number_parse(cmd->opts.trsvcid, 1, UINT16_MAX, &option) == 0 &&
	    option != port) {
		cli_usage(cmd->cli, "the address has port %llu and --trsvcid is %s; give one of "
				    "them", (unsigned long long)port, cmd->opts.trsvcid);
		return false;
	}
	snprintf(cmd->trsvcid, sizeof(cmd->trsvcid), "%u", cmd->address.port);
	cmd->opts.trsvcid = cmd->trsvcid;
	return true;
}

/* Takes an option of hostcmd_options. Returns false if its value is wrong. */
static bool take(struct hostcmd *cmd, int c, bool *ret_ours)
{
	uint64_t n = 0;

	*ret_ours = true;
	switch (c) {
	case 'a':
		return take_address(cmd, optarg);
	case 's':
		cmd->opts.trsvcid = optarg;
		return hostcmd_number(cmd, "--trsvcid", optarg, 1, 65535, &n);
	case 'n':
		cmd->opts.subnqn = optarg;
		return true;
	case 'q':
		return take_hostnqn(cmd, optarg);
	case 'I':
		return take_hostid(cmd, optarg);
	case 'k':
		if (!hostcmd_number(cmd, "--keep-alive-tmo", optarg, 0, 100000, &n))
			return false;
		cmd->opts.kato_ms = (uint32_t)n * 1000;
		return true;
	case 'g':
		cmd->opts.hdgst = true;
		return true;
	case 'G':
		cmd->opts.ddgst = true;
		return true;
	case HOSTCMD_OPT_TIMEOUT:
		if (!hostcmd_number(cmd, "--timeout", optarg, 1, 100000, &n))
			return false;
		cmd->opts.timeout_ms = (int)n * 1000;
		return true;
	default:
		*ret_ours = false;
		return true;
	}
}

int hostcmd_next_option(struct hostcmd *cmd, int argc, char **argv, int *ret_exit)
{
	for (;;) {
		int c = cli_next_option(cmd->cli, argc, argv, ret_exit);
		bool ours;

		if (c < 0)
			return c;
		if (!take(cmd, c, &ours)) {
			*ret_exit = CLI_USAGE;
			return -2;
		}
		if (!ours)
			return c;
	}
}

bool hostcmd_ready(struct hostcmd *cmd, int argc, char **argv, int *ret_exit)
{
	bool good = true;

	if (optind < argc && strncmp(argv[optind], "nqn.", 4) != 0)
		good = take_address(cmd, argv[optind++]);
	if (!good || !settle_address(cmd)) {
		*ret_exit = CLI_USAGE;
		return false;
	}
	if (optind < argc)
		cmd->opts.subnqn = argv[optind++];
	if (optind < argc) {
		*ret_exit = cli_usage(cmd->cli,
				      "it takes an address and an NQN and no more such as %s",
				      argv[optind]);
		return false;
	}
	if (!cmd->opts.subnqn) {
		*ret_exit = cli_usage(cmd->cli, "which subsystem? give its NQN; weft discover "
						"lists them");
		return false;
	}
	return true;
}

const char *hostcmd_text(const char *field, size_t size, char *buf, size_t buf_size)
{
	size_t len = strnlen(field, size);

	while (len && field[len - 1] == ' ')
		len--;
	if (len >= buf_size)
		len = buf_size - 1;
	for (size_t i = 0; i < len; i++)
		buf[i] = (unsigned char)field[i] < 0x20 || field[i] == 0x7f ? '?' : field[i];
	buf[len] = '\0';
	return buf;
}
