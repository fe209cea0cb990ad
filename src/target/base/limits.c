/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts connections and memory of hosts, and refuses what is beyond a limit. */
#include "target/base/limits.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/buffer.h"
#include "loop/loop.h"
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "util/log_peer.h"
#include "util/str.h"

void limits_init(struct limits *limits)
{
	memset(limits, 0, sizeof(*limits));
	for (unsigned int i = 0; i < LIMITS_BUCKETS; i++)
		list_init(&limits->buckets[i]);
}

static uint64_t bound(const struct target *target, enum limit kind)
{
	const struct target_options *options = &target->options;

	switch (kind) {
	case LIMIT_CONNECTIONS:
		return options->max_connections;
	case LIMIT_PENDING:
		return options->max_pending_connections;
	case LIMIT_HOST:
		return options->max_host_connections;
	case LIMIT_MEMORY:
		return options->max_memory;
	default:
		return options->max_memory / LIMITS_HOST_MEMORY_SHARE;
	}
}

/* True if `now` and `more` together are beyond the limit. */
static bool beyond(const struct target *target, enum limit kind, uint64_t now, uint64_t more)
{
	uint64_t max = bound(target, kind);

	return max && now + more > max;
}

/* ---- refusals ---- */

/* Logs a refusal. address: of the peer; who: the address or host that is at its limit. */
static void log_refusal(const struct target *target, enum limit kind, const char *address,
			const char *who)
{
	unsigned long long max = bound(target, kind);
	char size[32];

	size_format(max, size, sizeof(size));
	switch (kind) {
	case LIMIT_CONNECTIONS:
		log_peer(LOG_WARNING, address, "a connection from %s was refused: there are %llu, "
			 "as many as --max-connections allows", who, max);
		break;
	case LIMIT_PENDING:
		log_peer(LOG_WARNING, address, "a connection from %s was refused: %llu from there "
			 "have not sent Connect, as many as --max-pending-connections allows", who,
			 max);
		break;
	case LIMIT_HOST:
		log_peer(LOG_WARNING, address, "host %s was refused one more connection: it has "
			 "%llu, as many as --max-host-connections allows", who, max);
		break;
	case LIMIT_MEMORY:
		log_peer(LOG_WARNING, address, "%s was refused: connections and queues take %s, "
			 "as much as --max-memory allows", who, size);
		break;
	default:
		log_peer(LOG_WARNING, address, "host %s was refused one more queue: its "
			 "connections and queues take %s, as much as --max-memory allows one host",
			 who, size);
		break;
	}
}

/* Counts and logs a refusal. Not under the lock. */
static void refuse(struct target *target, enum limit kind, const char *address, const char *who)
{
	pthread_mutex_lock(&target->lock);
	target->limits.refused[kind]++;
	pthread_mutex_unlock(&target->lock);
	log_refusal(target, kind, address, who);
}

/* ---- parties; under the lock ---- */

/* FNV-1a. */
static struct list *bucket(struct limits *limits, const char *name)
{
	uint32_t hash = 0x811c9dc5;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 0x01000193;
	return &limits->buckets[hash % LIMITS_BUCKETS];
}

static struct limits_party *party_new(const struct target *target, const char *name, bool is_host)
{
	unsigned int shares = is_host ? target->reactor_count : 0;
	size_t size = sizeof(struct limits_party) + shares * sizeof(struct buffer_share);
	struct limits_party *party = aligned_alloc(_Alignof(struct limits_party), size);

	if (!party)
		return NULL;
	memset(party, 0, size);
	party->is_host = is_host;
	snprintf(party->name, sizeof(party->name), "%s", name);
	for (unsigned int i = 0; i < shares; i++)
		buffer_share_init(&party->shares[i],
				  target->buffer_limit / LIMITS_HOST_BUFFERS_SHARE);
	return party;
}

/* Finds or makes the party of that name, with a reference. NULL where memory ran out. */
static struct limits_party *party_get(struct target *target, const char *name, bool is_host)
{
	struct list *parties = bucket(&target->limits, name);
	struct limits_party *party;

	list_for_each(node, parties) {
		party = list_entry(node, struct limits_party, node);
		if (party->is_host == is_host && strcmp(party->name, name) == 0) {
			party->refs++;
			return party;
		}
	}
	party = party_new(target, name, is_host);
	if (party) {
		party->refs = 1;
		list_add_tail(parties, &party->node);
	}
	return party;
}

static void party_put(struct limits_party *party)
{
	if (!party || --party->refs)
		return;
	list_del(&party->node);
	free(party);
}

/* ---- connections ---- */

/* Under the lock. */
static void add_memory(struct limits *limits, uint64_t bytes)
{
	limits->memory += bytes;
	if (limits->memory > limits->peak)
		limits->peak = limits->memory;
}

/* Under the lock. Returns the limit that is reached, or LIMIT_KINDS for none. */
static enum limit arrive(struct target *target, const char *address, uint64_t bytes,
			 struct limits_place *ret_place)
{
	struct limits *limits = &target->limits;
	struct limits_party *party;

	if (beyond(target, LIMIT_CONNECTIONS, limits->connections, 1))
		return LIMIT_CONNECTIONS;
	if (beyond(target, LIMIT_MEMORY, limits->memory, bytes))
		return LIMIT_MEMORY;
	party = party_get(target, address, false);
	if (!party)
		return LIMIT_MEMORY;
	if (beyond(target, LIMIT_PENDING, party->connections, 1)) {
		party_put(party);
		return LIMIT_PENDING;
	}
	party->connections++;
	limits->connections++;
	add_memory(limits, bytes);
	*ret_place = (struct limits_place){
		.address = party, .memory = bytes, .arrived = bytes, .open = true,
	};
	return LIMIT_KINDS;
}

