/* SPDX-License-Identifier: BSD-3-Clause */
/* Times in JSON. */
#ifndef WEFT_CONTROL_WHEN_H
#define WEFT_CONTROL_WHEN_H

#include <time.h>

#define WHEN_TEXT 32

/* "2026-11-20T22:50:11Z"; returns buf. */
static inline const char *when_format(time_t when, char buf[WHEN_TEXT])
{
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(buf, WHEN_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}

#endif
