/* SPDX-License-Identifier: BSD-3-Clause */
/* Parses an address with or without a TCP port, as people write it. */
#ifndef WEFT_UTIL_HOSTPORT_H
#define WEFT_UTIL_HOSTPORT_H

#include <stdint.h>

struct weft_error;

#define HOSTPORT_HOST 256	/* bytes of the longest address or name, with its NUL */

struct hostport {
	char host[HOSTPORT_HOST];	/* without brackets; not resolved */
	uint16_t port;			/* 0: the text has none */
};

/*
 * ADDRESS, ADDRESS:PORT, [ADDRESS] or [ADDRESS]:PORT; an IPv6 address with a port needs the
 * brackets (RFC 3986, 3.2.2), because the address itself has colons. 0, or -EINVAL with *error
 * filled: the message quotes the text and names the valid forms.
 */
int hostport_parse(const char *text, struct hostport *ret, struct weft_error *error);

#endif
