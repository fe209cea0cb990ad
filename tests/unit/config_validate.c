/* SPDX-License-Identifier: BSD-3-Clause */
/* What validation fills in, and what it refuses in a configuration that no file is behind. */
#include <errno.h>

#include <stdio.h>

#include "config_rig.h"

#define A "nqn.2014-08.io.weft:a"
#define B "nqn.2014-08.io.weft:b"

/* A small one that is right: subsystem A with namespace 1, port 1 with A. */
static struct config *small(void)
{
	struct config *config = config_new();
	struct config_subsystem *subsystem = config_add_subsystem(config, A);
	struct config_port *port;

	config_set_option(config_add_namespace(subsystem, 1), "path", "/disk");
	port = config_add_port(config, 1);
	TEXT_SET(port->addr.traddr, "192.0.2.1");
	config_link(port, A);
	return config;
}

static void expect_refusal(struct config *config, int code, const char *text)
{
	struct weft_error error = { 0 };

	assert_int_equal(config_validate(config, &error), -code);
	assert_int_equal(error.code, code);
	assert_string_equal(error.text, text);
	config_free(config);
}

static void fills_in(void **state)
{
	struct config *config = small(), *again = small();
	struct config_subsystem *subsystem = &config->subsystems[0];

	assert_int_equal(config_validate(config, NULL), 0);
	assert_int_equal(strlen(subsystem->serial), 20);
	assert_string_equal(subsystem->model, "weft");
	assert_string_equal(subsystem->firmware, "");
	assert_true(ID_SET(subsystem->namespaces[0].uuid));
	assert_int_equal(subsystem->namespaces[0].uuid[6] >> 4, 8);
	assert_string_equal(config->ports[0].addr.adrfam, "ipv4");
	/* The same every time, and again when it is validated again. */
	assert_int_equal(config_validate(again, NULL), 0);
	assert_same_config(config, again);
	assert_int_equal(config_validate(again, NULL), 0);
	assert_same_config(config, again);
	config_free(config);
	config_free(again);
}

static void identities_differ(void **state)
{
	struct config *config = small();
	struct config_subsystem *a, *b = config_add_subsystem(config, B);

	config_add_namespace(b, 1);
	config_add_namespace(b, 2);
	assert_int_equal(config_validate(config, NULL), 0);
	a = &config->subsystems[0];
	b = &config->subsystems[1];
	assert_string_not_equal(a->serial, b->serial);
	assert_memory_not_equal(a->namespaces[0].uuid, b->namespaces[0].uuid, 16);
	assert_memory_not_equal(b->namespaces[0].uuid, b->namespaces[1].uuid, 16);
	config_free(config);
}

static void zeroes_are_no_identity(void **state)
{
	struct config *config = small();
	struct config_namespace *ns = config->subsystems[0].namespaces;

	assert_int_equal(config_validate(config, NULL), 0);
	assert_true(ID_SET(ns->uuid));
	assert_int_not_equal(ns->uuid[6], 0);
	assert_false(ID_SET(ns->nguid));
	assert_false(ID_SET(ns->eui64));
	config_free(config);
}

static void versions_before_fabrics(void **state)
{
	struct config *config = small();

	config->subsystems[0].version = 0x00010000;
	assert_int_equal(config_validate(config, NULL), 0);
	assert_int_equal(config->subsystems[0].version, 0);
	config->subsystems[0].version = CONFIG_VERSION_MIN;
	assert_int_equal(config_validate(config, NULL), 0);
	assert_int_equal(config->subsystems[0].version, CONFIG_VERSION_MIN);
	config_free(config);
}

