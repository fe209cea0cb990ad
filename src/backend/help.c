/* SPDX-License-Identifier: BSD-3-Clause */
/* The output of `weftd --help-backend NAME`. */
#include "backend/backend.h"

static const char *const type_names[] = {
	[WEFT_OPTION_STRING] = "TEXT", [WEFT_OPTION_PATH] = "PATH", [WEFT_OPTION_SIZE] = "SIZE",
	[WEFT_OPTION_NUMBER] = "NUMBER", [WEFT_OPTION_BOOL] = "true|false",
	[WEFT_OPTION_CHILD] = "{BACKEND}",
};

static void print_option(const struct weft_option *option, FILE *out)
{
	char left[40];

	snprintf(left, sizeof(left), "%s=%s", option->name, type_names[option->type]);
	fprintf(out, "  %-24s %s", left, option->help);
	if (option->required)
		fputs(" (required)", out);
	else if (option->fallback)
		fprintf(out, " (default: %s)", option->fallback);
	fputc('\n', out);
}

void backend_print_help(const struct weft_backend *backend, FILE *out)
{
	fprintf(out, "%s: %s\n", backend->name, backend->summary);
	for (const struct weft_option *o = backend->options; o && o->name; o++)
		print_option(o, out);
}
