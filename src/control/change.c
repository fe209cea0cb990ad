/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes of the configuration. A change waits in the queue, is planned on the
 * configuration that runs at its turn, is applied, and then its exchange is answered.
 */
#include <errno.h>
#include <stdlib.h>

#include "config/model.h"
#include "control/exchange.h"
#include "control/internal.h"
#include "util/cleanup.h"

json_t *control_add_unsaved(const struct control *control, json_t *reply)
{
	if (!reply || json_object_set_new(reply, "unsaved", json_boolean(control->unsaved)) == 0)
		return reply;
	json_decref(reply);
	return NULL;
}

static struct control_change *change_of(struct apply_change *change)
{
	return container_of(change, struct control_change, apply);
}

static int plan(struct apply_change *apply, const struct config *now, struct config **ret_wanted,
		struct weft_error *error)
{
	struct control_change *change = change_of(apply);

	return change->plan(change, now, ret_wanted, error);
}

static void done(struct apply_change *apply, int result, const struct weft_error *error)
{
	struct control_change *change = change_of(apply);
	struct control *control = change->exchange->control;

	if (result < 0) {
		exchange_refuse(change->exchange, error);
	} else {
		control->unsaved = !change->saved;
		exchange_reply(change->exchange,
			       control_add_unsaved(control, TAKE_PTR(change->reply)));
	}
	json_decref(change->reply);
	config_free(change->wanted);
	free(change);
}

int control_submit(struct exchange *exchange,
		   int (*make_plan)(struct control_change *change, const struct config *now,
				    struct config **ret_wanted, struct weft_error *error),
		   struct config *wanted, struct weft_error *error)
{
	struct control_change *change = calloc(1, sizeof(*change));

	if (!change) {
		config_free(wanted);
		return weft_error_set(error, ENOMEM, "out of memory");
	}
	*change = (struct control_change){ .apply = { .plan = plan, .done = done },
					   .exchange = exchange, .plan = make_plan,
					   .wanted = wanted };
	apply_submit(exchange->control->options.apply, &change->apply);
	return EXCHANGE_LATER;
}
