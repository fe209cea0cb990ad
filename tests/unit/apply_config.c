/* SPDX-License-Identifier: BSD-3-Clause */
/* What apply makes of a configuration, and of the next one. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "apply_rig.h"
#include "config_rig.h"
#include "spec/fabrics.h"
#include "target/base/target.h"
#include "target/model/namespace.h"
#include "target/model/view.h"

#define A "nqn.2014-08.io.weft:a"
#define B "nqn.2014-08.io.weft:b"
#define H "nqn.2014-08.io.weft:host"

/* Ticks until that is so; what fails is due again after a second, and machines can be slow. */
#define TICK_UNTIL(condition)							\
	do {									\
		for (int i = 0; i < 100 && !(condition); i++)			\
			run_tick();						\
		assert_true(condition);						\
	} while (0)

static const struct view_namespace *shown(const char *nqn, uint32_t nsid)
{
	const struct view_subsystem *subsystem = view_find_subsystem(target->view, nqn);

	assert_non_null(subsystem);
	return view_find_namespace(subsystem, nsid);
}

static void expect_state(uint32_t nsid, enum apply_state wanted, const char *reason)
{
	struct apply_namespace_state state;

	assert_true(apply_namespace_state(apply, A, nsid, &state));
	assert_int_equal(state.state, wanted);
	if (reason)
		assert_string_equal(state.reason, reason);
	else
		assert_null(state.reason);
	assert_int_equal(state.ns != NULL, wanted == APPLY_READY);
}

#define TWO \
	"{\"ports\": {\"1\": {\"addr_traddr\": \"192.0.2.1\"}}, \"subsystems\": {\"" A "\": {" \
	"\"allow_any_host\": true, \"serial\": \"S\", \"namespaces\": [" \
	"{\"nsid\": 1, \"device\": \"/one\"}, {\"nsid\": 2, \"device\": \"/two\"}]}}}"

/* ---- tests ---- */

static void compiles(void **state)
{
	const struct view_namespace *one, *two;
	const struct view_subsystem *subsystem;
	const struct view_port *port;
	struct apply_namespace_state ns_state;
	struct apply_port_state port_state;

	run_text(TWO);
	subsystem = view_find_subsystem(target->view, A);
	assert_string_equal(subsystem->serial, "S");
	assert_string_equal(subsystem->model, "weft");
	assert_string_equal(subsystem->firmware, WEFT_VERSION);
	assert_int_equal(subsystem->version, 0x20100);
	assert_int_equal(subsystem->qid_max, 128);
	assert_int_equal(subsystem->cntlid_max, 0xffef);
	assert_true(subsystem->allow_any_host);
	assert_int_equal(subsystem->namespace_count, 2);
	one = shown(A, 1);
	assert_int_equal(one->block_shift, 9);
	assert_int_equal(one->block_count, 2048);
	assert_true(ID_SET(one->uuid));
	assert_false(one->read_only);
	assert_int_equal(one->ana_grpid, 1);
	two = shown(A, 2);
	assert_int_equal(two->block_shift, 12);
	assert_int_equal(two->block_count, 512);
	assert_int_not_equal(one->generation, 0);
	assert_int_not_equal(one->generation, two->generation);
	port = view_find_port(target->view, 1);
	assert_int_equal(port->trtype, NVMF_TRTYPE_TCP);
	assert_int_equal(port->address_count, 1);
	assert_int_equal(port->addresses[0].adrfam, NVMF_ADRFAM_IPV4);
	assert_int_equal(port->addr.trsvcid, 4420);
	assert_int_equal(port->ana_states[1], NVME_ANA_OPTIMIZED);
	assert_int_equal(port->ana_states[2], 0);
	assert_true(view_linked(port, subsystem));
	assert_int_equal(target->view->genctr, apply_genctr(apply));
	assert_int_equal(open_listeners(), 1);

	assert_true(apply_namespace_state(apply, A, 2, &ns_state));
	assert_int_equal(ns_state.size, 2 << 20);
	assert_int_equal(ns_state.block_size, 4096);
	assert_true(apply_port_state(apply, 1, &port_state));
	assert_int_equal(port_state.state, APPLY_READY);
	assert_false(apply_namespace_state(apply, A, 3, &ns_state));
	assert_false(apply_namespace_state(apply, B, 1, &ns_state));
	assert_false(apply_port_state(apply, 2, &port_state));
}

