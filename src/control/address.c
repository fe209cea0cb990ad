/* SPDX-License-Identifier: BSD-3-Clause */
/* The addresses under which another machine reaches this one. */
#include "control/address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/model.h"
#include "util/interfaces.h"

static bool usable(const struct interface_address *item, bool loopback)
{
	return item->up && item->loopback == loopback && !item->link_local;
}

static int append(struct address_list *list, const struct interface_address *from)
{
	struct address *items = reallocarray(list->items, list->count + 1, sizeof(*items));
	struct address *item;

	if (!items)
		return -ENOMEM;
	list->items = items;
	item = &items[list->count++];
	item->ipv6 = from->ipv6;
	snprintf(item->text, sizeof(item->text), "%s", from->text);
	return 0;
}

int address_list_read(struct address_list *ret_list)
{
	struct address_list list = {0};
	struct interface_list all;
	int r = interface_list_read(&all);

	if (r < 0)
		return r;
	for (int loopback = 0; loopback <= 1 && list.count == 0; loopback++)
		for (size_t i = 0; i < all.count && r == 0; i++)
			if (usable(&all.items[i], loopback))
				r = append(&list, &all.items[i]);
	interface_list_done(&all);
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

int address_describe_at(json_t *array, const struct config_port *port, const char *traddr)
{
	const char *adrfam = strchr(traddr, ':') ? "ipv6" : "ipv4";
	json_t *object = json_pack("{s:i, s:s, s:s, s:s, s:i}", "portid", (int)port->portid,
				   "trtype", port->addr.trtype, "adrfam", adrfam, "traddr", traddr,
				   "trsvcid", (int)port->addr.trsvcid);

	return json_array_append_new(array, object) < 0 ? -ENOMEM : 0;
}

int address_describe(json_t *array, const struct config_port *port,
		     const struct address_list *list)
{
	const char *adrfam = port->addr.adrfam;
	bool ipv4 = strcmp(adrfam, "ipv6") != 0, ipv6 = strcmp(adrfam, "ipv4") != 0;
	int r = 0;

	if (!config_is_wildcard(&port->addr))
		return address_describe_at(array, port, port->addr.traddr);
	for (size_t i = 0; i < list->count && r == 0; i++)
		if (list->items[i].ipv6 ? ipv6 : ipv4)
			r = address_describe_at(array, port, list->items[i].text);
	return r;
}
