/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects and their attributes, described once. A row states an attribute's name, type, limits,
 * default, help, its place in the dialects and what a change does to hosts. Defaults, comparison,
 * parsing, validation, JSON and its schema, the CLI's options and the manual's lists are made
 * from the rows. A new attribute needs a field in settings.h, a row in objects.c, and the code
 * that uses it.
 */
#ifndef WEFT_SETTINGS_ATTR_H
#define WEFT_SETTINGS_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf;
struct weft_error;

enum attr_type {
	ATTR_BOOL,
	ATTR_U8,
	ATTR_U16,
	ATTR_U32,
	ATTR_HEX,	/* a uint32_t written in hexadecimal */
	ATTR_VERSION,	/* M.m[.t], a uint32_t as in VS */
	ATTR_ENUM,	/* an int, one of the row's `words` */
	ATTR_TEXT,	/* printable ASCII in a char array */
	ATTR_NQN,	/* a char array */
	ATTR_ID,	/* bytes written in hexadecimal; all zeroes: not set */
};

/* The group of the object's JSON that holds an attribute: one of nvmetcli's, or weft's own. */
enum attr_place {
	ATTR_IN_OBJECT,		/* no group: a member of the object itself */
	ATTR_IN_ATTR,		/* "attr" */
	ATTR_IN_PARAM,		/* "param" */
	ATTR_IN_ADDR,		/* "addr" */
	ATTR_IN_ANA,		/* "ana" */
	ATTR_IN_DEVICE,		/* "device" */
	ATTR_IN_WEFT,		/* "weft": attributes that nvmetcli does not have */
	ATTR_PLACES,
};

/* What a change of an attribute does to hosts that are connected, the mildest effect first. */
enum attr_effect {
	ATTR_UNNOTICED,		/* nothing */
	ATTR_AT_CONNECT,	/* a host gets the new value when it connects again */
	ATTR_TOLD,		/* hosts are told by an asynchronous event and go on */
	ATTR_AT_ONCE,		/* commands beyond a lower limit fail until hosts connect again */
	ATTR_IN_LOG,		/* the discovery log changes */
	ATTR_LISTENS_ANEW,	/* the port listens at another address; the discovery log changes */
	ATTR_SHOWS,		/* the namespace is attached to its hosts, or detached */
	ATTR_REPLACES,		/* the namespace is detached, and attached again after a second */
	ATTR_ENDS,		/* connections that the new value does not allow end */
	ATTR_EFFECTS,
};

/* One spelling of a value. Where a value has several, the first one is written. */
struct attr_word {
	const char *text;
	uint32_t value;
};

struct attr {
	const char *name;
	enum attr_type type;
	enum attr_place place;
	bool also_in_device;		/* the group "device" is read for it, too */
	size_t offset;			/* of the field in the settings */
	size_t size;			/* of the field, bytes */
	uint32_t low, high;		/* number: the range; text: high is the maximum length */
	uint32_t step;			/* number: it must be a multiple of this; 0: any */
	const char *unset;		/* these words, separated by spaces, mean the default */
	/*
	 * True if the attribute may be left unset (0, or an empty text). An unset attribute is not
	 * written, and gets its default only where it is used (attrs_resolve()). The others get
	 * their default when the object is made.
	 */
	bool optional;
	uint32_t fallback;		/* the default of a number or an enum */
	const char *fallback_text;	/* the default of a text; NULL: there is none */
	const char *fallback_help;	/* the default in words, where the two above don't say it */
	const struct attr_word *words;	/* the values of an enum; ends with a NULL text */
	const char *right;		/* the values that are right, for messages */
	const char *unit;		/* of a number; NULL: it has none */
	const char *help;		/* one sentence */
	enum attr_effect effect;
	const char *shown;		/* its name in `weft ls`; NULL: it is not shown there */
	/* The name of the option's value in `weft export`; "": a flag; NULL: it is no option. */
	const char *value;
	const char *completes;		/* words that the shell offers for it; NULL: none */
};

/* A list in an object's JSON. */
struct object_list {
	const char *name;
	const struct object_type *of;	/* the type of its elements; NULL: NQNs */
	const char *help;
};

/* A kind of object. */
struct object_type {
	const char *name;		/* in messages */
	const char *schema;		/* the name of its schema */
	const char *help;
	size_t size;			/* of its settings, bytes */
	const struct attr *attrs;	/* ends with a NULL name */
	const struct attr *key;		/* identifies it among others of its kind; NULL: the root */
	const struct object_list *lists; /* ends with a NULL name; NULL: it has none */
};

extern const struct object_type root_type;	/* struct root_settings */
extern const struct object_type host_type;	/* has no settings yet */
extern const struct object_type subsystem_type;	/* struct subsystem_settings */
extern const struct object_type namespace_type; /* struct namespace_settings */
extern const struct object_type port_type;	/* struct port_settings */
extern const struct object_type referral_type;	/* struct referral_settings */
extern const struct object_type ana_group_type;	/* struct ana_group_settings */
/* All of them, the root first; ends with NULL. */
extern const struct object_type *const object_types[];

/* ---- one attribute ---- */

/* The attribute of that name, or NULL. */
const struct attr *attr_find(const struct object_type *type, const char *name);
/*
 * Sets the attribute from its text. 0, or -EINVAL or -ERANGE with *error filled
 * ("qid_max is "0"; it must be ...") and the settings unchanged.
 */
int attr_parse(const struct attr *attr, void *settings, const char *text,
	       struct weft_error *error);
/* Appends the attribute's text. 0, or -ENODATA: it is not set, and nothing was appended. */
int attr_format(const struct attr *attr, const void *settings, struct strbuf *text);
/* Checks the value in the settings. 0, or -errno with *error filled. */
int attr_check(const struct attr *attr, const void *settings, struct weft_error *error);
/* False if the attribute is optional and not set. */
bool attr_is_set(const struct attr *attr, const void *settings);
/* True if the attribute has the value that attrs_init() gives it. */
bool attr_is_default(const struct attr *attr, const void *settings);
bool attr_same(const struct attr *attr, const void *a, const void *b);
/* Appends the default in the manual's words; nothing if there is no default. */
void attr_format_default(const struct attr *attr, struct strbuf *text);
/* The name of the group in JSON; NULL: the object itself. */
const char *attr_group(enum attr_place place);
/* The effect in words, to follow "After a change: ". */
const char *attr_effect_words(enum attr_effect effect);
bool attr_is_number(const struct attr *attr);

/* ---- all attributes of an object ---- */

/* Fills in every default; optional attributes are left unset. */
void attrs_init(const struct object_type *type, void *ret_settings);
/* Gives each optional attribute that is not set its default. */
void attrs_resolve(const struct object_type *type, void *settings);
bool attrs_same(const struct object_type *type, const void *a, const void *b);
/* The strongest effect on hosts of the attributes that differ; ATTR_UNNOTICED if none differs. */
enum attr_effect attrs_effect(const struct object_type *type, const void *a, const void *b);
/* Calls attr_check() for each attribute. 0, or the result of the first that is wrong. */
int attrs_check(const struct object_type *type, const void *settings, struct weft_error *error);

#endif
