/* SPDX-License-Identifier: BSD-3-Clause */
#include "disk.h"

#include <string.h>

#include "sim.h"

const struct disk disks[DISKS] = { { 1, 9 }, { 2, 12 }, { 7, 9 } };

struct page {
	uint32_t stamp;
	uint16_t readers;
	bool writing, wild;
};

static struct page pages[DISKS][SIM_HOSTS][DISK_PART];

void disk_reset(void)
{
	memset(pages, 0, sizeof(pages));
}

void disk_forget(unsigned int disk)
{
	for (unsigned int host = 0; host < SIM_HOSTS; host++)
		for (unsigned int i = 0; i < DISK_PART; i++)
			pages[disk][host][i].wild = true;
}

bool disk_take(unsigned int disk, unsigned int host, unsigned int count, bool write,
	       unsigned int *ret_first)
{
	unsigned int first = sim_random(DISK_PART - count + 1);
	struct page *page = &pages[disk][host][first];

	for (unsigned int i = 0; i < count; i++)
		if (page[i].writing || (write && page[i].readers))
			return false;
	for (unsigned int i = 0; i < count; i++) {
		page[i].writing = write;
		page[i].readers += !write;
	}
	*ret_first = first;
	return true;
}

void disk_done(unsigned int disk, unsigned int host, unsigned int first, unsigned int count,
	       bool write, uint32_t stamp, bool wild)
{
	struct page *page = &pages[disk][host][first];

	for (unsigned int i = 0; i < count; i++) {
		if (write) {
			page[i].writing = false;
			page[i].stamp = stamp;
			page[i].wild |= wild;
		} else {
			page[i].readers--;
		}
	}
}

void disk_fill(uint8_t *page, uint32_t stamp)
{
	for (unsigned int i = 0; i < DISK_PAGE; i += sizeof(stamp))
		memcpy(page + i, &stamp, sizeof(stamp));
	/* blocks of a page differ, so that one in another's place is seen */
	for (unsigned int block = 1; stamp && block < DISK_PAGE / 512; block++)
		page[block * 512] ^= (uint8_t)block;
}

bool disk_right(unsigned int disk, unsigned int host, unsigned int page, const uint8_t *bytes)
{
	uint8_t wanted[DISK_PAGE];

	if (pages[disk][host][page].wild)
		return true;
	disk_fill(wanted, pages[disk][host][page].stamp);
	return memcmp(wanted, bytes, DISK_PAGE) == 0;
}
