/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes: queued, made one after the other, judged, taken back, cancelled. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "apply_rig.h"
#include "config_rig.h"
#include "target/base/target.h"
#include "target/model/view.h"

#define A "nqn.2014-08.io.weft:a"

#define WITH(device, serial) \
	"{\"ports\": {\"1\": {\"addr_traddr\": \"192.0.2.1\"}}, \"subsystems\": {\"" A "\": {" \
	"\"allow_any_host\": true, \"serial\": \"" serial "\", \"namespaces\": [" \
	"{\"nsid\": 1, \"device\": \"" device "\"}]}}}"
#define EMPTY "{\"ports\": {}, \"subsystems\": {}}"

static enum apply_state state_of(void)
{
	struct apply_namespace_state state;

	assert_true(apply_namespace_state(apply, A, 1, &state));
	return state.state;
}

/* Whatever is due at once. */
static void run_once(void)
{
	struct pollfd pollfd = { .fd = apply_fd(apply), .events = POLLIN };

	if (poll(&pollfd, 1, 0) > 0)
		apply_run(apply);
}

static void submitting_never_waits(void **state)
{
	struct test_change test = { .refuse = 0 };

	disks[0].slow = true;
	submit(&test, parse(WITH("/one", "S")));
	wait_for_opening();
	run_once();
	assert_int_equal(test.done, 0);
	assert_int_equal(state_of(), APPLY_OPENING);
	assert_int_equal(open_listeners(), 0); /* hosts would miss the namespace */
	release_opening();
	wait_for(&test);
	assert_int_equal(test.result, 0);
	assert_int_equal(state_of(), APPLY_READY);
	assert_int_equal(open_listeners(), 1);
}

static void a_slow_disk_delays_its_change_only_so_long(void **state)
{
	struct test_change test = { .refuse = 0 };

	run_text(EMPTY);
	disks[0].slow = true;
	submit(&test, parse(WITH("/one", "S")));
	wait_for(&test); /* without release_opening() */
	assert_int_equal(test.result, 0);
	assert_int_equal(state_of(), APPLY_OPENING);
	release_opening();
	for (int i = 0; i < 100 && state_of() != APPLY_READY; i++)
		run_tick();
	assert_int_equal(state_of(), APPLY_READY);
}

static void in_their_order(void **state)
{
	struct test_change first = { .refuse = 0 }, second = first, third = first;

	disks[0].slow = true;
	submit(&first, parse(WITH("/one", "first")));
	submit(&second, parse(WITH("/two", "second")));
	submit(&third, parse(EMPTY));
	wait_for_opening();
	run_once();
	assert_int_equal(first.done + second.done + third.done, 0);
	assert_string_equal(view_find_subsystem(target->view, A)->serial, "first");
	assert_int_equal(disks[1].opens, 0);
	release_opening();
	wait_for(&third);
	assert_int_equal(first.done + second.done + third.done, 3);
	assert_int_equal(second.order, first.order + 1);
	assert_int_equal(third.order, first.order + 2);
	assert_int_equal(disks[0].opens + disks[1].opens, 2);
	assert_null(view_find_subsystem(target->view, A));
}

/* Its plan is made from what the one before has left. */
static const struct config *seen;

static int look(struct apply_change *change, const struct config *now, struct config **ret_wanted,
		struct weft_error *error)
{
	seen = now;
	return weft_error_set(error, ENOENT, "nothing to do");
}

static void plans_see_what_ran_before(void **state)
{
	struct test_change first = { .refuse = 0 }, second = first;

	disks[0].slow = true;
	submit(&first, parse(WITH("/one", "first")));
	submit(&second, NULL);
	second.change.plan = look;
	wait_for_opening();
	release_opening();
	wait_for(&second);
	assert_int_equal(second.result, -ENOENT);
	assert_string_equal(second.error.text, "nothing to do");
	assert_ptr_equal(seen, first.wanted);
	assert_ptr_equal(apply_current(apply), first.wanted);
}

