/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host in user space against a controller that answers as the input's
 * records say. The first record chooses what the host does; it must come to an
 * end whatever it is told, and never send anything malformed.
 */
#include <errno.h>
#include <string.h>

#include "controller.h"
#include "fuzz.h"
#include "host/stream.h"
#include "record.h"
#include "spec/log.h"
#include "util/log.h"

#define SUBNQN "nqn.2026-11.example:s"

static void expect_words(int r, const struct weft_error *error)
{
	fuzz_assert(r <= 0);
	if (r < 0)
		fuzz_assert(error->code > 0 && error->text[0]);
}

static int sink(void *user, const void *bytes, size_t size, struct weft_error *error)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum ^= ((const uint8_t *)bytes)[i];
	*(uint8_t *)user ^= sum;
	return 0;
}

/* Gives all that is asked for but the last of it. */
static int source(void *user, void *bytes, size_t size, size_t *ret_size, struct weft_error *error)
{
	memset(bytes, 0x5a, size);
	*ret_size = size;
	return 0;
}

static int read_some(struct host_ctrl *ctrl, const uint8_t *r, struct weft_error *error)
{
	const struct stream_options opts = {
		.offset = r[5] * 512u, .length = r[6] * 512u, .io_size = r[7] * 512u,
		.depth = r[8] % 8 + 1, .fua = r[9] & 1,
	};
	struct host_ns ns;
	uint64_t written;
	uint8_t sum = 0;
	int res = host_ns_open(ctrl, 1, &ns, error);

	if (res < 0)
		return res;
	if (r[1] & 1)
		return stream_read(ctrl, &ns, &opts, sink, &sum, error);
	return stream_write(ctrl, &ns, &opts, source, NULL, &written, error);
}

static int use(struct host_ctrl *ctrl, const uint8_t *r, struct weft_error *error)
{
	struct host_disc disc = { 0 };
	uint8_t page[8192];
	int res;

	switch (r[0] % 4) {
	case 0:
		res = host_discover(ctrl, &disc, error);
		if (res == 0)
			free(disc.entries);
		return res;
	case 1:
		res = host_log(ctrl, r[5], 0, record_u16(r + 6), page, sizeof(page), error);
		if (res == 0)
			res = host_identify(ctrl, r[8], 1, 0, page, error);
		return res;
	default:
		return read_some(ctrl, r, error);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	log_set_level(LOG_EMERG);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct host_options opts = {
		.traddr = "192.0.2.1", .subnqn = SUBNQN, .hostnqn = "nqn.2026-11.example:host",
		.timeout_ms = 1000,
	};
	struct weft_error error = { 0 };
	struct host_ctrl *ctrl;
	int r;

	if (size < RECORD_SIZE)
		return 0;
	opts.hdgst = data[2] & 1;
	opts.ddgst = data[2] & 2;
	opts.no_sq_flow = data[2] & 4;
	opts.kato_ms = data[3] * 10u;
	if (data[0] % 4 == 0)
		opts.subnqn = NVMF_DISCOVERY_NQN;
	controller_start(data + RECORD_SIZE, size - RECORD_SIZE);
	r = host_connect(&opts, &ctrl, &error);
	expect_words(r, &error);
	if (r == 0) {
		r = use(ctrl, data, &error);
		expect_words(r, &error);
		host_disconnect(ctrl);
	}
	controller_start(NULL, 0);
	return 0;
}
