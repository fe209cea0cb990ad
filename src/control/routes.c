/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of routes: routes.def has the rows. */
#include <microhttpd.h>

#include "control/route.h"

#define ROUTE(handler, ...) { __VA_ARGS__, .handle = handler },

const struct route routes[] = {
#include "control/routes.def"
};

const size_t route_count = sizeof(routes) / sizeof(routes[0]);
