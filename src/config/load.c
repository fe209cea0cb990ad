/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads a file into a validated configuration. */
#include "config/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/dialect.h"
#include "util/cleanup.h"

int config_parse(const char *text, size_t length, const char *name, struct config **ret_config,
		 struct weft_error *error)
{
	struct config *config = config_new();
	struct document document;
	struct node root;
	int r;

	if (!config || config_set_string(&config->source, name) < 0) {
		config_free(config);
		return weft_error_set(error, ENOMEM, "%s: out of memory", name);
	}
	r = document_open(&document, text, length, name, config, error);
	if (!r) {
		root = document_root(&document);
		r = omv_recognise(&root) ? omv_read(&root, config) : nvmetcli_read(&root, config);
		document_close(&document);
	}
	if (!r)
		r = config_validate(config, error);
	if (r < 0) {
		config_free(config);
		return r;
	}
	*ret_config = config;
	return 0;
}

/* Reads a whole file, up to one byte more than the largest allowed size. */
static int read_all(int fd, char **ret_text, size_t *ret_length)
{
	_cleanup_free_ char *text = malloc(CONFIG_TEXT_MAX + 1);
	size_t length = 0;

	if (!text)
		return -ENOMEM;
	while (length <= CONFIG_TEXT_MAX) {
		ssize_t n = read(fd, text + length, CONFIG_TEXT_MAX + 1 - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	*ret_text = TAKE_PTR(text);
	*ret_length = length;
	return 0;
}

int config_load(const char *path, struct config **ret_config, struct weft_error *error)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	int r;

	if (fd < 0)
		return weft_error_set(error, errno, "%s: %s", path, strerror(errno));
	r = read_all(fd, &text, &length);
	if (r < 0)
		return weft_error_set(error, -r, "%s: %s", path, strerror(-r));
	return config_parse(text, length, path, ret_config, error);
}
