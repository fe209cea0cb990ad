/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands that are NVMe/TCP hosts share: how a target is named on the command line. */
#ifndef WEFT_CLI_HOSTCMD_H
#define WEFT_CLI_HOSTCMD_H

#include "cli/cli.h"
#include "cli/command.h"
#include "host/host.h"
#include "util/hostport.h"

/* The options have nvme-cli's letters and words. */
enum { HOSTCMD_OPT_TIMEOUT = CLI_OPT_OWN + 100 };

/* The options of every such command; in command.h's form. */
extern const struct command_option hostcmd_options[];

struct hostcmd {
	struct cli *cli;		/* borrowed */
	struct host_options opts;
	struct hostport address;	/* as it was given; opts has it from hostcmd_ready() on */
	char trsvcid[8];		/* the text of address.port */
};

void hostcmd_init(struct hostcmd *cmd, struct cli *cli);
/* As cli_next_option(), with the target's options taken too. */
int hostcmd_next_option(struct hostcmd *cmd, int argc, char **argv, int *ret_exit);
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
