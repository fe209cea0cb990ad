/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weftd's main program. The main thread is the control thread: it handles signals, the
 * API, the configuration and a tick each second. The reactors that target_start() makes
 * serve the hosts.
 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <weft/backend.h>

#include "apply/apply.h"
#include "backend/backend.h"
#include "config/load.h"
#include "config/model.h"
#include "control/control.h"
#include "daemon/options.h"
#include "daemon/sandbox.h"
#include "loop/loop.h"
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "transport/tcp.h"
#include "util/cleanup.h"
#include "util/list.h"
#include "util/log.h"
#include "util/log_peer.h"
#include "util/notify.h"

#define STOP_TIMEOUT_MS 4500	/* within the documented 5 s */
#define STOP_CLOSE_MS 2000	/* of these, to close devices after all connections */
#define STOP_MOMENT_MS 200	/* the least time to close devices */
#define DESCRIPTORS_KEPT 8	/* 1/8 of the descriptors is not for connections */

struct daemon {
	struct options options;
	struct target *target;
	struct apply *apply;
	struct control *control;
	int signals, tick, epoll;
	uint64_t unlooked;		/* seconds since the last log_peer_look() */
	bool started;			/* the first load of the configuration file succeeded */
	bool failed;			/* ... or failed */
	bool stopping;
};

static const struct config_backends backends = {
	.find = backend_find,
	.unknown = backend_unknown,
	.params_new = backend_params_new,
	.params_own = backend_params_own,
	.params_set = backend_params_set,
	.params_check = backend_params_check,
	.params_free = backend_params_free,
};

static const struct transport *const transports[] = { &tcp_transport, NULL };

static int load_plugins(const struct options *options)
{
	struct weft_error error;

	for (size_t i = 0; i < options->plugin_count; i++) {
		if (backend_load_plugin(options->plugins[i], &error) < 0) {
			log_err("%s", error.text);
			return -1;
		}
	}
	return 0;
}

static int help_backend(const char *name)
{
	const struct weft_backend *backend = backend_find(name);
	struct weft_error error;

	if (!backend) {
		backend_unknown(name, &error);
		fprintf(stderr, "weftd: %s\n", error.text);
		return 2;
	}
	backend_print_help(backend, stdout);
	return EXIT_SUCCESS;
}

/* Reads the configuration file. A missing default file reads as empty. 0, or -errno with *error. */
static int load_config(const struct options *options, struct config **ret_config,
		       struct weft_error *error)
{
	struct config *config;
	int r = config_load(options->config, &config, error);

	if (r == -ENOENT && !options->config_given) {
		log_notice("%s does not exist yet: starting with an empty configuration",
			   options->config);
		config = config_new();
		r = config ? 0 : weft_error_set(error, ENOMEM, "out of memory");
	}
	if (r < 0)
		return r;
	assert(config); /* r is 0 only with a configuration: weft_error_set() returns its code */
	for (size_t i = 0; i < config->warning_count; i++)
		log_warning("%s", config->warnings[i]);
	*ret_config = config;
	return 0;
}

