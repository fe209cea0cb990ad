/* SPDX-License-Identifier: BSD-3-Clause */
/* Logging to stderr: see log.h. */
#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static _Atomic int threshold = LOG_INFO;

void log_set_level(int level)
{
	threshold = level;
}

int log_level(void)
{
	return threshold;
}

static size_t prefix(char *line, size_t size, int level)
{
	static const char *const words[] = { "emerg", "alert", "crit", "error",
					     "warning", "notice", "info", "debug" };
	struct timespec now;
	struct tm tm;

	if (getenv("JOURNAL_STREAM"))
		return (size_t)snprintf(line, size, "<%d>", level);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	return (size_t)snprintf(line, size, "%02d:%02d:%02d.%03ld %-7s ", tm.tm_hour, tm.tm_min,
				tm.tm_sec, now.tv_nsec / 1000000, words[level & 7]);
}

void log_vline(int level, const char *format, va_list args)
{
	char line[LINE_MAX_BYTES];
	int saved = errno;
	size_t start, length;
	int n;

	if (level > threshold)
		return;
	start = prefix(line, sizeof(line), level);
	errno = saved;
	n = vsnprintf(line + start, sizeof(line) - start - 1, format, args);
	if (n < 0)
		n = 0;
	length = start + (size_t)n;
	if (length > sizeof(line) - 2)
		length = sizeof(line) - 2;
	for (size_t i = start; i < length; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[length++] = '\n';
	if (write(STDERR_FILENO, line, length) < 0) {
		/* stderr cannot be written, so the line is lost */
	}
	errno = saved;
}

void log_line(int level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vline(level, format, args);
	va_end(args);
}

/* For plugins; declared in <weft/backend.h>. */
void weft_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

void weft_log(int level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vline(level, format, args);
	va_end(args);
}
