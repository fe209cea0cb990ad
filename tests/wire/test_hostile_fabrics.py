# SPDX-License-Identifier: BSD-3-Clause
"""Input that a target must survive, Fabrics and admin: cases 31 to 41.

Fused commands, reservations and authentication are features that do not exist: the right refusal.
"""

import pytest

from conftest import FRIEND
from nvmetcp import (CC, CC_ENABLE, HOST, Closed, Terminated, command, connect_data, connect_entry,
                     pdu, send_connect, sgl, status, wait_until)
from weftconf import nqn

from test_connect import CNTLID, HOSTID, HOSTNQN, MAIN, QID, SQSIZE, SUBNQN

BAD_LENGTH = (status.SGL_LENGTH_INVALID, status.INVALID_FIELD)


@pytest.mark.parametrize("size", [4, 16, 256, 512, 768, 1020])
@pytest.mark.parametrize("inline", [True, False])
def test_31_short_connect_data(opened, size, inline):
    queue = opened()
    queue.run(connect_entry(), connect_data(MAIN)[:size], inline=inline, expect=BAD_LENGTH)


def test_31_no_connect_data(opened):
    queue = opened()
    queue.run(connect_entry(), expect=BAD_LENGTH)


@pytest.mark.parametrize("length", [1028, 4096, 8192, 1 << 20, 0xFFFFFFFF])
def test_31_long_connect_data(opened, length):
    queue = opened()
    queue.wait(queue.submit(connect_entry(), descriptor=sgl(command.SGL_TRANSPORT, length)),
               *BAD_LENGTH)


def test_31_connect_data_by_r2t_piecewise(opened):
    queue = opened()
    pending = queue.submit(connect_entry(), connect_data(MAIN), inline=False, manual=True)
    queue.serve_all(pending, chunk=100)


def test_31_connect_data_by_r2t_never_sent(opened):
    queue = opened()
    pending = queue.submit(connect_entry(), connect_data(MAIN), inline=False, manual=True)
    queue.wait_r2t(pending)


NASTY = [b"\0" * 256, b"nqn." + b"\xff" * 100, b"nqn.2014-08.x:%s%n%d", b"nqn.x:\n\x1b[31m",
         b"nqn." + b"a" * 219 + b"\0", b"nqn." + b"a" * 220 + b"\0", b"a" * 256,
         "nqn.2014-08.org:ü€".encode(), b"\"}],\"", b"../../../etc/passwd"]


def test_31_nasty_subsystem_names(opened):
    queue = opened()
    for subnqn in NASTY:
        done = send_connect(queue, connect_data(subnqn), expect=status.CONNECT_INVALID_PARAM)
        assert done.dw0 == SUBNQN, subnqn


@pytest.mark.parametrize("hostnqn", NASTY, ids=range(len(NASTY)))
def test_31_nasty_host_names(daemon, opened, hostnqn):
    """Accepted or not, the daemon's log stays one line an event, without control characters."""
    seen = len(daemon.stderr)
    done = send_connect(opened(), connect_data(MAIN, hostnqn=hostnqn),
                        expect=(status.SUCCESS, status.CONNECT_INVALID_PARAM))
    assert done.status == status.SUCCESS or done.dw0 == HOSTNQN
    assert "\x1b" not in daemon.stderr[seen:]


def test_31_host_nqn_of_223_bytes(opened):
    """The longest that is legal."""
    hostnqn = "nqn.2014-08.org.nvmexpress:" + "h" * 196
    assert len(hostnqn) == 223
    send_connect(opened(), connect_data(MAIN, hostnqn=hostnqn))


def test_32_admin_connect_twice_on_one_queue(ctrl):
    for _ in range(3):
        ctrl.admin.run(connect_entry(), connect_data(MAIN), expect=status.COMMAND_SEQUENCE)
    ctrl.identify(1)


def test_32_io_connect_on_an_admin_queue(ctrl):
    ctrl.admin.run(connect_entry(qid=1), connect_data(MAIN, cntlid=ctrl.cntlid),
                   expect=status.COMMAND_SEQUENCE)


