/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * load MODE ADDRESS PORT NQN [OPTION...]: many hosts at once. Prints what they saw as JSON; ends
 * with 1 where one saw an error, or other data than it had written.
 */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "load.h"

struct load_options load = { .threads = 64, .stall_ms = 1000, .nsid = 1, .seconds = 10 };
struct load_result load_result;
static uint64_t deadline;

static const char usage[] =
	"usage: load storm|hold ADDRESS PORT NQN [OPTION...]\n"
	"  -t N   hosts at a time (64)\n"
	"  -n N   storm: associations in all; without it, until the time is over\n"
	"  -i N   hold: connections that do nothing beside them\n"
	"  -s S   seconds (10)\n"
	"  -p US  pause between two commands\n"
	"  -m MS  a command that takes longer is a stall (1000)\n"
	"  -N ID  the namespace (1)\n"
	"  -l     refusals and lost connections are no errors\n";

uint64_t load_random(struct load_worker *worker, uint64_t below)
{
	uint64_t x = worker->random; /* xorshift64 */

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	worker->random = x;
	return x % below;
}

uint64_t load_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

bool load_over(void)
{
	return load_result.stop || load_now_us() >= deadline;
}

static void fail(const struct load_worker *worker, const char *what, const char *why)
{
	if (atomic_fetch_add(&load_result.failed, 1) == 0)
		fprintf(stderr, "load: host %u: %s: %s\n", worker->index, what, why);
	load_result.stop = true;
}

void load_failed(const struct load_worker *worker, const char *what, const char *why)
{
	if (load.lenient)
		atomic_fetch_add(&load_result.refused, 1);
	else
		fail(worker, what, why);
}

void load_torn(const struct load_worker *worker, const char *why)
{
	fail(worker, "data", why);
}

struct thread {
	pthread_t thread;
	struct load_worker worker;
	void (*fn)(struct load_worker *worker);
	bool started;
};

static void *thread_main(void *arg)
{
	struct thread *thread = arg;

	thread->fn(&thread->worker);
	return NULL;
}

static bool thread_start(struct thread *thread, unsigned int index,
			 void (*fn)(struct load_worker *worker))
{
	thread->worker = (struct load_worker){
		.index = index, .random = (index + 1) * UINT64_C(0x9e3779b97f4a7c15),
		.data = malloc(LOAD_IO_MAX), .back = malloc(LOAD_IO_MAX),
	};
	thread->fn = fn;
	thread->started = thread->worker.data && thread->worker.back &&
			  pthread_create(&thread->thread, NULL, thread_main, thread) == 0;
	return thread->started;
}

bool load_run(unsigned int count, void (*fn)(struct load_worker *worker))
{
	struct thread *threads = calloc(count, sizeof(*threads));
	bool all = threads;

	for (unsigned int i = 0; all && i < count; i++)
		all = thread_start(&threads[i], i, fn);
	if (!all)
		load_result.stop = true;
	for (unsigned int i = 0; threads && i < count; i++) {
		if (threads[i].started)
			pthread_join(threads[i].thread, NULL);
		free(threads[i].worker.data);
		free(threads[i].worker.back);
	}
	free(threads);
	return all;
}

static void end(int signal)
{
	load_result.stop = true;
}

static void parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "t:n:i:s:p:m:N:l")) != -1) {
		switch (option) {
		case 't':
			load.threads = (unsigned int)atoi(optarg);
			break;
		case 'n':
			load.count = (unsigned int)atoi(optarg);
			break;
		case 'i':
			load.idle = (unsigned int)atoi(optarg);
			break;
		case 's':
			load.seconds = atof(optarg);
			break;
		case 'p':
			load.pause_us = (unsigned int)atoi(optarg);
			break;
		case 'm':
			load.stall_ms = (unsigned int)atoi(optarg);
			break;
		case 'N':
			load.nsid = (uint32_t)atoi(optarg);
			break;
		case 'l':
			load.lenient = true;
			break;
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	bool storm, ran;

	parse(argc, argv);
	if (argc - optind != 4) {
		fputs(usage, stderr);
		return 2;
	}
	storm = strcmp(argv[optind], "storm") == 0;
	load.traddr = argv[optind + 1];
	load.trsvcid = argv[optind + 2];
	load.subnqn = argv[optind + 3];
	signal(SIGTERM, end);
	signal(SIGPIPE, SIG_IGN);
	deadline = load_now_us() + (uint64_t)(load.seconds * 1e6);
	ran = load_idle_open();
	ran = ran && load_run(load.threads, storm ? load_storm : load_hold);
	load_idle_close();
	printf("{\"associations\": %llu, \"verified\": %llu, \"stalls\": %llu, "
	       "\"slowest_ms\": %.1f, \"refused\": %llu, \"failed\": %llu}\n",
	       (unsigned long long)load_result.associations,
	       (unsigned long long)load_result.verified, (unsigned long long)load_result.stalls,
	       (double)load_result.slowest_us / 1000, (unsigned long long)load_result.refused,
	       (unsigned long long)load_result.failed);
	return ran && !load_result.failed ? 0 : 1;
}