static void compiles_the_rest(void **state)
{
	const struct view_port *port;

	run_text("{\"weft\": {\"discovery_nqn\": \"" B ":d\"}, \"ports\": ["
		 "{\"portid\": 3, \"addr\": {\"traddr\": \"::1\", \"treq\": \"not required\"},"
		 "\"param\": {\"mdts\": 5, \"max_queue_size\": 32, \"inline_data_size\": 4096},"
		 "\"subsystems\": [\"" A "\"], \"ana_groups\": ["
		 "{\"grpid\": 7, \"ana\": {\"state\": \"non-optimized\"}}], \"referrals\": ["
		 "{\"name\": \"off\", \"addr\": {\"traddr\": \"::2\"}},"
		 "{\"name\": \"on\", \"enable\": 1, \"addr\": {\"traddr\": \"192.0.2.7\","
		 "\"trsvcid\": 8009, \"portid\": 4}}]},"
		 "{\"portid\": 4, \"addr\": {\"traddr\": \"::1\", \"trsvcid\": 8009},"
		 "\"weft\": {\"discovery\": true}}], \"subsystems\": [{\"nqn\": \"" A "\","
		 "\"allowed_hosts\": [\"" H "\"], \"attr\": {\"firmware\": \"F\","
		 "\"version\": \"1.4\", \"qid_max\": 4}, \"namespaces\": ["
		 "{\"nsid\": 9, \"enable\": 1, \"ana_grpid\": 5, \"device\": {\"path\": "
		 "\"/three\"},\"weft\": {\"block_size\": 4096}}, {\"nsid\": 10, \"device\": "
		 "{\"path\": \"/one\"}}]}]}");
	port = view_find_port(target->view, 3);
	assert_string_equal(target->view->discovery_nqn, B ":d");
	assert_int_equal(port->addresses[0].adrfam, NVMF_ADRFAM_IPV6);
	assert_int_equal(port->addr.treq, NVMF_TREQ_NOT_REQUIRED);
	assert_int_equal(port->mdts, 5);
	assert_int_equal(port->max_queue_size, 32);
	assert_int_equal(port->inline_data_size, 4096);
	assert_int_equal(port->ana_states[7], NVME_ANA_NONOPTIMIZED);
	/* A namespace is in group 5, which the port does not list. */
	assert_int_equal(port->ana_states[5], NVME_ANA_INACCESSIBLE);
	assert_int_equal(port->referral_count, 1);
	assert_string_equal(port->referrals[0].traddr, "192.0.2.7");
	assert_int_equal(port->referrals[0].portid, 4);
	assert_true(view_find_port(target->view, 4)->discovery);
	assert_true(view_host_allowed(port->subsystems[0], view_find_host(target->view, H)));
	assert_false(view_host_allowed(port->subsystems[0], view_find_host(target->view, B)));
	assert_int_equal(port->subsystems[0]->version, 0x10400);
	assert_int_equal(port->subsystems[0]->qid_max, 4);
	assert_string_equal(port->subsystems[0]->firmware, "F");
	/* The device is read-only by itself. */
	assert_true(shown(A, 9)->read_only);
	assert_int_equal(shown(A, 9)->block_shift, 12);
	/* Not enabled: nothing was opened. */
	assert_null(shown(A, 10));
	expect_state(10, APPLY_DISABLED, NULL);
	assert_int_equal(disks[0].opens, 0);
	assert_int_equal(open_listeners(), 2);
}

static void a_missing_device_comes_by_itself(void **state)
{
	disks[1].missing = ENXIO;
	run_text(TWO);
	assert_non_null(shown(A, 1));
	assert_null(shown(A, 2));
	expect_state(1, APPLY_READY, NULL);
	expect_state(2, APPLY_FAILED, "/two: missing");
	tick();
	assert_null(shown(A, 2));
	disks[1].missing = 0;
	TICK_UNTIL(shown(A, 2));
	expect_state(2, APPLY_READY, NULL);
	assert_int_equal(disks[0].opens, 1);
}

static void what_stays_is_left_alone(void **state)
{
	uint64_t one, two;
	const struct namespace *ns;
	struct config *config;

	run_text(TWO);
	one = shown(A, 1)->generation;
	two = shown(A, 2)->generation;
	ns = shown(A, 1)->ns;
	run_text(TWO);
	assert_int_equal(shown(A, 1)->generation, one);
	assert_int_equal(shown(A, 2)->generation, two);

	/* Another UUID is another namespace to hosts, but the same device. */
	config = draft();
	memset(config->subsystems[0].namespaces[0].uuid, 0x33, 16);
	run_config(config);
	/* They see the old one go before the other comes. */
	assert_null(shown(A, 1));
	run_tick();
	assert_null(shown(A, 1));
	TICK_UNTIL(shown(A, 1));
	assert_true(shown(A, 1)->generation > two);
	assert_int_equal(shown(A, 2)->generation, two);
	assert_ptr_equal(shown(A, 1)->ns, ns);

	config = draft();
	config->subsystems[0].namespaces[0].read_only = true;
	config_add_subsystem(config, B);
	run_config(config);
	assert_true(shown(A, 1)->read_only);
	assert_ptr_equal(shown(A, 1)->ns, ns);
	assert_int_equal(disks[0].opens, 1);
	assert_int_equal(disks[1].opens, 1);
	assert_int_equal(listener_count, 1);
}

