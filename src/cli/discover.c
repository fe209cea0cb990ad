/* SPDX-License-Identifier: BSD-3-Clause */
/* weft discover: shows the discovery log page of a discovery service. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/hostcmd.h"
#include "cli/rows.h"
#include "util/cleanup.h"

static const char *subtype_str(uint8_t subtype)
{
	switch (subtype) {
	case NVMF_SUBTYPE_REFERRAL:
		return "discovery subsystem referral";
	case NVMF_SUBTYPE_NVM:
		return "nvme subsystem";
	case NVMF_SUBTYPE_CURRENT:
		return "current discovery subsystem";
	default:
		return "unrecognized";
	}
}

static const char *trtype_str(uint8_t trtype)
{
	switch (trtype) {
	case NVMF_TRTYPE_RDMA:
		return "rdma";
	case NVMF_TRTYPE_FC:
		return "fc";
	case NVMF_TRTYPE_TCP:
		return "tcp";
	case NVMF_TRTYPE_LOOP:
		return "loop";
	default:
		return "unrecognized";
	}
}

static const char *adrfam_str(uint8_t adrfam)
{
	switch (adrfam) {
	case NVMF_ADRFAM_PCI:
		return "pci";
	case NVMF_ADRFAM_IPV4:
		return "ipv4";
	case NVMF_ADRFAM_IPV6:
		return "ipv6";
	case NVMF_ADRFAM_IB:
		return "infiniband";
	case NVMF_ADRFAM_FC:
		return "fibre-channel";
	case NVMF_ADRFAM_LOOP:
		return "loop";
	default:
		return "unrecognized";
	}
}

static const char *treq_str(uint8_t treq)
{
	switch (treq & NVMF_TREQ_SECURE_MASK) {
	case NVMF_TREQ_NOT_SPECIFIED:
		return "not specified";
	case NVMF_TREQ_REQUIRED:
		return "required";
	case NVMF_TREQ_NOT_REQUIRED:
		return "not required";
	default:
		return "reserved";
	}
}

static const char *sectype_str(uint8_t sectype)
{
	switch (sectype) {
	case NVMF_TCP_SECTYPE_NONE:
		return "none";
	case NVMF_TCP_SECTYPE_TLS12:
		return "tls";
	case NVMF_TCP_SECTYPE_TLS13:
		return "tls13";
	default:
		return "reserved";
	}
}

static const char *eflags_str(uint16_t eflags)
{
	switch (eflags & (NVMF_EFLAGS_EPCSD | NVMF_EFLAGS_DUPRETINFO)) {
	case NVMF_EFLAGS_EPCSD:
		return "persistent connections";
	case NVMF_EFLAGS_DUPRETINFO:
		return "the same on all ports";
	case NVMF_EFLAGS_EPCSD | NVMF_EFLAGS_DUPRETINFO:
		return "persistent connections, the same on all ports";
	default:
		return "none";
	}
}

/* The texts of a discovery log page entry, without padding. */
struct texts {
	char subnqn[NVMF_NQN_SIZE + 1], traddr[257], trsvcid[33];
};

static void set_texts(struct texts *t, const struct nvmf_disc_entry *e)
{
	hostcmd_text(e->subnqn, sizeof(e->subnqn), t->subnqn, sizeof(t->subnqn));
	hostcmd_text(e->traddr, sizeof(e->traddr), t->traddr, sizeof(t->traddr));
	hostcmd_text(e->trsvcid, sizeof(e->trsvcid), t->trsvcid, sizeof(t->trsvcid));
}

/* An entry with the keys and values of nvme discover -o json. */
static json_t *entry_json(const struct nvmf_disc_entry *e)
{
	struct texts t;

	set_texts(&t, e);
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:i, s:i, s:i, s:s}", "trtype",
			 trtype_str(e->trtype), "adrfam", adrfam_str(e->adrfam), "subtype",
			 subtype_str(e->subtype), "treq", treq_str(e->treq), "portid",
			 le16_get(e->portid), "trsvcid", t.trsvcid, "subnqn", t.subnqn, "traddr",
			 t.traddr, "cntlid", le16_get(e->cntlid), "asqsz", le16_get(e->asqsz),
			 "eflags", le16_get(e->eflags), "sectype", sectype_str(e->tsas[0]));
}

static void print_json(const struct host_disc *disc)
{
	json_t *records = json_array();
	json_t *root;

	for (uint64_t i = 0; i < disc->numrec; i++)
		json_array_append_new(records, entry_json(&disc->entries[i]));
	root = json_pack("{s:I, s:o}", "genctr", (json_int_t)disc->genctr, "records", records);
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

static void print_entry(uint64_t index, const struct nvmf_disc_entry *e)
{
	struct rows rows = { 0 };
	struct texts t;

	set_texts(&t, e);
	printf("%llu  %s\n", (unsigned long long)index, t.subnqn);
	rows_add(&rows, "what", "%s", subtype_str(e->subtype));
	rows_add(&rows, "address", "%s %s, port %s (%s)", trtype_str(e->trtype), t.traddr,
		 t.trsvcid, adrfam_str(e->adrfam));
	rows_add(&rows, "port id", "%u", le16_get(e->portid));
	rows_add(&rows, "secure channel", "%s, %s", treq_str(e->treq), sectype_str(e->tsas[0]));
	if (le16_get(e->eflags))
		rows_add(&rows, "flags", "%s", eflags_str(le16_get(e->eflags)));
	rows_print(&rows, "   ");
}

static void print_text(const struct hostcmd *cmd, const struct host_disc *disc)
{
	printf("%llu record%s, generation %llu\n", (unsigned long long)disc->numrec,
	       disc->numrec == 1 ? "" : "s", (unsigned long long)disc->genctr);
	for (uint64_t i = 0; i < disc->numrec; i++)
		print_entry(i, &disc->entries[i]);
	if (disc->numrec == 0)
		printf("Nothing is offered to host %s; see its allowed hosts on the target.\n",
		       cmd->opts.hostnqn);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct host_ctrl *ctrl = NULL;
	struct host_disc disc = { .entries = NULL };
	struct weft_error error;
	struct hostcmd cmd;
	int r = CLI_OK;

	hostcmd_init(&cmd, cli);
	cmd.opts.subnqn = NVMF_DISCOVERY_NQN;
	if (hostcmd_next_option(&cmd, argc, argv, &r) == -2 ||
	    !hostcmd_ready(&cmd, argc, argv, &r))
		return r;
	r = host_connect(&cmd.opts, &ctrl, &error);
	if (r == 0)
		r = host_discover(ctrl, &disc, &error);
	host_disconnect(ctrl);
	if (r < 0)
		return cli_fail(cmd.cli, "%s", error.text);
	if (cmd.cli->json)
		print_json(&disc);
	else
		print_text(&cmd, &disc);
	free(disc.entries);
	return CLI_OK;
}

const struct command command_discover = {
	.name = "discover", .arguments = "[ADDRESS]",
	.summary = "ask a machine what it serves",
	.text = "Asks an NVMe/TCP discovery service what it offers to this host.",
	.kind = COMMAND_OF_HOST,
	.example = "192.0.2.7",
	.run = run,
};
