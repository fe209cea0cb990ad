/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads and writes the field of an attribute, for the files of this folder. */
#ifndef WEFT_SETTINGS_VALUE_H
#define WEFT_SETTINGS_VALUE_H

#include "settings/attr.h"

static inline void *attr_field(const struct attr *attr, const void *settings)
{
	return (char *)(uintptr_t)settings + attr->offset;
}

/* The value of a boolean, a number or an enum. */
uint32_t attr_number(const struct attr *attr, const void *settings);
void attr_set_number(const struct attr *attr, void *settings, uint32_t value);
/* The text must fit. */
void attr_set_text(const struct attr *attr, void *settings, const char *text);

#endif
