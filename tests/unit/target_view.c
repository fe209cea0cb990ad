/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Views with many namespaces and hosts, held against plain arrays: which namespaces are found,
 * which are listed, what a new view changes, who is allowed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target/queue/queue.h"
#include "target_rig.h"

#define NSIDS (VIEW_NSID_MAX + 8)
#define HOSTS 3000

/* The generation of each NSID of NQN_A in the published view and in the one before; 0: none. */
static uint64_t now[NSIDS], before[NSIDS];
static uint64_t generation = 1000;

static struct view_subsystem *a_of(struct view *view)
{
	return view_find_subsystem(view, NQN_A);
}

/* Publishes a view that has the namespaces of now[], added in a random order. */
static void publish(void)
{
	struct view *view = rig_view();
	struct view_subsystem *a = a_of(view);
	static uint32_t order[NSIDS];
	uint32_t count = 0;

	a->namespace_count = 0;
	for (uint32_t nsid = 1; nsid < NSIDS; nsid++)
		if (now[nsid])
			order[count++] = nsid;
	for (uint32_t i = count; i > 1; i--) {
		uint32_t other = (uint32_t)random() % i, nsid = order[other];

		order[other] = order[i - 1];
		order[i - 1] = nsid;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct view_namespace *ns = view_add_namespace(a, order[i]);

		assert_non_null(ns);
		ns->ns = rig.ns[0];
		ns->generation = now[order[i]];
		ns->ana_grpid = 1;
		ns->block_shift = 9;
	}
	rig_publish(view);
}

/* What a queue finds and lists is what is there. */
static void assert_found(void)
{
	struct queue queue = { 0 };
	const struct view_namespace *ns;
	struct view_subsystem *a = a_of(rig.target->view);

	queue_set_view(&queue, a, NULL);
	ns = queue_namespace_above(&queue, 0);
	for (uint32_t nsid = 0; nsid < NSIDS; nsid++) {
		const struct view_namespace *found = queue_namespace(&queue, nsid);

		assert_int_equal(found ? found->generation : 0, now[nsid]);
		assert_ptr_equal(found, view_find_namespace(a, nsid));
		if (!found)
			continue;
		assert_int_equal(found->nsid, nsid);
		assert_ptr_equal(ns, found);
		assert_ptr_equal(queue_namespace_above(&queue, nsid - 1), found);
		ns = queue_namespace_after(&queue, ns);
	}
	assert_null(ns);
	assert_null(queue_namespace(&queue, NVME_NSID_ALL));
	assert_null(queue_namespace_above(&queue, NVME_NSID_ALL));
	queue_set_view(&queue, NULL, NULL);
	assert_null(queue_namespace(&queue, 1));
}

static void assert_changes(void)
{
	const struct view_changes *changes = &a_of(rig.target->view)->changes;
	uint32_t count = 0;

	for (uint32_t nsid = 1; nsid < NSIDS; nsid++) {
		if (now[nsid] == before[nsid])
			continue;
		if (count < NVME_CHANGED_NS_MAX)
			assert_int_equal(changes->nsids[count], nsid);
		count++;
	}
	assert_int_equal(changes->many, count > NVME_CHANGED_NS_MAX);
	assert_int_equal(changes->count, count < NVME_CHANGED_NS_MAX ? count : NVME_CHANGED_NS_MAX);
}

/* So many NSIDs of 1..last, some of them as they were. */
static void fill(uint32_t count, uint32_t last)
{
	memcpy(before, now, sizeof(now));
	memset(now, 0, sizeof(now));
	for (uint32_t i = 0; i < count; i++) {
		uint32_t nsid = 1 + (uint32_t)random() % last;

		now[nsid] = before[nsid] && random() % 4 ? before[nsid] : ++generation;
	}
	publish();
	assert_found();
	assert_changes();
}

static void test_namespaces(void **state)
{
	static const struct {
		uint32_t count, last;
	} turns[] = {
		{ 0, 1 }, { 1, 1 }, { 3, 60 }, { 3, 80 }, { 40, VIEW_NSID_MAX }, { 900, 1024 },
		{ 2000, 4000 }, { 2000, 40000 }, { 16000, 16384 }, { 16000, VIEW_NSID_MAX },
		{ 16000, VIEW_NSID_MAX }, { 5, VIEW_NSID_MAX }, { 0, 1 },
	};

	srandom(1);
	memset(now, 0, sizeof(now));
	publish();
	for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++)
		fill(turns[i].count, turns[i].last);
}

/* Memory follows how many there are, not how large their NSIDs. */
static void test_index(void **state)
{
	memset(now, 0, sizeof(now));
	for (uint32_t nsid = 1; nsid <= 1000; nsid++)
		now[nsid] = ++generation;
	now[VIEW_NSID_MAX] = ++generation;
	publish();
	assert_found();
	assert_int_equal(a_of(rig.target->view)->by_nsid_count, 1001);
	memset(now, 0, sizeof(now));
	for (uint32_t nsid = 1024; nsid <= VIEW_NSID_MAX; nsid += 1024)
		now[nsid] = ++generation;
	publish();
	assert_found();
	assert_int_equal(a_of(rig.target->view)->by_nsid_count, 0);
}

static void test_nsids_that_cannot_be(void **state)
{
	struct view *view = rig_view();
	struct view_subsystem *a = a_of(view);

	assert_null(view_add_namespace(a, 0));
	assert_null(view_add_namespace(a, 1));
	assert_null(view_add_namespace(a, VIEW_NSID_MAX + 1));
	view_free(view);
}

static const char *nqn_of(unsigned int i)
{
	static char nqn[64];

	/* not in the order of their names */
	snprintf(nqn, sizeof(nqn), "nqn.2026-11.example:%u", i * 7919 % HOSTS);
	return nqn;
}

static void test_hosts(void **state)
{
	struct view *view = rig_view();
	struct view_subsystem *a = a_of(view), *b = view_find_subsystem(view, NQN_B);

	a->allow_any_host = false;
	for (unsigned int i = 0; i < HOSTS; i++) {
		struct view_host *host = view_add_host(view, nqn_of(i));

		assert_non_null(host);
		assert_ptr_equal(view_add_host(view, nqn_of(i)), host);
		if (i % 3 == 0)
			assert_int_equal(view_allow_host(a, host), 0);
	}
	assert_int_equal(view->host_count, HOSTS + 1);
	for (unsigned int i = 0; i < HOSTS; i++) {
		const struct view_host *host = view_find_host(view, nqn_of(i));

		assert_string_equal(host->nqn, nqn_of(i));
		assert_int_equal(view_host_allowed(a, host), i % 3 == 0);
		assert_false(view_host_allowed(b, host));
	}
	assert_true(view_host_allowed(b, view_find_host(view, HOST_FRIEND)));
	/* hosts that nobody named share one, which is on no list, whatever its number */
	assert_ptr_equal(view_find_host(view, HOST_ANY), &view->other_hosts);
	assert_ptr_equal(view_find_host(view, ""), &view->other_hosts);
	assert_false(view_host_allowed(a, &view->other_hosts));
	a->allow_any_host = true;
	assert_true(view_host_allowed(a, &view->other_hosts));
	view_free(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_namespaces),
		rig_test(test_index),
		rig_test(test_nsids_that_cannot_be),
		rig_test(test_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
