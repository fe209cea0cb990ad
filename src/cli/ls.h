/* SPDX-License-Identifier: BSD-3-Clause */
/* The tree of weft ls, made from the API's. */
#ifndef WEFT_CLI_LS_H
#define WEFT_CLI_LS_H

#include <jansson.h>

struct tree_node;

/* Of GET /v1/tree; freed with tree_free(). NULL where memory ran out. */
struct tree_node *ls_tree(const json_t *tree);

#endif
