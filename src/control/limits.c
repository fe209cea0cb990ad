/* SPDX-License-Identifier: BSD-3-Clause */
/* The use of each limit, for /v1/status. */
#include "target/base/limits.h"

#include "control/internal.h"
#include "target/base/target.h"

static const char *const names[LIMIT_KINDS] = {
	[LIMIT_CONNECTIONS] = "connections",
	[LIMIT_PENDING] = "pending_connections",
	[LIMIT_HOST] = "host_connections",
	[LIMIT_MEMORY] = "memory",
	[LIMIT_HOST_MEMORY] = "host_memory",
};

static json_t *describe(const struct limits_usage *usage, bool each)
{
	json_t *object = json_pack("{s:I, s:I, s:I}", "now", (json_int_t)usage->now, "max",
				   (json_int_t)usage->max, "refused", (json_int_t)usage->refused);

	if (each)
		json_object_set_new(object, "who", usage->who[0] ? json_string(usage->who) :
								   json_null());
	return object;
}

json_t *control_limits(struct target *target)
{
	struct limits_usage usage[LIMIT_KINDS];
	json_t *limits = json_object();

	limits_usage(target, usage);
	for (unsigned int kind = 0; kind < LIMIT_KINDS; kind++)
		json_object_set_new(limits, names[kind],
				    describe(&usage[kind], kind != LIMIT_CONNECTIONS &&
							   kind != LIMIT_MEMORY));
	json_object_set_new(limits, "buffers",
			    json_pack("{s:I, s:I}", "now", (json_int_t)limits_buffers(target),
				      "max", (json_int_t)(target->buffer_limit *
							  target->reactor_count)));
	return limits;
}
