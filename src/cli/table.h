/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of text. */
#ifndef WEFT_CLI_TABLE_H
#define WEFT_CLI_TABLE_H

#include <stddef.h>

#include "util/str.h"

/* The number of columns of a text on a terminal: the number of its UTF-8 characters. */
size_t text_width(const char *text);

/*
 * Appends a table. `cells` has the rows one after the other, with `columns` cells each; a
 * NULL cell is empty. Columns are two blanks apart, and lines have no trailing blanks.
 * Each line begins with `indent`.
 */
void table_render(struct strbuf *buf, const char *const *cells, size_t columns, size_t rows,
		  const char *indent);

#endif
