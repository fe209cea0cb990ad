# SPDX-License-Identifier: BSD-3-Clause
"""ICReq and ICResp (TCP transport 1.1, section 3.6.2.2): what is agreed, and first wrong values."""

import pytest

from nvmetcp import Terminated, pdu

COMBINATIONS = [(False, False), (True, False), (False, True), (True, True)]


@pytest.mark.parametrize("hdgst,ddgst", COMBINATIONS)
def test_icresp_echoes_the_digests(raw, hdgst, ddgst):
    raw().initialize(hdgst=hdgst, ddgst=ddgst)


@pytest.mark.parametrize("maxr2t", [0, 1, 15, 0xFFFFFFFF])
def test_any_maxr2t_is_accepted(raw, maxr2t):
    raw().initialize(maxr2t=maxr2t)


@pytest.mark.parametrize("hpda", [0, 1, 7, 31])
def test_data_to_the_host_is_aligned_to_hpda(connect, hpda):
    # the peer checks PDO against HPDA on every C2HData
    ctrl = connect(hpda=hpda, hdgst=True, ddgst=True)
    assert len(ctrl.identify(1)) == 4096


def test_icreq_may_arrive_in_pieces(raw):
    conn = raw()
    whole = pdu.icreq()
    for at in range(0, len(whole), 50):
        conn.send(whole[at:at + 50])
    conn.recv_icresp()


def test_reserved_bytes_of_icreq_are_not_judged(raw):
    # Base 2.1, section 1.4.2: a recipient is not required to check reserved fields; a later
    # revision's host may use them. FLAGS and PDO of an ICReq are reserved, too
    conn = raw()
    whole = pdu.icreq(force_flags=0xFF, force_pdo=0xFF)
    conn.send(whole[:16] + b"\xff" * 112)
    conn.recv_icresp()


@pytest.mark.parametrize("wrong,fes,fei", [
    # an unknown version is well formed but not supported
    ({"pfv": 1}, pdu.FES_UNSUPPORTED, pdu.OFF_PFV),
    ({"pfv": 0xFFFF}, pdu.FES_UNSUPPORTED, pdu.OFF_PFV),
    ({"hpda": 32}, pdu.FES_INVALID_FIELD, pdu.OFF_HPDA),
    ({"hpda": 255}, pdu.FES_INVALID_FIELD, pdu.OFF_HPDA),
    ({"force_plen": 127}, pdu.FES_INVALID_FIELD, pdu.OFF_PLEN),
    ({"force_plen": 129}, pdu.FES_INVALID_FIELD, pdu.OFF_PLEN),
    ({"force_hlen": 24}, pdu.FES_INVALID_FIELD, pdu.OFF_HLEN),
])
def test_wrong_icreq_is_refused_with_the_field(raw, wrong, fes, fei):
    conn = raw()
    conn.send_icreq(**wrong)
    term = conn.expect_term(fes, fei)
    # the header of the PDU in error follows (section 3.6.2.6)
    assert term.data == b"" or pdu.icreq(**wrong).startswith(term.data)


def test_capsule_before_icreq_is_a_sequence_error(raw):
    conn = raw()
    conn.send_pdu(pdu.CMD, bytes(64))
    conn.expect_term(pdu.FES_SEQUENCE)


def test_second_icreq_is_a_sequence_error(raw):
    conn = raw().initialize()
    conn.send_icreq()
    conn.expect_term(pdu.FES_SEQUENCE)


def test_terminated_is_raised_for_the_caller(raw):
    conn = raw()
    conn.send_icreq(pfv=9)
    with pytest.raises(Terminated) as term:
        conn.recv_icresp()
    assert term.value.fes == pdu.FES_UNSUPPORTED
