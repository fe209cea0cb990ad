/* SPDX-License-Identifier: BSD-3-Clause */
/* Wrong files: each is refused with its name, the line, what is wrong and what would be right. */
#include <stdio.h>

#include "config_rig.h"

#define A "nqn.2014-08.io.weft:a"
#define SUB_HEAD "{\"subsystems\": [\n{\"nqn\": \"" A "\",\n"
#define SUB(line3) SUB_HEAD line3 "}]}"
#define NS(line4) SUB_HEAD "\"namespaces\": [{\n" line4 "}]}]}"
#define PORT_HEAD "{\"ports\": [\n{\"portid\": 1, \"addr\": {\"traddr\": \"192.0.2.1\",\n"
#define ADDR(line3) PORT_HEAD line3 "}}]}"
#define PORT(line3) "{\"ports\": [\n{\"portid\": 1, \"addr\": {\"traddr\": \"::\"},\n" line3 "}]}"

struct wrong {
	const char *text, *message;
};

static const struct wrong wrongs[] = {
	/* JSON itself */
	{ "", "t:1: it is not valid JSON: '[' or '{' expected near end of file" },
	{ "[]", "t:1: a configuration must be a JSON object: { ... }" },
	/* what may be a key is not shown */
	{ "{\"hosts\": [{\"dhchap_key\" \"DHHC-1:00:x:\"}]}",
	  "t:1: it is not valid JSON: ':' expected" },
	{ "{\"hosts\": [{\"dhchap_key\": \"DHHC-1:00:x:",
	  "t:1: it is not valid JSON: premature end of input" },
	{ "{\"hosts\": [{\"dhchap_key\": DHHC-1:00:x:}]}",
	  "t:1: it is not valid JSON: invalid token" },
	{ "{\n\"hosts\": [\n{]}\n", "t:3: it is not valid JSON: string or '}' expected near ']'" },
	{ "{\"hosts\": [],\n\"hosts\": []}",
	  "t:2: it is not valid JSON: duplicate object key near '\"hosts\"'" },
	{ "{\n\"a\": [[[[[[[[[[[[[[[[[[[[[[[[\n]]]]]]]]]]]]]]]]]]]]]]]]}",
	  "t:2: objects and arrays are nested deeper than 24; no configuration needs that" },

	/* what is no JSON, although it looks like it */
	{ "\xef\xbb\xbf{}", "t:1:1: there is a byte order mark, which JSON does not have; save the "
	  "file as UTF-8 without it" },
	{ "\xff\xfe{", "t:1:1: this is UTF-16, by its byte order mark; save the file as UTF-8 "
	  "without one" },
	{ "{\n\"hosts\": [],\n    // the ports\n\"ports\": []}",
	  "t:3:5: JSON has no comments; remove \"// ...\"" },
	{ "{\"hosts\": []} // \u00fcber",
	  "t:1:15: JSON has no comments; remove \"// ...\"" },
	{ "{\"h\xc3\xbcst\": 5// x\n}", "t:1:11: JSON has no comments; remove \"// ...\"" },
	{ "# all\n{}", "t:1:1: JSON has no comments; remove \"# ...\"" },
	{ "{\"a\":\n\ttrue# yes\n}", "t:2:6: JSON has no comments; remove \"# ...\"" },
	{ "{\"hosts\": [], /* none */ \"ports\": []}",
	  "t:1:15: JSON has no comments; remove \"/* ... */\"" },
	{ "{\"hosts\": [\n{\"nqn\": \"" A "\"},\n]}",
	  "t:2:33: JSON has no comma after the last value; remove it" },
	{ "{\"hosts\": [],\n\n}",
	  "t:1:13: JSON has no comma after the last member; remove it" },
	{ "{\"a\": 1,\n// x\n}", "t:2:1: JSON has no comments; remove \"// ...\"" },
	{ "{\"a\": / 1}", "t:1: it is not valid JSON: invalid token near '/'" },

	/* types */
	{ "{\n\"subsystems\": 5}", "t:2: subsystems: it is a number; it must be an array: [ ... "
	  "]" },
	{ "{\"hosts\":\n{}}", "t:1: hosts: it is an object; it must be an array: [ ... ]" },
	{ "{\"subsystems\": [\nnull]}",
	  "t:2: subsystems[0]: it is null; it must be an object: { ... }" },
	{ SUB("\"attr\": []"),
	  "t:3: subsystems[0].attr: it is an array; it must be an object: { ... }" },
	{ SUB("\"attr\": {\n\"serial\": {}}"),
	  "t:4: subsystems[0].attr.serial: serial is an object; it must be at most 20 "
	  "printable ASCII characters" },
	{ NS("\"nsid\": 1.5"),
	  "t:4: subsystems[0].namespaces[0].nsid: it is a number that is not whole; it must be a "
	  "string, a whole number or a boolean" },
	{ NS("\"nsid\": true"),
	  "t:4: subsystems[0].namespaces[0].nsid: it is \"a boolean\"; it must be a whole number "
	  "in 1..65536" },

	/* hosts */
	{ "{\"hosts\": [{\n\"x\": 1}]}", "t:1: hosts[0]: nqn is missing" },
	{ "{\"hosts\": [{\n\"nqn\": \"a b\"}]}",
	  "t:2: hosts[0].nqn: NQN \"a b\" has white space; use none" },
	{ "{\"hosts\": [{\n\"nqn\": 5}]}", "t:2: hosts[0].nqn: it is a number; it must be a "
	  "string" },
	{ "{\"hosts\": [{\"nqn\": \"" A "\",\n\"dhchap_key\": \"DHHC-1:00:x:\"}]}",
	  "t:2: hosts[0].dhchap_key: this weft cannot authenticate hosts yet; remove it to let the "
	  "host in by its NQN alone" },

	/* subsystems */
	{ "{\"subsystems\": [\n{}]}", "t:2: subsystems[0]: nqn is missing" },
	{ "{\"subsystems\": [{\"nqn\": \"" A "\"},\n{\"nqn\": \"" A "\"}]}",
	  "t:2: subsystems[1]: NQN " A " is used twice; each subsystem must have its own" },
	{ "{\"subsystems\": [{\n\"nqn\": \"nqn.2014-08.org.nvmexpress.discovery\"}]}",
	  "t:1: subsystem nqn.2014-08.org.nvmexpress.discovery: this is the discovery service's "
	  "NQN, which every port has; the subsystem must have another" },
	{ SUB("\"attr\": {\n\"allow_any_host\": \"maybe\"}"),
	  "t:4: subsystems[0].attr.allow_any_host: allow_any_host is \"maybe\"; it must be 0 or "
	  "1" },
	{ SUB("\"attr\": {\n\"serial\": \"123456789012345678901\"}"),
	  "t:4: subsystems[0].attr.serial: serial has 21 characters (\"123456789012345678901\"); "
	  "it must be at most 20 printable ASCII characters" },
	{ SUB("\"attr\": {\n\"model\": \"caf\\u00e9\"}"),
	  "t:4: subsystems[0].attr.model: model has a character that is not printable ASCII at "
	  "place 4; it must be at most 40 printable ASCII characters" },
	{ SUB("\"attr\": {\"model\": \"m\",\n\"firmware\": \"123456789\"}"),
	  "t:4: subsystems[0].attr.firmware: firmware has 9 characters (\"123456789\"); it must be "
	  "at most 8 printable ASCII characters" },
	{ SUB("\"attr\": {\n\"qid_max\": true}"),
	  "t:4: subsystems[0].attr.qid_max: qid_max is a boolean; it must be a number of I/O "
	  "queues in 1..128" },
	{ SUB("\"attr\": {\n\"version\": \"2\"}"),
	  "t:4: subsystems[0].attr.version: version is \"2\"; it must be a version of NVMe as "
	  "MAJOR.MINOR or MAJOR.MINOR.TERTIARY, at most 2.1" },
	{ SUB("\"attr\": {\n\"version\": \"2.2\"}"),
	  "t:4: subsystems[0].attr.version: version is \"2.2\"; it must be a version of NVMe as "
	  "MAJOR.MINOR or MAJOR.MINOR.TERTIARY, at most 2.1" },
	{ SUB("\"attr\": {\n\"cntlid_min\": 0}"),
	  "t:4: subsystems[0].attr.cntlid_min: cntlid_min is \"0\"; it must be a controller ID in "
	  "1..65519" },
	{ SUB("\"attr\": {\"cntlid_min\": 5,\n\"cntlid_max\": 4}"),
	  "t:2: subsystem " A ": cntlid_min is 5 and cntlid_max is 4; the first must not be above "
	  "the second" },
	{ SUB("\"attr\": {\n\"ieee_oui\": \"0x1000000\"}"),
	  "t:4: subsystems[0].attr.ieee_oui: ieee_oui is \"0x1000000\"; it must be three bytes in "
	  "hexadecimal, such as 0x001b21" },
	{ SUB("\"attr\": {\"allow_any_host\": 1},\n\"allowed_hosts\": [\"" A "\"]"),
	  "t:2: subsystem " A ": allow_any_host is 1 and allowed_hosts lists 1 host; either set it "
	  "to 0 or empty the list" },
	{ SUB("\"allowed_hosts\": [\n\"\"]"),
	  "t:4: subsystems[0].allowed_hosts[0]: NQN \"\" is empty; it must have 1 to 223 bytes" },

	/* namespaces */
	{ NS("\"nsid\": 0"), "t:4: subsystems[0].namespaces[0].nsid: it is \"0\"; it must be a "
	  "whole number in 1..65536" },
	{ NS("\"nsid\": 3}, {\n\"nsid\": \"3\""),
	  "t:4: subsystems[0].namespaces[1]: nsid 3 is used twice; each namespace of a subsystem "
	  "must have its own" },
	{ NS("\"device\": \"/dev/sdb\""),
	  "t:4: subsystems[0].namespaces[0].device: it is a string; it must be an object: { ... "
	  "}" },
	{ NS("\"device\": {\n\"path\": 7}"),
	  "t:5: subsystems[0].namespaces[0].device.path: it must be a string with a path, "
	  "such as \"/dev/sdb\"" },
	{ NS("\"device\": {\n\"uuid\": \"93ae5077\"}"),
	  "t:5: subsystems[0].namespaces[0].device.uuid: uuid is \"93ae5077\"; it must be 32 "
	  "hexadecimal digits, such as 1b4e28ba-2fa1-41d2-883f-0016d3cca427" },
	{ NS("\"weft\": {\n\"eui64\": \"x\"}"),
	  "t:5: subsystems[0].namespaces[0].weft.eui64: eui64 is \"x\"; it must be 16 hexadecimal "
	  "digits, such as 001b21fffe5e2c90" },
	{ NS("\"ana_grpid\": 129"),
	  "t:4: subsystems[0].namespaces[0].ana_grpid: ana_grpid is \"129\"; it must be an "
	  "ANA group in 1..128" },
	{ NS("\"enable\": 2"),
	  "t:4: subsystems[0].namespaces[0].enable: enable is \"2\"; it must be true or false" },
	{ NS("\"weft\": {\n\"block_size\": 1024}"),
	  "t:5: subsystems[0].namespaces[0].weft.block_size: block_size is \"1024\"; it must be "
	  "512 or 4096" },
	{ NS("\"weft\": {\"a\": {\"b\": {\"c\": {\"d\": {\"e\": "
	     "{\"f\": {\"g\": {\"h\":\n{\"i\": {}}}}}}}}}}"),
	  "t:5: subsystems[0].namespaces[0].weft.a.b.c.d.e.f.g.h.i: objects are nested too deep; "
	  "there may be 8 in each other" },
	{ NS("\"weft\": {\"child\": {\n\"path\": []}}"),
	  "t:5: subsystems[0].namespaces[0].weft.child.path: it is an array; it must be a string, "
	  "a whole number or a boolean" },
	{ NS("\"weft\": {\n\"backend\": \"\"}"),
	  "t:5: subsystems[0].namespaces[0].weft.backend: backend is \"\"; it must be a backend's "
	  "name, such as "
	  "\"file\"" },
	{ NS("\"nsid\": 1, \"device\": {\"uuid\": \"11111111111111111111111111111111\"}}, {\n"
	     "\"nsid\": 2, \"device\": {\"uuid\": \"11111111-1111-1111-1111-111111111111\"}"),
	  "t:4: subsystem " A ", namespace 2: uuid 11111111111111111111111111111111 is also that "
	  "of namespace 1 of " A "; each namespace must have its own" },

	/* ports */
	{ "{\"ports\": [\n{\"addr\": {}}]}",
	  "t:2: ports[0]: portid is missing; it must be a number in 1..65535" },
	{ "{\"ports\": [{\n\"portid\": 65536}]}",
	  "t:2: ports[0].portid: it is \"65536\"; it must be a whole number in 1..65535" },
	{ "{\"ports\": [\n{\"portid\": 1}]}",
	  "t:2: ports[0]: addr is missing; it must be an object with traddr and trsvcid" },
	{ "{\"ports\": [{\"portid\": 1,\n\"addr\": {}}]}",
	  "t:2: ports[0].addr: traddr is missing; it must be an address, such as 192.0.2.1 or "
	  "2001:db8::1, a name, or * for all" },
	{ "{\"ports\": [{\"portid\": 1, \"addr\": {\n\"traddr\": \"192.0.2.256\"}}]}",
	  "t:2: ports[0].addr.traddr: traddr is \"192.0.2.256\"; it must be a numeric address, "
	  "such as 192.0.2.1 or 2001:db8::1, or the name of a host or an interface, or * for all" },
	{ "{\"ports\": [{\"portid\": 1, \"addr\": {\n\"traddr\": \"2001::db8::1\"}}]}",
	  "t:2: ports[0].addr.traddr: traddr is \"2001::db8::1\"; it must be a numeric address, "
	  "such as 192.0.2.1 or 2001:db8::1, or the name of a host or an interface, or * for all" },
	{ "{\"ports\": [{\"portid\": 1, \"addr\": {\n\"traddr\": \"my box\"}}]}",
	  "t:2: ports[0].addr.traddr: traddr is \"my box\"; it must be a numeric address, such "
	  "as 192.0.2.1 or 2001:db8::1, or the name of a host or an interface, or * for all" },
	{ "{\"ports\": [{\"portid\": 1, \"addr\": {\"traddr\": \"box\",\n\"adrfam\": \"ib\"}}]}",
	  "t:2: ports[0].addr.adrfam: adrfam is \"ib\"; it must be ipv4 or ipv6" },
	{ "{\"ports\": [{\"portid\": 1, \"addr\": {\n\"traddr\": \"[::1\"}}]}",
	  "t:2: ports[0].addr.traddr: \"[::1\" is no address; it must be ADDRESS, ADDRESS:PORT or "
	  "[ADDRESS]:PORT" },
	{ "{\"ports\": [{\"portid\": 1, \"addr\": {\n\"traddr\": \"192.0.2.1:0\"}}]}",
	  "t:2: ports[0].addr.traddr: \"192.0.2.1:0\" ends in the port \"0\"; it must be a TCP "
	  "port in 1..65535" },
	{ "{\"ports\": [{\"portid\": 1, \"addr\": {\"trsvcid\": 8009,\n\"traddr\": "
	  "\"[::1]:4420\"}}]}",
	  "t:2: ports[0].addr.traddr: traddr \"[::1]:4420\" has a TCP port, but trsvcid is 8009; "
	  "one of them must go" },
	{ ADDR("\"adrfam\": \"ipv6\""),
	  "t:3: ports[0].addr.adrfam: adrfam is ipv6, but traddr \"192.0.2.1\" is an ipv4 address; "
	  "one of them must change" },
	{ ADDR("\"adrfam\": \"ib\""),
	  "t:3: ports[0].addr.adrfam: adrfam is \"ib\"; it must be ipv4 or ipv6" },
	{ ADDR("\"trtype\": \"rdma\""),
	  "t:3: ports[0].addr.trtype: trtype is \"rdma\", which this weft has no transport for; it "
	  "must be tcp" },
	{ ADDR("\"trtype\": \"carrier-pigeon\""),
	  "t:3: ports[0].addr.trtype: trtype is \"carrier-pigeon\"; it must be tcp" },
	{ ADDR("\"trsvcid\": \"70000\""),
	  "t:3: ports[0].addr.trsvcid: trsvcid is \"70000\"; it must be a TCP port in 1..65535, "
	  "such as 4420" },
	{ ADDR("\"tsas\": \"tls1.3\""),
	  "t:3: ports[0].addr.tsas: tsas is tls1.3, but this weft cannot encrypt yet; it must be "
	  "none" },
	{ ADDR("\"treq\": \"required\""),
	  "t:3: ports[0].addr.treq: treq is required, but this weft cannot encrypt yet; it must be "
	  "\"not specified\"" },
	{ ADDR("\"treq\": \"sometimes\""),
	  "t:3: ports[0].addr.treq: treq is \"sometimes\"; it must be \"not specified\", "
	  "\"required\" or \"not required\"" },
	{ PORT("\"param\": {\n\"inline_data_size\": 512}"),
	  "t:4: ports[0].param.inline_data_size: inline_data_size is \"512\"; it must be bytes in "
	  "1024..262144, a multiple of 16, such as 16384" },
	{ PORT("\"param\": {\n\"max_queue_size\": \"8\"}"),
	  "t:4: ports[0].param.max_queue_size: max_queue_size is \"8\"; it must be commands in "
	  "16..1024, such as 128" },
	{ PORT("\"subsystems\": [\n\"" A "\"]"),
	  "t:4: ports[0].subsystems[0]: subsystem " A " does not exist; add it to subsystems or "
	  "remove it here" },
	{ PORT("\"ana_groups\": [\n{\"ana\": {}}]"), "t:4: ports[0].ana_groups[0]: grpid is "
	  "missing" },
	{ PORT("\"ana_groups\": [{\"grpid\": 2},\n{\"grpid\": 2}]"),
	  "t:4: ports[0].ana_groups[1].grpid: ANA group 2 is there twice; each must have a grpid "
	  "of its own" },
	{ PORT("\"ana_groups\": [{\"grpid\": 2, \"ana\": {\n\"state\": \"fine\"}}]"),
	  "t:4: ports[0].ana_groups[0].ana.state: state is \"fine\"; it must be optimized, "
	  "non-optimized, inaccessible, persistent-loss or change" },
	{ PORT("\"referrals\": [\n{\"addr\": {}}]"),
	  "t:4: ports[0].referrals[0]: name is missing; it must be a string" },
	{ PORT("\"referrals\": [{\"name\": \"r\",\n\"addr\": {}}]"),
	  "t:4: ports[0].referrals[0].addr: traddr is missing; it must be an address, such as "
	  "192.0.2.1 or 2001:db8::1, a name, or * for all" },
	{ PORT("\"referrals\": [{\"name\": \"r\", \"addr\": {\n\"traddr\": \"*\"}}]"),
	  "t:4: ports[0].referrals[0].addr.traddr: traddr is \"*\", which hosts cannot connect to; "
	  "it must be one address or the name of a host" },
	{ PORT("\"weft\": {\n\"discovery\": \"x\"}"),
	  "t:4: ports[0].weft.discovery: discovery is \"x\"; it must be true or false" },
	{ "{\"ports\": [{\"portid\": 1, \"addr\": {\"traddr\": \"::\"}},\n"
	  "{\"portid\": 1, \"addr\": {\"traddr\": \"::1\"}}]}",
	  "t:2: ports[1]: port 1 is there twice; each port must have a portid of its own" },
	{ "{\"ports\": [{\"portid\": 1, \"addr\": {\"traddr\": \"::\"}},\n"
	  "{\"portid\": 2, \"addr\": {\"traddr\": \"::0\"}}]}",
	  "t:2: port 2: address ::0, TCP port 4420 is also that of port 1; each port must have its "
	  "own" },

	/* the documented form of OMV */
	{ "{\"ports\": {\n\"one\": {}}}",
	  "t:2: ports.one: the port's name is \"one\"; it must be its number in 1..65535" },
	{ "{\"ports\": {\"1\": {\n\"addr_traddr\": \"1.2.3\"}}}",
	  "t:2: ports.1.addr_traddr: traddr is \"1.2.3\"; it must be a numeric address, such as "
	  "192.0.2.1 or 2001:db8::1, or the name of a host or an interface, or * for all" },
	{ "{\"ports\": {\n\"1\": {}}}",
	  "t:2: ports.1: traddr is missing; it must be an address, such as 192.0.2.1 or "
	  "2001:db8::1, a name, or * for all" },
	{ "{\"ports\": {}, \"subsystems\": {\n\"a b\": {}}}",
	  "t:2: subsystems.a b: NQN \"a b\" has white space; use none" },
	{ "{\"subsystems\": {\"" A "\": {\"namespaces\": [{\n\"device\": 7}]}}}",
	  "t:2: subsystems." A ".namespaces[0].device: it must be a string with a path, such as "
	  "\"/dev/sdb\"" },
	{ "{\"associations\": {\n}}",
	  "t:1: associations: it is an object; it must be an array: [ ... ]" },
	{ "{\"associations\": [\n[1]]}",
	  "t:2: associations[0]: it must be a pair: [ \"1\", \"nqn...\" ]" },
	{ "{\"associations\": [\n[\"4\",\n\"" A "\"]]}",
	  "t:2: associations[0][0]: port 4 does not exist; add it to ports or remove it here" },
	{ "{\"ports\": {\"4\": {\"addr_traddr\": \"::\"}},"
	  "\"associations\": [\n[\"4\",\n\"" A "\"]]}",
	  "t:3: associations[0][1]: subsystem " A " does not exist; add it to subsystems or remove "
	  "it here" },

	/* weft's own */
	{ "{\"weft\": {\n\"discovery_nqn\": \"\"}}",
	  "t:2: weft.discovery_nqn: NQN \"\" is empty; it must have 1 to 223 bytes" },
};

