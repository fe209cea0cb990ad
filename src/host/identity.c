/* SPDX-License-Identifier: BSD-3-Clause */
/* The default Host NQN and Host Identifier of this machine. */
#include <stdio.h>
#include <string.h>

#include "host/host.h"
#include "util/str.h"

/* Reads the first word of a file; false: there is none. */
static bool read_word(const char *path, char *ret, size_t size)
{
	FILE *file = fopen(path, "re");
	char line[512];
	bool ok;

	if (!file)
		return false;
	ok = fgets(line, sizeof(line), file) != NULL;
	fclose(file);
	if (!ok)
		return false;
	line[strcspn(line, " \t\r\n")] = '\0';
	if (line[0] == '\0' || strlen(line) >= size)
		return false;
	strcpy(ret, line);
	return true;
}

void host_options_init(struct host_options *opts)
{
	char word[NVMF_NQN_SIZE], text[UUID_TEXT], seed[NVMF_NQN_SIZE + 16];
	uint8_t uuid[16];

	*opts = (struct host_options){ .kato_ms = HOST_KATO_MS, .timeout_ms = HOST_TIMEOUT_MS };

	if (!read_word("/etc/machine-id", word, sizeof(word)))
		strcpy(word, "no machine-id");
	snprintf(seed, sizeof(seed), "weft host %s", word);
	uuid_from_text(seed, uuid);

	if (!read_word("/etc/nvme/hostnqn", opts->hostnqn, sizeof(opts->hostnqn))) {
		uuid_format(uuid, text);
		snprintf(opts->hostnqn, sizeof(opts->hostnqn), NVMF_NQN_UUID_PREFIX "%s", text);
	}
	if (!read_word("/etc/nvme/hostid", word, sizeof(word)) ||
	    hex_parse(word, opts->hostid, sizeof(opts->hostid)) < 0)
		memcpy(opts->hostid, uuid, sizeof(uuid));
}
