/* SPDX-License-Identifier: BSD-3-Clause */
/* Properties of the terminal on standard output. */
#include "cli/term.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util/str.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN 40
#define WIDTH_MAX 1000

size_t term_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t width = 0;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= WIDTH_MIN)
		return size.ws_col;
	if (columns && number_parse(columns, WIDTH_MIN, WIDTH_MAX, &width) == 0)
		return (size_t)width;
	return WIDTH_DEFAULT;
}

bool term_colour(void)
{
	const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0 &&
	       !(no_colour && *no_colour);
}
