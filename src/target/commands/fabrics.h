/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by the files of the Fabrics command set. */
#ifndef WEFT_TARGET_COMMANDS_FABRICS_H
#define WEFT_TARGET_COMMANDS_FABRICS_H

#include "spec/nvme.h"

struct request;

/* The row of Connect. (connect.c) */
struct nvme_status connect_parse(struct request *req);
void connect_execute(struct request *req);

#endif
