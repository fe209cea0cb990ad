# SPDX-License-Identifier: BSD-3-Clause
"""Input that a target must survive, beyond the list: peers that would fill a disk with its log."""

import re

import pytest

import weftconf
from nvmetcp import Connection, HostId, connect_admin, connect_data, open_queue, send_connect, \
    status, wait_until
from weftconf import nqn

pytestmark = pytest.mark.shipped

LINES = 20          # LOG_PEER_LINES
TIMES = 1000
MORE = re.compile(r"(\d+) more like this from 127\.0\.0\.1 in the last 10 s, the last: (.*)")

BROKEN = "broke the protocol: unknown PDU type"
REFUSED = f"is not allowed to use {nqn('private')}"
USES = f"uses {nqn('one')}"
LEFT = f"left {nqn('one')}"


@pytest.fixture
def daemon(besieged):
    private = weftconf.subsystem("private", [weftconf.namespace(1, identity="private")],
                                 hosts=[HostId.make("friend").nqn])
    one = weftconf.subsystem("one", [weftconf.namespace(1)])
    return besieged(weftconf.config([one, private]), cores=2)


def said(daemon, text):
    """Of the lines with it: how many there are, and how many events they tell of."""
    lines = [line for line in daemon.stderr.splitlines() if text in line]
    counts = [MORE.search(line) for line in lines]
    return len(lines), sum(int(count[1]) if count else 1 for count in counts)


def noise(daemon):
    """A thousand broken connections; fewer of what takes longer."""
    for _ in range(TIMES):
        with Connection(daemon.address) as conn:
            conn.send(b"GET / HTTP/1.1\r\n")
            conn.expect_end()
    queue = open_queue(daemon.address)
    for _ in range(100):
        send_connect(queue, connect_data(nqn("private")), expect=status.CONNECT_INVALID_HOST)
    queue.close()
    for _ in range(100):
        connect_admin(daemon.address, nqn("one")).close()


def test_the_log_is_bounded_and_counts_the_rest(daemon):
    """Each kind has its lines, and once in a while a count of what was left out."""
    expected = {BROKEN: TIMES, REFUSED: 100, USES: 100, LEFT: 100}
    noise(daemon)
    wait_until(lambda: all(said(daemon, text)[1] == events for text, events in expected.items()),
               seconds=25, what="the count of all")
    for text in expected:
        # what began just before a count was due has its lines before and after it
        assert said(daemon, text)[0] <= 2 * LINES + 5
    assert len(daemon.stderr.splitlines()) < 250
