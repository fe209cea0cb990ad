/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A loop for fuzzers, in place of src/loop's: no threads, no system calls, a
 * clock that stands still. What arrives, what is sent and when a turn takes
 * place is decided by the caller, so that the same input does the same each time.
 * Timers and buffers are the real ones.
 *
 * loop_post() from the control thread runs what was posted at once.
 *
 * Sockets are numbers: loop_socket_open() takes any descriptor below
 * FAKE_SOCKETS, and nothing is ever done with it.
 */
#ifndef TESTS_FUZZ_FAKE_LOOP_H
#define TESTS_FUZZ_FAKE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"

#define FAKE_SOCKETS 32

/* A loop with that many bytes of I/O buffers, LOOP_BUFFER_MAX at most. Never fails. */
struct loop *fake_loop_new(size_t buffer_limit);
/* Nothing may be in progress. */
void fake_loop_free(struct loop *loop);
/* Messages, work, due timers, deferred tasks, ends of sockets; false: there was nothing to do. */
bool fake_loop_turn(struct loop *loop);
/* Calls fn(arg) as on that loop's thread; outside of this and of turns is the control thread. */
void fake_loop_call(struct loop *loop, void (*fn)(void *), void *arg);
/* The clock of all loops. */
void fake_clock_advance(uint64_t nanoseconds);

/* The socket with that descriptor, or NULL where none is open. */
struct loop_socket *fake_socket(int fd);
/* Lets it receive: the bytes are gone after the call. May take several calls of received(). */
void fake_socket_feed(int fd, const uint8_t *data, size_t count);
/* The peer closed (0), or the connection failed (-errno). */
void fake_socket_end(int fd, int result);
/* Ends the send under way; false: there is none. */
bool fake_socket_sent(int fd, int result);

/* The fuzzer's: this thread is that loop's from now on; NULL: the control thread. */
void fake_on_enter(struct loop *loop);
/*
 * The fuzzer's, or nothing: the control thread has posted a message to a loop, which runs when
 * this returns. Loops may take turns before that.
 */
void fake_on_post(struct loop *loop);
/* The fuzzer's: what is being sent. It stays in place until fake_socket_sent(). */
void fake_on_send(int fd, const struct iovec *iov, unsigned int iov_count);

#endif
