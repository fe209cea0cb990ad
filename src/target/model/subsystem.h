/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A subsystem's state at run time, across changes of its configuration: its
 * controllers and their identifiers. References are counted: each view with the
 * subsystem holds one, and each controller.
 */
#ifndef WEFT_TARGET_MODEL_SUBSYSTEM_H
#define WEFT_TARGET_MODEL_SUBSYSTEM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/list.h"

struct target;
struct view_subsystem;

struct subsystem {
	struct list node;		/* in target->subsystems */
	struct target *target;
	char *nqn;			/* owned */
	bool discovery;
	/*
	 * Borrowed: the subsystem in the view that is being published or was published
	 * last; NULL: that view does not have it. The control thread sets it; reactors
	 * read it while they switch to that view.
	 */
	const struct view_subsystem *published;
	_Atomic unsigned int refs;
	/* Under target->lock: */
	struct list controllers;	/* struct controller.node */
	uint16_t next_cntlid;
};

/* Finds or makes the subsystem with that NQN; takes a reference. NULL where memory ran out. */
struct subsystem *subsystem_get(struct target *target, const char *nqn);
struct subsystem *subsystem_ref(struct subsystem *subsystem);
/* The last reference frees the subsystem. Not under the lock. */
void subsystem_unref(struct subsystem *subsystem);

#endif
