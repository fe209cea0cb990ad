/* SPDX-License-Identifier: BSD-3-Clause */
/* A growing two-column list, "label  value". */
#ifndef WEFT_CLI_ROWS_H
#define WEFT_CLI_ROWS_H

#include <stdbool.h>
#include <stddef.h>

/* Initialize it with {0}. */
struct rows {
	char **cells;		/* owned: label, value, label, value, ... */
	size_t count;		/* number of rows */
	bool failed;		/* memory ran out: no more rows are added */
};

/* Adds a row. An empty label continues the row before. */
void rows_add(struct rows *rows, const char *label, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Prints all rows in aligned columns, each line after `indent`, and empties the list. */
void rows_print(struct rows *rows, const char *indent);

#endif
