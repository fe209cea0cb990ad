/* SPDX-License-Identifier: BSD-3-Clause */
/* How much memory the process has from malloc(). */
#ifndef WEFT_UTIL_HEAP_H
#define WEFT_UTIL_HEAP_H

#include <stdint.h>

/*
 * Bytes that all threads have allocated and not freed. Memory that glibc caches for a thread's
 * next malloc() (tcache: less than 300 KiB for each thread) counts as used. Takes the
 * allocator's locks: not per I/O.
 */
uint64_t heap_in_use(void);

#endif
