/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of text. */
#include "cli/table.h"

#define GAP 2

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		if (((unsigned char)*text & 0xc0) != 0x80) /* not a continuation byte */
			width++;
	return width;
}

static size_t column_width(const char *const *cells, size_t columns, size_t rows, size_t column)
{
	size_t widest = 0;

	for (size_t row = 0; row < rows; row++) {
		const char *cell = cells[row * columns + column];
		size_t width = cell ? text_width(cell) : 0;

		if (width > widest)
			widest = width;
	}
	return widest;
}

void table_render(struct strbuf *buf, const char *const *cells, size_t columns, size_t rows,
		  const char *indent)
{
	for (size_t row = 0; row < rows; row++) {
		size_t pending = 0; /* blanks to add before the next text */

		strbuf_add(buf, "%s", indent);
		for (size_t column = 0; column < columns; column++) {
			const char *cell = cells[row * columns + column];
			size_t width = column_width(cells, columns, rows, column);

			if (cell && *cell) {
				strbuf_add(buf, "%*s%s", (int)pending, "", cell);
				pending = width - text_width(cell) + GAP;
			} else {
				pending += width + GAP;
			}
		}
		strbuf_add(buf, "\n");
	}
}
