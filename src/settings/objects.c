/* SPDX-License-Identifier: BSD-3-Clause */
/* The rows: every object and attribute that an administrator can set. */
#include "settings/attr.h"

#include "settings/limits.h"
#include "settings/settings.h"

#define FIELD(type, member)							\
	.offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)
#define END { .name = NULL }
#define BOOL_RIGHT "0 or 1"
#define UUID_EXAMPLE "1b4e28ba-2fa1-41d2-883f-0016d3cca427"

static const struct attr nqn_key = {
	.name = "nqn", .type = ATTR_NQN, .size = NVMF_NQN_SIZE, .high = NVMF_NQN_MAX,
	.right = "an NQN", .help = "Its NVMe qualified name.",
};

/* ---- hosts ---- */

static const struct attr no_attrs[] = { END };

const struct object_type host_type = {
	.name = "host", .schema = "Host",
	.help = "A host that is known.", .attrs = no_attrs, .key = &nqn_key,
};

/* ---- namespaces ---- */

static const struct attr_word block_size_words[] = {
	{ "512", 512 }, { "4096", 4096 }, { NULL, 0 },
};

static const struct attr namespace_attrs[] = {
	{ .name = "enable", .type = ATTR_BOOL, .place = ATTR_IN_OBJECT,
	  FIELD(namespace_settings, enable), .fallback = true, .right = "true or false",
	  .fallback_help = "0, and 1 in the form with objects",
	  .help = "Whether it is served.", .effect = ATTR_SHOWS },
	{ .name = "uuid", .type = ATTR_ID, .place = ATTR_IN_DEVICE,
	  FIELD(namespace_settings, uuid), .optional = true,
	  .fallback_help = "made from the NQN and the NSID, or the path of an export",
	  .right = "32 hexadecimal digits, such as " UUID_EXAMPLE, .value = "UUID",
	  .help = "The UUID that hosts know the disk by.", .effect = ATTR_REPLACES,
	  .shown = "uuid" },
	{ .name = "nguid", .type = ATTR_ID, .place = ATTR_IN_DEVICE,
	  FIELD(namespace_settings, nguid), .optional = true, .fallback_help = "none",
	  .right = "32 hexadecimal digits, such as " UUID_EXAMPLE, .value = "HEX",
	  .help = "The NGUID that hosts know the disk by.", .effect = ATTR_REPLACES,
	  .shown = "nguid" },
	{ .name = "eui64", .type = ATTR_ID, .place = ATTR_IN_WEFT, .also_in_device = true,
	  FIELD(namespace_settings, eui64), .optional = true, .fallback_help = "none",
	  .right = "16 hexadecimal digits, such as 001b21fffe5e2c90", .value = "HEX",
	  .help = "The EUI-64 that hosts know the disk by.", .effect = ATTR_REPLACES },
	{ .name = "ana_grpid", .type = ATTR_U32, .place = ATTR_IN_OBJECT,
	  FIELD(namespace_settings, ana_grpid), .low = 1, .high = CONFIG_ANA_GROUP_MAX,
	  .fallback = 1,
	  .right = "an ANA group in 1..128", .value = "N",
	  .help = "Its ANA group, whose state each port tells.", .effect = ATTR_TOLD,
	  .shown = "grpid" },
	{ .name = "backend", .type = ATTR_TEXT, .place = ATTR_IN_WEFT,
	  FIELD(namespace_settings, backend), .low = 1, .high = BACKEND_NAME_MAX,
	  .fallback_text = "file", .right = "a backend's name, such as \"file\"",
	  .value = "NAME", .completes = "file memory null",
	  .help = "What holds the data: file, memory, null or a plugin's.",
	  .effect = ATTR_TOLD },
	{ .name = "block_size", .type = ATTR_U32, .place = ATTR_IN_WEFT,
	  FIELD(namespace_settings, block_size), .low = 512, .high = 4096,
	  .words = block_size_words, .unset = "0", .optional = true,
	  .fallback_help = "the backend's own", .right = "512 or 4096", .unit = "bytes",
	  .value = "N", .completes = "512 4096",
	  .help = "The size of a block.", .effect = ATTR_TOLD },
	{ .name = "read_only", .type = ATTR_BOOL, .place = ATTR_IN_WEFT,
	  FIELD(namespace_settings, read_only), .right = "true or false", .value = "",
	  .help = "Refuse writes.", .effect = ATTR_TOLD },
	END
};

