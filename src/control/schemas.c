/* SPDX-License-Identifier: BSD-3-Clause */
/* The named schemas: those that several routes use, and long ones. */
#include "control/schema.h"

#include "settings/attr.h"

const struct schema schemas[] = {
	{ .name = "Error",
	  .notation = "{error: {code: string, text: string}}",
	  .help = "Any refusal. *code* is a word that stays as it is, *text* a sentence for "
		  "people." },
	{ .name = "Configuration", .type = &root_type,
	  .help = "A configuration in nvmetcli's dialect, see *weft.json*(5). What is sent may "
		  "have the form with objects, too." },
	{ .name = "Host", .type = &host_type,
	  .help = "A host that is known, see *weft.json*(5)." },
	{ .name = "Subsystem", .type = &subsystem_type,
	  .help = "What hosts connect to, see *weft.json*(5)." },
	{ .name = "Namespace", .type = &namespace_type,
	  .help = "A disk, see *weft.json*(5)." },
	{ .name = "Port", .type = &port_type,
	  .help = "Where hosts connect, see *weft.json*(5)." },
	{ .name = "AnaGroup", .type = &ana_group_type,
	  .help = "The state of a group of namespaces on a port, see *weft.json*(5)." },
	{ .name = "Referral", .type = &referral_type,
	  .help = "Another discovery service, see *weft.json*(5)." },
	{ .name = "Changed",
	  .notation = "{subsystems: integer, namespaces: integer, ports: integer, hosts: "
		      "integer, warnings: [string], unsaved: boolean}" },
	{ .name = "Limit",
	  .notation = "{now: integer, max: integer, refused: integer}",
	  .help = "The use of a limit (*max* 0: there is no limit), and how often the limit "
		  "refused a request of a host." },
	{ .name = "LimitOfEach",
	  .notation = "{now: integer, max: integer, refused: integer, who: string | null}",
	  .help = "The same for a limit on one address or one host: *now* is the use by *who*, "
		  "the one that uses most (null: nobody uses any)." },
	{ .name = "Endpoint",
	  .notation = "{portid: integer, trtype: string, adrfam: string, traddr: string, "
		      "trsvcid: integer}",
	  .help = "Where another machine reaches a port, a wildcard being replaced by this "
		  "machine's addresses." },
	{ .name = "Session",
	  .notation = "{hostnqn: string, hostid: string, subsystem: string, discovery: boolean, "
		      "cntlid: integer, portid: integer, trtype: string, address: {traddr: "
		      "string, trsvcid: integer}, local: {traddr: string, trsvcid: integer}, "
		      "io_queues: integer, kato_ms: integer, digests: {header: boolean, data: "
		      "boolean}, since: string, age_seconds: integer, commands: integer, "
		      "read_bytes: integer, written_bytes: integer, errors: integer}",
	  .help = "A controller: a host that is connected. *hostnqn* is empty where the host "
		  "has none. *kato_ms* 0: it has no keep alive timer." },
	{ .name = "Export",
	  .notation = "{path?: string, nqn?: string, hosts?: [string], size?: integer | string, "
		      "options?: {*: string | integer | boolean}}",
	  .exports = true,
	  .help = "*path* is absolute; it may be missing for backends other than \"file\". *hosts* "
		  "are the NQNs of the hosts that may attach; missing or empty: any host, for a "
		  "new subsystem. *size* is a number of bytes, or text such as \"64M\". *options* "
		  "are further options of the backend. These attributes may be given, too:" },
};

const size_t schema_count = sizeof(schemas) / sizeof(schemas[0]);
