/* SPDX-License-Identifier: BSD-3-Clause */
/* The client of weftd's API: HTTP over its UNIX socket. */
#ifndef WEFT_CLI_CLIENT_H
#define WEFT_CLI_CLIENT_H

#include <jansson.h>
#include <stddef.h>

struct cli;

/*
 * Makes a request. `path` includes the arguments; `body` may be NULL. Returns CLI_OK with
 * the reply's JSON, which the caller frees. On failure prints the reason to stderr, and
 * with --json to stdout too, and returns another exit code.
 */
int client_call(const struct cli *cli, const char *method, const char *path, const char *body,
		size_t body_length, json_t **ret_reply);
/* As client_call(), with a JSON body, which is taken over (NULL: out of memory). */
int client_call_json(const struct cli *cli, const char *method, const char *path, json_t *body,
		     json_t **ret_reply);
/* As client_call(), for a GET without a body. */
int client_get(const struct cli *cli, const char *path, json_t **ret_reply);

/* "PATH?NAME=VALUE", the value escaped. Owned by the caller; NULL if memory ran out. */
char *client_path(const char *path, const char *name, const char *value);

/* Prints JSON in the format of all --json options, and a newline. */
void client_print(const json_t *value);

#endif
