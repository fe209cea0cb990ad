/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads a configuration from JSON in any of its dialects, which are told apart by
 * their content: nvmetcli's; what the OpenMediaVault plugin writes, a subset of it;
 * and the form that the plugin documents.
 *
 * The result is validated (config_validate()). A refusal reads
 * "FILE:LINE: object: what is wrong and what would be right". Keys that weft does
 * not know are no error: they are listed in config->warnings.
 */
#ifndef WEFT_CONFIG_LOAD_H
#define WEFT_CONFIG_LOAD_H

#include <stddef.h>

struct config;
struct weft_error;

/* 0, or -errno (that of open(2), -EINVAL and so on) with *error filled. */
int config_load(const char *path, struct config **ret_config, struct weft_error *error);
/* Reads it from memory. `name` is the file's name in messages. The text needs no terminator. */
int config_parse(const char *text, size_t length, const char *name, struct config **ret_config,
		 struct weft_error *error);

#endif
