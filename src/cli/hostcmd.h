/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands that are NVMe/TCP hosts share: how a target is named on the command line. */
#ifndef WEFT_CLI_HOSTCMD_H
#define WEFT_CLI_HOSTCMD_H

#include <getopt.h>

#include "cli/cli.h"
#include "host/host.h"
#include "util/hostport.h"

/* The options have nvme-cli's letters and words. */
#define HOSTCMD_LETTERS "a:s:n:q:I:k:gG"

enum { HOSTCMD_OPT_TIMEOUT = CLI_OPT_OWN + 100 };

#define HOSTCMD_OPTIONS \
	{ "traddr", required_argument, NULL, 'a' }, \
	{ "trsvcid", required_argument, NULL, 's' }, \
	{ "nqn", required_argument, NULL, 'n' }, \
	{ "hostnqn", required_argument, NULL, 'q' }, \
	{ "hostid", required_argument, NULL, 'I' }, \
	{ "keep-alive-tmo", required_argument, NULL, 'k' }, \
	{ "hdr-digest", no_argument, NULL, 'g' }, \
	{ "data-digest", no_argument, NULL, 'G' }, \
	{ "timeout", required_argument, NULL, HOSTCMD_OPT_TIMEOUT }, \
	{ "json", no_argument, NULL, CLI_OPT_JSON }, \
	{ "help", no_argument, NULL, CLI_OPT_HELP }, \
	{ NULL, 0, NULL, 0 }

#define HOSTCMD_HELP \
	"target:\n" \
	"  -a, --traddr ADDRESS       its address or host name, also ADDRESS:PORT or\n" \
	"                             [ADDRESS]:PORT (default 127.0.0.1)\n" \
	"  -n, --nqn NQN              the subsystem (discover: a unique discovery NQN)\n" \
	"  -s, --trsvcid PORT         its port (default 4420, discovery 8009)\n" \
	"  -q, --hostnqn NQN          who we are (default /etc/nvme/hostnqn or this machine's)\n" \
	"  -I, --hostid UUID          the same (default /etc/nvme/hostid or this machine's)\n" \
	"  -g, --hdr-digest           protect headers by CRC32C\n" \
	"  -G, --data-digest          protect data by CRC32C\n" \
	"  -k, --keep-alive-tmo SECONDS  tell the target when to give up on us (default 30)\n" \
	"      --timeout SECONDS      give up on the target (default 30)\n" \
	"output:\n" \
	"      --json                 print JSON\n" \
	"  -h, --help                 print this and exit\n"

struct hostcmd {
	struct cli cli;
	struct host_options opts;
	const char *letters;		/* the command's own short options */
	struct hostport address;	/* as it was given; opts has it from hostcmd_ready() on */
	char trsvcid[8];		/* the text of address.port */
};

/* `letters` as for getopt(), without those of HOSTCMD_LETTERS. */
void hostcmd_init(struct hostcmd *cmd, const char *command, const char *help,
		  const char *letters);
/* As cli_next_option(), with the target's options taken too. */
int hostcmd_next_option(struct hostcmd *cmd, int argc, char **argv, const struct option *options,
			int *ret_exit);
/*
 * After the options: takes the arguments [ADDRESS] [NQN], which mean the same as --traddr and
 * --nqn; refuses more, a missing NQN, and two ports that differ. False: end with *ret_exit.
 */
bool hostcmd_ready(struct hostcmd *cmd, int argc, char **argv, int *ret_exit);

/*
 * Values of options; on a wrong one they print usage and return false. `option` names it. Sizes
 * have suffixes ("64K", "1M").
 */
bool hostcmd_number(const struct hostcmd *cmd, const char *option, const char *text, uint64_t low,
		    uint64_t high, uint64_t *ret);
bool hostcmd_size(const struct hostcmd *cmd, const char *option, const char *text, uint64_t *ret);
bool hostcmd_seconds(const struct hostcmd *cmd, const char *option, const char *text, double *ret);

/* A field of an Identify structure or a discovery entry without its padding; returns buf. */
const char *hostcmd_text(const char *field, size_t size, char *buf, size_t buf_size);

#endif
