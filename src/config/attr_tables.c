/* SPDX-License-Identifier: BSD-3-Clause */
/* The attributes of subsystems, ports, addresses and ANA groups. */
#include "config/attr.h"
#include "config/model.h"

#define SUBSYSTEM(field) offsetof(struct config_subsystem, field)
#define PORT(field) offsetof(struct config_port, field)
#define ADDRESS(field) offsetof(struct config_address, field)
#define BOOL_RIGHT "0 or 1"

const struct config_attr config_subsystem_attrs[] = {
	{ .name = "allow_any_host", .type = CONFIG_ATTR_BOOL,
	  .offset = SUBSYSTEM(allow_any_host), .right = BOOL_RIGHT },
	{ .name = "cntlid_max", .type = CONFIG_ATTR_U16, .offset = SUBSYSTEM(cntlid_max),
	  .low = 1, .high = CONFIG_CNTLID_MAX, .right = "a controller ID in 1..65519" },
	{ .name = "cntlid_min", .type = CONFIG_ATTR_U16, .offset = SUBSYSTEM(cntlid_min),
	  .low = 1, .high = CONFIG_CNTLID_MAX, .right = "a controller ID in 1..65519" },
	{ .name = "firmware", .type = CONFIG_ATTR_TEXT, .offset = SUBSYSTEM(firmware),
	  .high = CONFIG_FIRMWARE_MAX, .right = "at most 8 printable ASCII characters" },
	{ .name = "ieee_oui", .type = CONFIG_ATTR_HEX, .offset = SUBSYSTEM(ieee_oui),
	  .high = 0xffffff, .right = "three bytes in hexadecimal, such as 0x001b21" },
	{ .name = "model", .type = CONFIG_ATTR_TEXT, .offset = SUBSYSTEM(model),
	  .high = CONFIG_MODEL_MAX, .right = "at most 40 printable ASCII characters" },
	{ .name = "pi_enable", .type = CONFIG_ATTR_BOOL, .offset = SUBSYSTEM(pi_enable),
	  .right = BOOL_RIGHT },
	{ .name = "qid_max", .type = CONFIG_ATTR_U16, .offset = SUBSYSTEM(qid_max),
	  .low = 1, .high = CONFIG_QID_MAX, .unset = "0",
	  .right = "a number of I/O queues in 1..128" },
	{ .name = "serial", .type = CONFIG_ATTR_TEXT, .offset = SUBSYSTEM(serial),
	  .high = CONFIG_SERIAL_MAX, .right = "at most 20 printable ASCII characters" },
	{ .name = "version", .type = CONFIG_ATTR_VERSION, .offset = SUBSYSTEM(version),
	  .low = 0x00010000, .high = 0x000201ff,
	  .right = "a version of NVMe as MAJOR.MINOR or MAJOR.MINOR.TERTIARY, at most 2.1" },
	{ .name = NULL },
};

const struct config_attr config_port_params[] = {
	{ .name = "inline_data_size", .type = CONFIG_ATTR_U32, .offset = PORT(inline_data_size),
	  .low = CONFIG_INLINE_MIN, .high = CONFIG_INLINE_MAX,
	  .unset = "-1", .fallback = CONFIG_INLINE_DEFAULT,
	  .right = "bytes in 1024..262144, a multiple of 16, such as 16384" },
	{ .name = "max_queue_size", .type = CONFIG_ATTR_U16, .offset = PORT(max_queue_size),
	  .low = CONFIG_QUEUE_SIZE_MIN, .high = CONFIG_QUEUE_SIZE_MAX,
	  .unset = "-1", .fallback = CONFIG_QUEUE_SIZE_DEFAULT,
	  .right = "commands in 16..1024, such as 128" },
	{ .name = "mdts", .type = CONFIG_ATTR_U8, .offset = PORT(mdts),
	  .low = 1, .high = CONFIG_MDTS_MAX, .unset = "-1 0", .fallback = CONFIG_MDTS_DEFAULT,
	  .right = "a power of two of 4 KiB in 1..9 (9 is 2 MiB), or 0 for the most there is" },
	{ .name = "pi_enable", .type = CONFIG_ATTR_BOOL, .offset = PORT(pi_enable),
	  .right = BOOL_RIGHT },
	{ .name = NULL },
};

static const struct config_word treq_words[] = {
	{ "not specified", CONFIG_TREQ_NOT_SPECIFIED },
	{ "", CONFIG_TREQ_NOT_SPECIFIED },
	{ "required", CONFIG_TREQ_REQUIRED },
	{ "not required", CONFIG_TREQ_NOT_REQUIRED },
	{ NULL, 0 },
};

static const struct config_word tsas_words[] = {
	{ "none", CONFIG_TSAS_NONE },
	{ "", CONFIG_TSAS_NONE },
	{ "tls1.3", CONFIG_TSAS_TLS13 },
	{ NULL, 0 },
};

/* A struct config_address that begins at `base` of the object. */
#define ADDRESS_ATTRS(base)								\
	{ .name = "adrfam", .type = CONFIG_ATTR_TEXT, .offset = (base) + ADDRESS(adrfam),	\
	  .high = 16, .right = "ipv4 or ipv6" },						\
	{ .name = "traddr", .type = CONFIG_ATTR_TEXT, .offset = (base) + ADDRESS(traddr),	\
	  .high = 255, .right = "a numeric address, such as 192.0.2.1 or 2001:db8::1" },	\
	{ .name = "treq", .type = CONFIG_ATTR_ENUM, .offset = (base) + ADDRESS(treq),	\
	  .words = treq_words,								\
	  .right = "\"not specified\", \"required\" or \"not required\"" },			\
	{ .name = "trsvcid", .type = CONFIG_ATTR_U16, .offset = (base) + ADDRESS(trsvcid),	\
	  .low = 1, .high = 65535, .unset = "", .fallback = CONFIG_TRSVCID_DEFAULT,	\
	  .right = "a TCP port in 1..65535, such as 4420" },				\
	{ .name = "trtype", .type = CONFIG_ATTR_TEXT, .offset = (base) + ADDRESS(trtype),	\
	  .high = 16, .right = "tcp" },							\
	{ .name = "tsas", .type = CONFIG_ATTR_ENUM, .offset = (base) + ADDRESS(tsas),	\
	  .words = tsas_words, .right = "\"none\" or \"tls1.3\"" }

const struct config_attr config_address_attrs[] = {
	ADDRESS_ATTRS(0),
	{ .name = NULL },
};

const struct config_attr config_referral_attrs[] = {
	ADDRESS_ATTRS(offsetof(struct config_referral, addr)),
	{ .name = "portid", .type = CONFIG_ATTR_U16,
	  .offset = offsetof(struct config_referral, portid),
	  .high = 65535, .right = "a port ID in 0..65535" },
	{ .name = NULL },
};

static const struct config_word state_words[] = {
	{ "optimized", CONFIG_ANA_OPTIMIZED },
	{ "non-optimized", CONFIG_ANA_NON_OPTIMIZED },
	{ "inaccessible", CONFIG_ANA_INACCESSIBLE },
	{ "persistent-loss", CONFIG_ANA_PERSISTENT_LOSS },
	{ "change", CONFIG_ANA_CHANGE },
	{ NULL, 0 },
};

const struct config_attr config_ana_attrs[] = {
	{ .name = "state", .type = CONFIG_ATTR_ENUM,
	  .offset = offsetof(struct config_ana_group, state), .words = state_words,
	  .right = "optimized, non-optimized, inaccessible, persistent-loss or change" },
	{ .name = NULL },
};
