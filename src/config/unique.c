/* SPDX-License-Identifier: BSD-3-Clause */
/* Refuses an identifier that two namespaces share, because hosts take both for the same one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "util/cleanup.h"

struct id {
	const struct attr *attr;	/* uuid, nguid or eui64 */
	const uint8_t *bytes;
	const struct config_subsystem *subsystem;
	const struct config_namespace *ns;
};

static int compare_values(const struct id *a, const struct id *b)
{
	if (a->attr != b->attr)
		return a->attr < b->attr ? -1 : 1;
	return memcmp(a->bytes, b->bytes, a->attr->size);
}

/* Equal identifiers keep the order of the configuration, so that the later one is refused. */
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

static size_t count_kinds(void)
{
	size_t n = 0;

	for (const struct attr *attr = namespace_type.attrs; attr->name; attr++)
		n += attr->type == ATTR_ID;
	return n;
}

static size_t add_ids(const struct config_subsystem *subsystem, const struct config_namespace *ns,
		      struct id *ids)
{
	size_t n = 0;

	for (const struct attr *attr = namespace_type.attrs; attr->name; attr++) {
		if (attr->type == ATTR_ID && attr_is_set(attr, &ns->settings))
			ids[n++] = (struct id){ attr, (const uint8_t *)&ns->settings + attr->offset,
						subsystem, ns };
	}
	return n;
}

static size_t collect_ids(const struct config *config, struct id *ids)
{
	size_t n = 0;

	for (size_t i = 0; i < config->subsystem_count; i++) {
		const struct config_subsystem *subsystem = &config->subsystems[i];

		for (size_t j = 0; j < subsystem->namespace_count; j++)
			n += add_ids(subsystem, &subsystem->namespaces[j], &ids[n]);
	}
	return n;
}

static int refuse_id(struct check *check, const struct id *id, const struct id *other)
{
	char text[33];

	for (size_t i = 0; i < id->attr->size; i++)
		sprintf(text + 2 * i, "%02x", id->bytes[i]);
	check_subject(check, id->ns->line, "subsystem %s, namespace %u", id->subsystem->nqn,
		      id->ns->nsid);
	return check_refuse(check, EEXIST, "%s %s is also that of namespace %u of %s; each "
			    "namespace must have its own",
			    id->attr->name, text, other->ns->nsid, other->subsystem->nqn);
}

int check_unique_ids(struct check *check)
{
	_cleanup_free_ struct id *ids = NULL;
	size_t kinds = count_kinds(), total = 0, n;

	for (size_t i = 0; i < check->config->subsystem_count; i++)
		total += check->config->subsystems[i].namespace_count;
	if (!total || !kinds)
		return 0;
	ids = calloc(total * kinds, sizeof(*ids));
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
