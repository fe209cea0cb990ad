/* SPDX-License-Identifier: BSD-3-Clause */
/* The NVMe/TCP transport (NVMe/TCP Transport 1.1) for the rest of the daemon. */
#ifndef WEFT_TRANSPORT_TCP_H
#define WEFT_TRANSPORT_TCP_H

#include "target/queue/transport.h"

extern const struct transport tcp_transport;

#endif
