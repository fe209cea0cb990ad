/* SPDX-License-Identifier: BSD-3-Clause */
/* Times and spans as people read them. */
#ifndef WEFT_CLI_TIMESTAMP_H
#define WEFT_CLI_TIMESTAMP_H

#include <stddef.h>
#include <stdint.h>

/* "5 s", "3 min", "2 h 10 min", "4 d 3 h"; returns buf. */
const char *span_format(int64_t seconds, char *buf, size_t buf_size);
/* The API's "2026-11-20T22:50:11Z" in local time, "2026-11-20 22:50:11"; the text itself where
 * it is something else; returns buf. */
const char *timestamp_local(const char *text, char *buf, size_t buf_size);

#endif
