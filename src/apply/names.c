/* SPDX-License-Identifier: BSD-3-Clause */
/* The addresses that a traddr stands for: see names.h. */
#include "apply/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "loop/loop.h"
#include "util/list.h"
#include "util/log.h"
#include "util/pool.h"

#define THREADS 2
#define SECOND UINT64_C(1000000000)
#define ASK_AGAIN (10 * SECOND)		/* the addresses of a name seldom change */
#define ASK_AGAIN_FAILED (2 * SECOND)

struct name {
	struct list link;
	struct names *names;		/* borrowed */
	char *text;			/* owned */
	bool wanted;			/* passed to names_find() since the last names_follow() */
	struct name_addresses known;
	uint64_t next;			/* loop_clock(): when the resolver is to be asked */
	/* For the resolver. While `asking` and not `ended`, only the thread uses them. */
	struct pool_job job;
	bool asking;
	atomic_bool ended;
	int result;			/* of getaddrinfo() */
	struct name_addresses answer;
};

struct names {
	struct list list;		/* of struct name */
	struct interface_list interfaces; /* owned: as of the last names_follow() */
	struct pool *pool;		/* owned */
	int fd;				/* borrowed */
};

/* ---- sets of addresses ---- */

static int compare(const void *a, const void *b)
{
	const struct name_address *x = a, *y = b;

	return x->ipv6 != y->ipv6 ? (int)x->ipv6 - (int)y->ipv6 : strcmp(x->text, y->text);
}

static void add(struct name_addresses *to, bool ipv6, const char *text)
{
	struct name_address *item = &to->items[to->count];

	for (size_t i = 0; i < to->count; i++)
		if (!strcmp(to->items[i].text, text))
			return;
	if (to->count == NAMES_ADDRESSES_MAX)
		return;
	item->ipv6 = ipv6;
	snprintf(item->text, sizeof(item->text), "%s", text);
	to->count++;
}

static bool same(const struct name_addresses *a, const struct name_addresses *b)
{
	for (size_t i = 0; a->count == b->count && i < a->count; i++)
		if (compare(&a->items[i], &b->items[i]))
			return false;
	return a->count == b->count;
}

/* ---- the resolver ---- */

static void add_resolved(struct name_addresses *to, const struct sockaddr *address)
{
	const struct sockaddr_in6 *in6 = (const void *)address;
	const struct sockaddr_in *in = (const void *)address;
	char text[INTERFACE_ADDRESS_TEXT], scope[IF_NAMESIZE];

	if (address->sa_family == AF_INET) {
		add(to, false, inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text)));
	} else if (address->sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
		if (in6->sin6_scope_id && if_indextoname(in6->sin6_scope_id, scope))
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%%%s", scope);
		add(to, true, text);
	}
}

/* Runs on a thread, and uses only the members that are the thread's. */
static void ask(struct pool_job *job, void *context)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct name *name = container_of(job, struct name, job);
	struct addrinfo *list = NULL;
	int fd = name->names->fd;

	name->answer = (struct name_addresses){ 0 };
	name->result = getaddrinfo(name->text, NULL, &hints, &list);
	for (const struct addrinfo *item = list; name->result == 0 && item; item = item->ai_next)
		add_resolved(&name->answer, item->ai_addr);
	if (list)
		freeaddrinfo(list);
	qsort(name->answer.items, name->answer.count, sizeof(name->answer.items[0]), compare);
	atomic_store_explicit(&name->ended, true, memory_order_release);
	eventfd_write(fd, 1);
}

static void begin_asking(struct name *name, uint64_t now)
{
	name->ended = false;
	name->asking = pool_start(name->names->pool, POOL_NO_LANE, &name->job) >= 0;
	name->next = now + ASK_AGAIN_FAILED;	/* the job could not be started */
}

/* True if the answer differs from the addresses known before. */
static bool take_answer(struct name *name, uint64_t now)
{
	bool differs;

	name->asking = false;
	name->next = now + (name->result ? ASK_AGAIN_FAILED : ASK_AGAIN);
	if (name->result) {
		name->known.pending = false;
		if (!name->known.count)
			snprintf(name->known.reason, sizeof(name->known.reason), "%.80s is neither "
				 "an interface of this machine nor a name that resolves: %s",
				 name->text, gai_strerror(name->result));
		return false;
	}
	differs = !same(&name->answer, &name->known);
	name->known = name->answer;
	return differs;
}

/* ---- names ---- */

/* Finds the addresses of an interface; false: there is no such interface, or it has none. */
static bool look_at_interface(const struct names *names, const char *text,
			      struct name_addresses *ret)
{
	*ret = (struct name_addresses){ 0 };
	for (size_t i = 0; i < names->interfaces.count; i++) {
		const struct interface_address *item = &names->interfaces.items[i];

		if (!strcmp(item->interface, text))
			add(ret, item->ipv6, item->text);
	}
	qsort(ret->items, ret->count, sizeof(ret->items[0]), compare);
	return ret->count > 0 || (strlen(text) < IF_NAMESIZE && if_nametoindex(text));
}

static void read_interfaces(struct names *names)
{
	struct interface_list now;

	if (interface_list_read(&now) < 0)
		return;
	interface_list_done(&names->interfaces);
	names->interfaces = now;
}