static void removing_closes(void **state)
{
	struct config *config;

	run_text(TWO);
	config = draft();
	config->subsystems[0].namespaces[0].enable = false;
	config_remove_namespace(&config->subsystems[0], 2);
	run_config(config);
	assert_null(shown(A, 1));
	assert_null(shown(A, 2));
	assert_int_equal(disks[0].opened, 0);
	assert_int_equal(disks[1].opened, 0);
	run_text("{}");
	assert_int_equal(target->view->subsystem_count, 0);
	assert_int_equal(open_listeners(), 0);
}

static void io_keeps_it_open(void **state)
{
	struct namespace *ns;

	run_text(TWO);
	ns = shown(A, 1)->ns;
	namespace_pin(ns, 0);
	run_text("{}");
	assert_int_equal(disks[0].opened, 1);
	assert_int_equal(disks[1].opened, 0);
	run_tick();
	assert_int_equal(disks[0].opened, 1);
	namespace_unpin(ns, 0);
	TICK_UNTIL(!disks[0].opened);
}

static void a_device_moves(void **state)
{
	/* One opener at a time: the old place must let go first. */
	run_text(TWO);
	run_text("{\"ports\": {\"1\": {\"addr_traddr\": \"192.0.2.1\"}}, \"subsystems\": {"
		 "\"" A "\": {\"namespaces\": [{\"nsid\": 2, \"device\": \"/one\"}]},"
		 "\"" B "\": {\"namespaces\": [{\"nsid\": 1, \"device\": \"/two\"}]}}}");
	assert_int_equal(shown(A, 2)->block_shift, 9);
	assert_int_equal(shown(B, 1)->block_shift, 12);
	assert_null(shown(A, 1));
	assert_int_equal(disks[0].opens, 2);
}

static void resizing(void **state)
{
	uint64_t before;

	run_text(TWO);
	before = shown(A, 1)->generation;
	run_tick();
	assert_int_equal(shown(A, 1)->generation, before);
	disks[0].size = (5 << 20) + 100;
	TICK_UNTIL(shown(A, 1)->block_count == 5 * 2048);
	assert_true(shown(A, 1)->generation > before);
	disks[0].size = 100;
	TICK_UNTIL(!shown(A, 1));
	expect_state(1, APPLY_FAILED, "the device has 100 bytes, which is not one block of 512; it "
		     "must be larger");
	disks[0].size = 512;
	TICK_UNTIL(shown(A, 1));
	assert_int_equal(shown(A, 1)->block_count, 1);
}

/* Until nothing is left to collect; without a tick. */
static void run_what_is_due(void)
{
	struct pollfd pollfd = { .fd = apply_fd(apply), .events = POLLIN };

	while (poll(&pollfd, 1, 1000) > 0)
		apply_run(apply);
}

static void a_device_says_that_it_changed(void **state)
{
	struct apply_namespace_state seen;

	run_text(TWO);
	run_tick();
	disks[0].size = 5 << 20;
	run_what_is_due();
	assert_int_equal(shown(A, 1)->block_count, 2048);
	weft_device_changed(disks[0].owner);
	weft_device_changed(disks[0].owner);
	run_what_is_due();
	assert_int_equal(shown(A, 1)->block_count, 5 * 2048);
	disks[0].missing = ENODEV;
	weft_device_changed(disks[0].owner);
	run_what_is_due();
	assert_null(shown(A, 1));
	disks[0].missing = 0;
	TICK_UNTIL(shown(A, 1));

	disks[0].trouble = "it squeaks";
	TICK_UNTIL(apply_namespace_state(apply, A, 1, &seen) && seen.trouble);
	assert_string_equal(seen.trouble, "it squeaks");
	assert_int_equal(seen.state, APPLY_READY);
	disks[0].trouble = NULL;
	TICK_UNTIL(apply_namespace_state(apply, A, 1, &seen) && !seen.trouble);
}

static void losing_a_device(void **state)
{
	uint64_t before;

	run_text(TWO);
	before = shown(A, 1)->generation;
	disks[0].missing = EIO;
	TICK_UNTIL(!shown(A, 1));
	expect_state(1, APPLY_FAILED, "the device is lost: Input/output error");
	TICK_UNTIL(!disks[0].opened);
	disks[0].missing = 0;
	TICK_UNTIL(shown(A, 1));
	assert_true(shown(A, 1)->generation > before);
	expect_state(1, APPLY_READY, NULL);
	expect_state(2, APPLY_READY, NULL);
}

