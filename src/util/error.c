/* SPDX-License-Identifier: BSD-3-Clause */
/* struct weft_error: a refusal in words. */
#include <stdarg.h>
#include <stdio.h>

#include <weft/backend.h>

int weft_error_set(struct weft_error *error, int code, const char *format, ...)
{
	va_list args;

	if (error) {
		error->code = code;
		va_start(args, format);
		vsnprintf(error->text, sizeof(error->text), format, args);
		va_end(args);
	}
	return -code;
}
