/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of backends, plugins that are refused, and options. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/backend.h"

void weft_device_changed(struct weft_owner *owner)
{
}

void weft_io_done(struct weft_io *io, int result)
{
}

#define assert_text_has(text, part) \
	do { \
		if (!strstr((text), (part))) \
			fail_msg("\"%s\" doesn't say \"%s\"", (text), (part)); \
	} while (0)

static int nothing_open(void **ret_device, const struct weft_params *params,
			struct weft_info *ret_info, struct weft_error *error)
{
	return -ENODEV;
}

static void nothing_close(void *device)
{
}

static void nothing_submit(void *device, struct weft_io *io)
{
}

static const struct weft_option all_types[] = {
	{ .name = "text", .type = WEFT_OPTION_STRING, .help = "any text" },
	{ .name = "path", .type = WEFT_OPTION_PATH, .required = true, .help = "where it is" },
	{ .name = "size", .type = WEFT_OPTION_SIZE, .fallback = "1M", .help = "how large it is" },
	{ .name = "count", .type = WEFT_OPTION_NUMBER, .help = "how many there are" },
	{ .name = "fast", .type = WEFT_OPTION_BOOL, .help = "whether it hurries" },
	{ 0 },
};

static const struct weft_backend sample = {
	.size = sizeof(struct weft_backend),
	.name = "sample",
	.summary = "does nothing",
	.options = all_types,
	.open = nothing_open,
	.close = nothing_close,
	.submit = nothing_submit,
};

static void finds_built_in_backends(void **state)
{
	struct weft_error error;

	assert_ptr_equal(backend_find("file"), &file_backend);
	assert_ptr_equal(backend_find("memory"), &memory_backend);
	assert_ptr_equal(backend_find("null"), &null_backend);
	assert_null(backend_find("nul"));
	assert_null(backend_find(""));
	assert_int_equal(backend_unknown("nul", &error), -ENOENT);
	assert_string_equal(error.text,
			    "there is no backend 'nul'; there are: fault, file, memory, null");
}

static void built_in_backends_pass_their_own_checks(void **state)
{
	const struct weft_backend *backend;
	struct weft_error error;

	/* Refused only because it is there already. */
	for (size_t i = 0; (backend = backend_at(i)); i++)
		assert_int_equal(backend_add(backend, "itself", &error), -EEXIST);
}

static void refuses_backends(void **state)
{
	static const struct weft_option no_help[] = { { .name = "x" }, { 0 } };
	static const struct weft_option bad_name[] = { { .name = "X", .help = "x" }, { 0 } };
	static const struct weft_option bad_type[] = { { .name = "x", .type = 99, .help = "x" },
						       { 0 } };
	struct weft_backend backend = sample;
	struct weft_error error;

	backend.size = 1;
	assert_int_equal(backend_add(&backend, "./p.so", &error), -EPROTONOSUPPORT);
	assert_text_has(error.text, "./p.so");
	assert_text_has(error.text, "has 1 bytes");
	backend.size = offsetof(struct weft_backend, submit);
	assert_int_equal(backend_add(&backend, "./p.so", &error), -EPROTONOSUPPORT);
	backend.size = SIZE_MAX;
	assert_int_equal(backend_add(&backend, "./p.so", &error), -EPROTONOSUPPORT);

	backend = sample;
	backend.name = "Sample";
	assert_int_equal(backend_add(&backend, "./p.so", &error), -EINVAL);
	assert_text_has(error.text, "[a-z0-9-]");
	backend.name = NULL;
	assert_int_equal(backend_add(&backend, "./p.so", &error), -EINVAL);
	backend.name = "";
	assert_int_equal(backend_add(&backend, "./p.so", &error), -EINVAL);

	backend = sample;
	backend.submit = NULL;
	assert_int_equal(backend_add(&backend, "./p.so", &error), -EINVAL);
	assert_text_has(error.text, "open, close and submit");

	backend = sample;
	backend.summary = NULL;
	assert_int_equal(backend_add(&backend, "./p.so", &error), -EINVAL);

	backend = sample;
	backend.options = no_help;
	assert_int_equal(backend_add(&backend, "./p.so", &error), -EINVAL);
	backend.options = bad_name;
	assert_int_equal(backend_add(&backend, "./p.so", &error), -EINVAL);
	backend.options = bad_type;
	assert_int_equal(backend_add(&backend, "./p.so", &error), -EINVAL);
	assert_null(backend_find("sample"));
}

