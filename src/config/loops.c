/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds referrals that lead hosts in a circle: to the port that has the referral, or through other
 * ports of this configuration back to it. Hosts follow referrals (NVMe Base 2.1, 3.1.3.3.2), and
 * some follow a circle for ever. The referrals of other machines are not known here.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "util/cleanup.h"
#include "util/interfaces.h"
#include "util/str.h"

#define NONE SIZE_MAX

/* A referral of port `from` that names port `to`; both are indices in config->ports. */
struct edge {
	size_t from, to;
	const struct config_referral *referral;
};

struct graph {
	struct config *config;
	struct interface_list machine;	/* owned; read if a referral may reach a port with "*" */
	bool machine_read;
	struct edge *edges;		/* owned: ascending by `from` */
	size_t edge_count, edge_capacity;
	size_t *first;			/* owned: index of each port's first edge, and edge_count */
	size_t *by;			/* owned: the edge over which a port was reached, or NONE */
	size_t *stack;			/* owned */
};

static bool is_of_machine(struct graph *graph, const char *traddr)
{
	if (!graph->machine_read && interface_list_read(&graph->machine) < 0)
		graph->machine = (struct interface_list){ 0 };
	graph->machine_read = true;
	return interface_list_has(&graph->machine, traddr);
}

/* True if a host that follows the referral reaches this port. */
static bool leads_to(struct graph *graph, const struct address_settings *referral,
		     const struct address_settings *port)
{
	if (referral->trsvcid != port->trsvcid)
		return false;
	if (config_same_address(referral, port))
		return true;
	if (!config_is_wildcard(port) || config_is_wildcard(referral))
		return false;
	/* adrfam is empty for "*", which has both families, and for names */
	if (*port->adrfam && *referral->adrfam && strcmp(referral->adrfam, port->adrfam))
		return false;
	return is_of_machine(graph, referral->traddr);
}

static int add_edge(struct graph *graph, size_t from, size_t to,
		    const struct config_referral *referral)
{
	if (graph->edge_count == graph->edge_capacity) {
		size_t capacity = graph->edge_capacity ? 2 * graph->edge_capacity : 16;
		struct edge *grown = reallocarray(graph->edges, capacity, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		graph->edges = grown;
		graph->edge_capacity = capacity;
	}
	graph->edges[graph->edge_count++] = (struct edge){ from, to, referral };
	return 0;
}

static int add_edges_of(struct graph *graph, size_t from)
{
	const struct config *config = graph->config;
	const struct config_port *port = &config->ports[from];

	for (size_t i = 0; i < port->referral_count; i++) {
		for (size_t to = 0; to < config->port_count && port->referrals[i].enable; to++) {
			if (leads_to(graph, &port->referrals[i].addr, &config->ports[to].addr) &&
			    add_edge(graph, from, to, &port->referrals[i]) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static int build(struct graph *graph)
{
	size_t count = graph->config->port_count;

	graph->first = calloc(count + 1, sizeof(*graph->first));
	graph->by = calloc(count + 1, sizeof(*graph->by));
	graph->stack = calloc(count + 1, sizeof(*graph->stack));
	if (!graph->first || !graph->by || !graph->stack)
		return -ENOMEM;
	for (size_t from = 0; from < count; from++) {
		if (add_edges_of(graph, from) < 0)
			return -ENOMEM;
		graph->first[from + 1] = graph->edge_count;
	}
	return 0;
}

/*
 * Finds a path from a port back to itself. It leads only over ports with higher indices, so each
 * circle is found once, at its first port. Returns the path's last edge, or NULL; the edges before
 * it are in graph->by.
 */
static const struct edge *find_way_back(struct graph *graph, size_t start)
{
	size_t depth = 0;

	for (size_t i = 0; i < graph->config->port_count; i++)
		graph->by[i] = NONE;
	graph->stack[depth++] = start;
	while (depth) {
		size_t at = graph->stack[--depth];

		for (size_t i = graph->first[at]; i < graph->first[at + 1]; i++) {
			const struct edge *edge = &graph->edges[i];

			if (edge->to == start && at != start)
				return edge;
			if (edge->to <= start || graph->by[edge->to] != NONE)
				continue;
			graph->by[edge->to] = i;
			graph->stack[depth++] = edge->to;
		}
	}
	return NULL;
}

static void warn_itself(struct check *check, struct graph *graph, const struct edge *edge)
{
	const struct config_port *port = &graph->config->ports[edge->from];
	const struct address_settings *addr = &edge->referral->addr;

	check_subject(check, edge->referral->line, "port %u, referral %s", port->portid,
		      edge->referral->name);
	check_warn(check, graph->config, "%s, TCP port %u, is this port itself: hosts that follow "
		   "it learn nothing new, and some follow it for ever; remove it", addr->traddr,
		   addr->trsvcid);
}

static void warn_circle(struct check *check, struct graph *graph, size_t start,
			const struct edge *last)
{
	const struct config_port *ports = graph->config->ports;
	const struct edge *edge = last;
	struct strbuf way = { 0 };

	/* Backwards: graph->by has the edge that led to each port. */
	for (;;) {
		strbuf_add(&way, "%sreferral %s of port %u", edge == last ? "" : ", ",
			   edge->referral->name, ports[edge->from].portid);
		if (edge->from == start)
			break;
		edge = &graph->edges[graph->by[edge->from]];
	}
	check_subject(check, edge->referral->line, "port %u, referral %s", ports[start].portid,
		      edge->referral->name);
	check_warn(check, graph->config, "hosts that follow it are led back to this port (%s), and "
		   "some go round for ever; remove one of these", way.data ? way.data : "");
	strbuf_done(&way);
}

int check_loops(struct check *check, struct config *config)
{
	struct graph graph = { .config = config };
	int r = build(&graph);

	for (size_t i = 0; i < graph.edge_count; i++)
		if (graph.edges[i].from == graph.edges[i].to)
			warn_itself(check, &graph, &graph.edges[i]);
	for (size_t port = 0; !r && port < config->port_count; port++) {
		const struct edge *last = graph.first[port] == graph.first[port + 1] ?
						  NULL : find_way_back(&graph, port);

		if (last)
			warn_circle(check, &graph, port, last);
	}
	interface_list_done(&graph.machine);
	free(graph.edges);
	free(graph.first);
	free(graph.by);
	free(graph.stack);
	return r < 0 ? check_refuse(check, ENOMEM, "out of memory") : 0;
}
