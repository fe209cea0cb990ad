/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The log of what peers can cause as often as they like: broken PDUs, refusals,
 * hosts that come and go. Of one kind and one peer only so many lines are written;
 * the rest is counted, and the count is written from time to time, so that nobody
 * fills a disk with it. All of it takes a fixed amount of memory.
 */
#ifndef WEFT_UTIL_LOG_PEER_H
#define WEFT_UTIL_LOG_PEER_H

#include <syslog.h>

/* How often log_peer_look() is due, seconds. */
#define LOG_PEER_SECONDS 10
/* Lines of one kind and one peer that are written between two looks. */
#define LOG_PEER_LINES 20
/* Kinds of peers that are told apart; those for which there is no room are counted together. */
#define LOG_PEER_PLACES 64
/* The name of a peer, with its zero: what is longer is cut. An address fits. */
#define LOG_PEER_NAME 64

/*
 * As log_line(), of this peer (its address). The format, a literal, says what kind of
 * line it is. Takes a lock: not per I/O.
 */
void log_peer(int level, const char *peer, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Every LOG_PEER_SECONDS, and at the end: writes how many lines were not written since
 * the last look, and the last of them. A kind that was quiet since then is written again.
 */
void log_peer_look(void);

#endif
