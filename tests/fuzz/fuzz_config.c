/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any text as a configuration: refused in words, or saved and read again as the
 * same. The options of its namespaces are held against the backends that there are.
 */
#include <string.h>

#include "backend/backend.h"
#include "config/load.h"
#include "config/model.h"
#include "config/save.h"
#include "fuzz.h"

static const struct config_backends backends = {
	.find = backend_find,
	.unknown = backend_unknown,
	.params_new = backend_params_new,
	.params_set = backend_params_set,
	.params_check = backend_params_check,
	.params_free = backend_params_free,
};

/* What is good is the same device as itself. */
static void check_backends(const struct config *config)
{
	struct weft_error error = { 0 };

	if (config_validate_backends(config, &backends, &error) < 0) {
		if (error.code <= 0 || !error.text[0])
			abort();
		return;
	}
	for (size_t i = 0; i < config->subsystem_count; i++) {
		const struct config_subsystem *subsystem = &config->subsystems[i];

		for (size_t j = 0; j < subsystem->namespace_count; j++)
			if (!config_same_device(&subsystem->namespaces[j],
						&subsystem->namespaces[j], &backends))
				abort();
	}
}

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
	check_backends(config);
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