/* Brings one name up to date. True if its addresses have changed. */
static bool follow(struct name *name, uint64_t now)
{
	struct name_addresses found;
	bool differs;

	if (look_at_interface(name->names, name->text, &found)) {
		differs = !same(&found, &name->known);
		if (!found.count)
			snprintf(found.reason, sizeof(found.reason), "%s has no address",
				 name->text);
		name->known = found;
		return differs;
	}
	if (name->asking)
		return name->ended && take_answer(name, now);
	if (now >= name->next)
		begin_asking(name, now);
	return false;
}

static struct name *find(const struct names *names, const char *text)
{
	list_for_each(node, &names->list) {
		struct name *name = list_entry(node, struct name, link);

		if (!strcmp(name->text, text))
			return name;
	}
	return NULL;
}

/* NULL: no memory. */
static struct name *make(struct names *names, const char *text)
{
	struct name *name = calloc(1, sizeof(*name));

	if (!name || !(name->text = strdup(text))) {
		free(name);
		return NULL;
	}
	name->names = names;
	snprintf(name->known.reason, sizeof(name->known.reason), "%.80s is being looked up", text);
	name->known.pending = true;
	list_add_tail(&names->list, &name->link);
	read_interfaces(names);
	follow(name, loop_clock());
	return name;
}

static void forget(struct name *name)
{
	list_del(&name->link);
	free(name->text);
	free(name);
}

int names_new(struct names **ret_names, int fd)
{
	const struct pool_options options = { .run = ask, .threads = THREADS, .lane_threads = 1 };
	struct names *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	names->pool = pool_new(&options);
	if (!names->pool) {
		free(names);
		return -ENOMEM;
	}
	list_init(&names->list);
	names->fd = fd;
	*ret_names = names;
	return 0;
}

bool names_free(struct names *names)
{
	if (!names)
		return true;
	list_for_each(node, &names->list) {
		const struct name *name = list_entry(node, struct name, link);

		if (name->asking && !name->ended) {
			log_warning("the resolver has not answered for %s; leaving it", name->text);
			return false;
		}
	}
	pool_free(names->pool);
	list_for_each_safe(node, &names->list)
		forget(list_entry(node, struct name, link));
	interface_list_done(&names->interfaces);
	free(names);
	return true;
}

/* Leaves only the addresses of one family. */
static void restrict_to(struct name_addresses *addresses, const char *traddr, const char *adrfam)
{
	bool ipv6 = !strcmp(adrfam, "ipv6");
	size_t kept = 0;

	for (size_t i = 0; i < addresses->count; i++)
		if (addresses->items[i].ipv6 == ipv6)
			addresses->items[kept++] = addresses->items[i];
	if (addresses->count && !kept)
		snprintf(addresses->reason, sizeof(addresses->reason), "%.80s has no %s address",
			 traddr, ipv6 ? "IPv6" : "IPv4");
	addresses->count = kept;
}

/* True for "*" and numeric addresses; *ret gets them, as the kernel writes them. */
static bool is_fixed(const char *traddr, struct name_addresses *ret)
{
	char address[INET6_ADDRSTRLEN], text[INTERFACE_ADDRESS_TEXT];
	const char *scope = strchr(traddr, '%');
	struct in6_addr in6;
	struct in_addr in;

	if (!strcmp(traddr, "*")) {
		add(ret, false, "0.0.0.0");
		add(ret, true, "::");
	} else if (inet_pton(AF_INET, traddr, &in) == 1) {
		add(ret, false, inet_ntop(AF_INET, &in, address, sizeof(address)));
	} else {
		snprintf(address, sizeof(address), "%.*s",
			 scope ? (int)(scope - traddr) : (int)strlen(traddr), traddr);
		if (inet_pton(AF_INET6, address, &in6) != 1)
			return false;
		inet_ntop(AF_INET6, &in6, address, sizeof(address));
		snprintf(text, sizeof(text), "%s%.*s", address, IF_NAMESIZE, scope ? scope : "");
		add(ret, true, text);
	}
	return true;
}

void names_find(struct names *names, const char *traddr, const char *adrfam,
		struct name_addresses *ret)
{
	struct name *name;

	*ret = (struct name_addresses){ 0 };
	if (!is_fixed(traddr, ret)) {
		name = find(names, traddr);
		if (!name)
			name = make(names, traddr);
		if (!name) {
			snprintf(ret->reason, sizeof(ret->reason), "out of memory");
			return;
		}
		name->wanted = true;
		*ret = name->known;
	}
	if (*adrfam)
		restrict_to(ret, traddr, adrfam);
}

bool names_follow(struct names *names)
{
	uint64_t now = loop_clock();
	bool changed = false;

	if (list_empty(&names->list))
		return false;
	read_interfaces(names);
	pool_look(names->pool);
	list_for_each_safe(node, &names->list) {
		struct name *name = list_entry(node, struct name, link);

		if (name->wanted)
			changed |= follow(name, now);
		if (!name->wanted && (!name->asking || name->ended))
			forget(name);
		else
			name->wanted = false;
	}
	return changed;
}
