/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an administrator may set of each object, as plain values: a struct is copied by
 * assignment and owns nothing. An empty text and an identifier of zeroes mean "not set". The
 * rows that describe each field are in objects.c; a new field gets its row there.
 */
#ifndef WEFT_SETTINGS_SETTINGS_H
#define WEFT_SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "spec/fabrics.h"
#include "spec/log.h"

#define SERIAL_MAX 20
#define MODEL_MAX 40
#define FIRMWARE_MAX 8
#define BACKEND_NAME_MAX 31
#define TRADDR_MAX 255
#define TRTYPE_MAX 16

/*
 * Embeds settings in an object: their fields are the object's own (subsystem->serial), and all
 * of them together are `settings`.
 */
#define SETTINGS(type)			\
	union {				\
		struct type;		\
		struct type settings;	\
	}

/* Of the whole configuration. */
struct root_settings {
	char discovery_nqn[NVMF_NQN_SIZE];	/* "": the well-known one only */
};

struct subsystem_settings {
	bool allow_any_host;
	char serial[SERIAL_MAX + 1];	/* "": derived from the NQN by validation */
	char model[MODEL_MAX + 1];
	char firmware[FIRMWARE_MAX + 1]; /* "": weft's version */
	uint32_t version;		/* as in VS: 0x00020100; 0: the default */
	uint16_t cntlid_min, cntlid_max;
	uint16_t qid_max;		/* I/O queues; 0: the default */
	uint32_t ieee_oui;		/* 0: none */
	bool pi_enable;
};

struct namespace_settings {
	/* What each I/O looks at comes first. */
	uint32_t ana_grpid;
	uint32_t block_size;		/* 0: the backend's own; else 512 or 4096 */
	bool read_only;
	bool enable;
	uint8_t uuid[16];		/* never zeroes after validation */
	uint8_t nguid[16], eui64[8];
	char backend[BACKEND_NAME_MAX + 1]; /* "file", "memory", "null" or a plugin's */
};

struct address_settings {
	char trtype[TRTYPE_MAX + 1];	/* "tcp"; others are refused with a reason */
	char adrfam[8];			/* "ipv4" or "ipv6"; "" beside a name: both */
	char traddr[TRADDR_MAX + 1];	/* numeric, or a name: see apply/names.h */
	uint16_t trsvcid;
	int treq;			/* NVMF_TREQ_NOT_SPECIFIED, ... */
	int tsas;			/* NVMF_TCP_SECTYPE_NONE, ... */
};

struct port_settings {
	struct address_settings addr;
	uint32_t inline_data_size;	/* bytes */
	uint16_t max_queue_size;
	uint8_t mdts;			/* 4 KiB << mdts */
	bool pi_enable;
	/*
	 * Only answers discovery: no subsystem can be reached through it, and its
	 * log lists the ports that have subsystems (the usual port 8009).
	 */
	bool discovery;
};

struct referral_settings {
	struct address_settings addr;
	uint16_t portid;
	bool enable;
};

struct ana_group_settings {
	int state;			/* enum nvme_ana_state */
};

/* Sets a text that is known to fit. */
#define TEXT_SET(field, text) text_set(field, sizeof(field), text)

void text_set(char *field, size_t size, const char *text);

/* Whether an identifier (uuid, nguid, eui64) is set. */
#define ID_SET(id) id_is_set(id, sizeof(id))

static inline bool id_is_set(const uint8_t *id, size_t size)
{
	static const uint8_t none[16];

	return memcmp(id, none, size) != 0;
}

#endif
