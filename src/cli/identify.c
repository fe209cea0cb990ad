/* SPDX-License-Identifier: BSD-3-Clause */
/* weft identify: shows the Identify data of a controller and its active namespaces. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/hostcmd.h"
#include "cli/rows.h"
#include "util/cleanup.h"
#include "util/str.h"

#define HAS(value, bit, name) ((value) & (bit) ? name " " : "")

static void add_ctrl_commands(json_t *o, const struct nvme_id_ctrl *id)
{
	uint16_t oncs = le16_get(id->oncs);
	char text[160];

	snprintf(text, sizeof(text), "%s%s%s%s%s%s%s%s", HAS(oncs, NVME_ONCS_COMPARE, "compare"),
		 HAS(oncs, NVME_ONCS_DSM, "dsm"), HAS(oncs, NVME_ONCS_WRITE_ZEROES, "write-zeroes"),
		 HAS(oncs, NVME_ONCS_RESERVATIONS, "reservations"),
		 HAS(oncs, NVME_ONCS_VERIFY, "verify"), HAS(oncs, NVME_ONCS_COPY, "copy"),
		 HAS(oncs, NVME_ONCS_WRITE_UNC, "write-uncorrectable"),
		 HAS(le16_get(id->fuses), NVME_FUSES_CMP_WRITE, "fused-compare-and-write"));
	if (*text)
		text[strlen(text) - 1] = '\0';
	json_object_set_new(o, "optional_commands", json_string(text));
}

/* The fields of the Identify Controller data that are shown, in that order. */
static json_t *ctrl_json(const struct host_ctrl *ctrl)
{
	const struct nvme_id_ctrl *id = &ctrl->id;
	char nqn[NVMF_NQN_SIZE + 1], mn[41], sn[21], fr[9], version[24];
	static const char *const types[] = { "not reported", "I/O", "discovery", "administrative" };
	json_t *o = json_object();

	snprintf(version, sizeof(version), "%u.%u.%u", NVME_VS_MAJOR(ctrl->vs),
		 NVME_VS_MINOR(ctrl->vs), NVME_VS_TERTIARY(ctrl->vs));
	json_object_set_new(
		o, "subnqn",
		json_string(hostcmd_text(id->subnqn, sizeof(id->subnqn), nqn, sizeof(nqn))));
	json_object_set_new(o, "model", json_string(hostcmd_text(id->mn, 40, mn, sizeof(mn))));
	json_object_set_new(o, "serial", json_string(hostcmd_text(id->sn, 20, sn, sizeof(sn))));
	json_object_set_new(o, "firmware", json_string(hostcmd_text(id->fr, 8, fr, sizeof(fr))));
	json_object_set_new(o, "type", json_string(id->cntrltype < 4 ? types[id->cntrltype] : "?"));
	json_object_set_new(o, "version", json_string(version));
	json_object_set_new(o, "cntlid", json_integer(ctrl->cntlid));
	json_object_set_new(o, "max_transfer",
			    ctrl->max_transfer == UINT32_MAX ? json_null() :
							       json_integer(ctrl->max_transfer));
	json_object_set_new(o, "queue_entries", json_integer(nvme_cap_queue_max(ctrl->cap)));
	json_object_set_new(o, "max_commands", json_integer(le16_get(id->maxcmd)));
	json_object_set_new(o, "in_capsule_data", json_integer(ctrl->io_icd));
	json_object_set_new(o, "keep_alive_unit_ms", json_integer(le16_get(id->kas) * 100));
	json_object_set_new(o, "namespaces_max", json_integer(le32_get(id->nn)));
	json_object_set_new(o, "multipath", json_boolean(id->cmic & NVME_CMIC_MULTI_CTRL));
	json_object_set_new(o, "ana", json_boolean(id->cmic & NVME_CMIC_ANA));
	json_object_set_new(o, "volatile_write_cache", json_boolean(id->vwc & NVME_VWC_PRESENT));
	add_ctrl_commands(o, id);
	return o;
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i])
			return false;
	return true;
}

