/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A log-linear histogram of nanoseconds: 64 steps for each power of two, so that a percentile is
 * off by 1.6 % at most; 18 minutes and more share the last bucket.
 */
#ifndef WEFT_HOST_HISTOGRAM_H
#define WEFT_HOST_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEP_BITS	6
#define HISTOGRAM_BITS		40
#define HISTOGRAM_BUCKETS	((HISTOGRAM_BITS - HISTOGRAM_STEP_BITS + 1) << HISTOGRAM_STEP_BITS)

/* To be initialized to {0}. */
struct histogram {
	uint64_t count, sum, max;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

static inline unsigned int histogram_index(uint64_t ns)
{
	unsigned int exponent;

	if (ns >> HISTOGRAM_STEP_BITS == 0)
		return (unsigned int)ns;
	if (ns >> HISTOGRAM_BITS)
		return HISTOGRAM_BUCKETS - 1;
	exponent = 63u - (unsigned int)__builtin_clzll(ns) - HISTOGRAM_STEP_BITS;
	return (exponent << HISTOGRAM_STEP_BITS) + (unsigned int)(ns >> exponent);
}

static inline void histogram_add(struct histogram *h, uint64_t ns)
{
	h->count++;
	h->sum += ns;
	if (ns > h->max)
		h->max = ns;
	h->bucket[histogram_index(ns)]++;
}

void histogram_merge(struct histogram *h, const struct histogram *other);
/* The value that `percent` (0 to 100) of the samples do not exceed; 0 without samples. */
uint64_t histogram_percentile(const struct histogram *h, double percent);
/* The mean; 0 without samples. */
double histogram_mean(const struct histogram *h);

#endif
