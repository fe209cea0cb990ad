/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A controller for the host to meet: answers as one should until records say
 * otherwise. What the host sends must be well-formed; what it gets need not be.
 */
#ifndef TESTS_FUZZ_CONTROLLER_H
#define TESTS_FUZZ_CONTROLLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Forgets everything and takes these records, which stay the caller's. */
void controller_start(const uint8_t *records, size_t size);
/* The host opens a connection; its number, or -1: it is refused. */
int controller_connect(void);
/* The host sends. */
void controller_receive(int connection, const uint8_t *data, size_t count);
/*
 * The host reads, at most `size` bytes: how many there are now, 0 where the
 * controller has closed, -1 where nothing comes before the host sends.
 */
long controller_send(int connection, uint8_t *data, size_t size);
/* Whether controller_send() has something, be it the end. */
bool controller_readable(int connection);
void controller_close(int connection);

#endif