static void block_sizes(void **state)
{
	struct config *config;

	run_text(TWO);
	config = draft();
	config->subsystems[0].namespaces[0].block_size = 4096;
	config->subsystems[0].namespaces[1].block_size = 512;
	run_config(config);
	assert_int_equal(shown(A, 1)->block_shift, 12);
	assert_null(shown(A, 2));
	expect_state(2, APPLY_FAILED, "block_size is 512, but the device has blocks of 4096 bytes; "
		     "it must be 4096");
	config = draft();
	config->subsystems[0].namespaces[1].block_size = 0;
	run_config(config);
	expect_state(2, APPLY_READY, NULL);
}

static void a_refused_one_changes_nothing(void **state)
{
	const struct config *running;
	const struct view *view;
	struct config *config;
	struct weft_error error;

	run_text(TWO);
	running = apply_current(apply);
	view = target->view;
	config = draft();
	config->ports[0].portid = 0;
	assert_int_equal(try_config(config, &error), -ERANGE);
	assert_string_equal(error.text, "port 0: portid is 0; it must be in 1..65535");

	config = draft();
	config_set_option(config->subsystems[0].namespaces, "colour", "red");
	assert_int_equal(try_config(config, &error), -EINVAL);
	assert_string_equal(error.text, "subsystem " A ", namespace 1: backend 'file' has no "
			    "option 'colour'; it has: path");
	assert_ptr_equal(apply_current(apply), running);
	assert_ptr_equal(target->view, view);
	assert_int_equal(open_listeners(), 1);
}

static void listening(void **state)
{
	struct apply_port_state port;
	struct config *config;

	absent_address = "192.0.2.2";
	run_text(TWO);
	config = draft();
	TEXT_SET(config_add_port(config, 2)->addr.traddr, "192.0.2.2");
	run_config(config);
	assert_int_equal(listener_count, 1);
	assert_true(apply_port_state(apply, 2, &port));
	assert_int_equal(port.state, APPLY_FAILED);
	assert_string_equal(port.reason, "192.0.2.2: not this machine's");
	absent_address = NULL;
	TICK_UNTIL(open_listeners() == 2);
	assert_true(apply_port_state(apply, 2, &port));
	assert_int_equal(port.state, APPLY_READY);

	/* Another TCP port: that listener is replaced, the other one stays. */
	config = draft();
	config->ports[1].addr.trsvcid = 4421;
	config->ports[1].mdts = 3;
	run_config(config);
	assert_int_equal(listener_count, 3);
	assert_true(listeners[0].open);
	assert_false(listeners[1].open);
	assert_int_equal(listeners[2].trsvcid, 4421);

	/* Other settings alone need no new listener. */
	config = draft();
	config->ports[1].mdts = 4;
	run_config(config);
	assert_int_equal(listener_count, 3);
	assert_int_equal(view_find_port(target->view, 2)->mdts, 4);
}

static void counters(void **state)
{
	uint64_t genctr, ana;
	struct config *config;

	run_text(TWO);
	genctr = target->view->genctr;
	ana = target->view->ana_change_count;
	config = draft();
	config_remove_namespace(&config->subsystems[0], 2);
	run_config(config);
	assert_int_equal(target->view->genctr, genctr);
	/* the ANA log lists its namespaces */
	assert_int_equal(target->view->ana_change_count, ++ana);

	config = draft();
	config->subsystems[0].namespaces[0].ana_grpid = 2;
	run_config(config);
	assert_int_equal(target->view->ana_change_count, ana + 1);
	config = draft();
	config_set_ana_group(&config->ports[0], 2, NVME_ANA_OPTIMIZED);
	run_config(config);
	assert_int_equal(target->view->ana_change_count, ana + 2);
	assert_int_equal(target->view->genctr, genctr);

	config = draft();
	config_unlink(&config->ports[0], A);
	run_config(config);
	assert_int_equal(target->view->genctr, genctr + 1);
	assert_int_equal(apply_genctr(apply), genctr + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(compiles),
		TEST(compiles_the_rest),
		TEST(a_missing_device_comes_by_itself),
		TEST(what_stays_is_left_alone),
		TEST(removing_closes),
		TEST(io_keeps_it_open),
		TEST(a_device_moves),
		TEST(resizing),
		TEST(a_device_says_that_it_changed),
		TEST(losing_a_device),
		TEST(block_sizes),
		TEST(a_refused_one_changes_nothing),
		TEST(listening),
		TEST(counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
