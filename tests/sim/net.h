/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The wires between hosts and target: bytes that were sent arrive later, in
 * pieces, and a socket whose peer takes nothing is full at some time.
 */
#ifndef TESTS_SIM_NET_H
#define TESTS_SIM_NET_H

#include <stdbool.h>
#include <stdint.h>

struct peer;

/* What a socket holds that its peer has not taken: no send ends beyond that. */
#define NET_SOCKET_BYTES (64 << 10)

void net_reset(void);
/* This peer is at the other end of its descriptor from now on; its `out` is what is on its way. */
void net_attach(struct peer *peer);
/* Nobody is any more. */
void net_detach(int fd);
/* Whether the host takes what it is sent. */
void net_block(int fd, bool blocked);

/* Each does one thing, of a piece of random size where `whole` is false; false: there is none. */
bool net_end_send(int fd);
bool net_take(int fd, bool whole);
bool net_deliver(int fd, bool whole);

/* Is a send under way that cannot end, because the host takes nothing? */
bool net_stuck(int fd);

#endif
