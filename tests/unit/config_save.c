/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing: what comes out, that it comes back equal, and how the file is replaced. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_rig.h"

#define A "nqn.2014-08.io.weft:a"
#define H "nqn.2014-08.io.weft:host"

static const char everything[] =
	"{\"hosts\": [{\"nqn\": \"" H "\"}, {\"nqn\": \"" H "2\"}],"
	"\"ports\": [{\"portid\": 9, \"addr\": {\"adrfam\": \"ipv6\","
	"\"traddr\": \"fe80::1%eth0\", \"treq\": \"not required\", \"trsvcid\": 4421,"
	"\"trtype\": \"tcp\", \"tsas\": \"none\"}, \"param\": {\"max_queue_size\": 64, \"mdts\": 5,"
	"\"inline_data_size\": 8192, \"pi_enable\": 1}, \"subsystems\": [\"" A "\"],"
	"\"ana_groups\": [{\"grpid\": 1, \"ana\": {\"state\": \"non-optimized\"}},"
	"{\"grpid\": 3, \"ana\": {\"state\": \"change\"}}], \"referrals\": ["
	"{\"name\": \"r\", \"enable\": 1, \"addr\": {\"traddr\": \"192.0.2.9\","
	"\"trsvcid\": 8009, \"portid\": 4, \"tsas\": \"tls1.3\"}}]},"
	"{\"portid\": 10, \"addr\": {\"traddr\": \"0.0.0.0\", \"trsvcid\": 8009},"
	"\"weft\": {\"discovery\": true}}],"
	"\"subsystems\": [{\"nqn\": \"" A "\", \"allowed_hosts\": [\"" H "\"],"
	"\"attr\": {\"firmware\": \"1.2\", \"ieee_oui\": \"0x001B21\", \"pi_enable\": true,"
	"\"qid_max\": \"16\", \"version\": \"1.2.1\", \"cntlid_min\": 100, \"cntlid_max\": 200,"
	"\"serial\": \"a \\\"quoted\\\" one\", \"model\": \"M\"},"
	"\"namespaces\": [{\"nsid\": 1, \"enable\": 1, \"ana_grpid\": 3, \"weft\":"
	"{\"backend\": \"memory\", \"size\": \"64M\", \"block_size\": 4096, \"read_only\": true,"
	"\"eui64\": \"001b21fffe5e2c90\"}}, {\"nsid\": 2, \"device\": {\"path\": \"/d\\u00e9\","
	"\"nguid\": \"0123456789abcdef0123456789abcdef\"}}]},"
	"{\"nqn\": \"" A "2\", \"attr\": {\"allow_any_host\": 1}}],"
	"\"weft\": {\"discovery_nqn\": \"" A ":discovery\"}}";

/* What a backend stands on: read as options with names of their own, and written nested again. */
static void children_are_nested(void **state)
{
	struct config *config = parse(
		"{\"subsystems\": [{\"nqn\": \"" A "\", \"namespaces\": [{\"nsid\": 1, \"weft\":"
		"{\"backend\": \"clone\", \"base\": {\"backend\": \"fault\", \"child\":"
		"{\"path\": \"/b\"}, \"cache\": true}, \"parent\": {\"path\": \"/p\"}}}]}]}");
	const struct config_namespace *ns = &config->subsystems[0].namespaces[0];
	char *text = config_format(config), *again;
	struct config *second;

	assert_string_equal(config_get_option(ns, "base.child.path"), "/b");
	assert_string_equal(config_get_option(ns, "base.backend"), "fault");
	assert_string_equal(config_get_option(ns, "parent.path"), "/p");
	assert_null(config_get_option(ns, "path"));
	assert_non_null(strstr(text, "\"base\": {\n"));
	assert_null(strstr(text, "base."));
	second = parse(text);
	again = config_format(second);
	assert_string_equal(text, again);
	assert_string_equal(config_get_option(&second->subsystems[0].namespaces[0],
					      "base.child.path"), "/b");
	config_free(second);
	config_free(config);
	free(again);
	free(text);
}

