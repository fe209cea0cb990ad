/* SPDX-License-Identifier: BSD-3-Clause */
/* The addresses under which another machine reaches this one. */
#include "control/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "config/model.h"

static bool usable(const struct ifaddrs *entry, bool loopback)
{
	const struct sockaddr_in6 *in6 = (const void *)entry->ifa_addr;

	if (!entry->ifa_addr || !(entry->ifa_flags & IFF_UP) ||
	    !(entry->ifa_flags & IFF_LOOPBACK) == loopback)
		return false;
	if (entry->ifa_addr->sa_family == AF_INET6)
		return !IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr);
	return entry->ifa_addr->sa_family == AF_INET;
}

static int append(struct address_list *list, const struct sockaddr *sa)
{
	struct address *items = reallocarray(list->items, list->count + 1, sizeof(*items));
	struct address *item;

	if (!items)
		return -ENOMEM;
	list->items = items;
	item = &items[list->count++];
	item->ipv6 = sa->sa_family == AF_INET6;
	if (item->ipv6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr,
			  item->text, sizeof(item->text));
	else
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)sa)->sin_addr,
			  item->text, sizeof(item->text));
	return 0;
}

int address_list_read(struct address_list *ret_list)
{
	struct address_list list = {0};
	struct ifaddrs *first;
	int r = 0;

	if (getifaddrs(&first) < 0)
		return -errno;
	for (int loopback = 0; loopback <= 1 && list.count == 0; loopback++)
		for (struct ifaddrs *entry = first; entry && r == 0; entry = entry->ifa_next)
			if (usable(entry, loopback))
				r = append(&list, entry->ifa_addr);
	freeifaddrs(first);
	if (r < 0)
		address_list_done(&list);
	else
		*ret_list = list;
	return r;
}

void address_list_done(struct address_list *list)
{
	free(list->items);
	*list = (struct address_list){0};
}

bool address_list_has(const struct address_list *list, bool ipv6)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].ipv6 == ipv6)
			return true;
	return false;
}

bool address_is_wildcard(const char *traddr)
{
	struct in_addr in;
	struct in6_addr in6;

	if (inet_pton(AF_INET, traddr, &in) == 1)
		return in.s_addr == htonl(INADDR_ANY);
	return inet_pton(AF_INET6, traddr, &in6) == 1 && IN6_IS_ADDR_UNSPECIFIED(&in6);
}

static int describe_one(json_t *array, const struct config_port *port, const char *traddr)
{
	return json_array_append_new(array, json_pack("{s:i, s:s, s:s, s:s, s:i}",
						      "portid", (int)port->portid,
						      "trtype", port->addr.trtype,
						      "adrfam", port->addr.adrfam,
						      "traddr", traddr,
						      "trsvcid", (int)port->addr.trsvcid)) < 0 ?
	       -ENOMEM : 0;
}

int address_describe(json_t *array, const struct config_port *port,
		     const struct address_list *list)
{
	bool ipv6 = strcmp(port->addr.adrfam, "ipv6") == 0;
	int r = 0;

	if (!address_is_wildcard(port->addr.traddr))
		return describe_one(array, port, port->addr.traddr);
	for (size_t i = 0; i < list->count && r == 0; i++)
		if (list->items[i].ipv6 == ipv6)
			r = describe_one(array, port, list->items[i].text);
	return r;
}
