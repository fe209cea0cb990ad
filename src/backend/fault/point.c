/* SPDX-License-Identifier: BSD-3-Clause */
/* Points, and the commands of their control sockets. */
#include "backend/fault/fault.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/str.h"
#include "util/thread.h"

#define WAIT_SECONDS 30	/* the longest time that the command "wait" takes */

static pthread_mutex_t points_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list points = { &points, &points }; /* points with a path; under points_lock */

static struct fault_point *find(const char *path)
{
	list_for_each(node, &points) {
		struct fault_point *point = list_entry(node, struct fault_point, node);

		if (!strcmp(point->path, path))
			return point;
	}
	return NULL;
}

static void point_free(struct fault_point *point)
{
	fault_rules_free(&point->rules);
	pthread_mutex_destroy(&point->lock);
	pthread_mutex_destroy(&point->device_lock);
	pthread_cond_destroy(&point->changed);
	free(point->path);
	free(point);
}

static int add_rule(struct fault_point *point, const char *text, struct weft_error *error)
{
	struct fault_rule *rule;
	int r = fault_rule_parse(&rule, text, error);

	if (r < 0)
		return r;
	pthread_mutex_lock(&point->lock);
	list_add_tail(&point->rules, &rule->node);
	pthread_mutex_unlock(&point->lock);
	return 0;
}

/* Adds rules such as "fail read EIO; hang flush". */
static int add_rules(struct fault_point *point, const char *rules, struct weft_error *error)
{
	char *text = strdup(rules), *rest = NULL;
	int r = text ? 0 : weft_error_set(error, ENOMEM, "out of memory");

	for (char *rule = text ? strtok_r(text, ";", &rest) : NULL; !r && rule;
	     rule = strtok_r(NULL, ";", &rest))
		r = add_rule(point, rule, error);
	free(text);
	return r;
}

static int point_new(struct fault_point **ret_point, const char *path, uint64_t seed,
		     struct weft_error *error)
{
	struct fault_point *point = calloc(1, sizeof(*point));

	if (!point || (path && !(point->path = strdup(path)))) {
		free(point);
		return weft_error_set(error, ENOMEM, "out of memory");
	}
	list_init(&point->node);
	list_init(&point->rules);
	list_init(&point->held);
	point->random = seed ? seed : 1;
	pthread_mutex_init(&point->lock, NULL);
	pthread_mutex_init(&point->device_lock, NULL);
	thread_cond_init(&point->changed);
	*ret_point = point;
	return 0;
}

static bool is_gone(struct fault_point *point)
{
	bool gone;

	pthread_mutex_lock(&point->lock);
	gone = point->gone;
	pthread_mutex_unlock(&point->lock);
	return gone;
}

/* With points_lock held. */
static int get_point(struct fault_point **ret_point, const char *path, const char *rules,
		     uint64_t seed, struct weft_error *error)
{
	struct fault_point *point = path ? find(path) : NULL;
	int r;

	if (point) {
		if (is_gone(point))
			return weft_error_set(error, ENODEV, "fault: the device has vanished; send "
					      "'return' to '%s' to bring it back", path);
		*ret_point = point;
		return 0;
	}
	r = point_new(&point, path, seed, error);
	if (r < 0)
		return r;
	assert(point);
	r = rules ? add_rules(point, rules, error) : 0;
	if (!r && path)
		r = fault_control_start(point, error);
	if (r < 0) {
		point_free(point);
		return r;
	}
	if (path)
		list_add_tail(&points, &point->node);
	*ret_point = point;
	return 0;
}

int fault_point_open(struct fault_point **ret_point, const char *path, const char *rules,
		     uint64_t seed, struct weft_error *error)
{
	int r;

	pthread_mutex_lock(&points_lock);
	r = get_point(ret_point, path, rules, seed, error);
	pthread_mutex_unlock(&points_lock);
	return r;
}

/* Blocks until held calls are released. 0, or -errno of the release. With the lock held. */
static int hang(struct fault_point *point)
{
	unsigned int releases = point->releases;

	point->held_count++;
	pthread_cond_broadcast(&point->changed);
	while (point->releases == releases)
		pthread_cond_wait(&point->changed, &point->lock);
	return -point->release_error;
}

int fault_point_call(struct fault_point *point, uint32_t op)
{
	struct fault_verdict verdict;
	struct timespec time;
	int r = 0;

	pthread_mutex_lock(&point->lock);
	verdict = fault_rules_judge_call(&point->rules, op, &point->random);
	if (verdict.action == FAULT_HANG)
		r = hang(point);
	pthread_mutex_unlock(&point->lock);
	if (verdict.action == FAULT_DELAY) {
		time.tv_sec = (time_t)(verdict.amount / 1000);
		time.tv_nsec = (long)(verdict.amount % 1000 * 1000000);
		nanosleep(&time, NULL);
	}
	return verdict.action == FAULT_FAIL || verdict.action == FAULT_SHORT ? -verdict.error : r;
}

void fault_point_attach(struct fault_point *point, struct fault_device *device)
{
	pthread_mutex_lock(&point->device_lock);
	point->device = device;
	pthread_mutex_unlock(&point->device_lock);
}

