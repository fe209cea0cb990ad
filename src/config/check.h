/* SPDX-License-Identifier: BSD-3-Clause */
/* How validation refuses: one object after another becomes the subject of what is said. */
#ifndef WEFT_CONFIG_CHECK_H
#define WEFT_CONFIG_CHECK_H

#include "config/model.h"

struct check {
	const struct config *config;	/* borrowed: whose source and lines are named */
	struct weft_error *error;	/* borrowed; may be NULL */
	unsigned int line;
	char subject[280];
};

/* Sets what the next refusals are about. */
void check_subject(struct check *check, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* "source:line: subject: ..."; returns -code. */
int check_refuse(struct check *check, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds a warning of the same form to those of check->config, which is `config`; once. */
void check_warn(struct check *check, struct config *config, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Warns of referrals that lead hosts in a circle (loops.c). 0; -ENOMEM as check_refuse(). */
int check_loops(struct check *check, struct config *config);
/* Refuses identifiers that two namespaces share (unique.c). */
int check_unique_ids(struct check *check);

#endif
