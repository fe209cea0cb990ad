/* SPDX-License-Identifier: BSD-3-Clause */
/* weftd's command line. */
#ifndef WEFT_DAEMON_OPTIONS_H
#define WEFT_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/sandbox.h"
#include "target/base/target.h"

#define OPTIONS_CONFIG_DEFAULT "/etc/weft/config.json"
#define OPTIONS_STATE_DIR_DEFAULT "/var/lib/weft"
#define OPTIONS_REACTORS_MAX 64
#define OPTIONS_PLUGINS_MAX 16

struct options {
	const char *config;
	bool config_given;		/* the default file may be missing, a named one may not */
	const char *socket;
	const char *api_group;		/* NULL: the usual one, if there */
	const char *state_dir;
	const char *plugins[OPTIONS_PLUGINS_MAX];
	size_t plugin_count;
	const char *help_backend;	/* print that backend's options and end */
	enum sandbox_mode sandbox;	/* give up system calls that are not needed */
	bool check;			/* check the configuration and end */
	int log_level;
	uint32_t open_timeout_ms;	/* how long ports wait for namespaces at the start */
	struct target_options target;
	int cpus[OPTIONS_REACTORS_MAX];	/* target.cpus points here, or is NULL */
};

/*
 * Reads the command line. --help and --version print and end the process with
 * 0; a mistake is explained and ends it with 2.
 */
void options_parse(struct options *ret, int argc, char **argv);

#endif