static const struct attr namespace_key = {
	.name = "nsid", .type = ATTR_U32, .size = sizeof(uint32_t), .low = 1,
	  .high = CONFIG_NSID_MAX,
	.fallback_help = "the lowest that is free, in the order of the list",
	.right = "a namespace ID", .help = "Its number, which hosts know it by.",
};

const struct object_type namespace_type = {
	.name = "namespace", .schema = "Namespace",
	.help = "A disk.", .size = sizeof(struct namespace_settings),
	.attrs = namespace_attrs, .key = &namespace_key,
};

/* ---- subsystems ---- */

static const struct attr subsystem_attrs[] = {
	{ .name = "version", .type = ATTR_VERSION, .place = ATTR_IN_ATTR,
	  FIELD(subsystem_settings, version), .low = 0x00010000, .high = 0x000201ff,
	  .optional = true, .fallback = 0x00020100,
	  .right = "a version of NVMe as MAJOR.MINOR or MAJOR.MINOR.TERTIARY, at most 2.1",
	  .help = "The version of NVMe to report. A version below 1.2.1 counts as the default.",
	  .effect = ATTR_AT_CONNECT, .shown = "version" },
	{ .name = "allow_any_host", .type = ATTR_BOOL, .place = ATTR_IN_ATTR,
	  FIELD(subsystem_settings, allow_any_host), .right = BOOL_RIGHT,
	  .help = "1: any host may attach. 0: only \"allowed_hosts\". With 1, \"allowed_hosts\" "
		  "must be empty.",
	  .effect = ATTR_ENDS, .shown = "allow_any" },
	{ .name = "serial", .type = ATTR_TEXT, .place = ATTR_IN_ATTR,
	  FIELD(subsystem_settings, serial), .high = SERIAL_MAX, .optional = true,
	  .fallback_help = "made from the NQN, so it stays the same",
	  .right = "at most 20 printable ASCII characters",
	  .help = "The serial number.", .effect = ATTR_AT_CONNECT, .shown = "serial" },
	{ .name = "model", .type = ATTR_TEXT, .place = ATTR_IN_ATTR,
	  FIELD(subsystem_settings, model), .high = MODEL_MAX, .fallback_text = "weft",
	  .right = "at most 40 printable ASCII characters",
	  .help = "The model number.", .effect = ATTR_AT_CONNECT },
	{ .name = "firmware", .type = ATTR_TEXT, .place = ATTR_IN_ATTR,
	  FIELD(subsystem_settings, firmware), .high = FIRMWARE_MAX, .optional = true,
	  .fallback_text = WEFT_VERSION, .fallback_help = "weft's version",
	  .right = "at most 8 printable ASCII characters",
	  .help = "The firmware revision.", .effect = ATTR_AT_CONNECT },
	{ .name = "cntlid_min", .type = ATTR_U16, .place = ATTR_IN_ATTR,
	  FIELD(subsystem_settings, cntlid_min), .low = 1, .high = NVMF_CNTLID_MAX, .fallback = 1,
	  .right = "a controller ID in 1..65519",
	  .help = "The lowest controller identifier. Gateways that share a subsystem need ranges "
		  "apart.",
	  .effect = ATTR_AT_CONNECT },
	{ .name = "cntlid_max", .type = ATTR_U16, .place = ATTR_IN_ATTR,
	  FIELD(subsystem_settings, cntlid_max), .low = 1, .high = NVMF_CNTLID_MAX,
	  .fallback = NVMF_CNTLID_MAX, .right = "a controller ID in 1..65519",
	  .help = "The highest controller identifier.", .effect = ATTR_AT_CONNECT },
	{ .name = "qid_max", .type = ATTR_U16, .place = ATTR_IN_ATTR,
	  FIELD(subsystem_settings, qid_max), .low = 1, .high = CONFIG_QID_MAX, .unset = "0",
	  .optional = true, .fallback = CONFIG_QID_MAX, .right = "a number of I/O queues in 1..128",
	  .help = "How many I/O queues a host may make.", .effect = ATTR_AT_CONNECT },
	{ .name = "ieee_oui", .type = ATTR_HEX, .place = ATTR_IN_ATTR,
	  FIELD(subsystem_settings, ieee_oui), .high = 0xffffff, .optional = true,
	  .fallback_help = "none", .right = "three bytes in hexadecimal, such as 0x001b21",
	  .help = "The vendor's IEEE OUI.", .effect = ATTR_AT_CONNECT },
	{ .name = "pi_enable", .type = ATTR_BOOL, .place = ATTR_IN_ATTR,
	  FIELD(subsystem_settings, pi_enable), .right = BOOL_RIGHT,
	  .help = "Accepted for nvmetcli's sake; weft has no protection information and warns of "
		  "1." },
	END
};