void fault_point_close(struct fault_point *point, struct fault_device *device)
{
	pthread_mutex_lock(&point->device_lock);
	if (point->device == device) /* while options change, the next device may be open already */
		point->device = NULL;
	pthread_mutex_unlock(&point->device_lock);
	if (!point->path)
		point_free(point);
}

/* ---- commands; on the thread of the socket ---- */

/* Releases held I/Os and calls: they go on, or end with the error. With the lock held. */
static unsigned int release(struct fault_point *point, int error)
{
	unsigned int count = point->held_count;
	struct list *node;

	while ((node = list_pop(&point->held))) {
		struct fault_io *held = list_entry(node, struct fault_io, node);

		held->error = error;
		loop_post(held->loop, &held->message);
	}
	point->held_count = 0;
	point->releases++;
	point->release_error = error;
	pthread_cond_broadcast(&point->changed);
	return count;
}

static int command_release(struct fault_point *point, const char *word, char *reply, size_t size,
			   struct weft_error *error)
{
	int code = *word ? fault_errno_parse(word) : 0;

	if (*word && !code)
		return weft_error_set(error, EINVAL, "'%s' is no errno such as EIO", word);
	pthread_mutex_lock(&point->lock);
	snprintf(reply, size, "%u", release(point, code));
	pthread_mutex_unlock(&point->lock);
	return 0;
}

static int command_clear(struct fault_point *point)
{
	pthread_mutex_lock(&point->lock);
	fault_rules_free(&point->rules);
	pthread_mutex_unlock(&point->lock);
	return 0;
}

static int command_gone(struct fault_point *point, bool gone)
{
	pthread_mutex_lock(&point->lock);
	point->gone = gone;
	if (gone)
		release(point, ENODEV);
	pthread_mutex_unlock(&point->lock);
	return 0;
}

/* Reports a change of the device, as a backend does that notices one. */
static int command_change(struct fault_point *point, struct weft_error *error)
{
	int r = 0;

	pthread_mutex_lock(&point->device_lock);
	if (point->device)
		weft_device_changed(point->device->owner);
	else
		r = weft_error_set(error, ENODEV, "no device is open");
	pthread_mutex_unlock(&point->device_lock);
	return r;
}

static int command_wait(struct fault_point *point, const char *word, struct weft_error *error)
{
	struct timespec end;
	uint64_t wanted;
	int r = 0;

	if (number_parse(word, 1, UINT32_MAX, &wanted) < 0)
		return weft_error_set(error, EINVAL, "'%s' is no count of I/Os", word);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += WAIT_SECONDS;
	pthread_mutex_lock(&point->lock);
	while (point->held_count < wanted && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&point->changed, &point->lock, &end);
	if (r)
		weft_error_set(error, r, "%u hang after %u s", point->held_count, WAIT_SECONDS);
	pthread_mutex_unlock(&point->lock);
	return -r;
}

static int command_count(struct fault_point *point, char *reply, size_t size)
{
	const uint64_t *count = point->count;

	pthread_mutex_lock(&point->lock);
	snprintf(reply, size, "read=%" PRIu64 " write=%" PRIu64 " flush=%" PRIu64 " zeroes=%" PRIu64
		 " discard=%" PRIu64 " held=%u", count[WEFT_OP_READ], count[WEFT_OP_WRITE],
		 count[WEFT_OP_FLUSH], count[WEFT_OP_WRITE_ZEROES], count[WEFT_OP_DISCARD],
		 point->held_count);
	pthread_mutex_unlock(&point->lock);
	return 0;
}

static int command_cut(struct fault_point *point, char *reply, size_t size,
		       struct weft_error *error)
{
	unsigned int dirty, kept;
	uint64_t random;
	int r = -ENODEV;

	pthread_mutex_lock(&point->lock);
	random = fault_random(&point->random);
	pthread_mutex_unlock(&point->lock);
	pthread_mutex_lock(&point->device_lock);
	if (point->device && point->device->cache)
		r = fault_cache_cut(point->device->cache, &random, &dirty, &kept);
	pthread_mutex_unlock(&point->device_lock);
	if (r < 0)
		return weft_error_set(error, -r, "the power cannot be cut: %s", strerror(-r));
	snprintf(reply, size, "dirty=%u kept=%u", dirty, kept);
	return 0;
}

int fault_point_command(struct fault_point *point, char *line, char *reply, size_t reply_size,
			struct weft_error *error)
{
	size_t length = strcspn(line, " ");
	char *rest = line + length + strspn(line + length, " ");

	reply[0] = '\0';
	if (length == 7 && !strncmp(line, "release", length))
		return command_release(point, rest, reply, reply_size, error);
	if (length == 4 && !strncmp(line, "wait", length))
		return command_wait(point, rest, error);
	if (!strcmp(line, "clear"))
		return command_clear(point);
	if (!strcmp(line, "vanish") || !strcmp(line, "return"))
		return command_gone(point, line[0] == 'v');
	if (!strcmp(line, "change"))
		return command_change(point, error);
	if (!strcmp(line, "count"))
		return command_count(point, reply, reply_size);
	if (!strcmp(line, "cut"))
		return command_cut(point, reply, reply_size, error);
	return add_rule(point, line, error);
}
