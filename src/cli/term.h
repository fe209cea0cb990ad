/* SPDX-License-Identifier: BSD-3-Clause */
/* What standard output is. */
#ifndef WEFT_CLI_TERM_H
#define WEFT_CLI_TERM_H

#include <stdbool.h>
#include <stddef.h>

/* Columns: the terminal's, else $COLUMNS, else 80. */
size_t term_width(void);
/* It is a terminal that takes colours, and $NO_COLOR is not set. */
bool term_colour(void);

#endif