static void wrong_files(void **state)
{
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const struct wrong *wrong = &wrongs[i];
		struct config *config = NULL;
		struct weft_error error = { 0 };
		int r = config_parse(wrong->text, strlen(wrong->text), "t", &config, &error);

		if (!r)
			fail_msg("accepted: %s", wrong->text);
		assert_string_equal(error.text, wrong->message);
		assert_int_equal(error.code, -r);
		assert_null(config);
	}
}

static void too_large(void **state)
{
	size_t length = CONFIG_TEXT_MAX + 1;
	char *text = malloc(length);
	struct config *config = NULL;
	struct weft_error error = { 0 };

	memset(text, ' ', length);
	assert_true(config_parse(text, length, "t", &config, &error) < 0);
	assert_string_equal(error.text, "t: the file is larger than 8 MiB");
	free(text);
}

static void no_error_wanted(void **state)
{
	struct config *config = NULL;

	assert_true(config_parse("{\"subsystems\": 1}", 17, "t", &config, NULL) < 0);
}

/* jansson takes a zero byte after a word for nothing. */
static void zero_bytes(void **state)
{
	static const char text[] = "{\n\"a\": true\0, \"hosts\": []}";
	struct config *config = NULL;
	struct weft_error error = { 0 };

	assert_true(config_parse(text, sizeof(text) - 1, "t", &config, &error) < 0);
	assert_string_equal(error.text, "t:2: it is not valid JSON: there is a zero byte");
	assert_true(config_parse("\0{}", 3, "t", &config, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_files),
		cmocka_unit_test(too_large),
		cmocka_unit_test(no_error_wanted),
		cmocka_unit_test(zero_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
