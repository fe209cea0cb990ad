/* SPDX-License-Identifier: BSD-3-Clause */
/* Times in JSON. */
#ifndef WEFT_CONTROL_TIMESTAMP_H
#define WEFT_CONTROL_TIMESTAMP_H

#include <time.h>

#define TIMESTAMP_TEXT 32

/* "2026-11-20T22:50:11Z"; returns buf. */
static inline const char *timestamp_format(time_t when, char buf[TIMESTAMP_TEXT])
{
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(buf, TIMESTAMP_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}

#endif
