/* SPDX-License-Identifier: BSD-3-Clause */
/* The rows of objects and what is done by them: defaults, text, JSON, schemas, effects. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <weft/backend.h>

#include "settings/json.h"
#include "settings/settings.h"
#include "util/str.h"

/* A settings struct of any type. */
union settings {
	struct root_settings root;
	struct subsystem_settings subsystem;
	struct namespace_settings ns;
	struct port_settings port;
	struct referral_settings referral;
	struct ana_group_settings group;
};

/* Calls a function with each attribute of each object, whose settings are the defaults. */
static void each(void (*with)(const struct object_type *type, const struct attr *attr,
			      union settings *settings))
{
	unsigned int count = 0;

	for (const struct object_type *const *type = object_types; *type; type++) {
		assert_true((*type)->size <= sizeof(union settings));
		for (const struct attr *attr = (*type)->attrs; attr->name; attr++, count++) {
			union settings settings;

			attrs_init(*type, &settings);
			with(*type, attr, &settings);
		}
	}
	assert_true(count > 30);
}

static void check_row(const struct object_type *type, const struct attr *attr,
		      union settings *settings)
{
	assert_ptr_equal(attr_find(type, attr->name), attr);
	assert_non_null(attr->right);
	assert_true(attr->help && attr->help[strlen(attr->help) - 1] == '.');
	assert_true(attr->offset + attr->size <= type->size);
	if (attr->type == ATTR_TEXT || attr->type == ATTR_NQN)
		assert_true(attr->high > 0 && attr->high < attr->size);
	if (attr->type == ATTR_U8 || attr->type == ATTR_U16)
		assert_true(attr->high < UINT64_C(1) << 8 * attr->size);
	assert_non_null(attr_effect_words(attr->effect));
	/* What a new object has, may stand there. */
	assert_int_equal(attr_check(attr, settings, NULL), 0);
}

static void rows_are_whole(void **state)
{
	each(check_row);
}

/* Its text and its JSON are read as what they were written from. */
static void check_round_trip(const struct object_type *type, const struct attr *attr,
			     union settings *settings)
{
	union settings other = *settings;
	struct strbuf text = { 0 };
	json_t *value;

	attrs_resolve(type, settings);
	value = attr_to_json(attr, settings);
	if (attr_format(attr, settings, &text) == 0) {
		assert_int_equal(attr_parse(attr, &other, text.data, NULL), 0);
		assert_true(attr_same(attr, settings, &other));
		attrs_init(type, &other);
		assert_int_equal(attr_from_json(attr, &other, value, NULL), 0);
		assert_true(attr_same(attr, settings, &other));
	} else {
		assert_null(value);
	}
	json_decref(value);
	strbuf_done(&text);
}

static void texts_are_read_as_written(void **state)
{
	each(check_round_trip);
}

/* Every byte of a struct that its rows speak of is told apart by them. */
static void check_difference(const struct object_type *type, const struct attr *attr,
			     union settings *settings)
{
	union settings other = *settings;

	((unsigned char *)&other)[attr->offset] ^= 1;
	assert_false(attrs_same(type, settings, &other));
	assert_int_equal(attrs_effect(type, settings, &other), attr->effect);
}

static void differences_are_seen(void **state)
{
	each(check_difference);
}

static void defaults(void **state)
{
	struct subsystem_settings subsystem;
	struct namespace_settings ns;

	attrs_init(&subsystem_type, &subsystem);
	assert_int_equal(subsystem.version, 0);
	assert_int_equal(subsystem.cntlid_max, 65519);
	assert_string_equal(subsystem.model, "weft");
	attrs_resolve(&subsystem_type, &subsystem);
	assert_int_equal(subsystem.version, 0x00020100);
	assert_int_equal(subsystem.qid_max, 128);
	assert_string_equal(subsystem.firmware, WEFT_VERSION);
	attrs_init(&namespace_type, &ns);
	assert_true(ns.enable);
	assert_string_equal(ns.backend, "file");
	assert_int_equal(ns.block_size, 0);
	assert_false(ID_SET(ns.uuid));
}

