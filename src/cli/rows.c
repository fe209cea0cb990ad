/* SPDX-License-Identifier: BSD-3-Clause */
/* A growing two-column list, "label  value". */
#include "cli/rows.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "util/cleanup.h"

void rows_add(struct rows *rows, const char *label, const char *format, ...)
{
	char **cells = reallocarray(rows->cells, rows->count + 1, 2 * sizeof(char *));
	_cleanup_free_ char *name = strdup(label);
	char *value = NULL;
	va_list args;
	int n;

	if (cells)
		rows->cells = cells;
	va_start(args, format);
	n = vasprintf(&value, format, args);
	va_end(args);
	if (!cells || !name || n < 0) {
		if (n >= 0)
			free(value);
		rows->failed = true;
		return;
	}
	rows->cells[2 * rows->count] = TAKE_PTR(name);
	rows->cells[2 * rows->count + 1] = value;
	rows->count++;
}

void rows_print(struct rows *rows, const char *indent)
{
	struct strbuf buf = {0};

	table_render(&buf, (const char *const *)rows->cells, 2, rows->count, indent);
	if (buf.data && !buf.failed && !rows->failed)
		fputs(buf.data, stdout);
	else if (rows->count || rows->failed)
		fputs("out of memory\n", stderr);
	strbuf_done(&buf);
	for (size_t i = 0; i < 2 * rows->count; i++)
		free(rows->cells[i]);
	free(rows->cells);
	*rows = (struct rows){0};
}
