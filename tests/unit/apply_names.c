/* SPDX-License-Identifier: BSD-3-Clause */
/* What a traddr stands for. That it is followed is shown by tests/wire/test_address.py. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/names.h"

static struct names *names;
static int fd;

static int setup(void **state)
{
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return fd < 0 ? -1 : names_new(&names, fd);
}

static int teardown(void **state)
{
	bool freed = names_free(names);

	close(fd);
	return freed ? 0 : -1;
}

static void expect(const char *traddr, const char *adrfam, const char *const *texts)
{
	struct name_addresses found;
	size_t n = 0;

	names_find(names, traddr, adrfam, &found);
	for (; texts[n]; n++) {
		if (n == found.count)
			fail_msg("%s: no %s: %s", traddr, texts[n], found.reason);
		assert_string_equal(found.items[n].text, texts[n]);
		assert_int_equal(found.items[n].ipv6, strchr(texts[n], ':') != NULL);
	}
	assert_int_equal(found.count, n);
	assert_int_equal(*found.reason != '\0', n == 0);
}

#define TEXTS(...) ((const char *const[]){ __VA_ARGS__ __VA_OPT__(,) NULL })

/* At once, and however they are spelt. */
static void test_numeric(void **state)
{
	expect("192.0.2.1", "", TEXTS("192.0.2.1"));
	expect("2001:DB8:0::1", "ipv6", TEXTS("2001:db8::1"));
	expect("fe80::1%eth0", "", TEXTS("fe80::1%eth0"));
	expect("*", "", TEXTS("0.0.0.0", "::"));
	expect("*", "ipv4", TEXTS("0.0.0.0"));
	expect("*", "ipv6", TEXTS("::"));
	assert_false(names_follow(names));
}

/* Every machine has this interface; some without IPv6. */
static void test_interface(void **state)
{
	struct name_addresses found;

	expect("lo", "ipv4", TEXTS("127.0.0.1"));
	names_find(names, "lo", "", &found);
	assert_true(found.count == 1 || (found.count == 2 && !strcmp(found.items[1].text, "::1")));
	assert_false(names_follow(names));
}

static void wait_for_answer(void)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	eventfd_t count;

	assert_int_equal(poll(&pollfd, 1, 60000), 1);
	assert_int_equal(eventfd_read(fd, &count), 0);
}

static void test_host(void **state)
{
	struct name_addresses found;

	names_find(names, "localhost", "", &found);
	assert_int_equal(found.count, 0);
	assert_string_equal(found.reason, "localhost is being looked up");
	wait_for_answer();
	assert_true(names_follow(names));
	/* known as long as it is asked for between the calls */
	for (int i = 0; i < 3; i++) {
		expect("localhost", "ipv4", TEXTS("127.0.0.1"));
		assert_false(names_follow(names));
	}
	assert_false(names_follow(names));
	names_find(names, "localhost", "", &found);
	assert_int_equal(found.count, 0);
	assert_true(found.pending);
	wait_for_answer();
}

static void test_nobody(void **state)
{
	struct name_addresses found;

	names_find(names, "no-such-host.invalid", "", &found);
	wait_for_answer();
	assert_false(names_follow(names));
	names_find(names, "no-such-host.invalid", "", &found);
	assert_int_equal(found.count, 0);
	assert_non_null(strstr(found.reason, "no-such-host.invalid is neither an interface of this "
					     "machine nor a name that resolves: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_numeric, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interface, setup, teardown),
		cmocka_unit_test_setup_teardown(test_host, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