static void refusals(void **state)
{
	static const struct {
		const struct object_type *type;
		const char *name, *text, *message;
		int code;
	} cases[] = {
		{ &subsystem_type, "qid_max", "129",
		  "qid_max is \"129\"; it must be a number of I/O queues in 1..128", ERANGE },
		{ &subsystem_type, "version", "2",
		  "version is \"2\"; it must be a version of NVMe as MAJOR.MINOR or "
		  "MAJOR.MINOR.TERTIARY, at most 2.1", EINVAL },
		{ &subsystem_type, "serial", "123456789012345678901",
		  "serial has 21 characters (\"123456789012345678901\"); it must be at most 20 "
		  "printable ASCII characters", ERANGE },
		{ &namespace_type, "block_size", "1024",
		  "block_size is \"1024\"; it must be 512 or 4096", EINVAL },
		{ &namespace_type, "eui64", "x", "eui64 is \"x\"; it must be 16 hexadecimal "
		  "digits, such as 001b21fffe5e2c90", EINVAL },
		{ &namespace_type, "backend", "",
		  "backend is \"\"; it must be a backend's name, such as \"file\"", EINVAL },
		{ &port_type, "inline_data_size", "5000", "inline_data_size is \"5000\"; it must "
		  "be bytes in 1024..262144, a multiple of 16, such as 16384", EINVAL },
		{ &root_type, "discovery_nqn", "a b", "NQN \"a b\" has white space; use none",
		  EINVAL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct attr *attr = attr_find(cases[i].type, cases[i].name);
		union settings settings, before;
		struct weft_error error = { 0 };

		attrs_init(cases[i].type, &settings);
		before = settings;
		assert_int_equal(attr_parse(attr, &settings, cases[i].text, &error),
				 -cases[i].code);
		assert_string_equal(error.text, cases[i].message);
		assert_memory_equal(&settings, &before, cases[i].type->size);
	}
}

static void json_types(void **state)
{
	const struct attr *qid_max = attr_find(&subsystem_type, "qid_max");
	struct subsystem_settings subsystem = { 0 };
	struct weft_error error = { 0 };
	json_t *number = json_integer(4), *list = json_array();

	assert_int_equal(attr_from_json(qid_max, &subsystem, number, &error), 0);
	assert_int_equal(subsystem.qid_max, 4);
	assert_int_equal(attr_from_json(qid_max, &subsystem, json_true(), &error), -EINVAL);
	assert_string_equal(error.text, "qid_max is a boolean; it must be a number of I/O queues "
			    "in 1..128");
	assert_int_equal(attr_from_json(qid_max, &subsystem, list, &error), -EINVAL);
	assert_int_equal(subsystem.qid_max, 4);
	json_decref(number);
	json_decref(list);
}

static void check_schema(const struct object_type *type, const struct attr *attr,
			 union settings *settings)
{
	json_t *schema = object_schema(type), *group = json_object_get(schema, "properties");
	json_t *member;

	if (attr_group(attr->place))
		group = json_object_get(json_object_get(group, attr_group(attr->place)),
					"properties");
	member = json_object_get(group, attr->name);
	assert_non_null(json_object_get(member, "type"));
	assert_non_null(json_string_value(json_object_get(member, "description")));
	json_decref(schema);
}

static void schemas_have_each_attribute(void **state)
{
	json_t *properties = json_object();

	each(check_schema);
	assert_int_equal(export_schema_add(properties), 0);
	assert_non_null(json_object_get(properties, "block_size"));
	assert_null(json_object_get(properties, "enable"));
	json_decref(properties);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_whole),
		cmocka_unit_test(texts_are_read_as_written),
		cmocka_unit_test(differences_are_seen),
		cmocka_unit_test(defaults),
		cmocka_unit_test(refusals),
		cmocka_unit_test(json_types),
		cmocka_unit_test(schemas_have_each_attribute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
