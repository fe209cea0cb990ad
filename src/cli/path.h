/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes paths that the user gives absolute, because weftd needs absolute paths. */
#ifndef WEFT_CLI_PATH_H
#define WEFT_CLI_PATH_H

/*
 * The absolute path, without ".", ".." and double slashes. Symbolic links are not resolved,
 * because links in /dev/disk/by-id are the most stable names of disks. Owned by the caller.
 * NULL with errno set if memory ran out or the current folder has been removed.
 */
char *path_absolute(const char *path);
/* As path_absolute(), for a given current folder. */
char *path_join(const char *folder, const char *path);

#endif
