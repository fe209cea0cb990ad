/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvmetcli's attributes as tables: one line says an attribute's name, where it
 * lies in the model, what it may be and what would be right. Reading, writing,
 * validating and changing one by its name all work by these tables.
 */
#ifndef WEFT_CONFIG_ATTR_H
#define WEFT_CONFIG_ATTR_H

#include <stddef.h>
#include <stdint.h>

struct strbuf;
struct weft_error;

enum config_attr_type {
	CONFIG_ATTR_BOOL,
	CONFIG_ATTR_U8,
	CONFIG_ATTR_U16,
	CONFIG_ATTR_U32,
	CONFIG_ATTR_HEX,	/* a uint32_t written in hexadecimal */
	CONFIG_ATTR_VERSION,	/* M.m[.t] */
	CONFIG_ATTR_ENUM,	/* one of words */
	CONFIG_ATTR_TEXT,	/* printable ASCII */
};

/* One spelling of an enum's value; the first one of a value is the one written. */
struct config_word {
	const char *text;
	int value;
};

struct config_attr {
	const char *name;
	enum config_attr_type type;
	size_t offset;			/* in the object */
	uint32_t low, high;		/* numbers: the range; text: high is the most characters */
	const char *unset;		/* these words, separated by spaces, mean the default ... */
	uint32_t fallback;		/* ... which is this, and is not written where it is 0 */
	const struct config_word *words; /* ends with a NULL text */
	const char *right;		/* what would be right, for messages */
};

/* Each ends with a NULL name. */
extern const struct config_attr config_subsystem_attrs[];	/* struct config_subsystem */
extern const struct config_attr config_port_params[];		/* struct config_port */
extern const struct config_attr config_address_attrs[];		/* struct config_address */
extern const struct config_attr config_referral_attrs[];	/* struct config_referral */
extern const struct config_attr config_ana_attrs[];		/* struct config_ana_group */

/* NULL where the table has none of that name. */
const struct config_attr *config_attr_find(const struct config_attr *table, const char *name);
/*
 * Sets it from its text. 0, or -EINVAL, -ERANGE or -ENOMEM with *error filled
 * ("qid_max is "0"; it must be ...") and the object as it was.
 */
int config_attr_parse(const struct config_attr *attr, void *object, const char *text,
		      struct weft_error *error);
/* Appends its text. 0, or -ENODATA: it is not set, nothing was appended. */
int config_attr_format(const struct config_attr *attr, const void *object, struct strbuf *text);
/* Whether what stands in the object may. 0, or -errno with *error filled. */
int config_attr_check(const struct config_attr *attr, const void *object,
		      struct weft_error *error);

#endif
