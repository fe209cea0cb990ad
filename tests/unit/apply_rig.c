/* SPDX-License-Identifier: BSD-3-Clause */
/* Disks, listeners and changes for the tests of apply: see apply_rig.h. */
#include "apply_rig.h"

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "backend/backend.h"
#include "config_rig.h"
#include "target/base/target.h"
#include "target/queue/transport.h"

/* ---- disks ---- */

struct disk disks[3];

static void reset_disks(void)
{
	disks[0] = (struct disk){ .path = "/one", .size = 1 << 20, .block_size = 512 };
	disks[1] = (struct disk){ .path = "/two", .size = 2 << 20, .block_size = 4096 };
	disks[2] = (struct disk){ .path = "/three", .size = 3 << 20, .block_size = 512,
				  .read_only = true };
}

/* Of slow disks: how many openers have come, and how many may go on. */
static sem_t opening, release;

void release_opening(void)
{
	sem_post(&release);
}

static int disk_refresh(void *device, struct weft_info *info)
{
	struct disk *disk = device;

	if (disk->missing)
		return -disk->missing;
	*info = (struct weft_info){ .size = disk->size, .block_size = disk->block_size,
				    .physical_block_size = disk->block_size,
				    .read_only = disk->read_only };
	snprintf(info->trouble, sizeof(info->trouble), "%s", disk->trouble ? disk->trouble : "");
	return 0;
}

static int disk_open(void **ret_device, const struct weft_params *params,
		     struct weft_info *ret_info, struct weft_error *error)
{
	const char *path = weft_param_string(params, "path");
	struct disk *disk = NULL;

	for (size_t i = 0; i < 3; i++) {
		if (!strcmp(disks[i].path, path))
			disk = &disks[i];
	}
	if (!disk)
		return weft_error_set(error, ENOENT, "%s: no such disk", path);
	/* Like a lock: one opener at a time. */
	if (disk->opened)
		return weft_error_set(error, EBUSY, "%s: in use", path);
	if (disk->missing)
		return weft_error_set(error, disk->missing, "%s: missing", path);
	disk->opened++;
	disk->opens++;
	disk->owner = weft_params_owner(params);
	if (disk->slow) {
		sem_post(&opening);
		sem_wait(&release);
	}
	*ret_device = disk;
	return disk_refresh(disk, ret_info);
}

static void disk_close(void *device)
{
	((struct disk *)device)->opened--;
}

static void disk_submit(void *device, struct weft_io *io)
{
	weft_io_done(io, 0);
}

static const struct weft_option disk_options[] = {
	{ .name = "path", .type = WEFT_OPTION_PATH, .required = true, .help = "which" },
	{ .name = NULL },
};

static const struct weft_backend disk_backend = {
	.size = sizeof(struct weft_backend),
	.name = "file",
	.summary = "a disk of the test",
	.options = disk_options,
	.open = disk_open,
	.close = disk_close,
	.submit = disk_submit,
	.refresh = disk_refresh,
};

static const struct weft_backend *find(const char *name)
{
	return strcmp(name, "file") ? NULL : &disk_backend;
}

static const struct config_backends backends = {
	.find = find,
	.unknown = backend_unknown,
	.params_new = backend_params_new,
	.params_own = backend_params_own,
	.params_set = backend_params_set,
	.params_check = backend_params_check,
	.params_free = backend_params_free,
};

/* ---- listeners ---- */

struct listener listeners[16];
size_t listener_count;
const char *absent_address;

static int test_listen(struct target *of, const char *adrfam, const char *traddr,
		       uint16_t trsvcid, uint16_t portid, struct listener **ret_listener,
		       struct weft_error *error)
{
	if (absent_address && !strcmp(traddr, absent_address))
		return weft_error_set(error, EADDRNOTAVAIL, "%s: not this machine's", traddr);
	listeners[listener_count] = (struct listener){ portid, trsvcid, true };
	*ret_listener = &listeners[listener_count++];
	return 0;
}

