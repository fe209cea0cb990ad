# SPDX-License-Identifier: BSD-3-Clause
"""An NVMe/TCP host peer for the tests: standard library only, and free to misbehave.

From the bottom: pdu (bytes), connection (a socket in PDUs), queue (commands and completions),
controller (an association). `decode` reads data structures, `status` names status codes.
"""

from . import command, decode, pdu, status
from .command import Completion, fabrics, sgl, sqe
from .connection import Closed, Connection, Terminated
from .controller import (CAP, CC, CC_ENABLE, CRTO, CSTS, DISCOVERY_NQN, HOST, NSSR, VS, Controller,
                         HostId, connect_admin, connect_data, connect_discovery, connect_entry,
                         open_queue, send_connect)
from .crc32c import crc32c
from .queue import Pending, Queue, wait_until
