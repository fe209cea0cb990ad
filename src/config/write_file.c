/* SPDX-License-Identifier: BSD-3-Clause */
/* Replaces the whole content of a file. */
#include <stdlib.h>
#include <string.h>

#include <weft/backend.h>

#include "config/save.h"
#include "util/cleanup.h"
#include "util/replace.h"

int config_write_file(const char *path, const char *text, size_t length, struct weft_error *error)
{
	_cleanup_free_ char *target = realpath(path, NULL);
	int r = replace_file(target ? target : path, text, length);

	if (r < 0)
		return weft_error_set(error, -r, "%s: it could not be written: %s", path,
				      strerror(-r));
	return 0;
}