static void test_unlisten(struct listener *listener)
{
	listener->open = false;
}

static const struct transport_traits test_traits = { .trtype = NVMF_TRTYPE_TCP };

static const struct transport test_transport = {
	.trtype = "tcp",
	.traits = &test_traits,
	.listen = test_listen,
	.unlisten = test_unlisten,
};

static const struct transport *const transports[] = { &test_transport, NULL };

size_t open_listeners(void)
{
	size_t n = 0;

	for (size_t i = 0; i < listener_count; i++)
		n += listeners[i].open;
	return n;
}

/* ---- the rig ---- */

struct target *target;
struct apply *apply;

int set_up(void **state)
{
	struct target_options target_options = { .reactor_count = 1 };
	struct apply_options options = { .transports = transports, .backends = &backends };
	struct weft_error error;

	reset_disks();
	sem_init(&opening, 0, 0);
	sem_init(&release, 0, 0);
	listener_count = 0;
	absent_address = NULL;
	if (target_start(&target, &target_options, &error) < 0) {
		print_error("%s\n", error.text);
		return -1;
	}
	options.target = target;
	return apply_new(&apply, &options, &error);
}

int tear_down(void **state)
{
	apply_close_listeners(apply);
	if (open_listeners() || !target_stop(target, 2000))
		return -1;
	if (!apply_free(apply, 5000))
		return -1;
	return disks[0].opened || disks[1].opened || disks[2].opened;
}

void wait_for_opening(void)
{
	struct pollfd pollfd = { .fd = apply_fd(apply), .events = POLLIN };

	while (sem_trywait(&opening) < 0)
		if (poll(&pollfd, 1, 10) > 0)
			apply_run(apply);
}

void run_tick(void)
{
	struct pollfd pollfd = { .events = POLLIN };

	apply_tick(apply);
	pollfd.fd = apply_fd(apply);
	while (poll(&pollfd, 1, 100) > 0)
		apply_run(apply);
}

/* ---- changes ---- */

static unsigned int changes_ended;

static int plan(struct apply_change *change, const struct config *now, struct config **ret_wanted,
		struct weft_error *error)
{
	*ret_wanted = ((struct test_change *)change)->wanted;
	return 0;
}

static int judge(struct apply_change *change, struct weft_error *error)
{
	struct test_change *test = (struct test_change *)change;

	test->judged++;
	return test->refuse ? weft_error_set(error, test->refuse, "refused") : 0;
}

static void done(struct apply_change *change, int result, const struct weft_error *error)
{
	struct test_change *test = (struct test_change *)change;

	test->done++;
	test->order = ++changes_ended;
	test->result = result;
	if (result < 0)
		test->error = *error;
}

void submit(struct test_change *test, struct config *wanted)
{
	int refuse = test->refuse;

	*test = (struct test_change){ .change = { .plan = plan, .judge = refuse ? judge : NULL,
						  .done = done },
				      .wanted = wanted, .refuse = refuse };
	apply_submit(apply, &test->change);
}

void wait_for(struct test_change *test)
{
	struct pollfd pollfd = { .fd = apply_fd(apply), .events = POLLIN };

	while (!test->done) {
		assert_int_equal(poll(&pollfd, 1, 30000), 1);
		apply_run(apply);
	}
}

int try_config(struct config *config, struct weft_error *error)
{
	struct test_change test = { .refuse = 0 };

	submit(&test, config);
	wait_for(&test);
	*error = test.error;
	return test.result;
}

void run_config(struct config *config)
{
	struct weft_error error;

	if (try_config(config, &error) < 0)
		fail_msg("%s", error.text);
	assert_ptr_equal(apply_current(apply), config);
}

void run_text(const char *text)
{
	run_config(parse(text));
}

struct config *draft(void)
{
	struct config *config = config_dup(apply_current(apply));

	assert_non_null(config);
	return config;
}

void tick(void)
{
	const struct timespec second = { .tv_sec = 1 };

	nanosleep(&second, NULL);
	run_tick();
}
