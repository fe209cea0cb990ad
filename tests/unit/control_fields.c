/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading a request's JSON: types, ranges, unknown members, and how each is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <weft/backend.h>

#include "control/fields.h"
#include "settings/attr.h"
#include "settings/settings.h"

struct values {
	const char *text;
	uint64_t size;
	struct namespace_settings ns;
	json_t *list, *table;
};

static int read_values(const char *json, struct values *ret, struct weft_error *error)
{
	json_t *body = json ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;
	struct fields fields;
	int r;

	assert_true(!json || body);
	memset(ret, 0, sizeof(*ret));
	fields_init(&fields, body, error);
	fields_string(&fields, "text", &ret->text);
	fields_size(&fields, "size", &ret->size);
	fields_export(&fields, &namespace_type, &ret->ns);
	fields_strings(&fields, "list", &ret->list);
	fields_scalars(&fields, "table", &ret->table);
	r = fields_done(&fields);
	json_decref(body); /* what is borrowed is not looked at afterwards, but for its size */
	return r;
}

static void accepts_right_values(void **state)
{
	struct weft_error error;
	struct values values;

	assert_int_equal(read_values("{\"read_only\": true, \"block_size\": 4096,"
				     "\"size\": \"64M\","
				     "\"uuid\": \"1b4e28ba-2fa1-41d2-883f-0016d3cca427\"}",
				     &values, &error), 0);
	assert_true(values.ns.read_only);
	assert_int_equal(values.ns.block_size, 4096);
	assert_int_equal(values.size, 64 << 20);
	assert_true(ID_SET(values.ns.uuid));
	assert_int_equal(values.ns.uuid[0], 0x1b);
	assert_int_equal(values.ns.uuid[15], 0x27);
	assert_int_equal(read_values("{\"size\": 4096, \"list\": [\"a\"], \"table\": {\"k\": 1}}",
				     &values, &error), 0);
	assert_int_equal(values.size, 4096);
}

static void leaves_absent_ones_alone(void **state)
{
	struct weft_error error;
	struct values values;

	assert_int_equal(read_values(NULL, &values, &error), 0);
	assert_int_equal(read_values("{}", &values, &error), 0);
	assert_int_equal(read_values("{\"text\": null, \"size\": null}", &values, &error), 0);
	assert_null(values.text);
	assert_int_equal(values.size, 0);
}

static void refuses_wrong_ones_by_name(void **state)
{
	static const struct {
		const char *json, *part;
	} cases[] = {
		{ "{\"text\": 5}", "field \"text\" is a number; it must be a string" },
		{ "{\"text\": \"\"}", "field \"text\" is empty" },
		{ "{\"read_only\": \"yes\"}",
		  "field \"read_only\" is a string; it must be true or false" },
		{ "{\"read_only\": 1}", "field \"read_only\" is a number" },
		{ "{\"block_size\": 11}",
		  "field \"block_size\" is \"11\"; it must be 512 or 4096" },
		{ "{\"ana_grpid\": -1}", "field \"ana_grpid\" is \"-1\"" },
		{ "{\"block_size\": 1.5}", "must be a whole number" },
		{ "{\"block_size\": 0}", "field \"block_size\" stands for nothing" },
		{ "{\"backend\": \"\"}", "field \"backend\" is \"\"; it must be a backend's name" },
		{ "{\"size\": \"64Q\"}", "field \"size\" is \"64Q\"" },
		{ "{\"size\": 0}", "field \"size\" must be greater than 0" },
		{ "{\"size\": -4096}", "field \"size\" must be greater than 0" },
		{ "{\"size\": []}", "field \"size\" is an array" },
		{ "{\"uuid\": \"xyz\"}", "field \"uuid\" is \"xyz\"" },
		{ "{\"uuid\": \"00000000-0000-0000-0000-000000000000\"}", "32 hexadecimal digits" },
		{ "{\"list\": \"a\"}", "field \"list\" is a string; it must be an array" },
		{ "{\"list\": [\"a\", 1]}", "field \"list\": element 1 is a number" },
		{ "{\"list\": [\"\"]}", "element 0 is empty" },
		{ "{\"table\": {\"k\": []}}", "field \"table.k\" is an array" },
		{ "{\"table\": []}", "field \"table\" is an array" },
		{ "{\"tex\": \"a\"}", "unknown field \"tex\"; known are: text, size" },
		{ "[]", "body is an array; it must be a JSON object" },
		{ "\"a\"", "body is a string" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weft_error error = {0};
		struct values values;

		assert_int_equal(read_values(cases[i].json, &values, &error), -EINVAL);
		assert_int_equal(error.code, EINVAL);
		if (!strstr(error.text, cases[i].part))
			fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].json, error.text,
				 cases[i].part);
	}
}

static void tells_the_first_failure(void **state)
{
	struct weft_error error = {0};
	struct values values;

	assert_int_equal(read_values("{\"size\": 0, \"text\": 1, \"more\": 2}", &values, &error),
			 -EINVAL);
	assert_non_null(strstr(error.text, "\"text\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_right_values),
		cmocka_unit_test(leaves_absent_ones_alone),
		cmocka_unit_test(refuses_wrong_ones_by_name),
		cmocka_unit_test(tells_the_first_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
