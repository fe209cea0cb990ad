/* SPDX-License-Identifier: BSD-3-Clause */
/* Copying large data. */
#ifndef WEFT_UTIL_COPY_H
#define WEFT_UTIL_COPY_H

#include <stddef.h>

/*
 * memcpy() with stores that bypass the cache. The processor does not read the destination before
 * it replaces it, so this is twice as fast where the destination is not cached. These stores are
 * not ordered with later stores: the caller takes or releases a lock before other threads look.
 */
void copy_cold(void *to, const void *from, size_t count);

#endif
