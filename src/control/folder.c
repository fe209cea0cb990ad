/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes the folder of a file that weftd is about to create. */
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
