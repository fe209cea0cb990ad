/* SPDX-License-Identifier: BSD-3-Clause */
/* Claims on files and devices, which keep other processes out. From any thread. */
#ifndef WEFT_BACKEND_FILE_CLAIM_H
#define WEFT_BACKEND_FILE_CLAIM_H

#include <stdbool.h>
#include <sys/stat.h>

struct claim;

/*
 * Claims the file or block device at path, which st describes: exclusively for
 * writing, or for reading beside other readers. Devices of this process share
 * claims. 0, or -errno; -EBUSY: another process has it and has kept it for half
 * a second.
 */
int claim_take(struct claim **ret_claim, const char *path, const struct stat *st, bool write);
/* Gives up a device's use of the claim; the last one ends the claim. NULL is harmless. */
void claim_drop(struct claim *claim);

#endif
