/* SPDX-License-Identifier: BSD-3-Clause */
/* The running configuration: its arrays of devices and endpoints, and the time of retries. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/internal.h"
#include "loop/loop.h"

/* Just under the second between ticks, so that a retry is due at each tick. */
#define RETRY_NS UINT64_C(900000000)

int running_init(struct running *ret, struct config *config)
{
	struct running running = { .config = config };
	size_t n = 0;

	/* One element more than needed, because calloc() of none may return NULL. */
	running.first_device = calloc(config->subsystem_count + 1, sizeof(*running.first_device));
	running.endpoints = calloc(config->port_count + 1, sizeof(*running.endpoints));
	if (running.first_device) {
		for (size_t i = 0; i < config->subsystem_count; i++) {
			running.first_device[i] = n;
			n += config->subsystems[i].namespace_count;
		}
	}
	running.devices = calloc(n + 1, sizeof(*running.devices));
	running.device_count = n;
	if (!running.first_device || !running.endpoints || !running.devices) {
		running.config = NULL;
		running_done(&running);
		return -ENOMEM;
	}
	*ret = running;
	return 0;
}

void running_forget(struct running *running)
{
	for (size_t i = 0; i < running->device_count; i++)
		running->devices[i] = (struct device){ .beside = running->devices[i].beside };
}

void running_done(struct running *running)
{
	free(running->first_device);
	for (size_t i = 0; running->config && i < running->config->port_count; i++)
		free(running->endpoints[i].bindings);
	free(running->endpoints);
	free(running->devices);
	config_free(running->config);
	*running = (struct running){ 0 };
}

struct device *running_find_device(const struct running *running, const char *nqn, uint32_t nsid)
{
	const struct config_subsystem *subsystem = config_find_subsystem(running->config, nqn);
	const struct config_namespace *ns = subsystem ? config_find_namespace(subsystem, nsid) :
							NULL;

	if (!ns)
		return NULL;
	return device_of(running, (size_t)(subsystem - running->config->subsystems),
			 (size_t)(ns - subsystem->namespaces));
}

bool running_each(struct apply *apply, struct running *running, device_step *step)
{
	const struct config *config = running->config;
	bool any = false;

	for (size_t i = 0; i < config->subsystem_count; i++) {
		const struct config_subsystem *subsystem = &config->subsystems[i];

		for (size_t j = 0; j < subsystem->namespace_count; j++)
			any |= step(apply, subsystem, &subsystem->namespaces[j],
				    device_of(running, i, j));
	}
	return any;
}

struct endpoint *running_find_endpoint(const struct running *running, uint16_t portid)
{
	const struct config_port *port = config_find_port(running->config, portid);

	return port ? &running->endpoints[port - running->config->ports] : NULL;
}

bool retry_failed(struct retry *retry, const char *reason)
{
	bool other = strcmp(retry->reason, reason) != 0;

	retry->next = loop_clock() + RETRY_NS;
	snprintf(retry->reason, sizeof(retry->reason), "%s", reason);
	return other;
}

void retry_clear(struct retry *retry)
{
	retry->next = 0;
	retry->reason[0] = '\0';
}

bool retry_due(const struct retry *retry, uint64_t now)
{
	return now >= retry->next;
}

const struct transport *apply_transport(const struct apply *apply, const char *trtype)
{
	const struct transport *const *transport = apply->options.transports;

	for (; *transport; transport++) {
		if (!strcmp((*transport)->trtype, trtype))
			return *transport;
	}
	return NULL;
}

int device_block_size(uint32_t wanted, const struct weft_info *info, uint32_t *ret,
		      struct weft_error *error)
{
	uint32_t size = wanted ? wanted : info->block_size;

	if (!wanted && size > 512)
		size = 4096;
	if (size < info->block_size)
		return weft_error_set(error, EINVAL, "block_size is %u, but the device has blocks "
				      "of %u bytes; it must be 4096",
				      size, info->block_size);
	if (info->size < size)
		return weft_error_set(error, ENOSPC, "the device has %llu bytes, which is not one "
				      "block of %u; it must be larger",
				      (unsigned long long)info->size, size);
	*ret = size;
	return 0;
}
