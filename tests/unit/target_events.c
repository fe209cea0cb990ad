/* SPDX-License-Identifier: BSD-3-Clause */
/* Asynchronous events: held requests, masks, and what follows from a change of the view. */
#include <string.h>

#include "spec/property.h"
#include "target_rig.h"

#define QUIET_MS 50

static struct host host;

static int setup(void **state)
{
	int r = rig_setup(state);

	if (r == 0)
		host_open(&host, 0, PORT_BOTH, NQN_A, HOST_ANY);
	return r;
}

static int teardown(void **state)
{
	host_close(&host);
	return rig_teardown(state);
}

#define event_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void enable(struct host *to, uint32_t events)
{
	struct inprocess_command cmd = command(NVME_ADMIN_SET_FEATURES, 0, NVME_FEAT_ASYNC_EVENT,
					       events);

	host_ok(to, &cmd);
}

/* Event requests may stay with the controller until the teardown. */
static struct inprocess_command *aer(void)
{
	static struct inprocess_command pool[64];
	static unsigned int next;
	struct inprocess_command *cmd = &pool[next++ % 64];

	*cmd = command(NVME_ADMIN_ASYNC_EVENT, 0, 0, 0);
	return cmd;
}

static bool quiet(struct inprocess_command *cmd)
{
	return !inprocess_wait(host.conn, cmd, QUIET_MS);
}

static void assert_event(struct inprocess_command *cmd, uint8_t info, uint8_t log)
{
	assert_int_equal(host_wait(&host, cmd), NVME_SC_SUCCESS);
	assert_int_equal(le32_get(cmd->cqe.dw0), nvme_aer_dw0(NVME_AER_NOTICE, info, log));
}

#define assert_ns_event(cmd) \
	assert_event(cmd, NVME_AER_NOTICE_NS_CHANGED, NVME_LOG_CHANGED_NS)
#define assert_ana_event(cmd) assert_event(cmd, NVME_AER_NOTICE_ANA, NVME_LOG_ANA)

static struct view_namespace *ns_of(struct view *view, uint32_t nsid)
{
	return view_find_namespace(view_find_subsystem(view, NQN_A), nsid);
}

/* Publishes a view where these namespaces look different from all views before. */
static void change_namespaces(uint32_t first, uint32_t second)
{
	static uint64_t generation = 1000;
	struct view *view = rig_view();

	ns_of(view, first)->generation = ++generation;
	if (second)
		ns_of(view, second)->generation = ++generation;
	rig_publish(view);
}

static void read_changed(struct host *from, bool retain, uint32_t *ret_first, uint32_t *ret_second,
			 uint32_t *ret_third)
{
	struct nvme_ns_list page;
	struct inprocess_command cmd = log_command(NVME_LOG_CHANGED_NS, &page, sizeof(page));

	if (retain)
		cmd.sqe.cdw10 = le32_of(le32_get(cmd.sqe.cdw10) | NVME_LOG_RAE);
	host_ok(from, &cmd);
	*ret_first = le32_get(page.nsid[0]);
	*ret_second = le32_get(page.nsid[1]);
	*ret_third = le32_get(page.nsid[2]);
}

static void assert_changed(bool retain, uint32_t first, uint32_t second, uint32_t third)
{
	uint32_t found[3];

	read_changed(&host, retain, &found[0], &found[1], &found[2]);
	assert_int_equal(found[0], first);
	assert_int_equal(found[1], second);
	assert_int_equal(found[2], third);
}

/* ---- requests ---- */

static void test_limit(void **state)
{
	struct inprocess_command *held[CONTROLLER_AER_MAX], *more = aer(), alive;

	for (unsigned int i = 0; i < CONTROLLER_AER_MAX; i++) {
		held[i] = aer();
		host_send(&host, held[i]);
	}
	assert_int_equal(host_run(&host, more), NVME_SC_ASYNC_LIMIT);
	alive = command(NVME_ADMIN_KEEP_ALIVE, 0, 0, 0);
	host_ok(&host, &alive);
	for (unsigned int i = 0; i < CONTROLLER_AER_MAX; i++)
		assert_int_equal(inprocess_state(host.conn, held[i]), INPROCESS_SENT);
	/* the end of the connection takes them along */
	host_close(&host);
	for (unsigned int i = 0; i < CONTROLLER_AER_MAX; i++)
		assert_int_equal(held[i]->state, INPROCESS_LOST);
	host_open(&host, 0, PORT_BOTH, NQN_A, HOST_ANY);
}

