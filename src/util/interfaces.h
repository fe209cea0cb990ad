/* SPDX-License-Identifier: BSD-3-Clause */
/* The addresses that this machine's interfaces have at the moment. */
#ifndef WEFT_UTIL_INTERFACES_H
#define WEFT_UTIL_INTERFACES_H

#include <stdbool.h>
#include <stddef.h>

#define INTERFACE_NAME 16		/* IF_NAMESIZE */
#define INTERFACE_ADDRESS_TEXT 64	/* the longest numeric address, a scope and a NUL */

struct interface_address {
	char interface[INTERFACE_NAME];
	bool ipv6, up, loopback, link_local;
	char text[INTERFACE_ADDRESS_TEXT]; /* numeric; link-local IPv6 ends in %INTERFACE */
};

struct interface_list {
	struct interface_address *items; /* owned */
	size_t count;
};

/* Asks the kernel; does not block. 0 or -errno. interface_list_done() frees the list. */
int interface_list_read(struct interface_list *ret_list);
void interface_list_done(struct interface_list *list);

/*
 * True if the machine has this numeric address. 127.0.0.0/8 and ::1 always belong to the machine.
 * A link-local IPv6 address needs its scope.
 */
bool interface_list_has(const struct interface_list *list, const char *text);

#endif
