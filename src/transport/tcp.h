/* SPDX-License-Identifier: BSD-3-Clause */
/* NVMe/TCP (NVMe/TCP Transport 1.1): what the rest of the daemon sees of it. */
#ifndef WEFT_TRANSPORT_TCP_H
#define WEFT_TRANSPORT_TCP_H

#include "target/queue/transport.h"

extern const struct transport tcp_transport;

#endif
