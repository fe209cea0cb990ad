/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by the commands that are NVMe/TCP hosts: the options that name target and host. */
#ifndef WEFT_CLI_HOSTCMD_H
#define WEFT_CLI_HOSTCMD_H

#include "cli/cli.h"
#include "cli/command.h"
#include "host/host.h"
#include "util/hostport.h"

/* The options have the letters and names of nvme-cli's options. */
enum { HOSTCMD_OPT_TIMEOUT = CLI_OPT_OWN + 100 };

/* The options that all these commands have. */
extern const struct command_option hostcmd_options[];

struct hostcmd {
	struct cli *cli;		/* borrowed */
	struct host_options opts;
	struct hostport address;	/* as given; hostcmd_ready() copies it to opts */
	char trsvcid[8];		/* the text of address.port */
};

void hostcmd_init(struct hostcmd *cmd, struct cli *cli);
/* As cli_next_option(), but handles the options of hostcmd_options, too. */
int hostcmd_next_option(struct hostcmd *cmd, int argc, char **argv, int *ret_exit);
/*
 * Call it after the options. Takes the arguments [ADDRESS] [NQN], which mean the same as --traddr
 * and --nqn. Refuses further arguments, a missing NQN, and an address whose port differs from
 * --trsvcid. False: end with *ret_exit.
 */
bool hostcmd_ready(struct hostcmd *cmd, int argc, char **argv, int *ret_exit);

/*
 * Parse the value of an option. If it is wrong, they print usage and return false. `option` is the
 * option's name for the message. Sizes may have suffixes ("64K", "1M").
 */
bool hostcmd_number(const struct hostcmd *cmd, const char *option, const char *text, uint64_t low,
		    uint64_t high, uint64_t *ret);
bool hostcmd_size(const struct hostcmd *cmd, const char *option, const char *text, uint64_t *ret);
bool hostcmd_seconds(const struct hostcmd *cmd, const char *option, const char *text, double *ret);

/* Copies a field of an Identify data structure or log page entry without padding; returns buf. */
const char *hostcmd_text(const char *field, size_t size, char *buf, size_t buf_size);

#endif
