# SPDX-License-Identifier: BSD-3-Clause
"""Header and data digests (TCP transport 1.1, section 3.3.1). The peer checks every one it gets."""

import os

import pytest

from nvmetcp import command, pdu, status

from test_icreq import COMBINATIONS

pytestmark = [pytest.mark.engine, pytest.mark.answers]


@pytest.mark.parametrize("hdgst,ddgst", COMBINATIONS)
@pytest.mark.parametrize("size", [512, 16384, 20480])
def test_data_survives_each_combination(connect, hdgst, ddgst, size):
    io = connect(hdgst=hdgst, ddgst=ddgst).connect_io()
    data = os.urandom(size)
    io.write(64, data)
    assert io.read(64, size // 512) == data


def test_queues_of_one_controller_choose_for_themselves(connect):
    ctrl = connect(hdgst=True, ddgst=True)
    plain = ctrl.connect_io(hdgst=False, ddgst=False)
    digests = ctrl.connect_io(hdgst=True, ddgst=True)
    data = os.urandom(4096)
    plain.write(0, data)
    assert digests.read(0, 8) == data


def test_wrong_header_digest_is_fatal(connect):
    io = connect().connect_io(hdgst=True)
    io.submit(command.sqe(command.FLUSH, nsid=1), force_hdgst=0x12345678)
    # the Fatal Error Information is the digest as received
    io.conn.expect_term(pdu.FES_HEADER_DIGEST, 0x12345678)


def test_wrong_data_digest_in_a_capsule_fails_the_command_alone(connect):
    io = connect().connect_io(hdgst=True, ddgst=True)
    before = os.urandom(4096)
    io.write(16, before)
    io.write(16, os.urandom(4096), force_ddgst=0xDEADBEEF, expect=status.TRANSIENT_TRANSPORT)
    assert io.read(16, 8) == before, "the command was executed"


def test_wrong_data_digest_in_h2cdata_fails_the_command_alone(connect):
    io = connect().connect_io(ddgst=True)
    before = os.urandom(8192)
    io.write(16, before)
    entry = io.rw(command.WRITE, 1, 16, 16)
    pending = io.submit(entry, os.urandom(8192), inline=False, manual=True)
    r2t = io.wait_r2t(pending)
    io.conn.send_h2cdata(pending.cid, r2t.ttag, 0, pending.data_out[:4096], last=False,
                         force_ddgst=1)
    io.conn.send_h2cdata(pending.cid, r2t.ttag, 4096, pending.data_out[4096:])
    io.wait(pending, status.TRANSIENT_TRANSPORT)
    assert io.read(16, 16) == before, "the command was executed"


def test_wrong_data_digest_on_the_admin_queue(connect):
    ctrl = connect(ddgst=True)
    # Set Features 81h (Host Identifier) carries 16 bytes
    ctrl.set_feature(0x81, 1, data=bytes(16), force_ddgst=7, expect=status.TRANSIENT_TRANSPORT)
    ctrl.identify(1)


@pytest.mark.parametrize("agreed,flags", [
    (False, pdu.F_HDGST),
    (True, 0),
])
def test_header_digest_flag_must_match_what_was_agreed(connect, agreed, flags):
    io = connect().connect_io(hdgst=agreed)
    io.submit(command.sqe(command.FLUSH, nsid=1), force_flags=flags)
    io.conn.expect_term(pdu.FES_INVALID_FIELD, pdu.OFF_FLAGS)


@pytest.mark.parametrize("agreed,flags", [
    (False, pdu.F_DDGST),
    (True, 0),
])
def test_data_digest_flag_must_match_what_was_agreed(connect, agreed, flags):
    io = connect().connect_io(ddgst=agreed)
    io.submit(io.rw(command.WRITE, 1, 0, 1), bytes(512), force_flags=flags)
    io.conn.expect_term(pdu.FES_INVALID_FIELD, pdu.OFF_FLAGS)


def test_no_data_digest_flag_without_data(connect):
    # Section 3.3.1.2: no DDGST field in a PDU without data, whatever was agreed
    io = connect().connect_io(ddgst=True)
    io.flush()
