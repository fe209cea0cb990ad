/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing a configuration: nvmetcli's dialect, keys sorted, indented by 2,
 * values as strings. config_parse() of it gives an equal configuration.
 */
#ifndef WEFT_CONFIG_SAVE_H
#define WEFT_CONFIG_SAVE_H

#include <stddef.h>

struct config;
struct weft_error;

/* The text, with a newline at its end, for the caller to free(); NULL where memory ran out. */
char *config_format(const struct config *config);
/* Replaces the file at once or not at all; durable when it returns; mode 0600. 0 or -errno. */
int config_save(const struct config *config, const char *path, struct weft_error *error);
/* The same for any text. A symbolic link is followed: the administrator put it there. */
int config_write_file(const char *path, const char *text, size_t length, struct weft_error *error);

#endif
