/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes a configuration in nvmetcli's dialect: keys sorted, indented by 2, values as
 * strings. config_parse() of the text gives an equal configuration.
 */
#ifndef WEFT_CONFIG_SAVE_H
#define WEFT_CONFIG_SAVE_H

#include <stddef.h>

struct config;
struct weft_error;

/* The text, ending with a newline; the caller frees it. NULL: memory ran out. */
char *config_format(const struct config *config);
/*
 * Replaces the file atomically, with mode 0600; it is durable when the function returns. 0, or
 * -errno with *error filled.
 */
int config_save(const struct config *config, const char *path, struct weft_error *error);
/* Writes any text in that way. Follows a symbolic link: the administrator put it there. */
int config_write_file(const char *path, const char *text, size_t length, struct weft_error *error);

#endif