static int check_config(const struct options *options)
{
	struct config *config;
	struct weft_error error;
	int r = load_config(options, &config, &error);

	if (r < 0) {
		log_err("%s", error.text);
		return EXIT_FAILURE;
	}
	r = config_validate_backends(config, &backends, &error);
	if (r < 0)
		log_err("%s", error.text);
	else
		printf("%s: %zu ports, %zu subsystems: good\n", options->config,
		       config->port_count, config->subsystem_count);
	config_free(config);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- loading the configuration file, at the start and on SIGHUP ---- */

struct load {
	struct apply_change change;
	struct daemon *daemon;
};

static int plan_load(struct apply_change *change, const struct config *now,
		     struct config **ret_wanted, struct weft_error *error)
{
	struct load *load = container_of(change, struct load, change);

	return load_config(&load->daemon->options, ret_wanted, error);
}

static void started(struct daemon *daemon)
{
	daemon->started = true;
	log_info("weftd %s serves with %u reactors on %s", WEFT_VERSION,
		 daemon->options.target.reactor_count,
		 loop_engine_name(daemon->target->reactors[0]->loop));
	notify_manager("READY=1");
}

static void load_done(struct apply_change *change, int result, const struct weft_error *error)
{
	struct load *load = container_of(change, struct load, change);
	struct daemon *daemon = load->daemon;

	free(load);
	if (result == -ECANCELED)
		return;
	if (result < 0)
		log_err("%s", error->text);
	if (!daemon->started && result < 0) {
		daemon->failed = daemon->stopping = true;
	} else if (!daemon->started) {
		started(daemon);
	} else {
		if (result < 0) {
			log_err("%s was not loaded: what runs stays as it is",
				daemon->options.config);
		} else {
			control_reloaded(daemon->control);
			log_info("%s was loaded again", daemon->options.config);
		}
		notify_manager("READY=1");
	}
}

/* Queues a load of the configuration file. 0, or -ENOMEM with *error filled. */
static int load_file(struct daemon *daemon, struct weft_error *error)
{
	struct load *load = calloc(1, sizeof(*load));

	if (!load)
		return weft_error_set(error, ENOMEM, "out of memory");
	*load = (struct load){ .change = { .plan = plan_load, .done = load_done },
			       .daemon = daemon };
	apply_submit(daemon->apply, &load->change);
	return 0;
}

static void reload(struct daemon *daemon)
{
	struct weft_error error;

	notify_manager("RELOADING=1");
	if (load_file(daemon, &error) < 0)
		log_err("%s was not loaded: %s", daemon->options.config, error.text);
}

static void handle_signals(struct daemon *daemon)
{
	struct signalfd_siginfo info;

	while (read(daemon->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			reload(daemon);
		else
			daemon->stopping = true;
	}
}

static void handle_tick(struct daemon *daemon)
{
	uint64_t count;

	if (read(daemon->tick, &count, sizeof(count)) != sizeof(count))
		return;
	apply_tick(daemon->apply);
	limits_trim(daemon->target);
	daemon->unlooked += count;
	if (daemon->unlooked >= LOG_PEER_SECONDS) {
		daemon->unlooked = 0;
		log_peer_look();
	}
}

static int watch(struct daemon *daemon, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(daemon->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Signals are read from a signalfd. Runs before threads are made, which inherit the mask. */
static int open_events(struct daemon *daemon)
{
	const struct itimerspec second = { { 1, 0 }, { 1, 0 } };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);	/* a file at its size limit: write() fails with EFBIG */
	daemon->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	daemon->tick = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	daemon->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (daemon->signals < 0 || daemon->tick < 0 || daemon->epoll < 0 ||
	    timerfd_settime(daemon->tick, 0, &second, NULL) < 0 ||
	    watch(daemon, daemon->signals) < 0 || watch(daemon, daemon->tick) < 0) {
		log_err("cannot wait for events: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static int run(struct daemon *daemon)
{
	struct epoll_event events[4];

	if (watch(daemon, control_fd(daemon->control)) < 0 ||
	    watch(daemon, apply_fd(daemon->apply)) < 0 ||
	    watch(daemon, daemon->target->inbox.fd) < 0) {
		log_err("cannot wait for the API, devices and reactors: %s", strerror(errno));
		return -1;
	}
	while (!daemon->stopping) {
		int count = epoll_wait(daemon->epoll, events, 4, -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.fd == daemon->signals)
				handle_signals(daemon);
			else if (events[i].data.fd == daemon->tick)
				handle_tick(daemon);
			else if (events[i].data.fd == apply_fd(daemon->apply))
				apply_run(daemon->apply);
			else if (events[i].data.fd == daemon->target->inbox.fd)
				control_inbox_run(&daemon->target->inbox);
			else
				control_run(daemon->control);
		}
	}
	return 0;
}

static int start(struct daemon *daemon)
{
	struct apply_options apply_options = {
		.transports = transports, .backends = &backends,
		.state_dir = daemon->options.state_dir,
		.open_timeout_ms = daemon->options.open_timeout_ms,
	};
	struct control_options control_options = {
		.socket_path = daemon->options.socket, .config_path = daemon->options.config,
		.socket_group = daemon->options.api_group,
		.reactors = daemon->options.target.reactor_count,
	};
	struct weft_error error;

	if (mkdir(daemon->options.state_dir, 0700) < 0 && errno != EEXIST)
		log_warning("%s cannot be made (%s): the discovery log's generation counter, and "
			    "flushes that failed, will not survive a restart",
			    daemon->options.state_dir, strerror(errno));
	if (target_start(&daemon->target, &daemon->options.target, &error) < 0)
		goto fail;
	apply_options.target = daemon->target;
	if (apply_new(&daemon->apply, &apply_options, &error) < 0)
		goto fail;
	control_options.apply = daemon->apply;
	control_options.target = daemon->target;
	control_options.engine = loop_engine_name(daemon->target->reactors[0]->loop);
	if (control_open(&daemon->control, &control_options, &error) < 0)
		goto fail;
	if (sandbox_enter(daemon->options.sandbox, daemon->options.plugin_count > 0, &error) < 0)
		goto fail;
	if (load_file(daemon, &error) < 0)
		goto fail;
	return 0;
fail:
	log_err("%s", error.text);
	return -1;
}

/* The time in ms that is left to close devices. since: loop_clock() when stopping began. */
static unsigned int close_time(uint64_t since)
{
	uint64_t used = (loop_clock() - since) / 1000000;

	if (used + STOP_CLOSE_MS <= STOP_TIMEOUT_MS)
		return STOP_CLOSE_MS;
	return used + STOP_MOMENT_MS < STOP_TIMEOUT_MS ? STOP_TIMEOUT_MS - (unsigned int)used :
							 STOP_MOMENT_MS;
}

static void stop(struct daemon *daemon)
{
	uint64_t since = loop_clock();
	bool ended;

	notify_manager("STOPPING=1");
	if (daemon->apply) /* first: control_close() then answers waiting requests */
		apply_cancel(daemon->apply);
	control_close(daemon->control);
	if (daemon->apply)
		apply_close_listeners(daemon->apply);
	ended = !daemon->target || target_stop(daemon->target, STOP_TIMEOUT_MS);
	log_peer_look();
	if (!ended) {
		/* a backend still has a command, and uses its memory, which cannot be freed */
		if (daemon->apply)
			apply_leave_hung(daemon->apply);
		_exit(EXIT_SUCCESS);
	}
	if (!apply_free(daemon->apply, close_time(since)))
		_exit(EXIT_SUCCESS); /* an open or close of a backend has not ended: the same */
	close(daemon->epoll);
	close(daemon->tick);
	close(daemon->signals);
}

/* A connection takes a descriptor. Limits connections, to leave some for disks and the API. */
static void fit_descriptors(struct target_options *options)
{
	struct rlimit limit;
	rlim_t most;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	most = limit.rlim_cur - limit.rlim_cur / DESCRIPTORS_KEPT;
	if (limit.rlim_cur == RLIM_INFINITY || options->max_connections <= most)
		return;
	options->max_connections = (uint32_t)most;
	log_notice("weftd may have %llu descriptors: %u connections are the most",
		   (unsigned long long)limit.rlim_cur, options->max_connections);
}

int main(int argc, char **argv)
{
	struct daemon daemon = { 0 };
	int result;

	options_parse(&daemon.options, argc, argv);
	log_set_level(daemon.options.log_level);
	if (load_plugins(&daemon.options) < 0)
		return EXIT_FAILURE;
	if (daemon.options.help_backend)
		return help_backend(daemon.options.help_backend);
	if (daemon.options.check)
		return check_config(&daemon.options);
	fit_descriptors(&daemon.options.target);
	if (open_events(&daemon) < 0)
		return EXIT_FAILURE;
	result = start(&daemon);
	if (result == 0)
		result = run(&daemon);
	stop(&daemon);
	if (daemon.failed)
		result = -1;
	if (result == 0)
		log_info("weftd has ended");
	return result ? EXIT_FAILURE : EXIT_SUCCESS;
}