static void subsystems(void **state)
{
	struct config *config = small();

	config_add_subsystem(config, A);
	expect_refusal(config, EEXIST, "subsystem " A ": the NQN is used twice; each subsystem "
		       "must have its own");

	config = small();
	config_add_subsystem(config, "a b");
	expect_refusal(config, EINVAL, "subsystem a b: NQN \"a b\" has white space; use none");

	config = small();
	config_add_subsystem(config, "nqn.2014-08.org.nvmexpress.discovery");
	expect_refusal(config, EINVAL, "subsystem nqn.2014-08.org.nvmexpress.discovery: this is "
		       "the discovery service's NQN, which every port has; the subsystem must have "
		       "another");

	config = small();
	TEXT_SET(config->discovery_nqn, A);
	expect_refusal(config, EINVAL, "subsystem " A ": this is the discovery service's NQN, "
		       "which every port has; the subsystem must have another");

	config = small();
	config->subsystems[0].cntlid_min = 10;
	config->subsystems[0].cntlid_max = 9;
	expect_refusal(config, EINVAL, "subsystem " A ": cntlid_min is 10 and cntlid_max is 9; the "
		       "first must not be above the second");

	config = small();
	config->subsystems[0].cntlid_max = 0xfff0;
	expect_refusal(config, ERANGE, "subsystem " A ": cntlid_max is \"65520\"; it must be a "
		       "controller ID in 1..65519");

	config = small();
	config->subsystems[0].qid_max = 129;
	expect_refusal(config, ERANGE, "subsystem " A ": qid_max is \"129\"; it must be a number "
		       "of I/O queues in 1..128");

	config = small();
	TEXT_SET(config->subsystems[0].model, "a\tb");
	expect_refusal(config, EINVAL, "subsystem " A ": model has a character that is not "
		       "printable ASCII at place 2; it must be at most 40 printable ASCII "
		       "characters");

	config = small();
	config->subsystems[0].allow_any_host = true;
	config_allow_host(config, &config->subsystems[0], B);
	expect_refusal(config, EINVAL, "subsystem " A ": allow_any_host is 1 and allowed_hosts "
		       "lists 1 host; either set it to 0 or empty the list");
}

static void namespaces(void **state)
{
	struct config *config = small();
	struct config_namespace *ns;

	config_add_namespace(&config->subsystems[0], 1);
	expect_refusal(config, EEXIST, "subsystem " A ", namespace 1: nsid 1 is used twice; each "
		       "namespace of a subsystem must have its own");

	config = small();
	config_add_namespace(&config->subsystems[0], 65537);
	expect_refusal(config, ERANGE, "subsystem " A ", namespace 65537: nsid is 65537; it must "
		       "be in 1..65536");

	config = small();
	config->subsystems[0].namespaces[0].ana_grpid = 129;
	expect_refusal(config, ERANGE, "subsystem " A ", namespace 1: ana_grpid is \"129\"; "
		       "it must be an ANA group in 1..128");

	config = small();
	config->subsystems[0].namespaces[0].block_size = 1024;
	expect_refusal(config, EINVAL, "subsystem " A ", namespace 1: block_size is \"1024\"; "
		       "it must be 512 or 4096");

	config = small();
	config_set_option(config->subsystems[0].namespaces, "block_size", "512");
	expect_refusal(config, EINVAL, "subsystem " A ", namespace 1: block_size is the "
		       "namespace's own, not an option of its backend; set it there");

	config = small();
	ns = config_add_namespace(config_add_subsystem(config, B), 5);
	memset(ns->eui64, 0x5a, 8);
	memset(config->subsystems[0].namespaces[0].eui64, 0x5a, 8);
	expect_refusal(config, EEXIST, "subsystem " B ", namespace 5: eui64 5a5a5a5a5a5a5a5a is "
		       "also that of namespace 1 of " A "; each namespace must have its own");
}

static void same_bytes_of_another_kind(void **state)
{
	struct config *config = small();
	struct config_namespace *ns = config->subsystems[0].namespaces;

	/* A UUID and an NGUID of one namespace may well be equal. */
	memset(ns->uuid, 0x11, 16);
	memset(ns->nguid, 0x11, 16);
	assert_int_equal(config_validate(config, NULL), 0);
	config_free(config);
}

