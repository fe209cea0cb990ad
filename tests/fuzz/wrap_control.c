/* SPDX-License-Identifier: BSD-3-Clause */
/* The machine that fuzz_control sees: nothing it asks for reaches the real one. */
#include "wrap_control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weft/backend.h>

#include "config/model.h"

int __wrap_socket_listen(const char *path, const char *group, int *ret_fd,
			 struct weft_error *error)
{
	*ret_fd = -1;
	return 0;
}

int __wrap_address_list_read(struct address_list *ret_list)
{
	struct address *items = calloc(2, sizeof(*items));

	if (!items)
		return -ENOMEM;
	strcpy(items[0].text, "192.0.2.1");
	items[1].ipv6 = true;
	strcpy(items[1].text, "2001:db8::1");
	*ret_list = (struct address_list){ .items = items, .count = 2 };
	return 0;
}

int __wrap_create_start(struct offload *offload, const char *path, uint64_t size,
			create_done *done, void *arg, struct weft_error *error)
{
	bool exists = strchr(path, 'x');
	struct weft_error failure;

	if (strchr(path, 'z'))
		return weft_error_set(error, EAGAIN, "%s is one too many", path);
	if (!exists && !size)
		weft_error_set(&failure, ENOENT, "%s is not there", path);
	else if (!exists && strchr(path, 'q'))
		weft_error_set(&failure, ENOSPC, "%s cannot be made", path);
	else
		failure.code = 0;
	done(arg, !exists, failure.code ? &failure : NULL);
	return 0;
}

void __wrap_create_undo(struct offload *offload, const char *path, void (*done)(void *arg),
			void *arg)
{
	done(arg);
}

int __wrap_unlink(const char *path)
{
	return 0;
}

void __wrap_folder_make(const char *path, unsigned int mode)
{
}

int __wrap_config_save(const struct config *config, const char *path, struct weft_error *error)
{
	return 0;
}

int __wrap_config_load(const char *path, struct config **ret_config, struct weft_error *error)
{
	*ret_config = config_new();
	return *ret_config ? 0 : weft_error_set(error, ENOMEM, "out of memory");
}
