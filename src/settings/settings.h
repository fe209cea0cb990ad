/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The settings of each object, as plain values: a struct is copied by assignment and owns
 * nothing. An empty text and an identifier of zeroes mean "not set". Each field is described by
 * a row in objects.c.
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
 * Embeds settings in an object: each is a member of the object (subsystem->serial), and
 * `settings` is all of them together.
 */
#define SETTINGS(type)			\
	union {				\
		struct type;		\
		struct type settings;	\
	}

/* Of the whole configuration. */
struct root_settings {
	char discovery_nqn[NVMF_NQN_SIZE];	/* "": only the well-known discovery NQN */
};

struct subsystem_settings {
	bool allow_any_host;
	char serial[SERIAL_MAX + 1];	/* "": validation derives it from the NQN */
	char model[MODEL_MAX + 1];
	char firmware[FIRMWARE_MAX + 1]; /* "": weft's version */
	uint32_t version;		/* as in VS: 0x00020100; 0: the default */
	uint16_t cntlid_min, cntlid_max;
	uint16_t qid_max;		/* I/O queues; 0: the default */
	uint32_t ieee_oui;		/* 0: none */
	bool pi_enable;
};

struct namespace_settings {
	/* The fields that each I/O reads come first. */
	uint32_t ana_grpid;
	uint32_t block_size;		/* bytes: 512 or 4096; 0: the backend's own */
	bool read_only;
	bool enable;
	uint8_t uuid[16];		/* never zeroes after validation */
	uint8_t nguid[16], eui64[8];
	char backend[BACKEND_NAME_MAX + 1]; /* "file", "memory", "null" or a plugin's */
};

struct address_settings {
	char trtype[TRTYPE_MAX + 1];	/* "tcp"; validation refuses others with a reason */
	char adrfam[8];			/* "ipv4" or "ipv6"; "": both, where traddr is a name */
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
	 * True: the port answers discovery only. No subsystem can be linked to it, and its
	 * discovery log lists the ports that have subsystems. TCP port 8009 is the usual one.
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

/* Copies a text that is known to fit into a char array. */
#define TEXT_SET(field, text) text_set(field, sizeof(field), text)

void text_set(char *field, size_t size, const char *text);

/* True if an identifier (uuid, nguid, eui64) is set. */
#define ID_SET(id) id_is_set(id, sizeof(id))

static inline bool id_is_set(const uint8_t *id, size_t size)
{
	static const uint8_t none[16];

	return memcmp(id, none, size) != 0;
}

#endif
