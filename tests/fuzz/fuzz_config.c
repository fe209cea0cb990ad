/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text as a configuration: refused in words, or saved and read again as the same. */
#include <string.h>

#include <weft/backend.h>

#include "config/load.h"
#include "config/model.h"
#include "config/save.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config = NULL, *again = NULL, *copy;
	struct weft_error error = { 0 };
	char *text, *text_again, *text_copy;

	if (config_parse((const char *)data, size, "fuzz", &config, &error) < 0) {
		if (error.code <= 0 || strncmp(error.text, "fuzz:", 5))
			abort();
		return 0;
	}
	copy = config_dup(config);
	text = config_format(config);
	text_copy = config_format(copy);
	if (!text || strcmp(text, text_copy) ||
	    config_parse(text, strlen(text), "again", &again, &error) < 0)
		abort();
	text_again = config_format(again);
	if (strcmp(text, text_again))
		abort();
	free(text);
	free(text_copy);
	free(text_again);
	config_free(config);
	config_free(copy);
	config_free(again);
	return 0;
}