static void format_of_a_small_one(void **state)
{
	struct config *config = parse(
		"{\"ports\": {\"1\": {\"addr_traddr\": \"::\"}}, \"subsystems\": {\"" A "\": {"
		"\"serial\": \"S\", \"namespaces\": [{\"device\": \"/d\","
		"\"uuid\": \"93ae5077-1696-4602-8b55-4c8e43a29826\"}]}}}");
	char *text = config_format(config);

	assert_string_equal(text,
			    "{\n"
			    "  \"hosts\": [],\n"
			    "  \"ports\": [\n"
			    "    {\n"
			    "      \"addr\": {\n"
			    "        \"adrfam\": \"ipv6\",\n"
			    "        \"traddr\": \"::\",\n"
			    "        \"treq\": \"not specified\",\n"
			    "        \"trsvcid\": \"4420\",\n"
			    "        \"trtype\": \"tcp\",\n"
			    "        \"tsas\": \"none\"\n"
			    "      },\n"
			    "      \"ana_groups\": [],\n"
			    "      \"param\": {\n"
			    "        \"inline_data_size\": \"16384\",\n"
			    "        \"max_queue_size\": \"128\",\n"
			    "        \"mdts\": \"9\",\n"
			    "        \"pi_enable\": \"0\"\n"
			    "      },\n"
			    "      \"portid\": 1,\n"
			    "      \"referrals\": [],\n"
			    "      \"subsystems\": [\n"
			    "        \"" A "\"\n"
			    "      ]\n"
			    "    }\n"
			    "  ],\n"
			    "  \"subsystems\": [\n"
			    "    {\n"
			    "      \"allowed_hosts\": [],\n"
			    "      \"attr\": {\n"
			    "        \"allow_any_host\": \"0\",\n"
			    "        \"cntlid_max\": \"65519\",\n"
			    "        \"cntlid_min\": \"1\",\n"
			    "        \"model\": \"weft\",\n"
			    "        \"pi_enable\": \"0\",\n"
			    "        \"serial\": \"S\"\n"
			    "      },\n"
			    "      \"namespaces\": [\n"
			    "        {\n"
			    "          \"ana_grpid\": 1,\n"
			    "          \"device\": {\n"
			    "            \"path\": \"/d\",\n"
			    "            \"uuid\": \"93ae5077-1696-4602-8b55-4c8e43a29826\"\n"
			    "          },\n"
			    "          \"enable\": 1,\n"
			    "          \"nsid\": 1\n"
			    "        }\n"
			    "      ],\n"
			    "      \"nqn\": \"" A "\"\n"
			    "    }\n"
			    "  ]\n"
			    "}\n");
	free(text);
	config_free(config);
}

static void round_trip(void **state)
{
	struct config *config = parse(everything), *again;
	char *text = config_format(config);
	struct config_namespace *ns;

	again = parse(text);
	assert_int_equal(again->warning_count, 2); /* pi_enable, twice */
	assert_same_config(config, again);
	/* The texts are equal; see that they hold all. */
	assert_int_equal(again->host_count, 2);
	assert_string_equal(again->discovery_nqn, A ":discovery");
	assert_string_equal(again->subsystems[0].serial, "a \"quoted\" one");
	assert_int_equal(again->subsystems[0].version, 0x00010201);
	assert_int_equal(again->subsystems[0].ieee_oui, 0x1b21);
	assert_true(again->subsystems[1].allow_any_host);
	ns = again->subsystems[0].namespaces;
	assert_string_equal(ns[0].backend, "memory");
	assert_string_equal(config_get_option(&ns[0], "size"), "64M");
	assert_int_equal(ns[0].block_size, 4096);
	assert_true(ns[0].read_only && ID_SET(ns[0].eui64) && ID_SET(ns[0].uuid));
	assert_string_equal(config_get_option(&ns[1], "path"), "/d\xc3\xa9");
	assert_false(ns[1].enable);
	assert_true(ID_SET(ns[1].nguid));
	assert_int_equal(again->ports[0].addr.treq, NVMF_TREQ_NOT_REQUIRED);
	assert_int_equal(again->ports[0].referrals[0].addr.tsas, NVMF_TCP_SECTYPE_TLS13);
	assert_int_equal(again->ports[0].inline_data_size, 8192);
	assert_true(again->ports[1].discovery);
	free(text);
	config_free(config);
	config_free(again);
}

static char folder[] = "/tmp/weft-config-save-XXXXXX";

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	return rmdir(folder); /* fails where a temporary file was left */
}

static void the_file(void **state)
{
	struct config *config = parse(everything), *again = NULL;
	struct weft_error error = { 0 };
	char path[64], link[64];
	struct stat st;

	snprintf(path, sizeof(path), "%s/config.json", folder);
	snprintf(link, sizeof(link), "%s/link.json", folder);
	assert_int_equal(config_save(config, path, &error), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(config_load(path, &again, &error), 0);
	assert_string_equal(again->source, path);
	assert_same_config(config, again);
	config_free(again);

	/* A symbolic link stays one. */
	assert_int_equal(symlink(path, link), 0);
	config_remove_subsystem(config, A);
	assert_int_equal(config_save(config, link, &error), 0);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(config_load(path, &again, &error), 0);
	assert_same_config(config, again);
	config_free(again);
	config_free(config);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(unlink(path), 0);
}

static void nowhere_to_write(void **state)
{
	struct config *config = parse("{}");
	struct weft_error error = { 0 };

	assert_int_equal(config_save(config, "/nonexistent/c.json", &error), -ENOENT);
	assert_string_equal(error.text, "/nonexistent/c.json: it could not be written: "
			    "No such file or directory");
	/* A folder of that name: the rename fails and leaves nothing behind. */
	assert_true(config_save(config, folder, &error) < 0);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_are_nested),
		cmocka_unit_test(format_of_a_small_one),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(the_file),
		cmocka_unit_test(nowhere_to_write),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
