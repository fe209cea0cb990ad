/* SPDX-License-Identifier: BSD-3-Clause */
/* Copying large data. */
#ifndef WEFT_UTIL_COPY_H
#define WEFT_UTIL_COPY_H

#include <stddef.h>

/*
 * memcpy() to where the cache has nothing: past it, which spares the processor reading first what
 * it is about to replace, and is twice as fast there. What is stored so is not ordered with later
 * stores by itself: a lock that the caller takes or gives back before others may look does that.
 */
void copy_cold(void *to, const void *from, size_t count);

#endif
