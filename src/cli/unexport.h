/* SPDX-License-Identifier: BSD-3-Clause */
/* What the user names to unexport. */
#ifndef WEFT_CLI_UNEXPORT_H
#define WEFT_CLI_UNEXPORT_H

#include <stdbool.h>

/*
 * true: an NQN, cut before a "/NSID" at its end, which *ret_nsid then points
 * to (else NULL). false: a path, untouched. An NQN begins with "nqn."; what
 * has no slash and is no file here is taken for one too.
 */
bool unexport_split(char *target, const char **ret_nsid);

#endif
