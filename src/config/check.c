/* SPDX-License-Identifier: BSD-3-Clause */
/* The errors and warnings of validation: see check.h. */
#include "config/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <weft/backend.h>

#include "util/cleanup.h"
#include "util/str.h"

void check_subject(struct check *check, unsigned int line, const char *format, ...)
{
	va_list args;

	check->line = line;
	va_start(args, format);
	vsnprintf(check->subject, sizeof(check->subject), format, args);
	va_end(args);
}

/* Makes "source:line: subject: text", without source or line if unknown. NULL: no memory. */
static char *place(const struct check *check, const char *text)
{
	const char *source = check->config->source;
	struct strbuf line = { 0 };

	if (source && check->line)
		strbuf_add(&line, "%s:%u: ", source, check->line);
	else if (source)
		strbuf_add(&line, "%s: ", source);
	strbuf_add(&line, "%s: %s", check->subject, text);
	return strbuf_take(&line);
}

int check_refuse(struct check *check, int code, const char *format, ...)
{
	_cleanup_free_ char *line = NULL;
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	line = place(check, text);
	return weft_error_set(check->error, code, "%s", line ? line : "out of memory");
}

void check_warn(struct check *check, struct config *config, const char *format, ...)
{
	_cleanup_free_ char *line = NULL;
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	line = place(check, text);
	/* warn once, although a configuration is validated when it is read and before it runs */
	for (size_t i = 0; line && i < config->warning_count; i++)
		if (!strcmp(config->warnings[i], line))
			return;
	if (line)
		config_warn(config, "%s", line);
}
