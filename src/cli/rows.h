/* SPDX-License-Identifier: BSD-3-Clause */
/* A growing two-column list, "label  value". */
#ifndef WEFT_CLI_ROWS_H
#define WEFT_CLI_ROWS_H

#include <stdbool.h>
#include <stddef.h>

/* Starts as {0}. */
struct rows {
	char **cells;		/* owned: label, value, label, value, ... */
	size_t count;		/* of rows */
	bool failed;		/* out of memory: nothing more is added */
};

/* label may be "" for a further line of the one before. */
void rows_add(struct rows *rows, const char *label, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Prints all in aligned columns, each line after `indent`, and empties the list. */
void rows_print(struct rows *rows, const char *indent);

#endif
