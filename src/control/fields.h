/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads the members of a JSON object that a client sent. A wrong type, a wrong
 * value or an unknown member makes fields_done() fail, with a message that names the
 * field. A member that is absent or null leaves the result as it was.
 */
#ifndef WEFT_CONTROL_FIELDS_H
#define WEFT_CONTROL_FIELDS_H

#include <jansson.h>
#include <stdint.h>

struct object_type;
struct weft_error;

#define FIELDS_MAX 40

struct fields {
	json_t *object;			/* borrowed */
	struct weft_error *error;	/* borrowed: of the first failure */
	int result;			/* 0 or -errno of the first failure */
	const char *known[FIELDS_MAX];
	unsigned int known_count;
};

/* body NULL is read as an empty object; a body that is not an object fails. */
void fields_init(struct fields *fields, json_t *body, struct weft_error *error);

/* Strings are borrowed from the body and are never empty. */
void fields_string(struct fields *fields, const char *name, const char **ret);
/* A size in bytes: a number, or text with a suffix ("64M"). */
void fields_size(struct fields *fields, const char *name, uint64_t *ret);
/* Reads the attributes of an object that an export may set into its settings. */
void fields_export(struct fields *fields, const struct object_type *type, void *settings);
/* An array of non-empty strings; borrowed. */
void fields_strings(struct fields *fields, const char *name, json_t **ret_array);
/* An object whose members are all scalars; borrowed. */
void fields_scalars(struct fields *fields, const char *name, json_t **ret_object);

/* Refuses members that none of the calls above has read. 0, or -errno of the first failure. */
int fields_done(struct fields *fields);

#endif