/* As a later <weft/backend.h> may have it. */
struct later_backend {
	struct weft_backend now;
	void (*later)(void);
};

static void later(void)
{
}

static void takes_plugins_of_other_versions(void **state)
{
	struct later_backend newer = { .now = sample, .later = later };
	struct weft_backend older = sample;
	/* the memory ends with the struct: a sanitizer sees what is read beyond it */
	size_t short_size = offsetof(struct weft_backend, lend);
	void *memory = malloc(short_size);
	const struct weft_backend *found;
	struct weft_error error;

	older.size = short_size;
	older.name = "older";
	memcpy(memory, &older, short_size);
	assert_int_equal(backend_add(memory, "./older.so", &error), 0);
	free(memory);
	found = backend_find("older");
	assert_ptr_equal(found->submit, sample.submit);
	assert_null(found->lend);
	assert_null(found->refresh);

	newer.now.size = sizeof(newer);
	newer.now.name = "newer";
	assert_int_equal(backend_add(&newer.now, "./newer.so", &error), -EPROTONOSUPPORT);
	assert_text_has(error.text, "needs a later weftd");
	newer.later = NULL;
	assert_int_equal(backend_add(&newer.now, "./newer.so", &error), 0);
	assert_non_null(backend_find("newer"));
}

static void refuses_what_only_a_later_weftd_knows(void **state)
{
	static const struct weft_option later_option[] = {
		{ .name = "x", .help = "x", .reserved = { NULL, "y" } }, { 0 }
	};
	struct weft_backend backend = sample;
	struct weft_error error;

	backend.name = "flags";
	backend.flags = 1u << 31;
	assert_int_equal(backend_add(&backend, "./p.so", &error), -EPROTONOSUPPORT);
	backend.flags = 0;
	backend.options = later_option;
	assert_int_equal(backend_add(&backend, "./p.so", &error), -EPROTONOSUPPORT);
	backend.options = NULL;
	backend.lend_write = (void *(*)(void *, uint64_t, uint64_t))(uintptr_t)later;
	assert_int_equal(backend_add(&backend, "./p.so", &error), -EINVAL);
	assert_text_has(error.text, "lend_write and written");
	assert_null(backend_find("flags"));
}

static void adds_a_backend_once(void **state)
{
	struct weft_error error;

	assert_int_equal(backend_add(&sample, "./p.so", &error), 0);
	assert_ptr_equal(backend_find("sample")->open, sample.open);
	assert_int_equal(backend_add(&sample, "./q.so", &error), -EEXIST);
	assert_text_has(error.text, "'sample'");
	assert_text_has(error.text, "./q.so");
}

static void refuses_files_that_are_no_plugins(void **state)
{
	char path[] = "/tmp/weft-plugin-XXXXXX";
	struct weft_error error;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "text\n", 5), 5);
	close(fd);
	assert_int_equal(backend_load_plugin(path, &error), -ELIBBAD);
	assert_text_has(error.text, path);
	unlink(path);
	assert_int_equal(backend_load_plugin(path, &error), -ENOENT);
	assert_int_equal(backend_load_plugin("p.so", &error), -EINVAL);
	assert_text_has(error.text, "./p.so");
}

