/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The routes of the API, in the order of the manual; those of a path stand together.
 * Their examples are made one after the other by a test, on a daemon that serves
 * nothing at first.
 */
#include <microhttpd.h>

#include "control/route.h"

#define EXAMPLE_NQN "nqn.2014-08.org.nvmexpress:uuid:0f2c8d1e-6f1b-4b5e-9a37-5d2f0c9be001"
#define UNSAVED "unsaved: boolean"

const struct route routes[] = {
	{ "GET", "/v1/status", SCOPE_LOOK,
	  "How weftd is.",
	  "*heap* is how many bytes weftd has from the C library, of whatever it does; its "
	  "disks in memory, I/O buffers and receive buffers are not among them. *limits* has an "
	  "object for each bound of *weftd*(8); those named memory, and buffers, count bytes. "
	  "*genctr* is of the discovery log, *problems* a list of sentences.",
	  .reply = "{version: string, pid: integer, started: string, uptime_seconds: integer, "
		   "config_file: string, unsaved: boolean, engine: string, reactors: integer, "
		   "subsystems: integer, namespaces: {ready: integer, opening: integer, failed: "
		   "integer, disabled: integer}, ports: {ready: integer, failed: integer, "
		   "disabled: integer}, sessions: integer, limits: {connections: Limit, "
		   "pending_connections: LimitOfEach, host_connections: LimitOfEach, memory: "
		   "Limit, host_memory: LimitOfEach, buffers: {now: integer, max: integer}}, "
		   "heap: integer, genctr: integer, problems: [string]}",
	  .handle = control_get_status },

	{ "POST", "/v1/exports", SCOPE_OPERATE,
	  "Makes a disk that other machines attach, as *weft-export*(1) describes.",
	  "*connect* and *discover* are where other machines attach and discover. A disk that "
	  "is not open after a second is served as soon as it is: *status* is then \"opening\", "
	  "and both sizes are 0. *problems* is a list of sentences.",
	  .body = "Export",
	  .reply = "{nqn: string, nsid: integer, status: \"ready\" | \"opening\", backend: "
		   "string, path?: string, size: integer, block_size: integer, read_only: "
		   "boolean, uuid: string, new_subsystem: boolean, new_ports: boolean, "
		   "allow_any_host: boolean, hosts: [string], connect: [Endpoint], discover: "
		   "[Endpoint], problems: [string], " UNSAVED "}",
	  .status = MHD_HTTP_CREATED,
	  .examples = { { .body = "{\"backend\": \"memory\", \"size\": \"64M\", \"nqn\": "
				  "\"" EXAMPLE_NQN "\"}" },
			{ .body = "{\"backend\": \"memory\", \"size\": 1048576, "
				  "\"block_size\": 4096, \"read_only\": true, "
				  "\"nqn\": \"nqn.2014-08.org.nvmexpress:example\", "
				  "\"hosts\": [\"" EXAMPLE_NQN "\"]}" } },
	  .handle = control_post_export },

	{ "DELETE", "/v1/exports", SCOPE_OPERATE,
	  "Ends an export, as *weft-unexport*(1) describes.",
	  "Either *path*, or *nqn* and perhaps *nsid*. A subsystem that has no namespace left "
	  "goes too: *subsystem* says so.",
	  .arguments = { { "path", "string", "the file or device that is exported" },
			 { "nqn", "string", "the subsystem" },
			 { "nsid", "integer", "one namespace of it; else all" } },
	  .reply = "{removed: [{nqn: string, nsid?: integer, path?: string, subsystem: boolean}], "
		   UNSAVED "}",
	  .examples = { { .path = "/v1/exports?nqn=nqn.2014-08.org.nvmexpress:example&nsid=1" } },
	  .handle = control_delete_export },

	{ "GET", "/v1/tree", SCOPE_LOOK,
	  "As GET /v1/config, with one more member \"state\" in some objects.",
	  "Of a subsystem: {\"sessions\", \"version\"}. Of a port: {\"status\", \"reason\"}. Of "
	  "a namespace: these and \"size\", \"block_size\" and \"counters\" ({\"reads\", "
	  "\"writes\", \"read_bytes\", \"written_bytes\", \"media_errors\"}). \"status\" is "
	  "ready, opening, failed or disabled; \"reason\" is there where it failed or where its "
	  "backend has not opened it yet, and \"trouble\" where it is ready and yet something "
	  "is wrong: its backend hangs, a flush failed, or new options wait for a device that "
	  "does not open. Sizes and counters are there where it is ready.",
	  .reply = "Configuration",
	  .handle = control_get_tree },

	{ "GET", "/v1/subsystems/{nqn}", SCOPE_LOOK,
	  "One subsystem, as it stands in GET /v1/tree.",
	  .arguments = { { "nqn", "string", "its NQN" } },
	  .reply = "{*: any}",
	  .examples = { { .path = "/v1/subsystems/" EXAMPLE_NQN } },
	  .handle = control_get_subsystem },

	{ "GET", "/v1/sessions", SCOPE_LOOK,
	  "Who is connected: an entry for each controller.",
	  "The reply comes in pieces. Who connects meanwhile is not in it, and who leaves may "
	  "be missing.",
	  .reply = "{sessions: [Session]}",
	  .handle = control_get_sessions },

	{ "GET", "/v1/config", SCOPE_LOOK,
	  "The configuration that runs.",
	  .reply = "Configuration",
	  .handle = control_get_config },

	{ "PUT", "/v1/config", SCOPE_ADMINISTER,
	  "Replaces all of it; any dialect will do.",
	  "What is in both goes on. Answers what there is now, and *warnings*, a list of "
	  "sentences.",
	  .arguments = { { "name", "string", "stands in errors where the file's name would" } },
	  .body = "Configuration",
	  .reply = "Changed",
	  .examples = { { .path = "/v1/config?name=mine",
			  .body = "{\"subsystems\": [{\"nqn\": "
				  "\"nqn.2014-08.org.nvmexpress:two\", \"attr\": "
				  "{\"allow_any_host\": \"1\"}, \"namespaces\": [{\"nsid\": 1, "
				  "\"enable\": 1, \"weft\": {\"backend\": \"memory\", \"size\": "
				  "\"1M\"}}]}]}" },
			{ .body = "{}" } },
	  .handle = control_put_config },

	{ "DELETE", "/v1/config", SCOPE_ADMINISTER,
	  "Removes all of it.",
	  "Answers the numbers of what there was.",
	  .reply = "{subsystems: integer, namespaces: integer, ports: integer, hosts: integer, "
		   UNSAVED "}",
	  .handle = control_delete_config },

	{ "POST", "/v1/config/save", SCOPE_ADMINISTER,
	  "Writes the configuration file.",
	  .reply = "{file: string, " UNSAVED "}",
	  .handle = control_save },

	{ "POST", "/v1/config/restore", SCOPE_ADMINISTER,
	  "Reads the configuration file again, as upon SIGHUP.",
	  "Answers as PUT /v1/config does, and *file*.",
	  .reply = "{subsystems: integer, namespaces: integer, ports: integer, hosts: integer, "
		   "warnings: [string], file: string, " UNSAVED "}",
	  .handle = control_restore },

	{ "GET", "/v1/openapi.json", SCOPE_LOOK,
	  "This API as an OpenAPI 3.1 document.",
	  "Each operation has *x-weft-scope*: what a client needs to be entitled to, \"look\", "
	  "\"operate\" or \"administer\". Whoever may open the socket may do all.",
	  .reply = "{*: any}",
	  .handle = control_get_openapi },
};

const size_t route_count = sizeof(routes) / sizeof(routes[0]);
