/* SPDX-License-Identifier: BSD-3-Clause */
/* What exports and unexports do to a configuration; the names and addresses they use. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <weft/backend.h>

#include "config/model.h"
#include "control/address.h"
#include "control/nqn.h"
#include "control/plan.h"

static const struct export_site site = { .host = "Box.example" };

static void default_nqns_are_slugs(void **state)
{
	static const char *const cases[][3] = {
		{ "box", "/srv/Disk One.img", "nqn.2024-07.internal.weft:box:disk-one.img" },
		{ "Box.Example", "nvme0n1", "nqn.2024-07.internal.weft:box.example:nvme0n1" },
		{ "", "...", "nqn.2024-07.internal.weft:localhost:subsystem" },
		{ "box", "--a__b..", "nqn.2024-07.internal.weft:box:a__b" },
		{ "box", "\xc3\xa4rger!!.img", "nqn.2024-07.internal.weft:box:rger-.img" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *nqn = nqn_default(cases[i][0], nqn_base_name(cases[i][1]));

		assert_string_equal(nqn, cases[i][2]);
		free(nqn);
	}
}

static void default_nqns_fit(void **state)
{
	char host[300], name[300];
	char *nqn;

	memset(host, 'h', sizeof(host) - 1);
	memset(name, '-', sizeof(name) - 1);
	host[sizeof(host) - 1] = name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < sizeof(name) - 1; i += 2)
		name[i] = 'n';
	nqn = nqn_default(host, name);
	assert_in_range(strlen(nqn), NQN_LENGTH_MAX - 2, NQN_LENGTH_MAX);
	assert_int_equal(nqn[strlen(nqn) - 1], 'n');
	free(nqn);
}

static int plan(struct config *draft, const char *json, struct export_result *ret,
		struct weft_error *error)
{
	struct export_request request;
	json_t *body = json_loads(json, 0, NULL);
	int r;

	assert_non_null(body);
	r = export_read(&request, body, error);
	if (r == 0)
		r = export_plan(draft, &request, &site, ret, error);
	json_decref(body);
	return r;
}

static void first_export_makes_everything(void **state)
{
	struct config *draft = config_new();
	struct export_result result = {0};
	struct config_subsystem *subsystem;
	struct weft_error error = {0};

	assert_int_equal(plan(draft, "{\"path\": \"/srv/a.img\"}", &result, &error), 0);
	assert_string_equal(result.nqn, "nqn.2024-07.internal.weft:box.example:a.img");
	assert_int_equal(result.nsid, 1);
	assert_true(result.new_subsystem && result.new_ports);

	subsystem = config_find_subsystem(draft, result.nqn);
	assert_true(subsystem->allow_any_host);
	assert_true(subsystem->namespaces[0].enable);
	assert_string_equal(config_get_option(&subsystem->namespaces[0], "path"), "/srv/a.img");
	assert_int_equal(draft->port_count, 2);
	assert_int_equal(draft->ports[0].addr.trsvcid, 4420);
	assert_string_equal(draft->ports[0].addr.traddr, "0.0.0.0");
	assert_true(config_is_linked(&draft->ports[0], result.nqn));
	assert_true(draft->ports[1].discovery);
	assert_int_equal(draft->ports[1].addr.trsvcid, 8009);
	assert_false(config_is_linked(&draft->ports[1], result.nqn));
	assert_int_equal(config_validate(draft, &error), 0);
	free(result.nqn);
	config_free(draft);
}

static void second_export_extends(void **state)
{
	struct config *draft = config_new();
	struct export_result one = {0}, two = {0};
	struct weft_error error = {0};

	assert_int_equal(plan(draft, "{\"path\": \"/srv/a.img\", \"nqn\": \"nqn.2020-01.org.x:s\"}",
			      &one, &error), 0);
	assert_int_equal(plan(draft, "{\"path\": \"/srv/b.img\", \"nqn\": \"nqn.2020-01.org.x:s\","
			      "\"block_size\": 4096, \"read_only\": true}", &two, &error), 0);
	assert_int_equal(two.nsid, 2);
	assert_false(two.new_subsystem || two.new_ports);
	assert_int_equal(draft->port_count, 2);
	assert_int_equal(draft->subsystems[0].namespaces[1].block_size, 4096);
	assert_true(draft->subsystems[0].namespaces[1].read_only);
	assert_memory_not_equal(draft->subsystems[0].namespaces[0].uuid,
				draft->subsystems[0].namespaces[1].uuid, 16);
	free(one.nqn);
	free(two.nqn);
	config_free(draft);
}

static void a_path_keeps_its_uuid(void **state)
{
	uint8_t uuid[16];

	for (int i = 0; i < 2; i++) {
		struct config *draft = config_new();
		struct export_result result = {0};
		struct weft_error error = {0};

		assert_int_equal(plan(draft, "{\"path\": \"/srv/a.img\"}", &result, &error), 0);
		if (i == 0)
			memcpy(uuid, draft->subsystems[0].namespaces[0].uuid, 16);
		else
			assert_memory_equal(uuid, draft->subsystems[0].namespaces[0].uuid, 16);
		free(result.nqn);
		config_free(draft);
	}
}

static void hosts_make_a_list(void **state)
{
	struct config *draft = config_new();
	struct export_result result = {0};
	struct weft_error error = {0};

	assert_int_equal(plan(draft, "{\"backend\": \"memory\", \"size\": \"1M\","
			      "\"hosts\": [\"nqn.2020-01.org.x:h\"]}", &result, &error), 0);
	assert_string_equal(result.nqn, "nqn.2024-07.internal.weft:box.example:memory");
	assert_false(draft->subsystems[0].allow_any_host);
	assert_int_equal(draft->subsystems[0].allowed_host_count, 1);
	assert_string_equal(config_get_option(&draft->subsystems[0].namespaces[0], "size"),
			    "1048576");
	free(result.nqn);

	/* An empty list is never "anybody" for a subsystem that is there. */
	assert_int_equal(plan(draft, "{\"backend\": \"memory\", \"size\": \"1M\", \"hosts\": []}",
			      &result, &error), 0);
	assert_false(draft->subsystems[0].allow_any_host);
	free(result.nqn);
	config_free(draft);
}

