/* SPDX-License-Identifier: BSD-3-Clause */
/* The model: adding, finding, removing, copying. */
#include "config_rig.h"

#define A "nqn.2014-08.io.weft:a"
#define B "nqn.2014-08.io.weft:b"
#define HOST "nqn.2014-08.io.weft:host"

static void defaults(void **state)
{
	struct config *config = config_new();
	struct config_subsystem *subsystem = config_add_subsystem(config, A);
	struct config_namespace *ns = config_add_namespace(subsystem, 7);
	struct config_port *port = config_add_port(config, 1);

	assert_string_equal(subsystem->nqn, A);
	assert_false(subsystem->allow_any_host);
	assert_int_equal(subsystem->cntlid_min, 1);
	assert_int_equal(subsystem->cntlid_max, 0xffef);
	assert_string_equal(ns->backend, "file");
	assert_true(ns->enable);
	assert_int_equal(ns->ana_grpid, 1);
	assert_string_equal(port->addr.trtype, "tcp");
	assert_int_equal(port->addr.trsvcid, 4420);
	assert_int_equal(port->inline_data_size, 16384);
	assert_int_equal(port->max_queue_size, 128);
	assert_int_equal(port->mdts, 9);
	config_free(config);
}

static void order_and_finding(void **state)
{
	static const uint32_t nsids[] = { 5, 1, 9, 2, 1024, 3 };
	struct config *config = config_new();
	struct config_subsystem *subsystem = config_add_subsystem(config, A);

	for (size_t i = 0; i < 6; i++)
		assert_non_null(config_add_namespace(subsystem, nsids[i]));
	for (size_t i = 1; i < 6; i++)
		assert_true(subsystem->namespaces[i - 1].nsid < subsystem->namespaces[i].nsid);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(config_find_namespace(subsystem, nsids[i])->nsid, nsids[i]);
	assert_null(config_find_namespace(subsystem, 4));
	assert_int_equal(config_free_nsid(subsystem), 4);
	config_remove_namespace(subsystem, 1);
	config_remove_namespace(subsystem, 1);
	assert_int_equal(subsystem->namespace_count, 5);
	assert_int_equal(config_free_nsid(subsystem), 1);

	config_add_port(config, 9);
	config_add_port(config, 3);
	assert_int_equal(config->ports[0].portid, 3);
	assert_int_equal(config_find_port(config, 9)->portid, 9);
	config_remove_port(config, 3);
	config_remove_port(config, 4);
	assert_null(config_find_port(config, 3));
	assert_int_equal(config->port_count, 1);
	config_free(config);
}

static void full_subsystem_has_no_free_nsid(void **state)
{
	struct config *config = config_new();
	struct config_subsystem *subsystem = config_add_subsystem(config, A);

	for (uint32_t nsid = 2; nsid <= CONFIG_NAMESPACES_MAX; nsid++)
		assert_non_null(config_add_namespace(subsystem, nsid));
	assert_int_equal(config_free_nsid(subsystem), 1);
	config_remove_namespace(subsystem, 9000);
	assert_non_null(config_add_namespace(subsystem, 1));
	assert_int_equal(config_free_nsid(subsystem), 9000);
	assert_non_null(config_add_namespace(subsystem, CONFIG_NSID_MAX));
	assert_int_equal(config_free_nsid(subsystem), 0);
	config_free(config);
}

static void removing_a_subsystem_unlinks_it(void **state)
{
	struct config *config = config_new();
	struct config_port *port;

	config_add_subsystem(config, A);
	config_add_subsystem(config, B);
	port = config_add_port(config, 1);
	assert_int_equal(config_link(port, A), 0);
	assert_int_equal(config_link(port, B), 0);
	assert_int_equal(config_link(port, B), 0);
	assert_int_equal(port->subsystem_count, 2);
	/* The argument may be the string that goes away. */
	config_remove_subsystem(config, port->subsystems[0]);
	assert_null(config_find_subsystem(config, A));
	assert_non_null(config_find_subsystem(config, B));
	assert_false(config_is_linked(port, A));
	assert_true(config_is_linked(port, B));
	config_unlink(port, B);
	assert_int_equal(port->subsystem_count, 0);
	config_free(config);
}

static void hosts(void **state)
{
	struct config *config = config_new();
	struct config_subsystem *subsystem = config_add_subsystem(config, A);

	assert_int_equal(config_allow_host(config, subsystem, HOST), 0);
	assert_int_equal(config_allow_host(config, subsystem, HOST), 0);
	assert_int_equal(config->host_count, 1);
	assert_int_equal(subsystem->allowed_host_count, 1);
	config_disallow_host(subsystem, HOST);
	assert_int_equal(subsystem->allowed_host_count, 0);
	/* The last host went: that opens the subsystem to nobody. */
	assert_false(subsystem->allow_any_host);
	assert_int_equal(config->host_count, 1);
	config_free(config);
}

