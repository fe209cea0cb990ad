/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects and their attributes, described once. A row says an attribute's name, type, limits,
 * default, help, where the dialects keep it and what a change does to hosts. Defaults, comparing,
 * parsing, validation, JSON and its schema, the CLI's options and the manual's lists all come
 * from the rows. A new attribute takes a field in settings.h, a row in objects.c, and whatever
 * uses it.
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
	ATTR_ENUM,	/* an int, one of words */
	ATTR_TEXT,	/* printable ASCII in a char array */
	ATTR_NQN,	/* a char array */
	ATTR_ID,	/* bytes written in hexadecimal; all zeroes: not set */
};

/* The group of the object's JSON that holds it: nvmetcli's, or weft's own. */
enum attr_place {
	ATTR_IN_OBJECT,		/* no group */
	ATTR_IN_ATTR,		/* "attr" */
	ATTR_IN_PARAM,		/* "param" */
	ATTR_IN_ADDR,		/* "addr" */
	ATTR_IN_ANA,		/* "ana" */
	ATTR_IN_DEVICE,		/* "device" */
	ATTR_IN_WEFT,		/* "weft": what nvmetcli does not know */
	ATTR_PLACES,
};

/* What a change does to hosts that are connected. */
enum attr_effect {
	ATTR_UNNOTICED,		/* nothing */
	ATTR_AT_CONNECT,	/* a host gets it when it connects again */
	ATTR_TOLD,		/* hosts are told by an event and go on */
	ATTR_AT_ONCE,		/* commands beyond a lower limit fail until hosts connect again */
	ATTR_IN_LOG,		/* the discovery log changes */
	ATTR_LISTENS_ANEW,	/* new connections find the port elsewhere; the log changes */
	ATTR_SHOWS,		/* the namespace comes to its hosts, or leaves them */
	ATTR_REPLACES,		/* the namespace leaves its hosts, and comes back after a second */
	ATTR_ENDS,		/* connections that it no longer allows end */
	ATTR_EFFECTS,
};

/* One spelling of a value; the first one of a value is the one written. */
struct attr_word {
	const char *text;
	uint32_t value;
};

struct attr {
	const char *name;
	enum attr_type type;
	enum attr_place place;
	bool also_in_device;		/* read there, too */
	size_t offset;			/* in the settings */
	size_t size;			/* of the field */
	uint32_t low, high;		/* numbers: the range; text: high is the most characters */
	uint32_t step;			/* numbers: only multiples of this; 0: any */
	const char *unset;		/* these words, separated by spaces, mean the default */
	/*
	 * It may be left unset: 0, or an empty text. It is not written then, and the default is
	 * what it comes to when it is used (attrs_resolve()). Otherwise the default is set when
	 * the object is made.
	 */
	bool optional;
	uint32_t fallback;		/* the default of numbers and enums */
	const char *fallback_text;	/* of texts; NULL: there is none */
	const char *fallback_help;	/* the default in words, where the two above don't say it */
	const struct attr_word *words;	/* the values there are; ends with a NULL text */
	const char *right;		/* what would be right, for messages */
	const char *unit;		/* of a number; NULL: it counts or names something */
	const char *help;		/* one sentence */
	enum attr_effect effect;
	const char *shown;		/* its name in `weft ls`; NULL: it is not shown there */
	/* `weft export` has an option: its value's name, "" for a boolean; NULL: it has none. */
	const char *value;
	const char *completes;		/* words that the shell offers for it; NULL: none */
};

/* A list in an object's JSON. */
struct object_list {
	const char *name;
	const struct object_type *of;	/* NULL: of NQNs */
	const char *help;
};

/* A kind of object. */
struct object_type {
	const char *name;		/* as messages say it */
	const char *schema;		/* the name of its schema */
	const char *help;
	size_t size;			/* of its settings */
	const struct attr *attrs;	/* ends with a NULL name */
	const struct attr *key;		/* what tells it from others of its kind; NULL: the root */
	const struct object_list *lists; /* ends with a NULL name; NULL: it has none */
};

extern const struct object_type root_type;	/* struct root_settings */
extern const struct object_type host_type;	/* it has no settings yet */
extern const struct object_type subsystem_type;	/* struct subsystem_settings */
extern const struct object_type namespace_type; /* struct namespace_settings */
extern const struct object_type port_type;	/* struct port_settings */
extern const struct object_type referral_type;	/* struct referral_settings */
extern const struct object_type ana_group_type;	/* struct ana_group_settings */
/* All of them, the root first; ends with NULL. */
extern const struct object_type *const object_types[];

/* ---- one attribute ---- */

/* NULL where the object has none of that name. */
const struct attr *attr_find(const struct object_type *type, const char *name);
/*
 * Sets it from its text. 0, or -EINVAL or -ERANGE with *error filled
 * ("qid_max is "0"; it must be ...") and the settings as they were.
 */
int attr_parse(const struct attr *attr, void *settings, const char *text,
	       struct weft_error *error);
/* Appends its text. 0, or -ENODATA: it is not set, nothing was appended. */
int attr_format(const struct attr *attr, const void *settings, struct strbuf *text);
/* Whether what stands in the settings may. 0, or -errno with *error filled. */
int attr_check(const struct attr *attr, const void *settings, struct weft_error *error);
/* false: it may be left unset, and is. */
bool attr_is_set(const struct attr *attr, const void *settings);
/* Is it as attrs_init() makes it? */
bool attr_is_default(const struct attr *attr, const void *settings);
bool attr_same(const struct attr *attr, const void *a, const void *b);
/* Appends the default as the manual says it; nothing where it has none. */
void attr_format_default(const struct attr *attr, struct strbuf *text);
/* The name of a place's group; NULL: the object itself. */
const char *attr_group(enum attr_place place);
/* What follows "A change of it: ". */
const char *attr_effect_words(enum attr_effect effect);
bool attr_is_number(const struct attr *attr);

/* ---- all attributes of an object ---- */

/* Every default filled in; optional ones are not set. */
void attrs_init(const struct object_type *type, void *ret_settings);
/* Gives optional attributes that are not set their default. */
void attrs_resolve(const struct object_type *type, void *settings);
bool attrs_same(const struct object_type *type, const void *a, const void *b);
/* The greatest effect on hosts of the attributes that differ; ATTR_UNNOTICED where none does. */
enum attr_effect attrs_effect(const struct object_type *type, const void *a, const void *b);
/* 0, or what attr_check() says of the first that is wrong. */
int attrs_check(const struct object_type *type, const void *settings, struct weft_error *error);

#endif
