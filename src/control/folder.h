/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes the folder of a file that weftd is about to create. */
#ifndef WEFT_CONTROL_FOLDER_H
#define WEFT_CONTROL_FOLDER_H

#include <sys/types.h>

/*
 * Makes the last folder of a file's path if it is missing. Returns no result: if it
 * fails, creating the file fails, too, and reports the reason.
 */
void folder_make(const char *path, mode_t mode);

#endif