static void options(void **state)
{
	struct config *config = config_new();
	struct config_namespace *ns = config_add_namespace(config_add_subsystem(config, A), 1);

	assert_null(config_get_option(ns, "path"));
	assert_int_equal(config_set_option(ns, "path", "/a"), 0);
	assert_int_equal(config_set_option(ns, "size", "1G"), 0);
	assert_int_equal(config_set_option(ns, "path", "/b"), 0);
	assert_string_equal(config_get_option(ns, "path"), "/b");
	assert_int_equal(ns->option_count, 2);
	assert_int_equal(config_set_option(ns, "path", NULL), 0);
	assert_int_equal(config_set_option(ns, "path", NULL), 0);
	assert_null(config_get_option(ns, "path"));
	assert_string_equal(config_get_option(ns, "size"), "1G");
	config_free(config);
}

static void ana_states(void **state)
{
	struct config *config = config_new();
	struct config_port *port = config_add_port(config, 1);

	assert_int_equal(config_ana_state(port, 1), NVME_ANA_OPTIMIZED);
	assert_int_equal(config_ana_state(port, 2), NVME_ANA_INACCESSIBLE);
	config_set_ana_group(port, 2, NVME_ANA_NONOPTIMIZED);
	config_set_ana_group(port, 2, NVME_ANA_CHANGE);
	assert_int_equal(port->ana_group_count, 1);
	assert_int_equal(config_ana_state(port, 2), NVME_ANA_CHANGE);
	config_free(config);
}

static void warnings_are_bounded(void **state)
{
	struct config *config = config_new();

	for (int i = 0; i < CONFIG_WARNINGS_MAX + 10; i++)
		config_warn(config, "number %d", i);
	assert_int_equal(config->warning_count, CONFIG_WARNINGS_MAX);
	assert_string_equal(config->warnings[1], "number 1");
	config_free(config);
}

static void a_copy_is_deep(void **state)
{
	struct config *config = parse(
		"{\"weft\": {\"discovery_nqn\": \"nqn.2014-08.io.weft:discovery\"},"
		"\"hosts\": [{\"nqn\": \"" HOST "\"}, {\"nqn\": \"nqn.2014-08.io.weft:other\"}],"
		"\"subsystems\": [{\"nqn\": \"" A "\", \"x\": 1, \"allowed_hosts\": [\"" HOST "\"],"
		"\"attr\": {\"serial\": \"S\", \"model\": \"M\", \"firmware\": \"F\","
		"\"version\": \"1.4\", \"cntlid_min\": 2, \"cntlid_max\": 3, \"qid_max\": 4,"
		"\"ieee_oui\": \"0x123456\"},"
		"\"namespaces\": [{\"nsid\": 3, \"enable\": 1, \"ana_grpid\": 2, \"device\": "
		"{\"path\": \"/x\", \"nguid\": \"0123456789abcdef0123456789abcdef\"}, \"weft\": "
		"{\"backend\": \"b\", \"block_size\": 4096, \"read_only\": true, \"o\": \"p\","
		"\"eui64\": \"0123456789abcdef\"}}]}],"
		"\"ports\": [{\"portid\": 1, \"addr\": {\"traddr\": \"::\", \"trsvcid\": 1},"
		"\"subsystems\": [\"" A "\"], \"ana_groups\": [{\"grpid\": 2}], \"referrals\":"
		"[{\"name\": \"r\", \"enable\": 1, \"addr\": {\"traddr\": \"192.0.2.1\","
		"\"portid\": 9}}]}, {\"portid\": 2, \"addr\": {\"traddr\": \"::\","
		"\"trsvcid\": 8009}, \"weft\": {\"discovery\": true}}]}");
	struct config *copy = config_dup(config);

	assert_non_null(copy);
	assert_int_equal(config->warning_count, 1);
	assert_int_equal(copy->warning_count, 0);
	assert_null(copy->source);
	assert_int_not_equal(config->subsystems[0].line, 0);
	assert_int_equal(copy->subsystems[0].line, 0);
	assert_int_equal(copy->subsystems[0].namespaces[0].line, 0);
	assert_same_config(config, copy);
	config_free(config);
	/* Nothing of the copy went with the original (the sanitizers look). */
	assert_string_equal(copy->subsystems[0].namespaces[0].backend, "b");
	assert_string_equal(copy->ports[0].referrals[0].addr.traddr, "192.0.2.1");
	assert_true(copy->ports[1].discovery);
	config_free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(order_and_finding),
		cmocka_unit_test(full_subsystem_has_no_free_nsid),
		cmocka_unit_test(removing_a_subsystem_unlinks_it),
		cmocka_unit_test(hosts),
		cmocka_unit_test(options),
		cmocka_unit_test(ana_states),
		cmocka_unit_test(warnings_are_bounded),
		cmocka_unit_test(a_copy_is_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