bool limits_arrive(struct target *target, const char *address, uint64_t bytes,
		   struct limits_place *ret_place)
{
	enum limit full;

	pthread_mutex_lock(&target->lock);
	full = arrive(target, address, bytes, ret_place);
	pthread_mutex_unlock(&target->lock);
	if (full == LIMIT_KINDS)
		return true;
	refuse(target, full, address, address);
	return false;
}

/* Under the lock. Returns as arrive(). */
static enum limit join(struct target *target, struct limits_place *place, const char *name,
		       uint64_t bytes)
{
	struct limits *limits = &target->limits;
	enum limit full = LIMIT_KINDS;
	struct limits_party *host;

	if (beyond(target, LIMIT_MEMORY, limits->memory, bytes))
		return LIMIT_MEMORY;
	host = party_get(target, name, true);
	if (!host)
		return LIMIT_MEMORY;
	if (beyond(target, LIMIT_HOST, host->connections, 1))
		full = LIMIT_HOST;
	else if (beyond(target, LIMIT_HOST_MEMORY, host->memory, place->memory + bytes))
		full = LIMIT_HOST_MEMORY;
	if (full != LIMIT_KINDS) {
		party_put(host);
		return full;
	}
	if (place->address)
		place->address->connections--;
	host->connections++;
	add_memory(limits, bytes);
	place->memory += bytes;
	host->memory += place->memory;
	place->host = host;
	place->open = true;
	return LIMIT_KINDS;
}

bool limits_join(struct target *target, struct limits_place *place, const char *hostnqn,
		 uint64_t bytes)
{
	const char *name = hostnqn[0] ? hostnqn : limits_peer(place);
	enum limit full;

	pthread_mutex_lock(&target->lock);
	full = join(target, place, name, bytes);
	pthread_mutex_unlock(&target->lock);
	if (full == LIMIT_KINDS)
		return true;
	refuse(target, full, limits_peer(place), name);
	return false;
}

/* Under the lock: the connection no longer counts for its host. */
static void leave_host(struct limits_place *place)
{
	if (!place->host)
		return;
	place->host->memory -= place->memory;
	if (place->open)
		place->host->connections--;
	party_put(place->host);
	place->host = NULL;
}

void limits_unjoin(struct target *target, struct limits_place *place)
{
	pthread_mutex_lock(&target->lock);
	leave_host(place);
	target->limits.memory -= place->memory - place->arrived;
	place->memory = place->arrived;
	if (place->address)
		place->address->connections++;
	else
		place->open = false;
	pthread_mutex_unlock(&target->lock);
}

/* Under the lock. */
static void close_place(struct limits *limits, struct limits_place *place)
{
	if (!place->open)
		return;
	place->open = false;
	if (place->address)
		limits->connections--;
	if (place->host)
		place->host->connections--;
	else /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): an open place has an owner */
		place->address->connections--;
}

/* Under the lock. */
static void release(struct limits *limits, struct limits_place *place)
{
	close_place(limits, place);
	leave_host(place);
	limits->memory -= place->memory;
	place->memory = 0;
	party_put(place->address);
	place->address = NULL;
}

void limits_closed(struct target *target, struct limits_place *place)
{
	pthread_mutex_lock(&target->lock);
	close_place(&target->limits, place);
	pthread_mutex_unlock(&target->lock);
}

void limits_release(struct target *target, struct limits_place *place)
{
	pthread_mutex_lock(&target->lock);
	release(&target->limits, place);
	pthread_mutex_unlock(&target->lock);
}

void limits_trim(struct target *target)
{
	struct limits *limits = &target->limits;
	bool trim;

	pthread_mutex_lock(&target->lock);
	trim = limits->peak - limits->memory >= LIMITS_TRIM;
	if (trim)
		limits->peak = limits->memory;
	pthread_mutex_unlock(&target->lock);
	if (trim)
		malloc_trim(0);
}

/* ---- use of the limits ---- */

/* Keeps the largest user of a limit. */
static void note(struct limits_usage *usage, const struct limits_party *party, uint64_t now)
{
	if (now <= usage->now)
		return;
	usage->now = now;
	memcpy(usage->who, party->name, sizeof(usage->who));
}

void limits_usage(struct target *target, struct limits_usage ret[LIMIT_KINDS])
{
	struct limits *limits = &target->limits;

	memset(ret, 0, LIMIT_KINDS * sizeof(*ret));
	pthread_mutex_lock(&target->lock);
	for (unsigned int kind = 0; kind < LIMIT_KINDS; kind++) {
		ret[kind].max = bound(target, (enum limit)kind);
		ret[kind].refused = limits->refused[kind];
	}
	ret[LIMIT_CONNECTIONS].now = limits->connections;
	ret[LIMIT_MEMORY].now = limits->memory;
	for (unsigned int i = 0; i < LIMITS_BUCKETS; i++) {
		list_for_each(node, &limits->buckets[i]) {
			struct limits_party *party = list_entry(node, struct limits_party, node);

			note(&ret[party->is_host ? LIMIT_HOST : LIMIT_PENDING], party,
			     party->connections);
			note(&ret[LIMIT_HOST_MEMORY], party, party->memory);
		}
	}
	pthread_mutex_unlock(&target->lock);
}

static void add_buffers(struct reactor *reactor, void *arg)
{
	uint64_t *sum = arg;

	*sum += loop_buffer_in_use(reactor->loop);
}

uint64_t limits_buffers(struct target *target)
{
	uint64_t sum = 0;

	reactor_call_all(target, add_buffers, &sum);
	return sum;
}
