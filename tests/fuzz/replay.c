/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a fuzzer's inputs once each, without libFuzzer: the files that are
 * named, and those in the folders that are.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int failures, inputs;

static void fail(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	failures++;
}

static void replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t size = 0, room = 0;

	if (!file) {
		fail(path);
		return;
	}
	do {
		room = room ? room * 2 : 4096;
		data = realloc(data, room);
		if (!data)
			abort();
		size += fread(data + size, 1, room - size, file);
	} while (size == room);
	fclose(file);
	/* in a block of its own size: reading beyond it is seen by sanitizers */
	data = realloc(data, size ? size : 1);
	if (!data)
		abort();
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	inputs++;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void replay(const char *path)
{
	struct dirent **entries;
	char name[4096];
	int count = scandir(path, &entries, visible, alphasort);

	if (count < 0 && errno == ENOTDIR) {
		replay_file(path);
		return;
	}
	if (count < 0) {
		fail(path);
		return;
	}
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		replay(name);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%u inputs\n", inputs);
	return failures || !inputs;
}
