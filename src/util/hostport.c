/* SPDX-License-Identifier: BSD-3-Clause */
/* ADDRESS:PORT: see hostport.h. */
#include "util/hostport.h"

#include <errno.h>
#include <string.h>

#include <weft/backend.h>

#include "util/str.h"

/* Finds the address in the text, and its port (*ret_port is NULL where the text has none). */
static int split(const char *text, const char **ret_host, const char **ret_end,
		 const char **ret_port)
{
	const char *first = strchr(text, ':');

	*ret_host = text;
	*ret_end = text + strlen(text);
	*ret_port = NULL;
	if (*text == '[') {
		const char *close = strchr(text, ']');

		if (!close || (close[1] && close[1] != ':'))
			return -EINVAL;
		*ret_host = text + 1;
		*ret_end = close;
		*ret_port = close[1] ? close + 2 : NULL;
	} else if (first && !strchr(first + 1, ':')) {
		*ret_end = first;
		*ret_port = first + 1;
	}
	return 0;
}

int hostport_parse(const char *text, struct hostport *ret, struct weft_error *error)
{
	const char *host, *end, *port_text;
	uint64_t port = 0;
	size_t length;

	if (split(text, &host, &end, &port_text) < 0 || end == host)
		return weft_error_set(error, EINVAL, "\"%.80s\" is no address; it must be ADDRESS, "
				      "ADDRESS:PORT or [ADDRESS]:PORT", text);
	length = (size_t)(end - host);
	if (length >= sizeof(ret->host))
		return weft_error_set(error, EINVAL, "address \"%.80s...\" has %zu characters; it "
				      "must have at most %zu", host, length,
				      sizeof(ret->host) - 1);
	if (port_text && number_parse(port_text, 1, UINT16_MAX, &port) < 0)
		return weft_error_set(error, EINVAL, "\"%.80s\" ends in the port \"%.16s\"; it "
				      "must be a TCP port in 1..65535%s", text, port_text,
				      *port_text ? "" : ", or have no colon");
	memcpy(ret->host, host, length);
	ret->host[length] = '\0';
	ret->port = (uint16_t)port;
	return 0;
}
