/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The options of devices as texts (backend/params.c) and the orders of the
 * backend that fails (backend/fault/rules.c). The input is lines: the backend's
 * name, then "NAME=VALUE" each; those without a "=" are orders. Nothing is opened.
 */
#include <errno.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/fault/fault.h"
#include "fuzz.h"
#include "util/log.h"

static void expect_words(int r, const struct weft_error *error)
{
	fuzz_assert(r <= 0);
	if (r < 0)
		fuzz_assert(error->code > 0 && error->text[0] &&
			    strnlen(error->text, sizeof(error->text)) < sizeof(error->text));
}

/* What was found good is of its type. */
static void read_back(const struct weft_backend *backend, const struct weft_params *params)
{
	for (const struct weft_option *o = backend->options; o && o->name; o++) {
		const char *text = weft_param_string(params, o->name);
		uint64_t low = weft_param_number(params, o->name, 3);
		uint64_t high = weft_param_number(params, o->name, 4);

		fuzz_assert(text ? low == high : low == 3 && high == 4);
		if (text && o->type == WEFT_OPTION_PATH)
			fuzz_assert(text[0] == '/');
		if (text && o->type == WEFT_OPTION_BOOL)
			fuzz_assert(low <= 1);
	}
}

static void check(const struct weft_backend *backend, const struct weft_params *params)
{
	const struct weft_backend *below = NULL;
	struct weft_params *child = NULL;
	struct weft_error error = { 0 };
	int r = backend_params_check(params, &error);

	expect_words(r, &error);
	read_back(backend, params);
	for (const struct weft_option *o = backend->options; r == 0 && o && o->name; o++) {
		if (o->type != WEFT_OPTION_CHILD || !o->required)
			continue;
		fuzz_assert(backend_params_child(params, o->name, &below, &child, &error) == 0);
		check(below, child);
		backend_params_free(child);
	}
}

/* A rule says what the words said: it meets what it names, as often as it says. */
static void order(const char *text)
{
	struct weft_io io = { .op = WEFT_OP_WRITE, .flags = WEFT_IO_FUA, .length = 4096 };
	struct weft_error error = { 0 };
	struct fault_rule *rule = NULL;
	uint64_t random = 1;
	struct list rules;
	int r = fault_rule_parse(&rule, text, &error);

	expect_words(r, &error);
	fuzz_assert(fault_errno_parse(text) >= 0);
	if (r < 0)
		return;
	fuzz_assert(rule->verdict.action != FAULT_PASS && rule->ops && rule->odds);
	fuzz_assert(rule->verdict.action != FAULT_FAIL || rule->verdict.error > 0);
	list_init(&rules);
	list_add_tail(&rules, &rule->node);
	for (unsigned int i = 0; i < 8; i++) {
		fault_rules_judge(&rules, &io, &random);
		io.offset += 512;
	}
	fault_rules_free(&rules);
}

static void take_line(struct weft_params *params, char *line)
{
	char *value = strchr(line, '=');
	struct weft_error error = { 0 };

	if (!value) {
		order(line);
		return;
	}
	*value++ = '\0';
	expect_words(backend_params_set(params, line, value, &error), &error);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	log_set_level(LOG_EMERG);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), *rest = text, *line;
	const struct weft_backend *backend;
	struct weft_error error = { 0 };
	struct weft_params *params;

	fuzz_assert(text);
	line = strsep(&rest, "\n");
	backend = backend_find(line);
	if (!backend) {
		expect_words(backend_unknown(line, &error), &error);
		backend = &memory_backend;
	}
	params = backend_params_new(backend);
	fuzz_assert(params);
	while ((line = strsep(&rest, "\n")))
		take_line(params, line);
	check(backend, params);
	backend_params_free(params);
	free(text);
	return 0;
}
