/* SPDX-License-Identifier: BSD-3-Clause */
/* The three dialects: what each means, sample files included. */
#include <errno.h>
#include <stdio.h>

#include "config_rig.h"

#define A "nqn.2014-08.io.weft:a"
#define B "nqn.2014-08.io.weft:b"

static struct config *load(const char *name)
{
	struct config *config = NULL;
	struct weft_error error = { 0 };
	char path[512];

	snprintf(path, sizeof(path), DATA_DIR "/config/%s", name);
	if (config_load(path, &config, &error) < 0)
		fail_msg("%s", error.text);
	return config;
}

static void nvmetcli_sample(void **state)
{
	static const uint8_t uuid[] = { 0x93, 0xae, 0x50, 0x77, 0x16, 0x96, 0x46, 0x02,
					0x8b, 0x55, 0x4c, 0x8e, 0x43, 0xa2, 0x98, 0x26 };
	struct config *config = load("nvmetcli-boot.json");
	struct config_subsystem *subsystem = config->subsystems;
	struct config_namespace *ns = subsystem->namespaces;
	struct config_port *port = config->ports;

	assert_int_equal(config->warning_count, 0);
	assert_int_equal(config->subsystem_count, 1);
	assert_int_equal(config->port_count, 1);
	assert_int_equal(config->host_count, 0);
	assert_string_equal(subsystem->nqn, "nqn.2014-08.org.nvmexpress:uuid:"
			    "00112233-4455-6677-8899-aabbccddeeff");
	assert_true(subsystem->allow_any_host);
	assert_string_equal(subsystem->serial, "123456789abcdef");
	assert_string_equal(subsystem->model, "Linux");
	assert_int_equal(subsystem->version, 0x00010300);
	assert_int_equal(subsystem->cntlid_max, 65519);
	assert_int_equal(subsystem->namespace_count, 1);
	assert_int_equal(ns->nsid, 1);
	assert_true(ns->enable);
	assert_string_equal(ns->backend, "file");
	assert_string_equal(config_get_option(ns, "path"), "/dev/loop0");
	assert_memory_equal(ns->uuid, uuid, 16);
	assert_false(ID_SET(ns->nguid));
	assert_int_equal(ns->ana_grpid, 1);
	assert_int_equal(port->portid, 1);
	assert_string_equal(port->addr.trtype, "tcp");
	assert_string_equal(port->addr.adrfam, "ipv4");
	assert_string_equal(port->addr.traddr, "192.168.100.1");
	assert_int_equal(port->addr.trsvcid, 4420);
	assert_int_equal(port->inline_data_size, 16384);
	assert_true(config_is_linked(port, subsystem->nqn));
	assert_int_equal(port->ana_group_count, 1);
	config_free(config);
}

static void omv_sample(void **state)
{
	struct config *config = load("omv-config.json");
	struct config_subsystem *subsystem = config->subsystems;
	struct config_namespace *ns = subsystem->namespaces;

	assert_int_equal(config->warning_count, 0);
	assert_int_equal(config->subsystem_count, 1);
	assert_string_equal(subsystem->nqn, "nqn.2025-10.io.omv:fastssd");
	assert_false(subsystem->allow_any_host);
	assert_int_equal(subsystem->allowed_host_count, 1);
	assert_string_equal(subsystem->allowed_hosts[0], "nqn.2014-08.org.nvme:host1");
	assert_int_equal(config->host_count, 1);
	assert_int_equal(strlen(subsystem->serial), 20);
	assert_int_equal(ns->nsid, 1);
	assert_true(ns->enable);
	assert_true(ID_SET(ns->uuid));
	assert_string_equal(config_get_option(ns, "path"), "/dev/sdb");
	assert_int_equal(config->port_count, 1);
	assert_string_equal(config->ports[0].addr.traddr, "192.168.10.100");
	assert_true(config_is_linked(&config->ports[0], subsystem->nqn));
	config_free(config);
}

static void missing_file(void **state)
{
	struct config *config = NULL;
	struct weft_error error = { 0 };

	assert_int_equal(config_load("/nonexistent/weft.json", &config, &error), -ENOENT);
	assert_string_equal(error.text, "/nonexistent/weft.json: No such file or directory");
	assert_null(config);
	assert_int_equal(config_load("/", &config, &error), -EISDIR);
}

/* ---- nvmetcli ---- */

