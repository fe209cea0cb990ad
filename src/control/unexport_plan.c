/* SPDX-License-Identifier: BSD-3-Clause */
/* Removes an export from a configuration. */
#include <errno.h>
#include <string.h>

#include <weft/backend.h>

#include "config/model.h"
#include "control/plan.h"
#include "util/str.h"

static int note_removed(json_t *removed, const char *nqn, const struct config_namespace *ns,
			bool with_subsystem)
{
	json_t *entry = json_pack("{s:s, s:s*, s:b}", "nqn", nqn, "path",
				  ns ? config_get_option(ns, "path") : NULL, "subsystem",
				  with_subsystem);

	if (entry && ns && json_object_set_new(entry, "nsid", json_integer(ns->nsid)) < 0) {
		json_decref(entry);
		entry = NULL;
	}
	return json_array_append_new(removed, entry) < 0 ? -ENOMEM : 0;
}

static int no_memory(struct weft_error *error)
{
	return weft_error_set(error, ENOMEM, "out of memory");
}

static int remove_subsystem(struct config *draft, struct config_subsystem *subsystem,
			    json_t *removed, struct weft_error *error)
{
	if (subsystem->namespace_count == 0 &&
	    note_removed(removed, subsystem->nqn, NULL, true) < 0)
		return no_memory(error);
	for (size_t i = 0; i < subsystem->namespace_count; i++)
		if (note_removed(removed, subsystem->nqn, &subsystem->namespaces[i], true) < 0)
			return no_memory(error);
	config_remove_subsystem(draft, subsystem->nqn);
	return 0;
}

static int remove_namespace(struct config *draft, struct config_subsystem *subsystem,
			    uint32_t nsid, json_t *removed, struct weft_error *error)
{
	if (subsystem->namespace_count == 1)
		return remove_subsystem(draft, subsystem, removed, error);
	if (note_removed(removed, subsystem->nqn, config_find_namespace(subsystem, nsid),
			 false) < 0)
		return no_memory(error);
	config_remove_namespace(subsystem, nsid);
	return 0;
}

static int unexport_nqn(struct config *draft, const struct unexport_request *request,
			json_t *removed, struct weft_error *error)
{
	struct config_subsystem *subsystem = config_find_subsystem(draft, request->nqn);

	if (!subsystem)
		return weft_error_set(error, ENOENT, "there is no subsystem %s; 'weft ls' shows "
				      "those there are", request->nqn);
	if (request->nsid == 0)
		return remove_subsystem(draft, subsystem, removed, error);
	if (!config_find_namespace(subsystem, request->nsid))
		return weft_error_set(error, ENOENT, "%s has no namespace %u; 'weft ls' shows "
				      "those there are", request->nqn, request->nsid);
	return remove_namespace(draft, subsystem, request->nsid, removed, error);
}

static int unexport_path(struct config *draft, const char *wanted, json_t *removed,
			 struct weft_error *error)
{
	struct config_subsystem *found = NULL;
	struct strbuf where = {0};
	uint32_t nsid = 0;
	int count = 0, r;

	for (size_t i = 0; i < draft->subsystem_count; i++) {
		struct config_subsystem *subsystem = &draft->subsystems[i];

		for (size_t j = 0; j < subsystem->namespace_count; j++) {
			if (!config_uses_path(&subsystem->namespaces[j], wanted))
				continue;
			found = subsystem;
			nsid = subsystem->namespaces[j].nsid;
			strbuf_add(&where, "%s%s/%u", count++ ? ", " : "", subsystem->nqn, nsid);
		}
	}
	if (count == 1)
		r = remove_namespace(draft, found, nsid, removed, error);
	else if (count == 0)
		r = weft_error_set(error, ENOENT, "%s is not exported; 'weft ls' shows what is",
				   wanted);
	else
		r = weft_error_set(error, EBUSY, "%s is exported more than once; say which to end: "
				   "%s", wanted, where.data ? where.data : "");
	strbuf_done(&where);
	return r;
}

int unexport_plan(struct config *draft, const struct unexport_request *request, json_t *removed,
		  struct weft_error *error)
{
	return request->path ? unexport_path(draft, request->path, removed, error) :
			       unexport_nqn(draft, request, removed, error);
}