def test_32_connect_on_a_running_io_queue(ctrl, io):
    io.run(connect_entry(qid=2), connect_data(MAIN, cntlid=ctrl.cntlid),
           expect=status.COMMAND_SEQUENCE)
    io.flush()


@pytest.mark.parametrize("qid, sqsize", [(0, 0), (0, 4096), (0, 0xFFFF),
                                         (1, 0), (1, 128), (1, 4096), (1, 0xFFFF)])
def test_32_sqsize(ctrl, opened, qid, sqsize):
    ctrl.request_queues()
    done = send_connect(opened(), connect_data(MAIN, cntlid=ctrl.cntlid if qid else 0xFFFF),
                        qid=qid, sqsize=sqsize, expect=status.CONNECT_INVALID_PARAM)
    assert done.dw0 == SQSIZE


@pytest.mark.parametrize("qid", [3, 129, 0x7FFF, 0xFFFF])
def test_32_qid_too_high(ctrl, opened, qid):
    ctrl.request_queues(2)
    done = send_connect(opened(), connect_data(MAIN, cntlid=ctrl.cntlid), qid=qid,
                        expect=status.CONNECT_INVALID_PARAM)
    assert done.dw0 == QID


def test_32_qid_in_use(ctrl, io, opened):
    send_connect(opened(), connect_data(MAIN, cntlid=ctrl.cntlid), qid=1,
                 expect=status.COMMAND_SEQUENCE)
    io.flush()


def test_32_two_connects_in_one_segment(opened):
    """The second does not wait for the first one's answer."""
    queue = opened()
    stream = b"".join(queue.prepare(connect_entry(), connect_data(MAIN), inline=True)[1]
                      for _ in range(2))
    queue.conn.send(stream)
    assert [command.Completion.parse(queue.conn.recv_pdu().cqe).status for _ in range(2)] == \
        [status.SUCCESS, status.COMMAND_SEQUENCE]


def test_32_commands_behind_a_connect_that_waits_for_data(opened):
    """The queue is not there yet: they are out of sequence."""
    queue = opened()
    pending = queue.submit(connect_entry(), connect_data(MAIN), inline=False, manual=True)
    queue.wait_r2t(pending)
    queue.submit(command.sqe(command.KEEP_ALIVE))
    queue.conn.expect_term(pdu.FES_SEQUENCE)


def test_33_stale_cntlid(connect, opened):
    ctrl = connect()
    ctrl.close()

    def gone():
        done = send_connect(opened(), connect_data(MAIN, cntlid=ctrl.cntlid), qid=1,
                            expect=(status.SUCCESS, status.CONNECT_INVALID_PARAM))
        return done.status != status.SUCCESS and done.dw0 == CNTLID
    wait_until(gone, what="the end of a controller whose admin queue is gone")


@pytest.mark.parametrize("thief", [{"hostnqn": FRIEND.nqn},
                                   {"hostnqn": FRIEND.nqn, "hostid": FRIEND.id}])
def test_33_another_hosts_cntlid(ctrl, opened, thief):
    """The name of another host is not enough, and its identifier beside it is not."""
    ctrl.request_queues()
    done = send_connect(opened(), connect_data(MAIN, cntlid=ctrl.cntlid, **thief), qid=1,
                        expect=status.CONNECT_INVALID_PARAM)
    assert done.dw0 in (CNTLID, HOSTNQN, HOSTID)


def test_33_cntlids_by_guess(opened):
    """A host that owns nothing cannot join any controller; the bystander is among them."""
    queue = opened()
    for cntlid in [*range(0, 400), 0x7FFF, 0xFFEF, 0xFFF0, 0xFFFE]:
        send_connect(queue, connect_data(MAIN, cntlid=cntlid, hostnqn="nqn.2014-08.x:thief",
                                         hostid=bytes(range(16))), qid=9,
                     expect=status.CONNECT_INVALID_PARAM)


@pytest.mark.parametrize("offset,wide", [
    (0x08, True), (0x14, True), (0x1C, True), (0x04, True), (0x24, False),
    (0x28, True), (0x15, False), (0x1000, False), (0xFFFFFFFC, False), (0xFFFFFFFF, True),
])
def test_34_property_of_a_wrong_size_or_offset(ctrl, offset, wide):
    before = ctrl.property_get(CC)
    ctrl.property_get_raw(offset, wide, expect=status.INVALID_FIELD)
    ctrl.property_set((offset, 8 if wide else 4), 0, expect=status.INVALID_FIELD)
    assert ctrl.property_get(CC) == before


