/* SPDX-License-Identifier: BSD-3-Clause */
/* Subsystems at run time: found by NQN, freed with the last reference. */
#include "target/model/subsystem.h"

#include <stdlib.h>
#include <string.h>

#include "target/base/target.h"

struct subsystem *subsystem_get(struct target *target, const char *nqn)
{
	struct subsystem *subsystem;

	pthread_mutex_lock(&target->lock);
	list_for_each(node, &target->subsystems) {
		subsystem = list_entry(node, struct subsystem, node);
		if (strcmp(subsystem->nqn, nqn) == 0) {
			atomic_fetch_add(&subsystem->refs, 1);
			goto out;
		}
	}
	subsystem = calloc(1, sizeof(*subsystem));
	if (!subsystem)
		goto out;
	subsystem->nqn = strdup(nqn);
	if (!subsystem->nqn) {
		free(subsystem);
		subsystem = NULL;
		goto out;
	}
	subsystem->target = target;
	subsystem->refs = 1;
	subsystem->next_cntlid = 1;
	list_init(&subsystem->controllers);
	list_add_tail(&target->subsystems, &subsystem->node);
out:
	pthread_mutex_unlock(&target->lock);
	return subsystem;
}

struct subsystem *subsystem_ref(struct subsystem *subsystem)
{
	atomic_fetch_add(&subsystem->refs, 1);
	return subsystem;
}

void subsystem_unref(struct subsystem *subsystem)
{
	struct target *target;
	bool last;

	if (!subsystem)
		return;
	/* under the lock, so that subsystem_get() cannot find one that is being freed */
	target = subsystem->target;
	pthread_mutex_lock(&target->lock);
	last = atomic_fetch_sub(&subsystem->refs, 1) == 1;
	if (last)
		list_del(&subsystem->node);
	pthread_mutex_unlock(&target->lock);
	if (!last)
		return;
	free(subsystem->nqn);
	free(subsystem);
}