static void ports(void **state)
{
	struct config *config = small();
	struct config_port *port = config_add_port(config, 0);

	TEXT_SET(port->addr.traddr, "192.0.2.1");
	expect_refusal(config, ERANGE, "port 0: portid is 0; it must be in 1..65535");

	config = small();
	port = config_add_port(config, 2);
	TEXT_SET(port->addr.traddr, "192.0.2.1");
	expect_refusal(config, EEXIST, "port 2: address 192.0.2.1, TCP port 4420 is also that of "
		       "port 1; each port must have its own");

	config = small();
	config_link(&config->ports[0], B);
	expect_refusal(config, ENOENT, "port 1: subsystem " B " does not exist; add it or remove "
		       "it from this port");

	config = small();
	config->ports[0].discovery = true;
	expect_refusal(config, EINVAL, "port 1: it only answers discovery, but 1 subsystem is "
		       "linked to it; unlink them or set discovery to false");

	config = small();
	config->ports[0].inline_data_size = 5000;
	expect_refusal(config, EINVAL, "port 1: inline_data_size is \"5000\"; it must be bytes in "
		       "1024..262144, a multiple of 16, such as 16384");

	config = small();
	config->ports[0].mdts = 10;
	expect_refusal(config, ERANGE, "port 1: mdts is \"10\"; it must be a power of two of 4 KiB "
		       "in 1..9 (9 is 2 MiB), or 0 for the most there is");

	config = small();
	config_set_ana_group(&config->ports[0], 129, NVME_ANA_OPTIMIZED);
	expect_refusal(config, ERANGE, "port 1: ANA group 129; its grpid must be in 1..128");

	config = small();
	config_set_ana_group(&config->ports[0], 1, 7);
	expect_refusal(config, EINVAL, "port 1: state is \"7\"; it must be optimized, "
		       "non-optimized, inaccessible, persistent-loss or change");
}

static void one_address_in_two_spellings(void **state)
{
	struct config *config = config_new();

	TEXT_SET(config_add_port(config, 1)->addr.traddr, "2001:db8:0::1");
	TEXT_SET(config_add_port(config, 2)->addr.traddr, "2001:DB8::1");
	expect_refusal(config, EEXIST, "port 2: address 2001:DB8::1, TCP port 4420 is also that of "
		       "port 1; each port must have its own");

	/* Another scope is another address, and so is another TCP port. */
	config = config_new();
	TEXT_SET(config_add_port(config, 1)->addr.traddr, "fe80::1%eth0");
	TEXT_SET(config_add_port(config, 2)->addr.traddr, "fe80::1%eth1");
	TEXT_SET(config_add_port(config, 3)->addr.traddr, "fe80::1%eth1");
	config->ports[2].addr.trsvcid = 4421;
	assert_int_equal(config_validate(config, NULL), 0);
	config_free(config);
}

static void one_name_twice(void **state)
{
	struct config *config = config_new();

	TEXT_SET(config_add_port(config, 1)->addr.traddr, "eth0");
	TEXT_SET(config_add_port(config, 2)->addr.traddr, "eth0");
	expect_refusal(config, EEXIST, "port 2: address eth0, TCP port 4420 is also that of port "
		       "1; each port must have its own");

	/* one for each family */
	config = config_new();
	TEXT_SET(config_add_port(config, 1)->addr.traddr, "eth0");
	TEXT_SET(config->ports[0].addr.adrfam, "ipv4");
	TEXT_SET(config_add_port(config, 2)->addr.traddr, "eth0");
	TEXT_SET(config->ports[1].addr.adrfam, "ipv6");
	assert_int_equal(config_validate(config, NULL), 0);
	config_free(config);
}

