/* SPDX-License-Identifier: BSD-3-Clause */
/* Text in columns. */
#ifndef WEFT_CLI_TABLE_H
#define WEFT_CLI_TABLE_H

#include <stddef.h>

#include "util/str.h"

/* Columns that a byte string takes on a terminal: its UTF-8 characters. */
size_t text_width(const char *text);

/*
 * Rows of `columns` cells each, row after row, in columns two spaces apart; no
 * blanks at a line's end; a NULL cell is empty. Each line begins with `indent`.
 */
void table_render(struct strbuf *buf, const char *const *cells, size_t columns, size_t rows,
		  const char *indent);

#endif
