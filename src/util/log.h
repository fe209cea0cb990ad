/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Logging to stderr: one line for an event, never one for each I/O. Under systemd a
 * line starts with its priority in the form of sd-daemon(3) ("<6>"); on a terminal,
 * with the time and a word. Lines that a peer can cause go through log_peer.h.
 */
#ifndef WEFT_UTIL_LOG_H
#define WEFT_UTIL_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <syslog.h>

/* Sets the least urgent priority that is written (LOG_INFO at first). */
void log_set_level(int level);
int log_level(void);
/* Writes one line; thread-safe, one write(2) each; control characters become '?'. */
void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_vline(int level, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

#define log_err(...) log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) \
	do { \
		if (log_level() >= LOG_DEBUG) \
			log_line(LOG_DEBUG, __VA_ARGS__); \
	} while (0)

#endif
