/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The log of events that peers can cause as often as they like: broken PDUs, refusals,
 * hosts that connect and disconnect. The number of lines of one kind from one peer is
 * limited: further lines are counted, and the count is logged from time to time, so that
 * no peer can fill the disk. Uses a fixed amount of memory.
 */
#ifndef WEFT_UTIL_LOG_PEER_H
#define WEFT_UTIL_LOG_PEER_H

#include <syslog.h>

/* How often log_peer_look() is due, seconds. */
#define LOG_PEER_SECONDS 10
/* Lines of one kind and one peer that are written between two calls of log_peer_look(). */
#define LOG_PEER_LINES 20
/* Pairs of kind and peer that are counted separately; all others are counted together. */
#define LOG_PEER_PLACES 64
/* Bytes of a peer's name, with its NUL; a longer name is cut. An address fits. */
#define LOG_PEER_NAME 64

/*
 * As log_line(), for an event that this peer (its address) caused. Each format, which must be a
 * string literal, is a kind of line. Takes a lock: not per I/O.
 */
void log_peer(int level, const char *peer, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Writes, for each kind and peer, how many lines were suppressed since the last call, and the
 * last of them. Due every LOG_PEER_SECONDS, and when the daemon ends. A kind that had no line
 * since the last call is written in full again.
 */
void log_peer_look(void);

#endif
