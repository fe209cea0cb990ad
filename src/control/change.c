/* SPDX-License-Identifier: BSD-3-Clause */
/* Every change: a copy of the running configuration, changed, validated and applied as a whole. */
#include <errno.h>

#include "apply/apply.h"
#include "control/internal.h"

struct config *control_draft(struct control *control, struct weft_error *error)
{
	struct config *draft = config_dup(apply_current(control->options.apply));

	if (!draft)
		weft_error_set(error, ENOMEM, "out of memory");
	return draft;
}

int control_commit(struct control *control, struct config *draft, struct weft_error *error)
{
	int r = apply_config(control->options.apply, draft, error);

	if (r < 0) {
		config_free(draft);
		return r;
	}
	control->unsaved = true;
	return 0;
}

int control_reply_change(struct control *control, json_t *reply, json_t **ret_reply,
			 struct weft_error *error)
{
	if (reply && json_object_set_new(reply, "unsaved", json_boolean(control->unsaved)) < 0) {
		json_decref(reply);
		reply = NULL;
	}
	return control_reply(reply, ret_reply, error);
}