@pytest.mark.parametrize("attrib", [2, 3, 7])
def test_34_property_of_a_reserved_size(ctrl, attrib):
    ctrl.property_get_raw(8, False, attrib=attrib, expect=status.INVALID_FIELD)
    ctrl.property_set(CC, CC_ENABLE, attrib=attrib, expect=status.INVALID_FIELD)


def test_34_reset_while_data_is_awaited(connect):
    """A write waits for its data and an Abort for the write when the controller is reset."""
    ctrl = connect()
    ctrl.admin.check_sqhd = False
    io = ctrl.connect_io()
    pending = io.submit(io.rw(command.WRITE, 1, 0, 64), bytes(32768), inline=False, manual=True)
    io.wait_r2t(pending)
    abort = ctrl.submit_abort(1, pending.cid)
    ctrl.aer()
    ctrl.property_set(CC, CC_ENABLE & ~1)
    ctrl.admin.wait(abort)
    io.conn.expect_end()
    ctrl.property_set(CC, CC_ENABLE)
    ctrl.connect_io(qid=1).flush()


def test_34_enable_flapping_with_io_in_flight(connect):
    ctrl = connect()
    io = ctrl.connect_io(sqsize=127)
    for turn in range(20):
        try:
            for index in range(8):
                io.submit(io.rw(command.READ, 1, index * 256, 256), length=131072)
        except ConnectionError:
            pass
        ctrl.property_set(CC, CC_ENABLE & ~1 if turn % 2 == 0 else CC_ENABLE)
    ctrl.property_set(CC, CC_ENABLE)
    ctrl.wait_csts(1)
    ctrl.identify(1)


@pytest.mark.parametrize("value", [0, 0xFFFFFFFF, 0xFFFFFFFE, 0x00000001, 0x00FF0001, 0x00460003,
                                   0x00460081, 0x00464001, 0x0046C001])
def test_34_strange_cc(connect, value):
    ctrl = connect(enable=False)
    ctrl.property_set(CC, value, expect=(status.SUCCESS, status.INVALID_FIELD))
    ctrl.property_get(CC)


@pytest.mark.parametrize("offset", [2, 3, 4096 * 4096, 0x7FFFFFFFFFFFFFFC, 0xFFFFFFFFFFFFFFFC,
                                    0xFFFFFFFFFFFFFE04])
def test_35_log_offsets(ctrl, offset):
    for lid in range(256):
        ctrl.get_log(lid, 512, offset=offset,
                     expect=(status.INVALID_FIELD, status.INVALID_LOG_PAGE))


def test_35_log_offset_at_its_size(ctrl):
    """The end is a place, where zeroes are; one dword beyond is none."""
    errors = (ctrl.identify(1)[262] + 1) * 64
    for lid, size in ((0, 1024), (1, errors), (2, 512), (3, 512), (4, 4096), (5, 4096)):
        assert not any(ctrl.get_log(lid, 512, offset=size, rae=True,
                                    expect=(status.SUCCESS, status.INVALID_FIELD)))
        ctrl.get_log(lid, 512, offset=size + 4, rae=True, expect=status.INVALID_FIELD)


def test_35_log_that_spans_its_end(ctrl):
    """The last dword, and of what is behind it nothing."""
    page = ctrl.get_log(5, 4096 + 4, offset=4092, rae=True)
    assert len(page) == 4100 and not any(page[4:])


@pytest.mark.parametrize("numd", [0xFFFFFFFF, 0x3FFFFFFF, 0x40000000, 0x80000000, 0])
def test_35_numd_and_buffer(ctrl, numd):
    """NUMD 0's based: FFFFFFFFh is 16 GiB; the buffer says 512 bytes."""
    done = ctrl.admin.submit(command.sqe(command.GET_LOG_PAGE, nsid=0xFFFFFFFF,
                                         cdw10=2 | (numd & 0xFFFF) << 16, cdw11=numd >> 16),
                             length=512)
    ctrl.admin.wait(done, *BAD_LENGTH, *([status.SUCCESS] if numd == 0 else []))
    ctrl.keep_alive()