static void test_reset_drops_requests(void **state)
{
	for (unsigned int turn = 0; turn < 3; turn++) {
		for (unsigned int i = 0; i < CONTROLLER_AER_MAX; i++) {
			struct inprocess_command *held = aer();

			host_send(&host, held);
			assert_int_equal(inprocess_state(host.conn, held), INPROCESS_SENT);
		}
		host_set_cc(&host, 0);
		host_set_cc(&host, NVME_CC_EN);
	}
}

/* ---- namespaces ---- */

static void test_namespace_event(void **state)
{
	struct inprocess_command *first = aer(), *second = aer();

	enable(&host, NVME_AEC_NS_ATTR);
	host_send(&host, first);
	host_send(&host, second);
	change_namespaces(7, 1);
	assert_ns_event(first);
	/* once only, until the log has been read with RAE = 0 */
	change_namespaces(2, 0);
	assert_true(quiet(second));
	assert_changed(true, 1, 2, 7);
	change_namespaces(2, 0);
	assert_true(quiet(second));
	assert_changed(false, 1, 2, 7);
	assert_changed(false, 0, 0, 0);
	change_namespaces(2, 0);
	assert_ns_event(second);
}

static void test_removed_and_added(void **state)
{
	struct view *view = rig_view();
	struct view_subsystem *subsystem = view_find_subsystem(view, NQN_A);
	struct view_namespace copy = *view_find_namespace(subsystem, 1);
	struct inprocess_command *cmd = aer();

	enable(&host, NVME_AEC_NS_ATTR);
	rig_remove_namespace(view, 1);
	copy.nsid = 900;
	*view_add_namespace(subsystem, 900) = copy;
	rig_publish(view);
	/* the event has waited for a request */
	host_send(&host, cmd);
	assert_ns_event(cmd);
	assert_changed(false, 1, 900, 0);
}

static void test_not_enabled(void **state)
{
	struct inprocess_command *cmd = aer();

	host_send(&host, cmd);
	change_namespaces(1, 0);
	assert_true(quiet(cmd));
	/* the list is kept all the same */
	assert_changed(false, 1, 0, 0);
	enable(&host, NVME_AEC_ANA);
	change_namespaces(1, 0);
	assert_true(quiet(cmd));
}

static void test_read_before_the_request(void **state)
{
	struct inprocess_command *cmd = aer();

	enable(&host, NVME_AEC_NS_ATTR);
	change_namespaces(1, 0);
	assert_changed(false, 1, 0, 0);
	/* what it would have said is known */
	host_send(&host, cmd);
	assert_true(quiet(cmd));
	change_namespaces(1, 0);
	assert_ns_event(cmd);
}

static void test_same_again(void **state)
{
	struct inprocess_command *cmd = aer();

	enable(&host, NVME_AEC_NS_ATTR | NVME_AEC_ANA);
	host_send(&host, cmd);
	rig_publish(rig_view());
	assert_true(quiet(cmd));
}

/* Each controller has a list and masks of its own. */
static void test_two_controllers(void **state)
{
	struct inprocess_command *cmd = aer(), *others = aer();
	uint32_t found[3];
	struct host other;

	host_open(&other, 1, PORT_A, NQN_A, HOST_ANY);
	enable(&host, NVME_AEC_NS_ATTR);
	enable(&other, NVME_AEC_NS_ATTR);
	host_send(&host, cmd);
	host_send(&other, others);
	change_namespaces(7, 0);
	assert_ns_event(cmd);
	assert_int_equal(host_wait(&other, others), NVME_SC_SUCCESS);
	assert_changed(false, 7, 0, 0);
	read_changed(&other, false, &found[0], &found[1], &found[2]);
	assert_int_equal(found[0], 7);
	host_close(&other);
}

/* ---- ANA ---- */

