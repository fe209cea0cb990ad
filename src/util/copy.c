/* SPDX-License-Identifier: BSD-3-Clause */
/* Copying past the cache: see copy.h. */
#include "util/copy.h"

#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define LINE 64		/* of the cache */

void copy_cold(void *to, const void *from, size_t count)
{
#ifdef __SSE2__
	__m128i *at = to;
	const __m128i *data = from;

	if ((uintptr_t)to % LINE == 0 && count % LINE == 0) {
		for (; count; count -= LINE, at += 4, data += 4) {
			__m128i a = _mm_loadu_si128(data), b = _mm_loadu_si128(data + 1);
			__m128i c = _mm_loadu_si128(data + 2), d = _mm_loadu_si128(data + 3);

			_mm_stream_si128(at, a);
			_mm_stream_si128(at + 1, b);
			_mm_stream_si128(at + 2, c);
			_mm_stream_si128(at + 3, d);
		}
		return;
	}
#endif
	memcpy(to, from, count);
}