def test_35_numd_matches_a_buffer_beyond_mdts(ctrl):
    size = 64 << 20
    ctrl.get_log(5, size, expect=BAD_LENGTH)


@pytest.mark.parametrize("size", [4, 8, 512, 4092])
def test_36_identify_into_a_small_buffer(ctrl, size):
    for cns in range(0x20):
        ctrl.identify(cns, nsid=1, length=size, expect=BAD_LENGTH)
    ctrl.keep_alive()


@pytest.mark.parametrize("size", [4100, 8192, 1 << 20])
def test_36_identify_into_a_large_buffer(ctrl, size):
    for cns in range(0x20):
        ctrl.identify(cns, nsid=1, length=size, expect=BAD_LENGTH)
    ctrl.keep_alive()


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF])
def test_36_identify_into_nothing(ctrl, length):
    ctrl.admin.wait(ctrl.admin.submit(command.sqe(command.IDENTIFY, cdw10=1),
                                      descriptor=sgl(command.SGL_TRANSPORT, length)),
                    *BAD_LENGTH)


def test_37_abort_of_itself(ctrl):
    pending = ctrl.admin.submit(command.sqe(command.ABORT, cdw10=0x77AA << 16), cid=0x77AA)
    assert ctrl.admin.wait(pending).dw0 & 1, "not performed"


def test_37_abort_of_an_abort_that_waits(ctrl, io):
    """An Abort waits for a write that waits for data; another aborts the Abort."""
    ctrl.admin.check_sqhd = False
    pending = io.submit(io.rw(command.WRITE, 1, 0, 64), bytes(32768), inline=False, manual=True)
    io.wait_r2t(pending)
    first = ctrl.submit_abort(1, pending.cid)
    second = ctrl.submit_abort(0, first.cid)
    third = ctrl.submit_abort(1, pending.cid)
    assert ctrl.admin.wait(second).dw0 & 1 and ctrl.admin.wait(third).dw0 & 1, "not performed"
    io.serve(pending, pending.unserved[0])
    io.wait(pending, status.ABORT_REQUESTED)
    assert not ctrl.admin.wait(first).dw0 & 1
    io.flush()


def test_37_abort_of_its_own_connect(ctrl):
    """Connect has completed; its CID is nobody's."""
    for cid in range(0, 0x10000, 0x1111):
        assert ctrl.abort(0, cid).dw0 & 1


def test_37_aer_flood(ctrl):
    limit = ctrl.identify(1)[259] + 1
    ctrl.admin.check_sqhd = False
    held = [ctrl.aer() for _ in range(limit)]
    for _ in range(100):
        ctrl.admin.wait(ctrl.aer(), status.AER_LIMIT)
    for pending in held:
        ctrl.abort(0, pending.cid)
        ctrl.admin.wait(pending, status.ABORT_REQUESTED)


def test_37_abort_everything(ctrl):
    io = ctrl.connect_io(sqsize=63)
    batch = [io.submit(io.rw(command.WRITE, 1, index * 64, 64), bytes(32768), inline=False,
                       manual=True) for index in range(32)]
    for pending in batch[:16]:
        io.wait_r2t(pending)
    aborts = [ctrl.submit_abort(1, pending.cid) for pending in batch]
    io.pump_for(0.2)
    # those that took no effect at once wait for data, and those beyond ACL were refused
    for pending in batch:
        while pending.completion is None:
            if pending.unserved:
                io.serve(pending, pending.unserved[0])
            else:
                io.pump()
        pending.completion.expect(status.ABORT_REQUESTED, status.SUCCESS)
    done = [ctrl.admin.wait(abort, status.SUCCESS, status.ABORT_LIMIT) for abort in aborts]
    assert any(one.status == status.SUCCESS and not one.dw0 & 1 for one in done)
    assert any(one.completion.status == status.ABORT_REQUESTED for one in batch)
    io.flush()