static void a_refused_one_is_taken_back(void **state)
{
	struct test_change test = { .refuse = EBUSY };
	const struct config *before;

	run_text(WITH("/one", "before"));
	before = apply_current(apply);
	submit(&test, parse(WITH("/two", "after")));
	wait_for(&test);
	assert_int_equal(test.judged, 1);
	assert_int_equal(test.result, -EBUSY);
	assert_string_equal(test.error.text, "refused");
	assert_ptr_equal(apply_current(apply), before);
	assert_string_equal(view_find_subsystem(target->view, A)->serial, "before");
	for (int i = 0; i < 100 && (state_of() != APPLY_READY || disks[1].opened); i++)
		tick(); /* hosts see first that the other disk has gone */
	assert_int_equal(state_of(), APPLY_READY);
	assert_int_equal(disks[0].opened, 1);
	assert_int_equal(disks[1].opened, 0);
	assert_int_equal(open_listeners(), 1);
}

/* While a device opens beside the old one, that one is lost. */
static void the_old_device_is_lost_meanwhile(void **state)
{
	struct test_change test = { .refuse = 0 };
	struct config *config;

	run_text(WITH("/one", "S"));
	config = draft();
	config_set_option(config->subsystems[0].namespaces, "path", "/two");
	disks[1].slow = true;
	submit(&test, config);
	wait_for_opening();
	assert_int_equal(test.done, 0);
	assert_int_equal(disks[0].opened, 1);
	disks[0].missing = EIO;
	while (state_of() == APPLY_READY) {
		apply_tick(apply);
		run_once();
	}
	release_opening();
	wait_for(&test);
	assert_int_equal(test.result, 0);
	for (int i = 0; i < 100 && (state_of() != APPLY_READY || disks[0].opened); i++)
		tick();
	assert_int_equal(state_of(), APPLY_READY);
	assert_int_equal(disks[1].opens, 1);
	assert_int_equal(disks[0].opened, 0);
}

static void the_end_cancels(void **state)
{
	struct test_change first = { .refuse = 0 }, second = first, third = first;

	run_text(EMPTY);
	disks[0].slow = true;
	submit(&first, parse(WITH("/one", "first")));
	submit(&second, NULL);	/* its plan is never made */
	wait_for_opening();
	apply_cancel(apply);
	assert_int_equal(first.result, -ECANCELED);
	assert_int_equal(second.result, -ECANCELED);
	submit(&third, NULL);
	assert_int_equal(third.result, -ECANCELED);
	assert_string_equal(third.error.text, "weftd is ending");
	assert_int_equal(first.done + second.done + third.done, 3);
	release_opening(); /* tear_down() looks whether it is closed */
}

static void the_end_comes_while_one_opens_beside(void **state)
{
	struct test_change test = { .refuse = 0 };
	struct config *config;

	run_text(WITH("/one", "S"));
	config = draft();
	config_set_option(config->subsystems[0].namespaces, "path", "/two");
	disks[1].slow = true;
	submit(&test, config);
	wait_for_opening();
	apply_cancel(apply);
	assert_int_equal(test.result, -ECANCELED);
	assert_int_equal(state_of(), APPLY_READY);
	release_opening();
}

/* The discovery log's counter is being stored, and hosts do not see the change yet. */
static void the_end_comes_while_something_is_stored(void **state)
{
	struct test_change test = { .refuse = 0 };

	run_text(EMPTY);
	submit(&test, parse(WITH("/one", "S")));
	assert_int_equal(test.done, 0);
	assert_null(view_find_subsystem(target->view, A));
	apply_cancel(apply);
	assert_int_equal(test.result, -ECANCELED);
	run_once();
	assert_null(view_find_subsystem(target->view, A));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(submitting_never_waits),
		TEST(a_slow_disk_delays_its_change_only_so_long),
		TEST(in_their_order),
		TEST(plans_see_what_ran_before),
		TEST(a_refused_one_is_taken_back),
		TEST(the_old_device_is_lost_meanwhile),
		TEST(the_end_cancels),
		TEST(the_end_comes_while_one_opens_beside),
		TEST(the_end_comes_while_something_is_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
