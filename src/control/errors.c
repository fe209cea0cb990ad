/* SPDX-License-Identifier: BSD-3-Clause */
/* The answers for errno values: an HTTP status, a stable word and a sentence. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/internal.h"

static const struct {
	int code;
	struct control_error error;
} table[] = {
	{ EINVAL, { MHD_HTTP_BAD_REQUEST, "invalid" } },
	{ ERANGE, { MHD_HTTP_BAD_REQUEST, "invalid" } },
	{ ENAMETOOLONG, { MHD_HTTP_BAD_REQUEST, "invalid" } },
	{ EPERM, { MHD_HTTP_FORBIDDEN, "not-permitted" } },
	{ EACCES, { MHD_HTTP_FORBIDDEN, "not-permitted" } },
	{ ENOENT, { MHD_HTTP_NOT_FOUND, "not-found" } },
	{ ENXIO, { MHD_HTTP_NOT_FOUND, "not-found" } },
	{ ENODEV, { MHD_HTTP_NOT_FOUND, "not-found" } },
	{ ENOSYS, { MHD_HTTP_METHOD_NOT_ALLOWED, "no-such-method" } },
	{ EEXIST, { MHD_HTTP_CONFLICT, "exists" } },
	{ EBUSY, { MHD_HTTP_CONFLICT, "in-use" } },
	{ EADDRINUSE, { MHD_HTTP_CONFLICT, "in-use" } },
	{ ETXTBSY, { MHD_HTTP_CONFLICT, "in-use" } },
	{ EADDRNOTAVAIL, { MHD_HTTP_CONFLICT, "no-such-address" } },
	{ EFBIG, { MHD_HTTP_CONTENT_TOO_LARGE, "too-large" } },
	{ E2BIG, { MHD_HTTP_CONTENT_TOO_LARGE, "too-large" } },
	{ ENOSPC, { MHD_HTTP_INSUFFICIENT_STORAGE, "no-space" } },
	{ EDQUOT, { MHD_HTTP_INSUFFICIENT_STORAGE, "no-space" } },
	{ EAGAIN, { MHD_HTTP_SERVICE_UNAVAILABLE, "busy" } },
	{ ECANCELED, { MHD_HTTP_SERVICE_UNAVAILABLE, "stopping" } },
};

const struct control_error *control_error_for(int code)
{
	static const struct control_error failed = { MHD_HTTP_INTERNAL_SERVER_ERROR, "failed" };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].code == code)
			return &table[i].error;
	return &failed;
}

json_t *control_text(const char *format, ...)
{
	char *text;
	json_t *value;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return NULL;
	value = json_string(text);
	if (!value) {
		for (char *c = text; *c; c++)
			if ((unsigned char)*c >= 0x80)
				*c = '?';
		value = json_string(text);
	}
	free(text);
	return value;
}
