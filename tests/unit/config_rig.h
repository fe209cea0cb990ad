/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the configuration share: cmocka, and parsing a string. */
#ifndef WEFT_TESTS_UNIT_CONFIG_RIG_H
#define WEFT_TESTS_UNIT_CONFIG_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <weft/backend.h>

#include "config/load.h"
#include "config/model.h"
#include "config/save.h"

/* Parses what must be right, as a file named "t". */
static inline struct config *parse(const char *text)
{
	struct config *config = NULL;
	struct weft_error error = { 0 };

	if (config_parse(text, strlen(text), "t", &config, &error) < 0)
		fail_msg("%s", error.text);
	return config;
}

/* Both configurations say the same: their texts are equal. */
static inline void assert_same_config(const struct config *a, const struct config *b)
{
	char *ta = config_format(a), *tb = config_format(b);

	assert_non_null(ta);
	assert_non_null(tb);
	assert_string_equal(ta, tb);
	free(ta);
	free(tb);
}

#endif
