/* SPDX-License-Identifier: BSD-3-Clause */
/* The folder that a file of ours is to be made in. */
#ifndef WEFT_CONTROL_FOLDER_H
#define WEFT_CONTROL_FOLDER_H

#include <sys/types.h>

/*
 * Makes the last folder of a file's path where it is missing. No result: what
 * makes the file says what is wrong, if anything is.
 */
void folder_make(const char *path, mode_t mode);

#endif