static const struct object_list subsystem_lists[] = {
	{ "allowed_hosts", NULL, "NQNs of the hosts that may attach." },
	{ "namespaces", &namespace_type, "Its namespaces." },
	END
};

const struct object_type subsystem_type = {
	.name = "subsystem", .schema = "Subsystem", .help = "What hosts connect to.",
	.size = sizeof(struct subsystem_settings), .attrs = subsystem_attrs, .key = &nqn_key,
	.lists = subsystem_lists,
};

/* ---- addresses, referrals ---- */

static const struct attr_word treq_words[] = {
	{ "not specified", NVMF_TREQ_NOT_SPECIFIED },
	{ "", NVMF_TREQ_NOT_SPECIFIED },
	{ "required", NVMF_TREQ_REQUIRED },
	{ "not required", NVMF_TREQ_NOT_REQUIRED },
	{ NULL, 0 },
};

static const struct attr_word tsas_words[] = {
	{ "none", NVMF_TCP_SECTYPE_NONE },
	{ "", NVMF_TCP_SECTYPE_NONE },
	{ "tls1.3", NVMF_TCP_SECTYPE_TLS13 },
	{ NULL, 0 },
};

/* The rows of an object whose settings have an `addr`. */
#define ADDRESS_ATTRS(object, change)						\
	{ .name = "trtype", .type = ATTR_TEXT, .place = ATTR_IN_ADDR,			\
	  FIELD(object, addr.trtype), .high = TRTYPE_MAX, .fallback_text = "tcp",		\
	  .right = "tcp", .help = "The transport.", .effect = (change), .shown = "trtype" }, \
	{ .name = "adrfam", .type = ATTR_TEXT, .place = ATTR_IN_ADDR,			\
	  FIELD(object, addr.adrfam), .high = 7, .optional = true,			\
	  .fallback_help = "by the address; of a name, both", .right = "ipv4 or ipv6",	\
	  .help = "The address family.", .effect = (change) },				\
	{ .name = "traddr", .type = ATTR_TEXT, .place = ATTR_IN_ADDR,			\
	  FIELD(object, addr.traddr), .high = TRADDR_MAX, .optional = true,		\
	  .right = "an address, such as 192.0.2.1 or 2001:db8::1, a name, or *",		\
	  .help = "A numeric address; 0.0.0.0 or :: for all of that family, * for all; "	\
		  "or the name of an interface or a host. Required.",				\
	  .effect = (change), .shown = "traddr" },					\
	{ .name = "trsvcid", .type = ATTR_U16, .place = ATTR_IN_ADDR,			\
	  FIELD(object, addr.trsvcid), .low = 1, .high = 65535, .unset = "",		\
	  .fallback = CONFIG_TRSVCID_DEFAULT, .right = "a TCP port in 1..65535, such as 4420",	\
	  .help = "The TCP port.", .effect = (change), .shown = "trsvcid" },		\
	{ .name = "treq", .type = ATTR_ENUM, .place = ATTR_IN_ADDR,			\
	  FIELD(object, addr.treq), .words = treq_words,					\
	  .right = "\"not specified\", \"required\" or \"not required\"",		\
	  .help = "What the discovery log says of secure channels.",			\
	  .effect = ATTR_IN_LOG },							\
	{ .name = "tsas", .type = ATTR_ENUM, .place = ATTR_IN_ADDR,			\
	  FIELD(object, addr.tsas), .words = tsas_words, .right = "\"none\" or \"tls1.3\"", \
	  .help = "How the discovery log says that a channel is secured.",		\
	  .effect = ATTR_IN_LOG }