static void reads_options(void **state)
{
	struct weft_params *params = backend_params_new(&sample);
	struct weft_error error;

	assert_null(weft_param_string(params, "text"));
	assert_int_equal(weft_param_number(params, "size", 77), 77);
	assert_true(weft_param_bool(params, "fast", true));
	assert_int_equal(backend_params_set(params, "text", "", &error), 0);
	assert_int_equal(backend_params_set(params, "path", "/srv/a b", &error), 0);
	assert_int_equal(backend_params_set(params, "size", "64M", &error), 0);
	assert_int_equal(backend_params_set(params, "count", "4", &error), 0);
	assert_int_equal(backend_params_set(params, "fast", "no", &error), 0);
	assert_string_equal(weft_param_string(params, "text"), "");
	assert_string_equal(weft_param_string(params, "path"), "/srv/a b");
	assert_int_equal(weft_param_number(params, "size", 77), 64 << 20);
	assert_int_equal(weft_param_number(params, "count", 77), 4);
	assert_false(weft_param_bool(params, "fast", true));
	assert_int_equal(backend_params_set(params, "fast", "true", &error), 0);
	assert_true(weft_param_bool(params, "fast", false));
	assert_null(weft_param_string(params, "unknown"));
	backend_params_free(params);
	backend_params_free(NULL);
}

static void refuses_options(void **state)
{
	static const struct {
		const char *name, *value, *right;
	} cases[] = {
		{ "pth", "/x", "it has: text, path, size, count, fast" },
		{ "path", "disk.img", "absolute path" },
		{ "path", "", "absolute path" },
		{ "size", "64X", "such as 64M" },
		{ "size", "-1", "such as 64M" },
		{ "size", "", "such as 64M" },
		{ "count", "4K", "whole number" },
		{ "count", "-4", "whole number" },
		{ "fast", "maybe", "true or false" },
		{ "fast", "TRUE", "true or false" },
	};
	struct weft_params *params = backend_params_new(&sample);
	struct weft_error error;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&error, 0, sizeof(error));
		assert_int_equal(backend_params_set(params, cases[i].name, cases[i].value, &error),
				 -EINVAL);
		assert_int_equal(error.code, EINVAL);
		assert_text_has(error.text, "'sample'");
		assert_text_has(error.text, cases[i].name);
		assert_text_has(error.text, cases[i].right);
		if (i > 0)
			assert_text_has(error.text, cases[i].value);
	}
	assert_int_equal(backend_params_check(params, &error), -EINVAL);
	assert_text_has(error.text, "needs the option 'path' (where it is)");
	assert_int_equal(backend_params_set(params, "path", "/x", &error), 0);
	assert_int_equal(backend_params_check(params, &error), 0);
	backend_params_free(params);
}

static void set(struct weft_params *params, const char *name, const char *value)
{
	struct weft_error error;

	assert_int_equal(backend_params_set(params, name, value, &error), 0);
}

/* "child.child.backend": the option of a child so many levels below. */
static const char *below(unsigned int levels, const char *option, char buf[128])
{
	buf[0] = '\0';
	while (levels--)
		strcat(buf, "child.");
	return strcat(buf, option);
}

/* Overlays are checked by recursion: many must not use up the stack. */
static void refuses_a_tower_of_overlays(void **state)
{
	struct weft_params *params = backend_params_new(&fault_backend);
	struct weft_error error;
	char name[128];

	for (unsigned int level = 1; level < 9; level++)
		set(params, below(level, "backend", name), "fault");
	set(params, below(9, "backend", name), "null");
	assert_int_equal(backend_params_check(params, &error), -EINVAL);
	assert_text_has(error.text, "child.child.child.child.child.child.child.child: backend");
	assert_text_has(error.text, "'child'");
	assert_text_has(error.text, "there may be 8");
	backend_params_free(params);
	/* as many as there may be */
	params = backend_params_new(&fault_backend);
	for (unsigned int level = 1; level < 8; level++)
		set(params, below(level, "backend", name), "fault");
	set(params, below(8, "backend", name), "null");
	set(params, below(8, "size", name), "1M");
	assert_int_equal(backend_params_check(params, &error), 0);
	backend_params_free(params);
}

static int clone_open(void **ret_device, const struct weft_params *params,
		      struct weft_info *ret_info, struct weft_error *error)
{
	struct weft_child **children = calloc(2, sizeof(*children));
	int r = weft_child_open(&children[0], params, "parent", ret_info, error);

