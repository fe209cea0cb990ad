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
	bool config_given;		/* --config was given: the file must exist */
	const char *socket;
	const char *api_group;		/* NULL: the default group, if it exists */
	const char *state_dir;
	const char *plugins[OPTIONS_PLUGINS_MAX];
	size_t plugin_count;
	const char *help_backend;	/* print this backend's options and exit */
	enum sandbox_mode sandbox;	/* forbid system calls that are not needed */
	bool check;			/* check the configuration and exit */
	int log_level;
	uint32_t open_timeout_ms;	/* the longest wait for namespaces at the start */
	struct target_options target;
	int cpus[OPTIONS_REACTORS_MAX];	/* target.cpus points to it, or is NULL */
};

/*
 * Parses the command line. --help and --version print and exit with status 0. A mistake
 * prints an error message and exits with status 2.
 */
void options_parse(struct options *ret, int argc, char **argv);

#endif
