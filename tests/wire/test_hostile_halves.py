# SPDX-License-Identifier: BSD-3-Clause
"""Input that a target must survive, beyond the list: a PDU that is begun, and never ended.

Before Connect its deadline ends that (case 5), and while an R2T waits for data, case 43's; this is
the rest. Between PDUs a host may be silent for as long as it keeps its controller alive.
"""

import time

import pytest

import weftconf
from nvmetcp import command, connect_admin, pdu
from timing import TooSlow, paced
from weftconf import nqn

pytestmark = pytest.mark.engine

LIMIT = 0.5
DATA = bytes(range(256)) * 16


@pytest.fixture
def patient(besieged):
    """patient(ms): a daemon with that stall timeout."""
    config = weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1)])])
    return lambda ms: besieged(config, cores=2, args=["--stall-timeout-ms", str(ms)])


@pytest.fixture
def impatient(patient):
    return patient(int(LIMIT * 1000))


@pytest.fixture
def connect(impatient):
    """connect(**ic): a controller, closed after the test."""
    ctrls = []

    def opener(**ic):
        ctrls.append(connect_admin(impatient.address, nqn("one"), **ic))
        return ctrls[-1]
    yield opener
    for ctrl in ctrls:
        ctrl.close()


def a_write(queue):
    """A capsule with DATA in it, which is not sent."""
    return queue.prepare(queue.rw(command.WRITE, 1, 0, 8), DATA)[1]


def complaints(daemon):
    return [line for line in daemon.stderr.splitlines() if "stopped" in line]


# how many bytes of the capsule are sent, and what the log says
HALVES = {
    "one byte": (1, "stopped after 1 bytes of the header of a PDU"),
    "half a common header": (4, "stopped after 4 bytes of the header of a PDU"),
    "a common header": (8, "stopped after 8 of 72 bytes of the header of a CapsuleCmd"),
    "half a header": (40, "stopped after 40 of 72 bytes of the header of a CapsuleCmd"),
    "a header": (72, "stopped after 0 of 4096 bytes of the data of a CapsuleCmd"),
    "half the data": (72 + 2000, "stopped after 2000 of 4096 bytes of the data of a CapsuleCmd"),
    "all but a byte": (72 + 4095, "stopped after 4095 of 4096 bytes of the data of a CapsuleCmd"),
}

HALVES_WITH_DIGESTS = {
    "no header digest": (72, "stopped after 72 of 76 bytes of the header of a CapsuleCmd"),
    "half a header digest": (74, "stopped after 74 of 76 bytes of the header of a CapsuleCmd"),
    "no data digest": (76 + 4096, "stopped before the end of the data digest of a CapsuleCmd"),
    "half a data digest": (76 + 4098, "stopped before the end of the data digest of a CapsuleCmd"),
}


def halves_end(daemon, ctrl, halves):
    """Each on a queue of its own, all at a time; the controller's other queues live on."""
    whole = ctrl.connect_io()
    queues = [ctrl.connect_io() for _ in halves]
    started = time.monotonic()
    for queue, (sent, _) in zip(queues, halves.values()):
        queue.conn.send(a_write(queue)[:sent])
    for queue in queues:
        queue.conn.expect_end()
        assert time.monotonic() - started > LIMIT * 0.9
    said = complaints(daemon)
    for name, (_, text) in halves.items():
        assert any(f"{text}: connection of queue" in line for line in said), (name, said)
    assert len(said) == len(halves)
    whole.write(0, DATA)
    assert whole.read(0, 8) == DATA
    ctrl.keep_alive()


def test_halves_end(impatient, connect):
    halves_end(impatient, connect(), HALVES)


def test_halves_with_digests_end(impatient, connect):
    halves_end(impatient, connect(hdgst=True, ddgst=True), HALVES_WITH_DIGESTS)


def test_half_an_admin_command_ends_the_controller(impatient, connect):
    ctrl = connect()
    io = ctrl.connect_io()
    ctrl.admin.conn.send(ctrl.admin.prepare(command.sqe(command.KEEP_ALIVE))[1][:71])
    ctrl.admin.conn.expect_end()
    io.conn.expect_end()
    assert "stopped after 71 of 72 bytes of the header of a CapsuleCmd: connection of queue 0" in \
        complaints(impatient)[0]


def test_half_an_h2cdata(impatient, connect):
    """What was asked for comes before what was begun."""
    io = connect().connect_io()
    pending = io.submit(io.rw(command.WRITE, 1, 0, 256), bytes(131072), inline=False, manual=True)
    r2t = io.wait_r2t(pending)
    whole = pdu.h2cdata(pending.cid, r2t.ttag, 0, bytes(131072), **io.conn.agreed())
    io.conn.send(whole[:70000])
    io.conn.expect_end()
    assert "does not send the data that it was asked for" in impatient.stderr


@pytest.mark.timed
def test_a_trickle_ends(impatient, connect):
    """A byte at a time buys no time, while other queues of the same host work."""
    ctrl = connect()
    io, other = ctrl.connect_io(), ctrl.connect_io()
    started = time.monotonic()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for byte in a_write(io):
            io.conn.send(bytes([byte]))
            other.flush()
            time.sleep(LIMIT / 20)
            if time.monotonic() - started > 4 * LIMIT + 4:
                raise TooSlow("a trickle kept it open")


@pytest.mark.timed
def test_halves_that_get_on_do_not_end(impatient, connect):
    """Whenever one looks, it is in the middle of a capsule, but of another one each time."""
    io = connect().connect_io()
    waiting, rest = [], b""
    with paced(LIMIT / 2) as pace:
        for _ in range(16):
            pending, capsule = io.prepare(io.rw(command.WRITE, 1, 0, 8), DATA)
            waiting.append(pending)
            io.conn.send(rest + capsule[:1000])
            pace.step()
            rest = capsule[1000:]
            if len(waiting) > 1:
                io.wait(waiting.pop(0))
            time.sleep(LIMIT / 4)
        io.conn.send(rest)
        io.wait(waiting.pop())
        assert not complaints(impatient)


@pytest.mark.timed
def test_silence_between_pdus_does_not_end(impatient, connect):
    """Also after a PDU that came in halves, and in the same moment as the next."""
    ctrl = connect()
    queues = [ctrl.connect_io() for _ in range(3)]
    capsule = a_write(queues[0])
    with paced(LIMIT):
        queues[0].conn.send(capsule[:500])
        time.sleep(LIMIT * 0.7)
        queues[0].conn.send(capsule[500:])
        queues[1].conn.send(a_write(queues[1]) + a_write(queues[1]))
        for queue in queues:
            for pending in list(queue.pending.values()):
                queue.wait(pending)
    for queue in [*queues, ctrl.admin]:
        queue.quiet(LIMIT * 0.8)
    for queue in queues:
        queue.flush()
    assert not complaints(impatient)


def test_it_may_be_switched_off(patient):
    with connect_admin(patient(0).address, nqn("one")) as ctrl:
        io = ctrl.connect_io()
        pending, capsule = io.prepare(io.rw(command.WRITE, 1, 0, 8), DATA)
        io.conn.send(capsule[:100])
        io.quiet(LIMIT * 3)
        io.conn.send(capsule[100:])
        io.wait(pending)
