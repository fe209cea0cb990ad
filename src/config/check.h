/* SPDX-License-Identifier: BSD-3-Clause */
/* Refusals and warnings of validation. Each names the object that is checked, the subject. */
#ifndef WEFT_CONFIG_CHECK_H
#define WEFT_CONFIG_CHECK_H

#include "config/model.h"

struct check {
	const struct config *config;	/* borrowed: its source is named in messages */
	struct weft_error *error;	/* borrowed; may be NULL */
	unsigned int line;		/* of the subject; 0: none */
	char subject[280];
};

/* Sets the subject of the refusals and warnings that follow. */
void check_subject(struct check *check, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Fills the error with "source:line: subject: ..."; returns -code. */
int check_refuse(struct check *check, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Adds a warning of the same form to `config`, unless it has it already. `config` is
 * check->config, not const.
 */
void check_warn(struct check *check, struct config *config, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Warns of referrals that lead hosts in a circle (loops.c). 0, or -ENOMEM with the error filled. */
int check_loops(struct check *check, struct config *config);
/* Refuses identifiers that two namespaces share (unique.c). */
int check_unique_ids(struct check *check);

#endif
