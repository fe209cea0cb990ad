/* SPDX-License-Identifier: BSD-3-Clause */
/* The addresses of interfaces: see interfaces.h. */
#include "util/interfaces.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(INTERFACE_NAME == IF_NAMESIZE, "names of interfaces");
_Static_assert(INTERFACE_ADDRESS_TEXT >= INET6_ADDRSTRLEN + IF_NAMESIZE, "numeric addresses");

static void fill(struct interface_address *item, const struct ifaddrs *entry)
{
	const struct sockaddr_in6 *in6 = (const void *)entry->ifa_addr;
	const struct sockaddr_in *in = (const void *)entry->ifa_addr;
	char text[INET6_ADDRSTRLEN] = "";

	*item = (struct interface_address){
		.ipv6 = entry->ifa_addr->sa_family == AF_INET6,
		.up = entry->ifa_flags & IFF_UP,
		.loopback = entry->ifa_flags & IFF_LOOPBACK,
	};
	snprintf(item->interface, sizeof(item->interface), "%s", entry->ifa_name);
	if (item->ipv6) {
		item->link_local = IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr);
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
	} else {
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
	}
	snprintf(item->text, sizeof(item->text), "%s%s%s", text, item->link_local ? "%" : "",
		 item->link_local ? item->interface : "");
	/* a label such as eth0:1 names a second address of the interface eth0 */
	item->interface[strcspn(item->interface, ":")] = '\0';
}

int interface_list_read(struct interface_list *ret_list)
{
	struct interface_list list = { 0 };
	struct ifaddrs *first;
	size_t most = 0;

	if (getifaddrs(&first) < 0)
		return -errno;
	for (const struct ifaddrs *entry = first; entry; entry = entry->ifa_next)
		most++;
	list.items = calloc(most + 1, sizeof(*list.items));
	if (!list.items) {
		freeifaddrs(first);
		return -ENOMEM;
	}
	for (const struct ifaddrs *entry = first; entry; entry = entry->ifa_next) {
		int family = entry->ifa_addr ? entry->ifa_addr->sa_family : AF_UNSPEC;

		if (family == AF_INET || family == AF_INET6)
			fill(&list.items[list.count++], entry);
	}
	freeifaddrs(first);
	*ret_list = list;
	return 0;
}

void interface_list_done(struct interface_list *list)
{
	free(list->items);
	*list = (struct interface_list){ 0 };
}

bool interface_list_has(const struct interface_list *list, const char *text)
{
	struct in6_addr in6;
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) == 1 && ntohl(in.s_addr) >> 24 == IN_LOOPBACKNET)
		return true;
	if (inet_pton(AF_INET6, text, &in6) == 1 && IN6_IS_ADDR_LOOPBACK(&in6))
		return true;
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->items[i].text, text))
			return true;
	return false;
}
