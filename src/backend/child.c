/* SPDX-License-Identifier: BSD-3-Clause */
/* What overlays stand on: see <weft/backend.h>. */
#include "backend/backend.h"

int weft_child_open(struct weft_child *ret_child, const struct weft_params *params,
		    struct weft_info *ret_info, struct weft_error *error)
{
	const struct weft_backend *backend;
	struct weft_params *child;
	void *device;
	int r = backend_params_child(params, &backend, &child, error);

	if (r < 0)
		return r;
	r = backend->open(&device, child, ret_info, error);
	backend_params_free(child);
	if (r < 0)
		return r;
	*ret_child = (struct weft_child){ .backend = backend, .device = device };
	return 0;
}

void weft_child_close(struct weft_child *child)
{
	child->backend->close(child->device);
}

int weft_child_refresh(struct weft_child *child, struct weft_info *info)
{
	return child->backend->refresh ? child->backend->refresh(child->device, info) : 0;
}
