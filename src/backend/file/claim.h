/* SPDX-License-Identifier: BSD-3-Clause */
/* Claims on files and devices, which keep other processes out. From any thread. */
#ifndef WEFT_BACKEND_FILE_CLAIM_H
#define WEFT_BACKEND_FILE_CLAIM_H

#include <stdbool.h>
#include <sys/stat.h>

struct claim;

/*
 * Claims what stands at path, of which st tells: to write alone, or to read
 * with others that only read. Devices of this process share what they claim.
 * 0, or -errno; -EBUSY where something else has it and keeps it for half a
 * second.
 */
int claim_take(struct claim **ret_claim, const char *path, const struct stat *st, bool write);
/* Of the last device, it ends the claim. NULL is allowed. */
void claim_drop(struct claim *claim);

#endif
