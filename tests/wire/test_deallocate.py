# SPDX-License-Identifier: BSD-3-Clause
"""Write Zeroes and Dataset Management (NVM command set 1.1, sections 3.3.8 and 3.3.3)."""

import pytest

from nvmetcp import command, status

from test_io import ns  # noqa: F401 (a fixture)

pytestmark = pytest.mark.engine


def fill(io, slba, blocks, nsid=1, block=512):
    io.write(slba, b"\x5a" * blocks * block, nsid=nsid, block=block)


@pytest.mark.parametrize("deallocate", [False, True])
@pytest.mark.parametrize("fua", [False, True])
def test_write_zeroes(io, ns, deallocate, fua):  # noqa: F811
    nsid, block, _ = ns
    fill(io, 8, 24, nsid, block)
    io.write_zeroes(16, 8, nsid=nsid, deallocate=deallocate, fua=fua)
    assert io.read(8, 24, nsid=nsid, block=block) == \
        b"\x5a" * 8 * block + bytes(8 * block) + b"\x5a" * 8 * block


@pytest.mark.parametrize("deallocate", [False, True])
def test_write_zeroes_of_one_block(io, deallocate):
    """512 bytes, although memory and files deallocate in pages of 4096."""
    fill(io, 0, 16)
    io.write_zeroes(3, 1, deallocate=deallocate)
    assert io.read(0, 16) == b"\x5a" * 3 * 512 + bytes(512) + b"\x5a" * 12 * 512


def test_write_zeroes_of_65536_blocks(io):
    """NLB is 16 bits, 0's based; MDTS does not apply (WZSL would)."""
    for slba in (0, 30000, 65535, 65536):
        fill(io, slba, 1)
    io.write_zeroes(0, 65536)
    for slba in (0, 30000, 65535):
        assert io.read(slba, 1) == bytes(512)
    assert io.read(65536, 1) == b"\x5a" * 512


def test_write_zeroes_out_of_range(io, ns):  # noqa: F811
    nsid, _, blocks = ns
    for slba, count in ((blocks, 1), (blocks - 1, 2), ((1 << 64) - 1, 2)):
        io.write_zeroes(slba, count, nsid=nsid, expect=status.LBA_OUT_OF_RANGE)


def test_write_zeroes_of_no_namespace(io):
    io.write_zeroes(0, 1, nsid=99, expect=status.INVALID_NAMESPACE)


# Dataset Management

@pytest.mark.parametrize("count", [1, 2, 100, 256])
def test_deallocate(io, count):
    fill(io, 0, 2048)
    ranges = [(8 * index, 4) for index in range(count)]
    io.dsm(ranges)
    data = io.read(0, 2048)
    for slba, blocks in ranges:
        assert data[slba * 512:(slba + blocks) * 512] == bytes(blocks * 512), "DLFEAT: zeroes"
        kept = data[(slba + blocks) * 512:(slba + 8) * 512]
        assert kept == b"\x5a" * len(kept), "a neighbour was deallocated"


def test_deallocate_by_r2t(io):
    fill(io, 0, 64)
    io.dsm([(0, 8), (32, 8)], inline=False)
    assert io.read(0, 8) == io.read(32, 8) == bytes(4096)


def test_deallocate_of_4096(io):
    fill(io, 0, 16, 2, 4096)
    io.dsm([(4, 4)], nsid=2)
    assert io.read(4, 4, nsid=2, block=4096) == bytes(16384)


def test_linux_sends_4096_bytes_whatever_nr_says(io):
    """Its buffer for ranges is always a whole page; NR counts."""
    fill(io, 0, 16)
    data = (b"\0\0\0\0" + (8).to_bytes(4, "little") + bytes(8)).ljust(4096, b"\xee")
    io.run(command.sqe(command.DSM, nsid=1, cdw10=0, cdw11=4), data)
    assert io.read(0, 16) == bytes(4096) + b"\x5a" * 4096


def test_too_few_ranges(io):
    io.dsm([(0, 8)], count=2, expect=(status.SGL_LENGTH_INVALID, status.INVALID_FIELD))


def test_without_deallocate_it_is_advice(io):
    fill(io, 0, 8)
    io.dsm([(0, 8)], deallocate=False)
    assert io.read(0, 8) == b"\x5a" * 4096


def test_range_of_no_blocks(io):
    fill(io, 0, 8)
    io.dsm([(0, 0)])
    assert io.read(0, 8) == b"\x5a" * 4096


def test_range_out_of_range(io):
    io.dsm([(131072, 1)], expect=status.LBA_OUT_OF_RANGE)
    io.dsm([((1 << 64) - 1, 8)], expect=status.LBA_OUT_OF_RANGE)


def test_overlapping_ranges(io):
    fill(io, 0, 32)
    io.dsm([(0, 16), (8, 16), (0, 24)])
    assert io.read(0, 32) == bytes(24 * 512) + b"\x5a" * 8 * 512


def test_of_no_namespace(io):
    io.dsm([(0, 1)], nsid=99, expect=status.INVALID_NAMESPACE)


def test_huge_range(io):
    fill(io, 131071, 1)
    io.dsm([(0, 131072)])
    assert io.read(131071, 1) == bytes(512)
