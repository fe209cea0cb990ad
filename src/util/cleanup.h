/* SPDX-License-Identifier: BSD-3-Clause */
/* Scope cleanup: `_cleanup_free_ char *s = ...` frees at the end of the scope. */
#ifndef WEFT_UTIL_CLEANUP_H
#define WEFT_UTIL_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))

static inline void cleanup_free_p(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define _cleanup_free_ CLEANUP(cleanup_free_p)
#define _cleanup_close_ CLEANUP(cleanup_close_p)

/* Evaluates to the variable's value, which the variable no longer owns. */
#define TAKE_PTR(p) \
	({ \
		__typeof__(p) taken_ = (p); \
		(p) = NULL; \
		taken_; \
	})
#define TAKE_FD(fd) \
	({ \
		int taken_ = (fd); \
		(fd) = -1; \
		taken_; \
	})

#endif