@pytest.mark.parametrize("fuse", [1, 2, 3])
def test_38_fused_commands_are_not_supported(ctrl, io, fuse):
    """FUSES says none: the flag is an invalid field, and nothing waits for a second half."""
    assert ctrl.identify(1)[522] == 0, "FUSES"
    io.run(io.rw(command.READ, 1, 0, 8, flags=command.PSDT_SGL | fuse), length=4096,
           expect=(status.INVALID_FIELD, status.FUSED_MISSING, status.FUSED_FAILED))
    io.flush()


@pytest.mark.parametrize("rst", [False, True], ids=["FIN", "RST"])
def test_38_gone_between_the_two(io, rst):
    io.submit(io.rw(command.READ, 1, 0, 8, flags=command.PSDT_SGL | 1), length=4096)
    io.conn.reset() if rst else io.close()


@pytest.mark.parametrize("size", [0, 4, 8, 16, 24, 4096])
def test_39_reservation_commands(ctrl, io, size):
    """Register, report, acquire, release: unknown, whatever the buffer, and with persistence."""
    assert not int.from_bytes(ctrl.identify(1)[520:522], "little") & 1 << 5, "ONCS"
    assert ctrl.identify(0, nsid=1)[31] == 0, "RESCAP"
    for opcode in (0x0D, 0x0E, 0x11, 0x15):
        data = bytes(size) if opcode != 0x0E else b""
        io.run(command.sqe(opcode, nsid=1, cdw10=0xC0000000), data, length=0 if data else size,
               expect=status.INVALID_OPCODE)
    for feature in (0x82, 0x83):    # notification mask, persistence
        ctrl.set_feature(feature, 1, nsid=1, expect=status.INVALID_FIELD)
    io.flush()


def not_offered(queue, fctype, data=b"", length=0, specific=bytes(16)):
    """The command is unknown, sends nothing back, and the connection lives."""
    try:
        done = queue.wait(queue.submit(command.fabrics(fctype, specific), data, length=length),
                          status.INVALID_OPCODE)
    except (Closed, Terminated) as ended:
        raise AssertionError("an unknown command ended the connection") from ended
    assert not done.data


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("size", [4, 8, 64, 4096])
def test_40_auth_send_where_none_is_configured(ctrl, io, size, inline):
    """AUTH_Negotiate, as far as it goes; its lists are not looked at."""
    message = (bytes([0x00, 0x00, 0, 0, 1, 0, 0, 1]) + b"\x01\x00\xff\xff" * 1024)[:size]
    secp = bytes([0, 1, 1, 0xE9]) + size.to_bytes(4, "little") + bytes(8)
    for queue in (ctrl.admin, io):
        for _ in range(2):
            pending = queue.submit(command.fabrics(command.AUTH_SEND, secp), message,
                                   inline=inline, manual=True)
            queue.wait(pending, status.INVALID_OPCODE)
        queue.run(command.fabrics(command.AUTH_SEND, secp), expect=status.INVALID_OPCODE)


def test_40_auth_before_connect(opened):
    queue = opened()
    for fctype in (command.AUTH_SEND, command.AUTH_RECEIVE):
        queue.run(command.fabrics(fctype), length=64, expect=status.COMMAND_SEQUENCE)


@pytest.mark.parametrize("length", [0, 1, 4, 64, 0xFFFFFFFF])
def test_41_auth_receive(ctrl, io, length):
    """Also with an allocation of one byte, or of 4 GiB."""
    secp = bytes([0, 1, 1, 0xE9]) + length.to_bytes(4, "little") + bytes(8)
    for queue in (ctrl.admin, io):
        not_offered(queue, command.AUTH_RECEIVE, length=length, specific=secp)
    ctrl.keep_alive()
    io.flush()


def test_host_is_named_in_the_log_when_refused(daemon, opened):
    """An administrator learns who was refused, and where."""
    seen = len(daemon.stderr)
    send_connect(opened(), connect_data(nqn("private"), hostnqn=HOST.nqn),
                 expect=status.CONNECT_INVALID_HOST)
    lines = [line for line in daemon.stderr[seen:].splitlines() if HOST.nqn in line]
    assert len(lines) == 1 and nqn("private") in lines[0]