static void set_hex(json_t *o, const char *key, const uint8_t *bytes, size_t count)
{
	char text[2 * 16 + 1] = "";

	if (is_zero(bytes, count))
		return;
	for (size_t i = 0; i < count; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	json_object_set_new(o, key, json_string(text));
}

/* Adds the UUID from the Namespace Identification Descriptor list (CNS 03h). */
static int set_uuid(json_t *o, struct host_ctrl *ctrl, uint32_t nsid, struct weft_error *error)
{
	uint8_t list[NVME_IDENTIFY_SIZE];
	struct nvme_ns_desc desc;
	char text[UUID_TEXT];
	int r = host_identify(ctrl, NVME_CNS_NS_DESC, nsid, 0, list, error);

	if (r < 0)
		return r;
	for (size_t at = 0; at + sizeof(desc) <= sizeof(list); at += sizeof(desc) + desc.nidl) {
		memcpy(&desc, list + at, sizeof(desc));
		if (desc.nidl == 0)
			break;
		if (desc.nidt != NVME_NIDT_UUID || desc.nidl != 16 ||
		    at + sizeof(desc) + 16 > sizeof(list))
			continue;
		uuid_format(list + at + sizeof(desc), text);
		json_object_set_new(o, "uuid", json_string(text));
	}
	return 0;
}

/* Adds one namespace to the array. */
static int add_ns(json_t *array, struct host_ctrl *ctrl, uint32_t nsid, struct weft_error *error)
{
	struct host_ns ns;
	int r = host_ns_open(ctrl, nsid, &ns, error);
	json_t *o;

	if (r < 0)
		return r;
	o = json_pack("{s:I, s:I, s:I, s:I}", "nsid", (json_int_t)nsid, "bytes",
		      (json_int_t)(ns.blocks * ns.block_size), "blocks", (json_int_t)ns.blocks,
		      "block_size", (json_int_t)ns.block_size);
	json_array_append_new(array, o);
	json_object_set_new(o, "used_bytes",
			    json_integer((json_int_t)(le64_get(ns.id.nuse) * ns.block_size)));
	r = set_uuid(o, ctrl, nsid, error);
	set_hex(o, "nguid", ns.id.nguid, sizeof(ns.id.nguid));
	set_hex(o, "eui64", ns.id.eui64, sizeof(ns.id.eui64));
	if (ctrl->id.cmic & NVME_CMIC_ANA)
		json_object_set_new(o, "ana_group", json_integer(le32_get(ns.id.anagrpid)));
	json_object_set_new(o, "shared", json_boolean(ns.id.nmic & NVME_NMIC_SHARED));
	json_object_set_new(o, "read_only",
			    json_boolean(ns.id.nsattr & NVME_NSATTR_WRITE_PROTECTED));
	json_object_set_new(o, "deallocated_reads_zeroes",
			    json_boolean((ns.id.dlfeat & 7) == NVME_DLFEAT_ZEROES));
	json_object_set_new(o, "reservations", json_boolean(ns.id.rescap));
	return r;
}

static int add_all_ns(json_t *array, struct host_ctrl *ctrl, struct weft_error *error)
{
	struct nvme_ns_list list;
	uint32_t after = 0;
	int r;

	do {
		r = host_identify(ctrl, NVME_CNS_NS_LIST, after, 0, &list, error);
		if (r < 0)
			return r;
		for (size_t i = 0; i < 1024; i++) {
			uint32_t nsid = le32_get(list.nsid[i]);

			if (nsid <= after)
				return 0;
			after = nsid;
			r = add_ns(array, ctrl, nsid, error);
			if (r < 0)
				return r;
		}
	} while (after < NVME_NSID_ALL - 1);
	return 0;
}

/* Prints an object's members, one a line; sizes also with a unit. */
static void print_object(json_t *object, const char *indent)
{
	struct rows rows = { 0 };
	const char *key;
	json_t *value;
	char label[64], size[32];

	json_object_foreach(object, key, value)
	{
		snprintf(label, sizeof(label), "%s", key);
		for (char *c = label; *c; c++)
			*c = *c == '_' ? ' ' : *c;
		if (json_is_string(value))
			rows_add(&rows, label, "%s", json_string_value(value));
		else if (json_is_boolean(value))
			rows_add(&rows, label, "%s", json_is_true(value) ? "yes" : "no");
		else if (json_is_null(value))
			rows_add(&rows, label, "no limit");
		else if (strstr(key, "bytes") || strcmp(key, "max_transfer") == 0 ||
			 strcmp(key, "in_capsule_data") == 0)
			rows_add(&rows, label, "%lld (%s)", (long long)json_integer_value(value),
				 size_format((uint64_t)json_integer_value(value), size,
					     sizeof(size)));
		else
			rows_add(&rows, label, "%lld", (long long)json_integer_value(value));
	}
	rows_print(&rows, indent);
}

static void print_text(json_t *root)
{
	json_t *list = json_object_get(root, "namespaces"), *ns;
	size_t i;

	puts("controller");
	print_object(json_object_get(root, "controller"), "  ");
	json_array_foreach(list, i, ns)
	{
		printf("namespace %lld\n",
		       (long long)json_integer_value(json_object_get(ns, "nsid")));
		json_object_del(ns, "nsid");
		print_object(ns, "  ");
	}
	if (json_array_size(list) == 0)
		puts("no active namespaces");
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct host_ctrl *ctrl = NULL;
	struct weft_error error;
	struct hostcmd cmd;
	uint64_t nsid = 0;
	json_t *root, *list;
	int r, c;

	hostcmd_init(&cmd, cli);
	while ((c = hostcmd_next_option(&cmd, argc, argv, &r)) >= 0)
		if (c == 'i' &&
		    !hostcmd_number(&cmd, "--namespace-id", optarg, 1, NVME_NSID_ALL - 1, &nsid))
			return CLI_USAGE;
	if (c == -2 || !hostcmd_ready(&cmd, argc, argv, &r))
		return r;
	r = host_connect(&cmd.opts, &ctrl, &error);
	if (r < 0)
		return cli_fail(cmd.cli, "%s", error.text);
	list = json_array();
	root = json_pack("{s:o, s:o}", "controller", ctrl_json(ctrl), "namespaces", list);
	if (nsid)
		r = add_ns(list, ctrl, (uint32_t)nsid, &error);
	else if (ctrl->id.cntrltype != NVME_CNTRLTYPE_DISC)
		r = add_all_ns(list, ctrl, &error);
	host_disconnect(ctrl);
	if (r == 0 && cmd.cli->json) {
		json_dumpf(root, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (r == 0) {
		print_text(root);
	}
	json_decref(root);
	return r < 0 ? cli_fail(cmd.cli, "%s", error.text) : CLI_OK;
}

static const struct command_option options[] = {
	{ "namespace-id", 'i', "NSID", "that namespace only", NULL },
	{ NULL },
};

const struct command command_identify = {
	.name = "identify", .arguments = "[ADDRESS] NQN",
	.summary = "show what a remote disk is",
	.text = "Connects to a subsystem and shows its controller and all active namespaces.",
	.kind = COMMAND_OF_HOST, .options = options,
	.example = "192.0.2.7 nqn.2014-08.io.weft:disk1",
	.run = run,
};