static void nvmetcli_nothing(void **state)
{
	struct config *config = parse("{}");

	assert_int_equal(config->subsystem_count + config->port_count + config->host_count, 0);
	config_free(config);
	config = parse("{\"hosts\": null, \"subsystems\": [], \"ports\": []}");
	config_free(config);
}

static void nvmetcli_omissions(void **state)
{
	struct config *config = parse(
		"{\"subsystems\": [{\"nqn\": \"" A "\", \"namespaces\": ["
		"{\"nsid\": 2, \"device\": {\"path\": \"(null)\"}},"
		"{\"nsid\": 1, \"ana\": {\"grpid\": \"3\"}},"
		"{\"nsid\": 3, \"ana\": {\"grpid\": \"3\"}, \"ana_grpid\": 4, \"enable\": true}]}],"
		"\"ports\": [{\"portid\": 3, \"addr\": {\"traddr\": \"::1\"},"
		"\"param\": {\"inline_data_size\": \"-1\", \"max_queue_size\": -1, \"mdts\": "
		"0}}]}");
	struct config_namespace *ns = config->subsystems[0].namespaces;
	struct config_port *port = config->ports;

	assert_int_equal(ns[0].nsid, 1);
	assert_int_equal(ns[0].ana_grpid, 3);
	assert_false(ns[0].enable);
	assert_null(config_get_option(&ns[1], "path"));
	assert_int_equal(ns[2].ana_grpid, 4);
	assert_true(ns[2].enable);
	assert_string_equal(port->addr.adrfam, "ipv6");
	assert_string_equal(port->addr.trtype, "tcp");
	assert_int_equal(port->addr.trsvcid, 4420);
	assert_int_equal(port->inline_data_size, 16384);
	assert_int_equal(port->max_queue_size, 128);
	assert_int_equal(port->mdts, 9);
	config_free(config);
}

static void nvmetcli_everything(void **state)
{
	struct config *config = parse(
		"{\"hosts\": [{\"nqn\": \"" B "\"}],"
		"\"ports\": [{\"portid\": \"9\", \"addr\": {\"adrfam\": \"ipv6\","
		"\"traddr\": \"fe80::1%eth0\", \"treq\": \"not required\", \"trsvcid\": 4421,"
		"\"trtype\": \"tcp\", \"tsas\": \"none\"}, \"param\": {\"max_queue_size\": \"64\","
		"\"mdts\": \"5\"}, \"subsystems\": [\"" A "\"], \"ana_groups\": ["
		"{\"grpid\": 1, \"ana\": {\"state\": \"non-optimized\"}},"
		"{\"grpid\": 2}, {\"grpid\": 3, \"ana\": {\"state\": \"persistent-loss\"}}],"
		"\"referrals\": [{\"name\": \"other\", \"enable\": 1, \"addr\": {"
		"\"adrfam\": \"ipv4\", \"traddr\": \"192.0.2.9\", \"trsvcid\": \"8009\","
		"\"trtype\": \"tcp\", \"portid\": \"4\", \"tsas\": \"tls1.3\"}}]},"
		"{\"portid\": 10, \"addr\": {\"traddr\": \"0.0.0.0\", \"trsvcid\": 8009},"
		"\"weft\": {\"discovery\": true}}],"
		"\"subsystems\": [{\"nqn\": \"" A "\", \"allowed_hosts\": [\"" B "\"],"
		"\"attr\": {\"allow_any_host\": 0, \"firmware\": \"1.2\", \"ieee_oui\": "
		"\"0x001B21\",\"qid_max\": \"16\", \"version\": \"2.0\", \"cntlid_min\": 100},"
		"\"namespaces\": [{\"nsid\": 1, \"enable\": 1, \"weft\": {\"backend\": \"memory\","
		"\"size\": \"64M\", \"block_size\": 4096, \"read_only\": true,"
		"\"eui64\": \"00-1b-21-ff-fe-5e-2c-90\", \"slow\": false, \"n\": 7}}]}],"
		"\"weft\": {\"discovery_nqn\": \"" A ":discovery\"}}");
	struct config_subsystem *subsystem = config->subsystems;
	struct config_namespace *ns = subsystem->namespaces;
	struct config_port *port = config->ports;

	assert_int_equal(config->warning_count, 0);
	assert_string_equal(config->discovery_nqn, A ":discovery");
	assert_string_equal(subsystem->firmware, "1.2");
	assert_int_equal(subsystem->ieee_oui, 0x1b21);
	assert_int_equal(subsystem->qid_max, 16);
	assert_int_equal(subsystem->version, 0x20000);
	assert_int_equal(subsystem->cntlid_min, 100);
	assert_string_equal(ns->backend, "memory");
	assert_string_equal(config_get_option(ns, "size"), "64M");
	assert_string_equal(config_get_option(ns, "slow"), "0");
	assert_string_equal(config_get_option(ns, "n"), "7");
	assert_int_equal(ns->option_count, 3);
	assert_int_equal(ns->block_size, 4096);
	assert_true(ns->read_only);
	assert_true(ID_SET(ns->eui64));
	assert_int_equal(ns->eui64[7], 0x90);
	assert_int_equal(port->portid, 9);
	assert_int_equal(port->addr.treq, NVMF_TREQ_NOT_REQUIRED);
	assert_int_equal(port->addr.trsvcid, 4421);
	assert_int_equal(port->max_queue_size, 64);
	assert_int_equal(port->mdts, 5);
	assert_int_equal(config_ana_state(port, 1), NVME_ANA_NONOPTIMIZED);
	assert_int_equal(config_ana_state(port, 2), NVME_ANA_INACCESSIBLE);
	assert_int_equal(config_ana_state(port, 3), NVME_ANA_PERSISTENT_LOSS);
	assert_string_equal(port->referrals[0].name, "other");
	assert_int_equal(port->referrals[0].portid, 4);
	assert_int_equal(port->referrals[0].addr.trsvcid, 8009);
	assert_true(port->referrals[0].enable);
	assert_true(port[1].discovery);
	config_free(config);
}

