/* SPDX-License-Identifier: BSD-3-Clause */
/* An address with or without a port, as people write it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <weft/backend.h>

#include "util/hostport.h"

static void test_right(void **state)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
	} table[] = {
		{ "192.0.2.1", "192.0.2.1", 0 },
		{ "192.0.2.1:8009", "192.0.2.1", 8009 },
		{ "[192.0.2.1]:1", "192.0.2.1", 1 },
		{ "box.example:65535", "box.example", 65535 },
		{ "::", "::", 0 },
		{ "::1", "::1", 0 },
		{ "2001:db8::1", "2001:db8::1", 0 },
		{ "[2001:db8::1]", "2001:db8::1", 0 },
		{ "[2001:db8::1]:4420", "2001:db8::1", 4420 },
		{ "fe80::1%eth0", "fe80::1%eth0", 0 },
		{ "[fe80::1%eth0]:4420", "fe80::1%eth0", 4420 },
		{ "*", "*", 0 },
		{ "*:4420", "*", 4420 },
		{ "eth0", "eth0", 0 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct weft_error error = { 0 };
		struct hostport found = { .port = 7 };

		if (hostport_parse(table[i].text, &found, &error) < 0)
			fail_msg("%s: %s", table[i].text, error.text);
		assert_string_equal(found.host, table[i].host);
		assert_int_equal(found.port, table[i].port);
	}
}

static void test_wrong(void **state)
{
	static const char form[] = "it must be ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT";
	static const char range[] = "it must be a TCP port in 1..65535";
	static const struct {
		const char *text, *message;
	} table[] = {
		{ "", form },
		{ ":4420", form },
		{ "[]", form },
		{ "[]:4420", form },
		{ "[::1", form },
		{ "[::1]4420", form },
		{ "[::1]x", form },
		{ "box:", "or have no colon" },
		{ "box:0", range },
		{ "box:65536", range },
		{ "box:http", range },
		{ "[::1]:-1", range },
		{ "[::1]:", "or have no colon" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct weft_error error = { 0 };
		struct hostport found = { .port = 7 };

		assert_int_equal(hostport_parse(table[i].text, &found, &error), -EINVAL);
		if (!strstr(error.text, table[i].message))
			fail_msg("%s: %s", table[i].text, error.text);
		assert_int_equal(found.port, 7);
	}
}

static void test_long(void **state)
{
	char text[HOSTPORT_HOST + 8];
	struct weft_error error;
	struct hostport found;

	memset(text, 'a', sizeof(text));
	strcpy(text + HOSTPORT_HOST - 1, ":44");
	assert_int_equal(hostport_parse(text, &found, &error), 0);
	assert_int_equal(strlen(found.host), HOSTPORT_HOST - 1);
	strcpy(text + HOSTPORT_HOST - 1, "a:44");
	assert_int_equal(hostport_parse(text, &found, &error), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
