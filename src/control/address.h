/* SPDX-License-Identifier: BSD-3-Clause */
/* The addresses under which another machine reaches this one. */
#ifndef WEFT_CONTROL_ADDRESS_H
#define WEFT_CONTROL_ADDRESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct config;
struct config_port;

#define ADDRESS_TEXT 64		/* INTERFACE_ADDRESS_TEXT */

struct address {
	bool ipv6;
	char text[ADDRESS_TEXT];
};

struct address_list {
	struct address *items;	/* owned */
	size_t count;
};

/*
 * Reads the addresses of all interfaces that are up, except loopback and link-local
 * addresses. If the machine has no other addresses, the list has its loopback
 * addresses. 0 or -errno.
 */
int address_list_read(struct address_list *ret_list);
void address_list_done(struct address_list *list);
bool address_list_has(const struct address_list *list, bool ipv6);

/* Appends one object of address_describe(): the port and this address. 0 or -ENOMEM. */
int address_describe_at(json_t *array, const struct config_port *port, const char *traddr);
/*
 * Appends the addresses at which hosts reach a port to a JSON array, as objects
 * {"portid", "trtype", "adrfam", "traddr", "trsvcid"}. A wildcard address is replaced
 * by the list's addresses of the same family. 0 or -ENOMEM.
 */
int address_describe(json_t *array, const struct config_port *port,
		     const struct address_list *list);

#endif
