/* SPDX-License-Identifier: BSD-3-Clause */
/* What the loop's tests share: a loop for each engine, and running it with a time limit. */
#ifndef TESTS_UNIT_LOOP_RIG_H
#define TESTS_UNIT_LOOP_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop/loop.h"

#define MS 1000000ull /* nanoseconds */

/* The loop of the test that runs. */
extern struct loop *loop;

/* Runs the group on every engine that this machine allows; returns the number of failures. */
int rig_run_group(const char *name, const struct CMUnitTest *tests, size_t count);
#define rig_run(name, tests) rig_run_group(name, tests, sizeof(tests) / sizeof((tests)[0]))

/* Makes and frees the loop of one test; for cmocka_unit_test_setup_teardown(). */
int rig_setup(void **state);
int rig_teardown(void **state);
/* Frees the loop and makes another one with these options; the engine is the group's. */
void rig_again(struct loop_options options);
#define rig_test(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

/* Runs the loop until loop_stop(); fails the test after 20 seconds. */
void rig_loop(void);
/* Runs the loop for some nanoseconds. */
void rig_loop_for(uint64_t duration);
/* Runs the loop until *condition. */
void rig_loop_until(const bool *condition);

/* Bytes of the pages from lowest to before highest, all mapped, that hold memory. */
size_t rig_resident(uintptr_t lowest, uintptr_t highest);

/* Two connected TCP sockets on loopback, or a pair of Unix ones. */
void rig_tcp_pair(int fds[2]);
void rig_unix_pair(int fds[2]);
/* A TCP socket that listens on loopback. */
int rig_listen(void);
int rig_connect(int listener);

#endif