	if (!r)
		r = weft_child_open(&children[1], params, "base", ret_info, error);
	if (r < 0) {
		weft_child_close(children[0]);
		free(children);
		return r;
	}
	*ret_device = children;
	return 0;
}

static void clone_close(void *device)
{
	struct weft_child **children = device;

	weft_child_close(children[0]);
	weft_child_close(children[1]);
	free(children);
}

static const struct weft_option clone_options[] = {
	{ .name = "parent", .type = WEFT_OPTION_CHILD, .required = true, .help = "what is read" },
	{ .name = "base", .type = WEFT_OPTION_CHILD, .required = true, .help = "what is written" },
	{ 0 },
};

static void children_have_names(void **state)
{
	struct weft_backend clone = sample;
	struct weft_params *params;
	struct weft_error error;
	struct weft_info info;
	void *device;

	clone.name = "clone";
	clone.options = clone_options;
	clone.open = clone_open;
	clone.close = clone_close;
	params = backend_params_new(&clone);
	assert_int_equal(backend_params_check(params, &error), -EINVAL);
	assert_text_has(error.text, "backend 'clone' needs the option 'parent' (what is read)");
	assert_int_equal(backend_params_set(params, "parent", "file", &error), -EINVAL);
	assert_text_has(error.text, "it must be an object such as");
	assert_int_equal(backend_params_set(params, "parents.size", "1M", &error), -EINVAL);
	assert_text_has(error.text, "has no option 'parents.size'; it has: parent, base");
	set(params, "parent.backend", "memory");
	set(params, "parent.size", "8M");
	set(params, "base.child.path", "/nowhere/base.img");
	set(params, "base.backend", "floppy");
	assert_int_equal(backend_params_check(params, &error), -ENOENT);
	assert_text_has(error.text, "base: there is no backend 'floppy'");
	set(params, "base.backend", "fault");
	set(params, "base.child.direct", "perhaps");
	assert_int_equal(backend_params_check(params, &error), -EINVAL);
	assert_text_has(error.text, "base.child: backend 'file', option 'direct': 'perhaps'");
	set(params, "base.child.direct", "true");
	assert_int_equal(backend_params_check(params, &error), 0);
	/* what opens names the child that does not, once */
	assert_int_equal(clone.open(&device, params, &info, &error), -ENOENT);
	assert_memory_equal(error.text, "base.child: /nowhere/base.img: ", 31);
	set(params, "base.backend", "null");
	backend_params_free(params);

	params = backend_params_new(&clone);
	set(params, "parent.backend", "memory");
	set(params, "parent.size", "8M");
	set(params, "base.backend", "null");
	set(params, "base.size", "4M");
	assert_int_equal(backend_params_check(params, &error), 0);
	assert_int_equal(clone.open(&device, params, &info, &error), 0);
	assert_int_equal(info.size, 4 << 20);
	clone.close(device);
	backend_params_free(params);
}

static void prints_help(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	backend_print_help(&sample, out);
	fclose(out);
	assert_string_equal(text, "sample: does nothing\n"
				  "  text=TEXT                any text\n"
				  "  path=PATH                where it is (required)\n"
				  "  size=SIZE                how large it is (default: 1M)\n"
				  "  count=NUMBER             how many there are\n"
				  "  fast=true|false          whether it hurries\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_built_in_backends),
		cmocka_unit_test(built_in_backends_pass_their_own_checks),
		cmocka_unit_test(refuses_backends),
		cmocka_unit_test(adds_a_backend_once),
		cmocka_unit_test(takes_plugins_of_other_versions),
		cmocka_unit_test(refuses_what_only_a_later_weftd_knows),
		cmocka_unit_test(refuses_files_that_are_no_plugins),
		cmocka_unit_test(reads_options),
		cmocka_unit_test(refuses_options),
		cmocka_unit_test(refuses_a_tower_of_overlays),
		cmocka_unit_test(children_have_names),
		cmocka_unit_test(prints_help),
	};

	return cmocka_run_group_tests_name("backend_registry", tests, NULL, NULL);
}
