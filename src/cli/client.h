/* SPDX-License-Identifier: BSD-3-Clause */
/* The client of weftd's API: HTTP over its UNIX socket. */
#ifndef WEFT_CLI_CLIENT_H
#define WEFT_CLI_CLIENT_H

#include <jansson.h>
#include <stddef.h>

struct cli;

/*
 * One request. path holds its arguments already; body may be NULL. CLI_OK with
 * the reply's JSON, which the caller frees; any other exit code after telling
 * the user why on stderr, and with --json on stdout too.
 */
int client_call(const struct cli *cli, const char *method, const char *path, const char *body,
		size_t body_length, json_t **ret_reply);
/* The same with a JSON body, which it takes over (NULL: out of memory). */
int client_call_json(const struct cli *cli, const char *method, const char *path, json_t *body,
		     json_t **ret_reply);
/* The same without a body. */
int client_get(const struct cli *cli, const char *path, json_t **ret_reply);

/* "PATH?NAME=VALUE", the value escaped; owned by the caller, NULL where memory ran out. */
char *client_path(const char *path, const char *name, const char *value);

/* Prints JSON as every --json does, and a newline. */
void client_print(const json_t *value);

#endif