/* What the OpenMediaVault plugin really writes. */
static void omv_written(void **state)
{
	struct config *config = parse(
		"{\"hosts\": [], \"ports\": [{\"portid\": 1, \"addr\": {\"trtype\": \"tcp\","
		"\"adrfam\": \"ipv4\", \"traddr\": \"0.0.0.0\", \"trsvcid\": 4420},"
		"\"subsystems\": [\"" A "\"]}], \"subsystems\": [{\"nqn\": \"" A "\","
		"\"attr\": {\"allow_any_host\": \"1\", \"version\": \"1.0\"}, \"allowed_hosts\": "
		"[],\"namespaces\": ["
		"{\"device\": {\"path\": \"/dev/sdb\"}, \"enable\": 1},"
		"{\"nsid\": \"\", \"device\": {\"path\": \"/dev/sdc\"}, \"enable\": 1},"
		"{\"nsid\": 1, \"device\": {\"path\": \"/dev/sdd\", \"uuid\": \"\","
		"\"eui64\": \"001b21fffe5e2c90\"}, \"enable\": 1}]}]}");
	struct config_namespace *ns = config->subsystems[0].namespaces;

	assert_string_equal(config_get_option(&ns[0], "path"), "/dev/sdd");
	assert_true(ID_SET(ns[0].eui64));
	assert_int_equal(ns[1].nsid, 2);
	assert_string_equal(config_get_option(&ns[1], "path"), "/dev/sdb");
	assert_int_equal(ns[2].nsid, 3);
	assert_string_equal(config_get_option(&ns[2], "path"), "/dev/sdc");
	/* 1.0 would have hosts scan 1024 namespaces. */
	assert_int_equal(config->subsystems[0].version, 0);
	assert_int_equal(config->warning_count, 1);
	assert_string_equal(config->warnings[0], "t:1: subsystems[0].attr.version: NVMe over "
			    "Fabrics came with version 1.2.1; hosts are told the default instead");
	config_free(config);
}

