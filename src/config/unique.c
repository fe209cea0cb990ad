/* SPDX-License-Identifier: BSD-3-Clause */
/* No two namespaces of a configuration may say that they are the same one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "util/cleanup.h"

enum id_kind { ID_UUID, ID_NGUID, ID_EUI64 };

static const char *const kind_names[] = { "uuid", "nguid", "eui64" };
static const size_t kind_sizes[] = { 16, 16, 8 };

struct id {
	enum id_kind kind;
	const uint8_t *bytes;
	const struct config_subsystem *subsystem;
	const struct config_namespace *ns;
};

static int compare_values(const struct id *a, const struct id *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return memcmp(a->bytes, b->bytes, kind_sizes[a->kind]);
}

/* Equal ones stand in the order of the configuration, so that the later one is refused. */
static int compare_ids(const void *pa, const void *pb)
{
	const struct id *a = pa, *b = pb;
	int r = compare_values(a, b);

	if (r)
		return r;
	if (a->ns->line != b->ns->line)
		return a->ns->line < b->ns->line ? -1 : 1;
	if (a->subsystem != b->subsystem)
		return a->subsystem < b->subsystem ? -1 : 1;
	return a->ns->nsid < b->ns->nsid ? -1 : 1;
}

static size_t collect_ids(const struct config *config, struct id *ids)
{
	size_t n = 0;

	for (size_t i = 0; i < config->subsystem_count; i++) {
		const struct config_subsystem *subsystem = &config->subsystems[i];

		for (size_t j = 0; j < subsystem->namespace_count; j++) {
			const struct config_namespace *ns = &subsystem->namespaces[j];

			if (ns->has_uuid)
				ids[n++] = (struct id){ ID_UUID, ns->uuid, subsystem, ns };
			if (ns->has_nguid)
				ids[n++] = (struct id){ ID_NGUID, ns->nguid, subsystem, ns };
			if (ns->has_eui64)
				ids[n++] = (struct id){ ID_EUI64, ns->eui64, subsystem, ns };
		}
	}
	return n;
}

static int refuse_id(struct check *check, const struct id *id, const struct id *other)
{
	char text[33];

	for (size_t i = 0; i < kind_sizes[id->kind]; i++)
		sprintf(text + 2 * i, "%02x", id->bytes[i]);
	check_subject(check, id->ns->line, "subsystem %s, namespace %u", id->subsystem->nqn,
		      id->ns->nsid);
	return check_refuse(check, EEXIST, "%s %s is also that of namespace %u of %s; each "
			    "namespace must have its own",
			    kind_names[id->kind], text, other->ns->nsid, other->subsystem->nqn);
}

int check_unique_ids(struct check *check)
{
	_cleanup_free_ struct id *ids = NULL;
	size_t total = 0, n;

	for (size_t i = 0; i < check->config->subsystem_count; i++)
		total += check->config->subsystems[i].namespace_count;
	if (!total)
		return 0;
	ids = calloc(total * 3, sizeof(*ids));
	if (!ids)
		return check_refuse(check, ENOMEM, "out of memory");
	n = collect_ids(check->config, ids);
	qsort(ids, n, sizeof(*ids), compare_ids);
	for (size_t i = 1; i < n; i++) {
		if (!compare_values(&ids[i - 1], &ids[i]))
			return refuse_id(check, &ids[i], &ids[i - 1]);
	}
	return 0;
}
