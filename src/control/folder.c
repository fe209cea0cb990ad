/* SPDX-License-Identifier: BSD-3-Clause */
/* The folder that a file of ours is to be made in. */
#include "control/folder.h"

#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"

void folder_make(const char *path, mode_t mode)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *folder = NULL;

	if (!slash || slash == path)
		return;
	folder = strndup(path, (size_t)(slash - path));
	if (folder)
		mkdir(folder, mode);
}