static void set_ana(uint16_t portid, uint32_t grpid, enum nvme_ana_state ana_state)
{
	struct view *view = rig_view();

	view_find_port(view, portid)->ana_states[grpid] = (uint8_t)ana_state;
	rig_publish(view);
}

static void test_ana_state(void **state)
{
	struct inprocess_command *cmd = aer(), *again = aer(), read_log;
	uint8_t page[64];

	enable(&host, NVME_AEC_NS_ATTR | NVME_AEC_ANA);
	host_send(&host, cmd);
	set_ana(PORT_A, 1, NVME_ANA_INACCESSIBLE);	/* another port's */
	rig_publish(rig_view());
	assert_true(quiet(cmd));
	set_ana(PORT_BOTH, 1, NVME_ANA_INACCESSIBLE);
	assert_ana_event(cmd);
	host_send(&host, again);
	set_ana(PORT_BOTH, 1, NVME_ANA_OPTIMIZED);
	assert_true(quiet(again));
	read_log = log_command(NVME_LOG_ANA, page, sizeof(page));
	host_ok(&host, &read_log);
	set_ana(PORT_BOTH, 1, NVME_ANA_CHANGE);
	assert_ana_event(again);
}

static void test_ana_group_of_namespace(void **state)
{
	struct inprocess_command *first = aer(), *second = aer();
	struct view *view = rig_view();

	enable(&host, NVME_AEC_NS_ATTR | NVME_AEC_ANA);
	host_send(&host, first);
	host_send(&host, second);
	ns_of(view, 1)->ana_grpid = 5;
	ns_of(view, 1)->generation = 55;
	rig_publish(view);
	assert_ns_event(first);
	assert_ana_event(second);
	assert_changed(false, 1, 0, 0);
}

/* ---- SMART ---- */

static void set_threshold(uint32_t kelvin)
{
	struct inprocess_command cmd = command(NVME_ADMIN_SET_FEATURES, 0,
					       NVME_FEAT_TEMP_THRESHOLD, kelvin);

	host_ok(&host, &cmd);
}

static uint8_t read_warning(void)
{
	struct nvme_log_smart page;
	struct inprocess_command cmd = log_command(NVME_LOG_SMART, &page, sizeof(page));

	host_ok(&host, &cmd);
	return page.critical_warning;
}

static void test_temperature(void **state)
{
	struct inprocess_command *cmd = aer(), *again = aer();

	enable(&host, NVME_SMART_TEMPERATURE);
	host_send(&host, cmd);
	host_send(&host, again);
	set_threshold(350);
	assert_true(quiet(cmd));
	assert_int_equal(read_warning(), 0);
	set_threshold(280);
	assert_int_equal(host_wait(&host, cmd), NVME_SC_SUCCESS);
	assert_int_equal(le32_get(cmd->cqe.dw0),
			 nvme_aer_dw0(NVME_AER_SMART, NVME_AER_SMART_TEMPERATURE, NVME_LOG_SMART));
	set_threshold(281);
	assert_true(quiet(again));
	assert_int_equal(read_warning(), NVME_SMART_TEMPERATURE);
	set_threshold(282);
	assert_int_equal(host_wait(&host, again), NVME_SC_SUCCESS);
}

/* ---- a subsystem that goes away ---- */

static void test_unlinked_subsystem(void **state)
{
	struct inprocess_command *cmd = aer();
	struct view *view = rig_view();

	enable(&host, NVME_AEC_NS_ATTR);
	host_send(&host, cmd);
	view_find_port(view, PORT_BOTH)->subsystem_count = 0;
	rig_publish(view);
	assert_true(inprocess_wait_closed(host.conn, 5000));
	assert_int_equal(inprocess_state(host.conn, cmd), INPROCESS_LOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		event_test(test_limit),
		event_test(test_reset_drops_requests),
		event_test(test_namespace_event),
		event_test(test_removed_and_added),
		event_test(test_not_enabled),
		event_test(test_read_before_the_request),
		event_test(test_same_again),
		event_test(test_two_controllers),
		event_test(test_ana_state),
		event_test(test_ana_group_of_namespace),
		event_test(test_temperature),
		event_test(test_unlinked_subsystem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
