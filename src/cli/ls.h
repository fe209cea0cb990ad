/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes the tree of weft ls from the reply of GET /v1/tree. */
#ifndef WEFT_CLI_LS_H
#define WEFT_CLI_LS_H

#include <jansson.h>

struct tree_node;

/* `tree` is the reply. Free the result with tree_free(). NULL if memory ran out. */
struct tree_node *ls_tree(const json_t *tree);

#endif
