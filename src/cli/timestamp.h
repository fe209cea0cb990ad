/* SPDX-License-Identifier: BSD-3-Clause */
/* Formats times and durations for people. */
#ifndef WEFT_CLI_TIMESTAMP_H
#define WEFT_CLI_TIMESTAMP_H

#include <stddef.h>
#include <stdint.h>

/* "5 s", "3 min", "2 h 10 min", "4 d 3 h"; returns buf. */
const char *span_format(int64_t seconds, char *buf, size_t buf_size);
/*
 * Converts a time of the API, "2026-11-20T22:50:11Z", to local time, "2026-11-20 22:50:11".
 * Copies any other text unchanged. Returns buf.
 */
const char *timestamp_local(const char *text, char *buf, size_t buf_size);

#endif
