/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each host's part of each disk holds. A page (4 KiB) has a stamp, which
 * says all of its bytes; where it is not known what came of a write, the page
 * is wild and never looked at again.
 */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include <stdbool.h>
#include <stdint.h>

#define DISK_PAGE 4096
#define DISK_PART 32			/* pages of each host on each disk */
#define DISKS 3

struct disk {
	uint32_t nsid;
	uint8_t block_shift;
};

extern const struct disk disks[DISKS];

void disk_reset(void);
/* The device is another, or its data is gone: nothing of it is known. */
void disk_forget(unsigned int disk);

/*
 * Pages of the host's part that nobody writes, and for a write nobody reads:
 * true with *ret_first, and they are in use until disk_done().
 */
bool disk_take(unsigned int disk, unsigned int host, unsigned int pages, bool write,
	       unsigned int *ret_first);
/* A write that succeeded gave them this stamp; wild: nobody knows. */
void disk_done(unsigned int disk, unsigned int host, unsigned int first, unsigned int pages,
	       bool write, uint32_t stamp, bool wild);

/* The bytes of a page with that stamp; 0: never written, or zeroes. */
void disk_fill(uint8_t *page, uint32_t stamp);
/* Whether these are what was written to it last, as far as is known. */
bool disk_right(unsigned int disk, unsigned int host, unsigned int page, const uint8_t *bytes);

#endif
