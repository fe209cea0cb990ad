/* SPDX-License-Identifier: BSD-3-Clause */
/* Initializes shares of the I/O buffers; queue/request_buffer.c gives the buffers out. */
#include "target/base/buffer_share.h"

void buffer_line_init(struct buffer_line *line)
{
	*line = (struct buffer_line){ 0 };
	list_init(&line->node);
	list_init(&line->waiters);
}

void buffer_share_init(struct buffer_share *share, uint64_t max)
{
	share->max = max;
	for (unsigned int i = 0; i < BUFFER_LINES; i++)
		buffer_line_init(&share->lines[i]);
}