static void refusals_name_what_is_wrong(void **state)
{
	static const struct {
		const char *json, *part;
		int code;
	} cases[] = {
		{ "{}", "\"path\" is missing", EINVAL },
		{ "{\"path\": \"a.img\"}", "must be an absolute path", EINVAL },
		{ "{\"path\": \"/srv/a.img\"}", "exported already, as namespace 1 of", EEXIST },
		{ "{\"path\": \"/b\", \"block_size\": 1024}", "512 or 4096", EINVAL },
		{ "{\"path\": \"/b\", \"block_size\": 4097}", "512 or 4096", EINVAL },
		{ "{\"path\": \"/b/a.img\", \"hosts\": [\"nqn.2020-01.org.x:h\"]}",
		  "lets any host attach", EEXIST },
	};
	struct config *draft = config_new();
	struct export_result result = {0};
	struct weft_error error = {0};

	assert_int_equal(plan(draft, "{\"path\": \"/srv/a.img\"}", &result, &error), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *copy = config_dup(draft);
		struct export_result none = {0};

		assert_int_equal(plan(copy, cases[i].json, &none, &error), -cases[i].code);
		if (!strstr(error.text, cases[i].part))
			fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].json, error.text,
				 cases[i].part);
		assert_null(none.nqn);
		config_free(copy);
	}
	free(result.nqn);
	config_free(draft);
}

static void unexport_takes_the_empty_subsystem_along(void **state)
{
	struct config *draft = config_new();
	struct export_result one = {0}, two = {0};
	json_t *removed = json_array();
	struct weft_error error = {0};

	assert_int_equal(plan(draft, "{\"path\": \"/a\", \"nqn\": \"nqn.2020-01.org.x:s\"}", &one,
			      &error), 0);
	assert_int_equal(plan(draft, "{\"path\": \"/b\", \"nqn\": \"nqn.2020-01.org.x:s\"}", &two,
			      &error), 0);
	assert_int_equal(unexport_plan(draft, &(struct unexport_request){ .path = "/a" }, removed,
				       &error), 0);
	assert_int_equal(draft->subsystems[0].namespace_count, 1);
	assert_int_equal(unexport_plan(draft, &(struct unexport_request){ .nqn = two.nqn,
					.nsid = 2 }, removed, &error), 0);
	assert_int_equal(draft->subsystem_count, 0);
	assert_int_equal(draft->ports[0].subsystem_count, 0);
	assert_int_equal(json_array_size(removed), 2);
	assert_true(json_is_false(json_object_get(json_array_get(removed, 0), "subsystem")));
	assert_true(json_is_true(json_object_get(json_array_get(removed, 1), "subsystem")));
	json_decref(removed);
	free(one.nqn);
	free(two.nqn);
	config_free(draft);
}

static void unexport_refuses_what_is_not_there(void **state)
{
	struct config *draft = config_new();
	json_t *removed = json_array();
	struct weft_error error = {0};

	assert_int_equal(unexport_plan(draft, &(struct unexport_request){ .path = "/a" }, removed,
				       &error), -ENOENT);
	assert_non_null(strstr(error.text, "/a is not exported"));
	assert_int_equal(unexport_plan(draft, &(struct unexport_request){ .nqn = "nqn.x" }, removed,
				       &error), -ENOENT);
	assert_non_null(config_add_subsystem(draft, "nqn.x"));
	assert_int_equal(unexport_plan(draft, &(struct unexport_request){ .nqn = "nqn.x",
					.nsid = 3 }, removed, &error), -ENOENT);
	assert_non_null(strstr(error.text, "no namespace 3"));
	assert_int_equal(unexport_plan(draft, &(struct unexport_request){ .nqn = "nqn.x" }, removed,
				       &error), 0);
	assert_int_equal(draft->subsystem_count, 0);
	json_decref(removed);
	config_free(draft);
}

static void wildcards_become_addresses(void **state)
{
	struct address items[] = { { false, "192.0.2.1" }, { true, "2001:db8::1" } };
	const struct address_list list = { items, 2 };
	struct config *config = config_new();
	struct config_port *port = config_add_port(config, 7);
	json_t *array = json_array();

	TEXT_SET(port->addr.adrfam, "ipv6");
	TEXT_SET(port->addr.traddr, "::");
	assert_int_equal(address_describe(array, port, &list), 0);
	assert_int_equal(json_array_size(array), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(array, 0), "traddr")),
			    "2001:db8::1");
	TEXT_SET(port->addr.traddr, "2001:db8::5");
	assert_int_equal(address_describe(array, port, &list), 0);
	assert_string_equal(json_string_value(json_object_get(json_array_get(array, 1), "traddr")),
			    "2001:db8::5");
	json_decref(array);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_nqns_are_slugs),
		cmocka_unit_test(default_nqns_fit),
		cmocka_unit_test(first_export_makes_everything),
		cmocka_unit_test(second_export_extends),
		cmocka_unit_test(a_path_keeps_its_uuid),
		cmocka_unit_test(hosts_make_a_list),
		cmocka_unit_test(refusals_name_what_is_wrong),
		cmocka_unit_test(unexport_takes_the_empty_subsystem_along),
		cmocka_unit_test(unexport_refuses_what_is_not_there),
		cmocka_unit_test(wildcards_become_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
