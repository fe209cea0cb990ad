/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * limit: what this machine's sockets carry with no protocol behind them; see stream.h.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limit/limit.h"

static const char help[] =
	"usage: limit server [-a ADDRESS] [-s PORT] [-m BYTES]\n"
	"       limit client -s PORT [OPTION...]\n"
	"\n"
	"The server prints its port, and serves one client after the other. The client prints JSON.\n"
	"\n"
	"  -a ADDRESS   (default 127.0.0.1)\n"
	"  -s PORT      (server: default any free one)\n"
	"  -m BYTES     the server's memory, that payloads come from (default 1073741824)\n"
	"client:\n"
	"  -b BYTES     of a payload (default 4096)\n"
	"  -i BYTES     longer writes wait until the server is ready for them (default 16384)\n"
	"  -Q N         requests under way on each connection (default 32)\n"
	"  -r PERCENT   share of reads (default 100)\n"
	"  -p rand|seq  where in the memory (default rand)\n"
	"  -c N         connections (default 1)\n"
	"  -T N         threads, of the server too (default 1)\n"
	"  -t SECONDS   measured (default 2)\n"
	"  -R SECONDS   not measured, before that (default 0.5)\n"
	"  -e ENGINES   of the server and the client: wait or uring, as wait,uring\n"
	"               (default wait,wait)\n"
	"  -H           one send carries half of what is ready, not all\n"
	"  -P WHO       who never sleeps: none, client or both (default none)\n"
	"  -l US        how long the server looks for what comes before it sleeps (default 0)\n"
	"  -k           the server keeps what is written: it copies payloads to their places\n";

static bool starts(const char *text, const char *word)
{
	return text && strncmp(text, word, strlen(word)) == 0;
}

static _Noreturn void usage(void)
{
	fputs(help, stderr);
	exit(2);
}

static void take(struct client_options *o, int c)
{
	unsigned long long n = optarg ? strtoull(optarg, NULL, 0) : 0;

	switch (c) {
	case 'a': o->address = optarg; break;
	case 's': o->port = optarg; break;
	case 'm': o->memory = n; break;
	case 'b': o->size = (uint32_t)n; break;
	case 'i': o->in_capsule = (uint32_t)n; break;
	case 'Q': o->depth = (unsigned int)n; break;
	case 'r': o->read_percent = (unsigned int)n; break;
	case 'p': o->random = !starts(optarg, "seq"); break;
	case 'c': o->hello.connections = (uint32_t)n; break;
	case 'T': o->hello.threads = (uint32_t)n; break;
	case 't': o->seconds = strtod(optarg, NULL); break;
	case 'R': o->ramp = strtod(optarg, NULL); break;
	case 'e':
		o->hello.uring = starts(optarg, "uring");
		o->uring = starts(strchr(optarg, ','), ",uring");
		break;
	case 'P':
		if (starts(optarg, "both"))
			o->hello.look_us = LOOK_ALWAYS;
		o->look_us = starts(optarg, "none") ? 0 : LOOK_ALWAYS;
		break;
	case 'H': o->hello.halves = true; break;
	case 'k': o->hello.store = true; break;
	case 'l': o->hello.look_us = (uint32_t)n; break;
	default: usage();
	}
}

static bool sensible(const struct client_options *o)
{
	return o->port && o->size && o->size <= o->memory && o->depth && o->depth <= DEPTH_MAX &&
	       o->hello.connections && o->hello.connections <= CONNECTIONS_MAX &&
	       o->hello.threads && o->hello.threads <= THREADS_MAX &&
	       o->hello.threads <= o->hello.connections && o->seconds > 0;
}

int main(int argc, char **argv)
{
	struct client_options o = {
		.address = "127.0.0.1", .hello = { sizeof(o.hello), 1, 1, 0, 0, 0, 0 }, .random = true,
		.depth = 32, .read_percent = 100, .size = 4096, .in_capsule = 16384,
		.memory = 1u << 30, .ramp = 0.5, .seconds = 2,
	};
	bool server = argc > 1 && strcmp(argv[1], "server") == 0;
	int c, r;

	if (!server && (argc < 2 || strcmp(argv[1], "client") != 0))
		usage();
	optind = 2;
	while ((c = getopt(argc, argv, "a:s:m:b:i:Q:r:p:c:T:t:R:e:P:l:Hk")) != -1)
		take(&o, c);
	if (optind != argc || (!server && !sensible(&o)))
		usage();
	r = server ? server_run(o.address, o.port ? o.port : "0", o.memory) : client_run(&o);
	if (r < 0)
		fprintf(stderr, "limit: %s\n", strerror(-r));
	return r < 0;
}
