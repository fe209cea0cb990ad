/* SPDX-License-Identifier: BSD-3-Clause */
/* The host library against a small controller: what works, and what a bad controller leads to. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/host.h"
#include "host/perf.h"
#include "host/stream.h"
#include "host_peer.h"

static struct host_options options_for(const struct peer *peer)
{
	struct host_options opts;

	host_options_init(&opts);
	opts.traddr = "127.0.0.1";
	opts.trsvcid = peer->port;
	opts.subnqn = PEER_NQN;
	opts.timeout_ms = 5000;
	return opts;
}

static struct host_ctrl *connect_to(const struct host_options *opts)
{
	struct weft_error error;
	struct host_ctrl *ctrl;

	if (host_connect(opts, &ctrl, &error) < 0)
		fail_msg("%s", error.text);
	return ctrl;
}

struct memory {
	uint8_t *bytes;
	size_t at, size;
};

static int to_memory(void *user, const void *bytes, size_t size, struct weft_error *error)
{
	struct memory *m = user;

	memcpy(m->bytes + m->at, bytes, size);
	m->at += size;
	return 0;
}

static int from_memory(void *user, void *bytes, size_t size, size_t *ret_size,
		       struct weft_error *error)
{
	struct memory *m = user;

	*ret_size = m->size - m->at < size ? m->size - m->at : size;
	memcpy(bytes, m->bytes + m->at, *ret_size);
	m->at += *ret_size;
	return 0;
}

/* Writes and reads back a range that takes in-capsule data, R2Ts and many PDUs. */
static void check_round_trip(struct host_options *opts, uint32_t io_size, uint16_t depth)
{
	struct stream_options stream = { .offset = 7 * PEER_BLOCK, .length = 600 * PEER_BLOCK,
					 .io_size = io_size, .depth = depth };
	struct memory in = { malloc(stream.length), 0, stream.length };
	struct memory out = { calloc(1, stream.length), 0, stream.length };
	struct host_ctrl *ctrl = connect_to(opts);
	struct weft_error error;
	struct host_ns ns;
	uint64_t written = 0;

	for (size_t i = 0; i < stream.length; i++)
		in.bytes[i] = (uint8_t)(i * 31 + i / 509);
	assert_int_equal(host_ns_open(ctrl, 1, &ns, &error), 0);
	if (stream_write(ctrl, &ns, &stream, from_memory, &in, &written, &error) < 0 ||
	    stream_read(ctrl, &ns, &stream, to_memory, &out, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(written, stream.length);
	assert_int_equal(out.at, stream.length);
	assert_memory_equal(in.bytes, out.bytes, stream.length);
	host_disconnect(ctrl);
	free(in.bytes);
	free(out.bytes);
}

static void test_round_trips(void **state)
{
	static const uint32_t sizes[] = { 512, 8192, 8704, 65536 };

	for (unsigned int bits = 0; bits < 8; bits++) {
		struct peer *peer = peer_start(PEER_GOOD);
		struct host_options opts = options_for(peer);

		opts.hdgst = bits & 1;
		opts.ddgst = bits & 2;
		opts.no_sq_flow = bits & 4;
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			check_round_trip(&opts, sizes[i], i & 1 ? 1 : 32);
		peer_stop(peer);
	}
}

static void test_identify(void **state)
{
	struct peer *peer = peer_start(PEER_GOOD);
	struct host_options opts = options_for(peer);
	struct host_ctrl *ctrl = connect_to(&opts);
	struct weft_error error;
	struct host_ns ns;

	assert_int_equal(ctrl->max_transfer, 4096 << 5);
	assert_int_equal(ctrl->io_icd, PEER_ICD);
	assert_int_equal(ctrl->vs, 0x20100);
	assert_int_equal(host_ns_open(ctrl, 2, &ns, &error), -ENODEV);
	assert_int_equal(host_ns_open(ctrl, 1, &ns, &error), 0);
	assert_int_equal(ns.block_size, PEER_BLOCK);
	assert_int_equal(host_log(ctrl, 2, 0, 1u << 20, &ns, 512, &error), -EREMOTEIO);
	assert_non_null(strstr(error.text, "Invalid Field"));
	host_disconnect(ctrl);
	peer_stop(peer);
}

static void check_discovery(enum peer_fault fault, int want)
{
	struct peer *peer = peer_start(fault);
	struct host_options opts = options_for(peer);
	struct host_disc disc = { .entries = NULL };
	struct weft_error error;
	struct host_ctrl *ctrl;

	opts.subnqn = NVMF_DISCOVERY_NQN;
	ctrl = connect_to(&opts);
	assert_int_equal(host_discover(ctrl, &disc, &error), want);
	if (want == 0) {
		assert_int_equal(disc.numrec, 7);
		assert_int_equal(disc.genctr, 99);
		assert_int_equal(le16_get(disc.entries[6].portid), 6);
	}
	free(disc.entries);
	host_disconnect(ctrl);
	peer_stop(peer);
}

static void test_discovery(void **state)
{
	check_discovery(PEER_GOOD, 0);
	check_discovery(PEER_GENCTR_MOVES, 0);
}

static void check_connect_fails(enum peer_fault fault, bool digests, int code, const char *text)
{
	struct peer *peer = peer_start(fault);
	struct host_options opts = options_for(peer);
	struct weft_error error;
	struct host_ctrl *ctrl;

	opts.hdgst = digests;
	assert_int_equal(host_connect(&opts, &ctrl, &error), -code);
	assert_int_equal(error.code, code);
	if (!strstr(error.text, text))
		fail_msg("'%s' does not say '%s'", error.text, text);
	peer_stop(peer);
}

static void test_connect_refused(void **state)
{
	struct host_options opts;
	struct weft_error error;
	struct host_ctrl *ctrl;

	check_connect_fails(PEER_REFUSES_HOST, false, EACCES, "may not connect");
	check_connect_fails(PEER_WANTS_AUTH, false, EACCES, "authentication");
	check_connect_fails(PEER_NO_DIGESTS, true, EOPNOTSUPP, "refuses header digests");
	check_connect_fails(PEER_NOT_NVME, false, EPROTO, "NVMe/TCP");

	host_options_init(&opts);
	opts.traddr = "127.0.0.1";
	opts.trsvcid = "1";
	opts.subnqn = PEER_NQN;
	assert_int_equal(host_connect(&opts, &ctrl, &error), -ECONNREFUSED);
	opts.subnqn = "a b";
	assert_int_equal(host_connect(&opts, &ctrl, &error), -EINVAL);
}

/* One command of 16 KiB to a controller that does it wrong. */
static void check_io_fails(enum peer_fault fault, uint8_t opcode, int want, const char *text,
			   bool term)
{
	static uint8_t buffer[16384];
	struct peer *peer = peer_start(fault);
	struct host_options opts = options_for(peer);
	struct host_request req = { .data = buffer, .length = sizeof(buffer) };
	struct host_ctrl *ctrl;
	struct host_queue *q;
	struct weft_error error = { .text = "no error" };
	int r;

	opts.hdgst = opts.ddgst = true;
	ctrl = connect_to(&opts);
	assert_int_equal(host_io_queues(ctrl, 8, &error), 0);
	assert_int_equal(ctrl->io_queues, 4);
	if (host_io_open(ctrl, 1, 8, &q, &error) < 0) {
		/* The fault hits the response to Connect already. */
		assert_non_null(strstr(error.text, text));
	} else {
		host_rw_sqe(&req.sqe, opcode, 1, 0, sizeof(buffer) / PEER_BLOCK, 0);
		r = host_command(q, &req, 300, &error);
		if (r != want || !strstr(error.text, text))
			fail_msg("fault %d: %d, %s", fault, r, error.text);
		host_queue_close(q);
	}
	host_disconnect(ctrl);
	while (term && !peer->terms)
		;
	peer_stop(peer);
}

static void test_bad_controller(void **state)
{
	check_io_fails(PEER_BAD_HEADER_DIGEST, NVME_CMD_READ, -EPROTO, "header digest", true);
	check_io_fails(PEER_BAD_DATA_DIGEST, NVME_CMD_READ, -EBADMSG, "data digest", false);
	check_io_fails(PEER_UNKNOWN_CID, NVME_CMD_READ, -EPROTO, "not outstanding", true);
	check_io_fails(PEER_DATA_OUT_OF_RANGE, NVME_CMD_READ, -EPROTO, "out of order", true);
	check_io_fails(PEER_DATA_AFTER_WRITE, NVME_CMD_WRITE, -EPROTO, "reads no data", true);
	check_io_fails(PEER_R2T_OUT_OF_RANGE, NVME_CMD_WRITE, -EPROTO, "does not have", true);
	check_io_fails(PEER_R2T_TWICE, NVME_CMD_WRITE, -EPROTO, "R2T", true);
	check_io_fails(PEER_TERM, NVME_CMD_READ, -EPROTO, "FES 5", false);
	check_io_fails(PEER_CLOSE, NVME_CMD_READ, -ECONNRESET, "closed", false);
	check_io_fails(PEER_SILENT, NVME_CMD_READ, -ETIMEDOUT, "in time", false);
}

/* Headers with a bit wrong: an error or not, but nothing that a sanitizer sees. */
static void test_mutated_headers(void **state)
{
	static uint8_t buffer[16384];

	for (unsigned int seed = 0; seed < 400; seed++) {
		struct peer *peer = peer_start(PEER_MUTATES);
		struct host_options opts = options_for(peer);
		struct host_request req = { .data = buffer, .length = sizeof(buffer) };
		struct host_queue *q = NULL;
		struct host_ctrl *ctrl;
		struct weft_error error;

		peer->seed = seed;
		opts.no_sq_flow = seed & 1;
		ctrl = connect_to(&opts);
		assert_int_equal(host_io_queues(ctrl, 1, &error), 0);
		assert_int_equal(host_io_open(ctrl, 1, 8, &q, &error), 0);
		host_rw_sqe(&req.sqe, seed & 2 ? NVME_CMD_READ : NVME_CMD_WRITE, 1, 0,
			    sizeof(buffer) / PEER_BLOCK, 0);
		host_command(q, &req, 20, &error);
		host_queue_close(q);
		host_disconnect(ctrl);
		peer_stop(peer);
	}
}

static int run_perf(enum peer_fault fault, const struct perf_options *perf,
		    struct perf_result *ret_result, struct weft_error *error)
{
	struct peer *peer = peer_start(fault);
	struct host_options opts = options_for(peer);
	struct host_ctrl *ctrl = connect_to(&opts);
	int r = perf_run(ctrl, perf, NULL, NULL, ret_result, error);

	host_disconnect(ctrl);
	peer_stop(peer);
	return r;
}

static void test_perf(void **state)
{
	struct perf_options perf = { .nsid = 1, .io_size = 4096, .depth = 8, .connections = 3,
				     .threads = 2, .read_percent = 50, .random = true,
				     .verify = true, .ramp = 0.1, .seconds = 0.5 };
	struct perf_result *result = calloc(1, sizeof(*result));
	struct weft_error error;

	if (run_perf(PEER_GOOD, &perf, result, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(result->connections, 3);
	assert_true(result->read.latency.count > 0 && result->write.latency.count > 0);
	assert_true(result->verified > 0);
	assert_int_equal(result->read.bytes, result->read.latency.count * 4096);

	perf = (struct perf_options){ .nsid = 1, .io_size = 65536, .depth = 100, .connections = 1,
				      .threads = 1, .read_percent = 0, .seconds = 0.2 };
	if (run_perf(PEER_GOOD, &perf, result, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(result->depth, 63);
	assert_true(result->write.latency.count > 0);
	perf.read_percent = 100;
	assert_int_equal(run_perf(PEER_READ_ERROR, &perf, result, &error), -EREMOTEIO);
	assert_non_null(strstr(error.text, "Unrecovered Read Error"));
	assert_int_equal(run_perf(PEER_SHORT_READ, &perf, result, &error), -EPROTO);
	assert_int_equal(run_perf(PEER_CLOSE, &perf, result, &error), -ECONNRESET);
	perf.io_size = 1000;
	assert_int_equal(run_perf(PEER_GOOD, &perf, result, &error), -EINVAL);
	free(result);
}

static void test_histogram(void **state)
{
	struct histogram *h = calloc(1, sizeof(*h));

	for (uint64_t ns = 0; ns < 1u << 20; ns++)
		if (histogram_index(ns) > histogram_index(ns + 1))
			fail_msg("bucket of %llu", (unsigned long long)ns);
	assert_true(histogram_index(UINT64_MAX) < HISTOGRAM_BUCKETS);
	assert_true(histogram_index((UINT64_C(1) << HISTOGRAM_BITS) - 1) < HISTOGRAM_BUCKETS);
	assert_int_equal(histogram_percentile(h, 50), 0);
	for (uint64_t i = 1; i <= 1000; i++)
		histogram_add(h, i * 1000);
	assert_in_range(histogram_percentile(h, 50), 500000, 508000);
	assert_in_range(histogram_percentile(h, 99), 990000, 1000000);
	assert_int_equal(histogram_percentile(h, 100), 1000000);
	assert_int_equal((int)histogram_mean(h), 500500);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_identify),
		cmocka_unit_test(test_discovery),
		cmocka_unit_test(test_connect_refused),
		cmocka_unit_test(test_bad_controller),
		cmocka_unit_test(test_mutated_headers),
		cmocka_unit_test(test_perf),
		cmocka_unit_test(test_histogram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