static const struct attr referral_attrs[] = {
	ADDRESS_ATTRS(referral_settings, ATTR_IN_LOG),
	{ .name = "portid", .type = ATTR_U16, .place = ATTR_IN_ADDR,
	  FIELD(referral_settings, portid), .high = 65535, .right = "a port ID in 0..65535",
	  .help = "The port ID to tell in the discovery log.", .effect = ATTR_IN_LOG },
	{ .name = "enable", .type = ATTR_BOOL, .place = ATTR_IN_OBJECT,
	  FIELD(referral_settings, enable), .right = "true or false",
	  .help = "Whether the discovery log names it.", .effect = ATTR_IN_LOG },
	END
};

static const struct attr referral_key = {
	.name = "name", .type = ATTR_TEXT, .size = 256, .low = 1, .high = 255,
	.right = "a name of its own on this port", .help = "Its name.",
};

const struct object_type referral_type = {
	.name = "referral", .schema = "Referral",
	.help = "Another discovery service that the discovery log names.",
	.size = sizeof(struct referral_settings), .attrs = referral_attrs, .key = &referral_key,
};

/* ---- ANA groups ---- */

static const struct attr_word state_words[] = {
	{ "optimized", NVME_ANA_OPTIMIZED },
	{ "non-optimized", NVME_ANA_NONOPTIMIZED },
	{ "inaccessible", NVME_ANA_INACCESSIBLE },
	{ "persistent-loss", NVME_ANA_PERSISTENT_LOSS },
	{ "change", NVME_ANA_CHANGE },
	{ NULL, 0 },
};

static const struct attr ana_group_attrs[] = {
	{ .name = "state", .type = ATTR_ENUM, .place = ATTR_IN_ANA,
	  FIELD(ana_group_settings, state), .words = state_words,
	  .fallback = NVME_ANA_INACCESSIBLE,
	  .fallback_help = "optimized for group 1, inaccessible for all others",
	  .right = "optimized, non-optimized, inaccessible, persistent-loss or change",
	  .help = "What hosts are told of the path through this port.", .effect = ATTR_TOLD,
	  .shown = "state" },
	END
};

static const struct attr ana_group_key = {
	.name = "grpid", .type = ATTR_U32, .size = sizeof(uint32_t), .low = 1,
	.high = CONFIG_ANA_GROUP_MAX, .right = "an ANA group in 1..128", .help = "Its number.",
};

const struct object_type ana_group_type = {
	.name = "ANA group", .schema = "AnaGroup",
	.help = "The state of a group of namespaces on a port.",
	.size = sizeof(struct ana_group_settings), .attrs = ana_group_attrs,
	.key = &ana_group_key,
};

/* ---- ports ---- */

