/* SPDX-License-Identifier: BSD-3-Clause */
/* Simulated hosts: each attaches, does I/O, keeps alive and follows events, until it leaves. */
#ifndef TESTS_SIM_HOST_H
#define TESTS_SIM_HOST_H

#include <stdbool.h>

void hosts_new(void);
void hosts_done(void);
/* Host `index` does one thing of its choice; false: there is nothing that it would do. */
bool host_step(unsigned int index);
/* What it does without delay: data that was asked for, keep alive, news; false: nothing was due. */
bool host_serve(unsigned int index);
/* All is up to date: does what must hold now hold? */
void hosts_check(void);
/* The same when nothing has been begun for a while. */
void hosts_check_calm(void);
/* Ends all connections from the hosts' side. */
void hosts_leave(void);

#endif
