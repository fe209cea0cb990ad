/* SPDX-License-Identifier: BSD-3-Clause */
/* An address with or without a TCP port, as people write it: the one place that takes it apart. */
#ifndef WEFT_UTIL_HOSTPORT_H
#define WEFT_UTIL_HOSTPORT_H

#include <stdint.h>

struct weft_error;

#define HOSTPORT_HOST 256	/* bytes of the longest address or name, with its NUL */

struct hostport {
	char host[HOSTPORT_HOST];	/* without brackets; what it names is not looked at */
	uint16_t port;			/* 0: the text has none */
};

/*
 * ADDRESS, ADDRESS:PORT, [ADDRESS] or [ADDRESS]:PORT; an IPv6 address with a port needs the
 * brackets (RFC 3986, 3.2.2), since its own colons are part of it. 0, or -EINVAL with *error
 * filled: it quotes the text and says what would be right.
 */
int hostport_parse(const char *text, struct hostport *ret, struct weft_error *error);

#endif
