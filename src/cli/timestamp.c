/* SPDX-License-Identifier: BSD-3-Clause */
/* Formats times and durations for people. */
#include "cli/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

const char *span_format(int64_t seconds, char *buf, size_t buf_size)
{
	if (seconds < MINUTE)
		snprintf(buf, buf_size, "%" PRId64 " s", seconds < 0 ? 0 : seconds);
	else if (seconds < HOUR)
		snprintf(buf, buf_size, "%" PRId64 " min", seconds / MINUTE);
	else if (seconds < DAY)
		snprintf(buf, buf_size, "%" PRId64 " h %" PRId64 " min", seconds / HOUR,
			 seconds % HOUR / MINUTE);
	else
		snprintf(buf, buf_size, "%" PRId64 " d %" PRId64 " h", seconds / DAY,
			 seconds % DAY / HOUR);
	return buf;
}

const char *timestamp_local(const char *text, char *buf, size_t buf_size)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	time_t when;

	if (!end || *end) {
		snprintf(buf, buf_size, "%s", text);
		return buf;
	}
	when = timegm(&tm);
	localtime_r(&when, &tm);
	strftime(buf, buf_size, "%Y-%m-%d %H:%M:%S", &tm);
	return buf;
}
