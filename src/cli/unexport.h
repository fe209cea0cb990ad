/* SPDX-License-Identifier: BSD-3-Clause */
/* Parses the PATH or NQN of weft unexport. */
#ifndef WEFT_CLI_UNEXPORT_H
#define WEFT_CLI_UNEXPORT_H

#include <stdbool.h>

/*
 * True if the target is an NQN: it begins with "nqn.", or has no slash and is not a file
 * in the current folder. A "/NSID" at its end is cut off, and *ret_nsid points to the
 * NSID, or is NULL. False if the target is a path, which is not modified.
 */
bool unexport_split(char *target, const char **ret_nsid);

#endif
