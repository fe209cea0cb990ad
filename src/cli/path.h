/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths that the user gives, as weftd needs them. */
#ifndef WEFT_CLI_PATH_H
#define WEFT_CLI_PATH_H

/*
 * Absolute, without "." and ".." and double slashes; symbolic links stay, for
 * /dev/disk/by-id is what names a disk best. Owned by the caller; NULL where
 * memory ran out or the current folder is gone (errno).
 */
char *path_absolute(const char *path);
/* The same for a given current folder. */
char *path_join(const char *folder, const char *path);

#endif