static const struct attr port_attrs[] = {
	ADDRESS_ATTRS(port_settings, ATTR_LISTENS_ANEW),
	{ .name = "inline_data_size", .type = ATTR_U32, .place = ATTR_IN_PARAM,
	  FIELD(port_settings, inline_data_size), .low = CONFIG_INLINE_MIN,
	  .high = CONFIG_INLINE_MAX,
	  .step = 16, .unset = "-1", .fallback = CONFIG_INLINE_DEFAULT, .unit = "bytes",
	  .right = "bytes in 1024..262144, a multiple of 16, such as 16384",
	  .help = "How many bytes of a write may come with its command.",
	  .effect = ATTR_AT_CONNECT, .shown = "inline_data_size" },
	{ .name = "max_queue_size", .type = ATTR_U16, .place = ATTR_IN_PARAM,
	  FIELD(port_settings, max_queue_size), .low = CONFIG_QUEUE_SIZE_MIN,
	  .high = CONFIG_QUEUE_SIZE_MAX,
	  .unset = "-1", .fallback = CONFIG_QUEUE_SIZE_DEFAULT,
	  .right = "commands in 16..1024, such as 128", .unit = "commands",
	  .help = "Entries of a queue.", .effect = ATTR_AT_CONNECT },
	{ .name = "mdts", .type = ATTR_U8, .place = ATTR_IN_PARAM,
	  FIELD(port_settings, mdts), .low = 1, .high = CONFIG_MDTS_MAX, .unset = "-1 0",
	  .fallback = CONFIG_MDTS_DEFAULT, .fallback_help = "9, which is 2 MiB",
	  .right = "a power of two of 4 KiB in 1..9 (9 is 2 MiB), or 0 for the most there is",
	  .help = "The largest transfer, as a power of two of 4 KiB.",
	  .effect = ATTR_AT_ONCE },
	{ .name = "pi_enable", .type = ATTR_BOOL, .place = ATTR_IN_PARAM,
	  FIELD(port_settings, pi_enable), .right = BOOL_RIGHT, .help = "As in subsystems." },
	{ .name = "discovery", .type = ATTR_BOOL, .place = ATTR_IN_WEFT,
	  FIELD(port_settings, discovery), .right = "true or false",
	  .help = "The port answers discovery alone and has no subsystems; its log lists the "
		  "subsystems of all other ports. The usual one listens on port 8009.",
	  .effect = ATTR_ENDS },
	END
};

static const struct attr port_key = {
	.name = "portid", .type = ATTR_U16, .size = sizeof(uint16_t), .low = 1, .high = 65535,
	.right = "a number in 1..65535", .help = "Its number.",
};

static const struct object_list port_lists[] = {
	{ "subsystems", NULL, "NQNs of the subsystems that are reached through it." },
	{ "ana_groups", &ana_group_type, "ANA groups and their states on this port." },
	{ "referrals", &referral_type, "Other discovery services." },
	END
};

const struct object_type port_type = {
	.name = "port", .schema = "Port",
	.help = "Where hosts connect.", .size = sizeof(struct port_settings),
	.attrs = port_attrs, .key = &port_key, .lists = port_lists,
};

/* ---- the whole ---- */

static const struct attr root_attrs[] = {
	{ .name = "discovery_nqn", .type = ATTR_NQN, .place = ATTR_IN_WEFT,
	  FIELD(root_settings, discovery_nqn), .high = NVMF_NQN_MAX, .optional = true,
	  .fallback_help = "none", .right = "an NQN",
	  .help = "An NQN of its own for the discovery service, besides the well-known "
		  "nqn.2014-08.org.nvmexpress.discovery.",
	  .effect = ATTR_IN_LOG },
	END
};

static const struct object_list root_lists[] = {
	{ "hosts", &host_type, "Hosts that are known." },
	{ "subsystems", &subsystem_type, "Subsystems." },
	{ "ports", &port_type, "Ports." },
	END
};

const struct object_type root_type = {
	.name = "configuration", .schema = "Configuration",
	.help = "A configuration in nvmetcli's dialect, see weft.json(5).",
	.size = sizeof(struct root_settings),
	.attrs = root_attrs, .lists = root_lists,
};

const struct object_type *const object_types[] = {
	&root_type, &host_type, &subsystem_type, &namespace_type, &port_type, &ana_group_type,
	&referral_type, NULL,
};
