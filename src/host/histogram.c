/* SPDX-License-Identifier: BSD-3-Clause */
/* Latency histograms. */
#include "host/histogram.h"

void histogram_merge(struct histogram *h, const struct histogram *other)
{
	h->count += other->count;
	h->sum += other->sum;
	if (other->max > h->max)
		h->max = other->max;
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		h->bucket[i] += other->bucket[i];
}

/* The largest value that falls into bucket i. */
static uint64_t bucket_top(unsigned int i)
{
	const unsigned int steps = 1u << HISTOGRAM_STEP_BITS;
	unsigned int exponent;

	if (i < 2 * steps)
		return i;
	exponent = (i >> HISTOGRAM_STEP_BITS) - 1;
	return ((uint64_t)(i - (exponent << HISTOGRAM_STEP_BITS) + 1) << exponent) - 1;
}

uint64_t histogram_percentile(const struct histogram *h, double percent)
{
	double want = (double)h->count * percent / 100;
	uint64_t seen = 0;

	if (h->count == 0)
		return 0;
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		seen += h->bucket[i];
		if (seen && (double)seen >= want)
			return bucket_top(i) < h->max ? bucket_top(i) : h->max;
	}
	return h->max;
}

double histogram_mean(const struct histogram *h)
{
	return h->count ? (double)h->sum / (double)h->count : 0;
}