/* A port beside the address is the TCP port, in whichever way it is written. */
static void an_address_with_a_port(void **state)
{
	static const struct {
		const char *traddr, *host, *adrfam; /* adrfam "": both */
		uint16_t before, port;
	} table[] = {
		{ "192.0.2.1:8009", "192.0.2.1", "ipv4", CONFIG_TRSVCID_DEFAULT, 8009 },
		{ "192.0.2.1:8009", "192.0.2.1", "ipv4", 8009, 8009 },
		{ "[2001:db8::1]:8009", "2001:db8::1", "ipv6", CONFIG_TRSVCID_DEFAULT, 8009 },
		{ "[fe80::1%eth0]", "fe80::1%eth0", "ipv6", 8009, 8009 },
		{ "::", "::", "ipv6", 8009, 8009 },
		{ "*:8009", "*", "", CONFIG_TRSVCID_DEFAULT, 8009 },
		{ "box-7.example", "box-7.example", "", CONFIG_TRSVCID_DEFAULT, 4420 },
		{ "eth0:8009", "eth0", "", CONFIG_TRSVCID_DEFAULT, 8009 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct config *config = config_new();
		struct address_settings *addr = &config_add_port(config, 1)->addr;

		TEXT_SET(addr->traddr, table[i].traddr);
		addr->trsvcid = table[i].before;
		assert_int_equal(config_validate(config, NULL), 0);
		assert_string_equal(addr->traddr, table[i].host);
		assert_string_equal(addr->adrfam, table[i].adrfam);
		assert_int_equal(addr->trsvcid, table[i].port);
		config_free(config);
	}
}

static void wildcards(void **state)
{
	static const struct {
		char traddr[16];
		bool is_wildcard;
	} table[] = {
		{ "0.0.0.0", true }, { "::", true }, { "0:0::0", true },
		{ "*", true }, { "::1", false }, { "10.0.0.0", false }, { "::%eth0", false },
		{ "eth0", false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct address_settings addr = { 0 };

		TEXT_SET(addr.traddr, table[i].traddr);
		assert_int_equal(config_is_wildcard(&addr), table[i].is_wildcard);
	}
}

/* ---- referrals that lead in a circle ---- */

static void refer(struct config *config, uint16_t portid, const char *name, const char *traddr)
{
	struct config_port *port = config_find_port(config, portid);
	struct config_referral *referral = config_add_referral(port, name);

	TEXT_SET(referral->addr.traddr, traddr);
	referral->enable = true;
}

/* Ports 1 to count, at 192.0.2.1 and so on. */
static struct config *row_of_ports(uint16_t count)
{
	struct config *config = config_new();
	char traddr[32];

	for (uint16_t portid = 1; portid <= count; portid++) {
		snprintf(traddr, sizeof(traddr), "192.0.2.%u", portid);
		TEXT_SET(config_add_port(config, portid)->addr.traddr, traddr);
	}
	return config;
}

/* Validates twice, as what is read and then runs is; frees. */
static void expect_warnings(struct config *config, size_t count, const char *first)
{
	assert_int_equal(config_validate(config, NULL), 0);
	assert_int_equal(config_validate(config, NULL), 0);
	if (config->warning_count != count)
		fail_msg("%zu warnings, the first: %s", config->warning_count,
			 config->warning_count ? config->warnings[0] : "none");
	if (first)
		assert_string_equal(config->warnings[0], first);
	config_free(config);
}

static void referrals_in_a_circle(void **state)
{
	struct config *config = row_of_ports(2);

	refer(config, 1, "self", "192.0.2.1");
	expect_warnings(config, 1, "port 1, referral self: 192.0.2.1, TCP port 4420, is this port "
			"itself: hosts that follow it learn nothing new, and some follow it for "
			"ever; remove it");

	config = row_of_ports(2);
	refer(config, 1, "there", "192.0.2.2");
	refer(config, 2, "back", "192.0.2.1");
	expect_warnings(config, 1, "port 1, referral there: hosts that follow it are led back to "
			"this port (referral back of port 2, referral there of port 1), and some "
			"go round for ever; remove one of these");

	config = row_of_ports(4);
	refer(config, 2, "a", "192.0.2.4");
	refer(config, 4, "b", "192.0.2.3");
	refer(config, 3, "c", "192.0.2.2");
	refer(config, 1, "to the others", "192.0.2.3");
	expect_warnings(config, 1, "port 2, referral a: hosts that follow it are led back to this "
			"port (referral c of port 3, referral b of port 4, referral a of port 2), "
			"and some go round for ever; remove one of these");
}

static void referrals_in_no_circle(void **state)
{
	struct config *config = row_of_ports(3);

	refer(config, 1, "next", "192.0.2.2");
	refer(config, 2, "last", "192.0.2.3");
	refer(config, 1, "last", "192.0.2.3");
	refer(config, 3, "elsewhere", "192.0.2.9");
	expect_warnings(config, 0, NULL);

	/* what is not enabled is not in the log; another TCP port is another service */
	config = row_of_ports(1);
	refer(config, 1, "off", "192.0.2.1");
	config->ports[0].referrals[0].enable = false;
	refer(config, 1, "other", "192.0.2.1");
	config->ports[0].referrals[1].addr.trsvcid = 8009;
	expect_warnings(config, 0, NULL);
}

/* A port that listens everywhere is meant by each address of this machine, of its family. */
static void referral_to_a_wildcard(void **state)
{
	struct config *config = config_new();

	TEXT_SET(config_add_port(config, 1)->addr.traddr, "0.0.0.0");
	refer(config, 1, "v4", "127.0.0.5");
	refer(config, 1, "v6", "::1");
	refer(config, 1, "other machine", "192.0.2.77");
	expect_warnings(config, 1, "port 1, referral v4: 127.0.0.5, TCP port 4420, is this port "
			"itself: hosts that follow it learn nothing new, and some follow it for "
			"ever; remove it");
}

/* ---- backends ---- */

static const struct weft_option some_options[] = {
	{ .name = "path", .type = WEFT_OPTION_PATH, .required = true },
	{ .name = "block_size", .type = WEFT_OPTION_NUMBER },
	{ .name = "read_only", .type = WEFT_OPTION_BOOL },
	{ .name = NULL },
};
static const struct weft_backend file = { .name = "file", .options = some_options };

struct weft_params {
	char text[200];
};

static const struct weft_backend *find(const char *name)
{
	return strcmp(name, "file") ? NULL : &file;
}

static int unknown(const char *name, struct weft_error *error)
{
	return weft_error_set(error, ENOENT, "no backend %s", name);
}

static struct weft_params *params_new(const struct weft_backend *backend)
{
	return calloc(1, sizeof(struct weft_params));
}

static int params_set(struct weft_params *params, const char *name, const char *value,
		      struct weft_error *error)
{
	if (!strcmp(name, "wrong"))
		return weft_error_set(error, EINVAL, "wrong");
	strcat(params->text, name);
	strcat(params->text, "=");
	strcat(params->text, value);
	strcat(params->text, " ");
	return 0;
}

static int params_check(const struct weft_params *params, struct weft_error *error)
{
	return strstr(params->text, "path=") ? 0 : weft_error_set(error, EINVAL, "no path");
}

static void params_free(struct weft_params *params)
{
	free(params);
}

static const struct config_backends backends = {
	.find = find,
	.unknown = unknown,
	.params_new = params_new,
	.params_set = params_set,
	.params_check = params_check,
	.params_free = params_free,
};

static void expect_backend_refusal(struct config *config, const char *text)
{
	struct weft_error error = { 0 };

	assert_true(config_validate_backends(config, &backends, &error) < 0);
	assert_string_equal(error.text, text);
}

static void backend_options(void **state)
{
	struct config *config = small();
	struct config_namespace *ns = config->subsystems[0].namespaces;
	const struct weft_backend *backend = NULL;
	struct weft_params *params = NULL;

	ns->read_only = true;
	ns->block_size = 4096;
	assert_int_equal(config_validate_backends(config, &backends, NULL), 0);
	assert_int_equal(config_namespace_params(ns, &backends, &backend, &params, NULL), 0);
	assert_ptr_equal(backend, &file);
	assert_string_equal(params->text, "path=/disk block_size=4096 read_only=true ");
	params_free(params);

	config_set_option(ns, "wrong", "1");
	expect_backend_refusal(config, "subsystem " A ", namespace 1: wrong");
	config_set_option(ns, "wrong", NULL);
	config_set_option(ns, "path", NULL);
	expect_backend_refusal(config, "subsystem " A ", namespace 1: no path");
	ns->enable = false;
	assert_int_equal(config_validate_backends(config, &backends, NULL), 0);
	TEXT_SET(ns->backend, "none");
	expect_backend_refusal(config, "subsystem " A ", namespace 1: no backend none");
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_in),
		cmocka_unit_test(identities_differ),
		cmocka_unit_test(zeroes_are_no_identity),
		cmocka_unit_test(versions_before_fabrics),
		cmocka_unit_test(subsystems),
		cmocka_unit_test(namespaces),
		cmocka_unit_test(same_bytes_of_another_kind),
		cmocka_unit_test(ports),
		cmocka_unit_test(one_address_in_two_spellings),
		cmocka_unit_test(one_name_twice),
		cmocka_unit_test(an_address_with_a_port),
		cmocka_unit_test(wildcards),
		cmocka_unit_test(referrals_in_a_circle),
		cmocka_unit_test(referrals_in_no_circle),
		cmocka_unit_test(referral_to_a_wildcard),
		cmocka_unit_test(backend_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
