/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks the allocator: glibc's, or a sanitizer's that stands in for it. */
#include "util/heap.h"

#include <malloc.h>
#include <stddef.h>

/* The sanitizers' own count; NULL in a build without ThreadSanitizer and AddressSanitizer. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

uint64_t heap_in_use(void)
{
	struct mallinfo2 info;

	if (__sanitizer_get_current_allocated_bytes)
		return __sanitizer_get_current_allocated_bytes();
	info = mallinfo2();
	return info.uordblks + info.hblkhd;
}
