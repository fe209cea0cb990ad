/* SPDX-License-Identifier: BSD-3-Clause */
/* What weft prints: columns, the tree, times; and how it reads paths and NQNs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/ls.h"
#include "cli/path.h"
#include "cli/table.h"
#include "cli/treeview.h"
#include "cli/unexport.h"
#include "cli/timestamp.h"

static void columns_are_aligned(void **state)
{
	static const char *const cells[] = {
		"a", "one", "x",
		"long", NULL, "y",
		"\xc3\xa4", "two", NULL,
	};
	struct strbuf buf = {0};

	table_render(&buf, cells, 3, 3, "> ");
	assert_string_equal(buf.data,
			    "> a     one  x\n"
			    "> long       y\n"
			    "> \xc3\xa4     two\n");
	strbuf_done(&buf);
}

static void tree_looks_like_nvmetcli(void **state)
{
	json_t *tree = json_loads(
		"{\"hosts\": [],"
		" \"ports\": [{\"portid\": 10, \"addr\": {\"trtype\": \"tcp\", \"traddr\": \"::\","
		"   \"trsvcid\": \"4420\"}, \"param\": {\"inline_data_size\": \"16384\"},"
		"   \"subsystems\": [\"nqn.b\", \"nqn.a\"], \"ana_groups\": [{\"grpid\": 1,"
		"   \"ana\": {\"state\": \"optimized\"}}], \"state\": {\"status\": \"ready\"}},"
		"   {\"portid\": 2, \"state\": {\"status\": \"failed\", \"reason\": \"in use\"}}],"
		" \"subsystems\": [{\"nqn\": \"nqn.a\", \"state\": {\"version\": \"2.1\","
		"   \"sessions\": 0}, \"attr\": {\"allow_any_host\": \"1\","
		"   \"serial\": \"s\"}, \"namespaces\": [{\"nsid\": 1,"
		"   \"device\": {\"path\": \"/a\", \"uuid\": \"u\"}, \"ana_grpid\": 1,"
		"   \"state\": {\"status\": \"ready\", \"size\": 1073741824}}]}]}", 0, NULL);
	struct tree_node *root = ls_tree(tree);
	struct strbuf buf = {0};

	assert_non_null(root);
	tree_render(&buf, root, 80, false);
	assert_string_equal(buf.data,
"o- / ..................................................................... [...]\n"
"  o- hosts ............................................................... [...]\n"
"  o- ports ............................................................... [...]\n"
"  | o- 2 ...................................................... [failed: in use]\n"
"  | | o- ana_groups ...................................................... [...]\n"
"  | | o- referrals ....................................................... [...]\n"
"  | | o- subsystems ...................................................... [...]\n"
"  | o- 10 . [trtype=tcp, traddr=::, trsvcid=4420, inline_data_size=16384, listening]\n"
"  |   o- ana_groups ...................................................... [...]\n"
"  |   | o- 1 ................................................. [state=optimized]\n"
"  |   o- referrals ....................................................... [...]\n"
"  |   o- subsystems ...................................................... [...]\n"
"  |     o- nqn.a ......................................................... [...]\n"
"  |     o- nqn.b ......................................................... [...]\n"
"  o- subsystems .......................................................... [...]\n"
"    o- nqn.a .............................. [version=2.1, allow_any=1, serial=s]\n"
"      o- allowed_hosts ................................................... [...]\n"
"      o- namespaces ...................................................... [...]\n"
"        o- 1 ........................ [path=/a, uuid=u, grpid=1, 1 GiB, enabled]\n");
	strbuf_done(&buf);
	tree_free(root);
	json_decref(tree);
}

static void colours_go_by_health(void **state)
{
	struct tree_node *root = tree_add(NULL, "r");
	struct strbuf buf = {0};

	tree_note(root, "a=%d", 1);
	tree_note(root, "%s", "");
	tree_note(root, "b");
	root->health = TREE_BAD;
	tree_render(&buf, root, 20, true);
	assert_string_equal(buf.data, "o- \033[1mr\033[0m ...... [\033[31ma=1, b\033[0m]\n");
	strbuf_done(&buf);
	tree_free(root);
}

static void paths_become_absolute(void **state)
{
	static const char *const cases[][3] = {
		{ "/home/me", "a.img", "/home/me/a.img" },
		{ "/home/me", "./x//y/../a.img", "/home/me/x/a.img" },
		{ "/home/me", "../../../a", "/a" },
		{ "/home/me", "/dev/disk/by-id/x", "/dev/disk/by-id/x" },
		{ "/", "..", "/" },
		{ "/home/me", ".", "/home/me" },
		{ "/home/me", "/a/..b/.c/", "/a/..b/.c" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *path = path_join(cases[i][0], cases[i][1]);

		assert_string_equal(path, cases[i][2]);
		free(path);
	}
}

static void targets_are_told_apart(void **state)
{
	static const struct {
		const char *target, *left, *nsid;
		bool is_nqn;
	} cases[] = {
		{ "nqn.2020-01.org.x:s", "nqn.2020-01.org.x:s", NULL, true },
		{ "nqn.2020-01.org.x:s/12", "nqn.2020-01.org.x:s", "12", true },
		{ "nqn.2020-01.org.x:s/12a", "nqn.2020-01.org.x:s/12a", NULL, true },
		{ "nqn.2020-01.org.x:s/", "nqn.2020-01.org.x:s/", NULL, true },
		{ "/srv/12", "/srv/12", NULL, false },
		{ "./disk.img", "./disk.img", NULL, false },
		{ "folder/disk.img", "folder/disk.img", NULL, false },
		{ ".", ".", NULL, false }, /* it is there */
		{ "testnqn", "testnqn", NULL, true },
		{ "testnqn/1", "testnqn", "1", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *target = strdup(cases[i].target);
		const char *nsid;

		assert_int_equal(unexport_split(target, &nsid), cases[i].is_nqn);
		assert_string_equal(target, cases[i].left);
		if (cases[i].nsid)
			assert_string_equal(nsid, cases[i].nsid);
		else
			assert_null(nsid);
		free(target);
	}
}

static void times_read_well(void **state)
{
	char buf[64];

	assert_string_equal(span_format(-5, buf, sizeof(buf)), "0 s");
	assert_string_equal(span_format(59, buf, sizeof(buf)), "59 s");
	assert_string_equal(span_format(60, buf, sizeof(buf)), "1 min");
	assert_string_equal(span_format(7800, buf, sizeof(buf)), "2 h 10 min");
	assert_string_equal(span_format(86400 * 4 + 3 * 3600, buf, sizeof(buf)), "4 d 3 h");
	setenv("TZ", "UTC", 1);
	assert_string_equal(timestamp_local("2026-11-20T22:50:11Z", buf, sizeof(buf)),
			    "2026-11-20 22:50:11");
	assert_string_equal(timestamp_local("soon", buf, sizeof(buf)), "soon");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_aligned),
		cmocka_unit_test(tree_looks_like_nvmetcli),
		cmocka_unit_test(colours_go_by_health),
		cmocka_unit_test(paths_become_absolute),
		cmocka_unit_test(targets_are_told_apart),
		cmocka_unit_test(times_read_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
