/* SPDX-License-Identifier: BSD-3-Clause */
/* Properties of the terminal on standard output. */
#ifndef WEFT_CLI_TERM_H
#define WEFT_CLI_TERM_H

#include <stdbool.h>
#include <stddef.h>

/* The number of columns: that of the terminal, else $COLUMNS, else 80. */
size_t term_width(void);
/* True if it is a terminal that supports colours, and $NO_COLOR is not set. */
bool term_colour(void);

#endif
