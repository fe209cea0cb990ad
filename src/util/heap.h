/* SPDX-License-Identifier: BSD-3-Clause */
/* How much memory the process has from malloc(). */
#ifndef WEFT_UTIL_HEAP_H
#define WEFT_UTIL_HEAP_H

#include <stdint.h>

/*
 * Bytes in use, of all threads: what free() would take back. What glibc keeps for a
 * thread's next malloc() (its tcache, less than 300 KiB for each thread, usually little)
 * counts as used. Takes the allocator's locks: not per I/O.
 */
uint64_t heap_in_use(void);

#endif