static void unknown_keys(void **state)
{
	struct config *config = parse("{\n\"hosts\": [\n{\"nqn\": \"" A "\",\n\"x\": 1}],\n"
				      "\"subsystems\": [{\"nqn\": \"" A "\",\n"
				      "\"attr\": {\n\"new\": 1},\n"
				      "\"passthru\": {\"device_path\": \"\"},\n"
				      "\"namespaces\": [{\"nsid\": 1,\n\"resv_enable\": 1}]}],\n"
				      "\"q\": {\"deep\": [1, 2, {}]}}");
	static const char *const expected[] = {
		"t:11: q: weft does not know this; it is ignored",
		"t:4: hosts[0].x: weft does not know this; it is ignored",
		"t:7: subsystems[0].attr.new: weft does not know this; it is ignored",
		"t:8: subsystems[0].passthru: weft does not know this; it is ignored",
		"t:10: subsystems[0].namespaces[0].resv_enable: weft does not know this; it is "
		"ignored",
	};

	assert_int_equal(config->warning_count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(config->warnings[i], expected[i]);
	config_free(config);
}

/* ---- the documented form of OMV ---- */

static void omv_everything(void **state)
{
	struct config *config = parse(
		"{\"ports\": {\"7\": {\"addr_traddr\": \"2001:db8::1\", \"param_max_queue_size\": "
		"32,\"note\": \"x\"}, \"2\": {\"addr_traddr\": \"192.0.2.1\", \"addr_trsvcid\": "
		"4430}},\"subsystems\": {\"" B "\": {}, \"" A "\": {\"allow_any_host\": true,"
		"\"serial\": \"S1\", \"model\": \"M1\", \"namespaces\": ["
		"{\"device\": \"/dev/sdb\", \"enable\": false},"
		"{\"nsid\": 1, \"device\": \"/dev/sdc\","
		"\"uuid\": \"93ae5077-1696-4602-8b55-4c8e43a29826\","
		"\"nguid\": \"93ae5077169646028b554c8e43a29826\", \"eui64\": \"93ae507716964602\"},"
		"{\"device\": \"/dev/sdd\"}]}},"
		"\"associations\": [[7, \"" A "\"], [\"2\", \"" B "\"]]}");
	struct config_subsystem *a = config_find_subsystem(config, A);
	struct config_port *two = config_find_port(config, 2), *seven = config_find_port(config, 7);

	assert_true(a->allow_any_host);
	assert_string_equal(a->serial, "S1");
	assert_string_equal(a->model, "M1");
	assert_int_equal(a->namespace_count, 3);
	assert_string_equal(config_get_option(&a->namespaces[0], "path"), "/dev/sdc");
	assert_true(a->namespaces[0].enable);
	assert_true(ID_SET(a->namespaces[0].nguid));
	assert_true(ID_SET(a->namespaces[0].eui64));
	assert_string_equal(config_get_option(&a->namespaces[1], "path"), "/dev/sdb");
	assert_false(a->namespaces[1].enable);
	assert_string_equal(config_get_option(&a->namespaces[2], "path"), "/dev/sdd");
	assert_string_equal(seven->addr.adrfam, "ipv6");
	assert_int_equal(seven->addr.trsvcid, 4420);
	assert_int_equal(seven->max_queue_size, 32);
	assert_true(config_is_linked(seven, A));
	assert_false(config_is_linked(seven, B));
	assert_int_equal(two->addr.trsvcid, 4430);
	assert_true(config_is_linked(two, B));
	assert_false(config_is_linked(two, A));
	assert_int_equal(config->warning_count, 1);
	assert_string_equal(config->warnings[0],
			    "t:1: ports.7.note: weft does not know this; it is ignored");
	config_free(config);
}

#define TWO_BY_TWO \
	"\"ports\": {\"1\": {\"addr_traddr\": \"192.0.2.1\"}, \"2\": {\"addr_traddr\": \"::\"}}," \
	"\"subsystems\": {\"" A "\": {}, \"" B "\": {}}"

static void omv_associations(void **state)
{
	struct config *config = parse("{" TWO_BY_TWO "}");

	for (size_t i = 0; i < 2; i++) {
		assert_true(config_is_linked(&config->ports[i], A));
		assert_true(config_is_linked(&config->ports[i], B));
	}
	config_free(config);

	config = parse("{" TWO_BY_TWO ", \"associations\": []}");
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(config->ports[i].subsystem_count, 0);
	config_free(config);
}

static void omv_mixed(void **state)
{
	struct config *config = parse(
		"{\"ports\": [{\"portid\": 1, \"addr\": {\"traddr\": \"::\"},"
		"\"subsystems\": [\"" A "\"]}], \"subsystems\": {\"" A "\": {}, \"" B "\": {}}}");

	assert_true(config_is_linked(&config->ports[0], A));
	assert_false(config_is_linked(&config->ports[0], B));
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nvmetcli_sample),
		cmocka_unit_test(omv_sample),
		cmocka_unit_test(missing_file),
		cmocka_unit_test(nvmetcli_nothing),
		cmocka_unit_test(nvmetcli_omissions),
		cmocka_unit_test(nvmetcli_everything),
		cmocka_unit_test(omv_written),
		cmocka_unit_test(unknown_keys),
		cmocka_unit_test(omv_everything),
		cmocka_unit_test(omv_associations),
		cmocka_unit_test(omv_mixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
