# SPDX-License-Identifier: BSD-3-Clause
"""A path that names another file or device than the one that is served: it is noticed, said with
what to do, and no longer said once it is mended."""

import os
import stat
import subprocess

import pytest

import weftconf
from faultlib import WEFT, Rig, disk, site
from nvmetcp import wait_until
from test_file import UNSHARE, can_mount
from weftd import Weftd

SIZE = 1 << 20
NQN = weftconf.nqn("one")


def filled(folder, name, byte, size=SIZE):
    path = folder / name
    path.write_bytes(byte * size)
    return path


@pytest.fixture
def serve():
    """serve(path, **options): a rig whose namespace 1 is that file, namespace 2 memory."""
    daemons = []

    def start(path, wrapper=(), **options):
        config = site(weftconf.namespace(1, path=path, **options), weftconf.namespace(2))
        daemon = Weftd(config, wrapper=wrapper)
        daemons.append(daemon)
        daemon.start()
        return Rig(daemon, {})

    yield start
    for daemon in daemons:
        try:
            daemon.check()
            daemon.stop()
        finally:
            daemon.remove()


def trouble(rig):
    """What `weft status` says of namespace 1; "": nothing."""
    problems = rig.weft("status")["problems"]
    assert all(problem.startswith(f"namespace 1 of {NQN}: ") for problem in problems), problems
    return problems[0] if problems else ""


def wait_trouble(rig, *words):
    wait_until(lambda: trouble(rig), what="trouble")
    text = trouble(rig)
    for word in words:
        assert word in text, text
    assert text in rig.daemon.stderr, "the log says the same"
    shown = subprocess.run([WEFT, "--socket", str(rig.daemon.socket_path), "ls"],
                           capture_output=True, text=True)
    assert text.split(": ", 1)[1] in shown.stdout
    return text


def wait_mended(rig):
    wait_until(lambda: not trouble(rig), what="its end")
    wait_until(lambda: "what was wrong with its device is mended" in rig.daemon.stderr)


def first_block(rig, nsid=1):
    with rig.connect() as ctrl:
        return ctrl.connect_io().read(0, 1, nsid=nsid)[:1]


def take_the_new_one(rig):
    """What the message says: disable, and enable again, live."""
    for enable, state, count in ((0, "disabled", 1), (1, "ready", 2)):
        def change(config):
            config["subsystems"][0]["namespaces"][0]["enable"] = enable
        rig.daemon.reload(weftconf.changed(rig.daemon.config, change))
        wait_until(lambda: rig.weft("status")["namespaces"][state] == count, what=state)


def test_replaced_by_rename_and_taken(serve, folder):
    """As editors and rsync do. Hosts keep the old one until the new one is taken."""
    path = filled(folder, "disk.img", b"\x01")
    rig = serve(path)
    os.replace(filled(folder, "new.img", b"\x02"), path)
    wait_trouble(rig, str(path), "names another file now", "which is deleted",
                 "gone after the next restart", "disable the namespace and enable it again")
    assert first_block(rig) == b"\x01"
    take_the_new_one(rig)
    wait_until(lambda: not trouble(rig))
    assert first_block(rig) == b"\x02"


def test_replaced_and_put_back(serve, folder):
    path = filled(folder, "disk.img", b"\x01")
    rig = serve(path)
    os.rename(path, folder / "old.img")
    wait_trouble(rig, str(path), "is not there any more", "move it back")
    filled(folder, "disk.img", b"\x02")
    wait_until(lambda: "names another file now" in trouble(rig))
    wait_trouble(rig, "which is elsewhere", "put it back")
    os.replace(folder / "old.img", path)
    wait_mended(rig)
    assert first_block(rig) == b"\x01"


def test_deleted(serve, folder):
    path = filled(folder, "disk.img", b"\x01")
    rig = serve(path, size=str(SIZE))
    path.unlink()
    wait_trouble(rig, str(path), "was deleted", "copy it from a host")
    assert first_block(rig) == b"\x01"


def test_a_link_that_leads_elsewhere(serve, folder):
    for name, byte in (("a.img", b"\x01"), ("b.img", b"\x02")):
        filled(folder, name, byte)
    link = folder / "disk"
    link.symlink_to("a.img")
    rig = serve(link)
    (folder / "other").symlink_to("b.img")
    os.replace(folder / "other", link)
    wait_trouble(rig, str(link), "names another file now")
    (folder / "other").symlink_to("a.img")
    os.replace(folder / "other", link)
    wait_mended(rig)


def test_another_mount(serve, folder):
    """In a mount namespace of the daemon's own."""
    if not can_mount() or os.geteuid() != 0:
        pytest.skip("no mount namespaces here")
    where = folder / "there"
    where.mkdir()
    path = filled(where, "disk.img", b"\x01")
    other = filled(folder, "other.img", b"\x02")
    rig = serve(path, wrapper=UNSHARE)

    def there(*command):
        subprocess.run(["nsenter", "--mount", f"--target={rig.daemon.process.pid}", *command],
                       check=True, capture_output=True)
    there("mount", "--bind", str(other), str(path))
    wait_trouble(rig, "names another file now", "put it back")
    there("umount", str(path))
    wait_mended(rig)
    there("mount", "-t", "tmpfs", "none", str(where))
    wait_trouble(rig, "is not there any more")
    there("cp", str(other), str(path))
    wait_until(lambda: "on another file system" in trouble(rig))
    there("umount", str(where))
    wait_until(lambda: not trouble(rig), what="its end")


@pytest.fixture
def loops(folder):
    """Two loop devices: (major, minor) of each."""
    attached = []
    try:
        for index in range(2):
            image = filled(folder, f"loop{index}.img", bytes([index + 1]))
            done = subprocess.run(["losetup", "--find", "--show", image], capture_output=True,
                                  text=True)
            if done.returncode:
                pytest.skip(f"no loop devices here: {done.stderr.strip()}")
            attached.append(done.stdout.strip())
        yield [os.stat(device).st_rdev for device in attached]
    finally:
        for device in attached:
            subprocess.run(["losetup", "--detach", device], check=True)


def test_a_device_node_that_names_another_device(serve, folder, loops):
    def node(name, rdev):
        os.mknod(folder / name, 0o600 | stat.S_IFBLK, rdev)
        return folder / name
    path = node("disk", loops[0])
    rig = serve(path)
    os.replace(node("other", loops[0]), path)    # the same device: nothing is wrong
    assert first_block(rig) == b"\x01"
    os.replace(node("other", loops[1]), path)
    numbers = [f"{os.major(rdev)}:{os.minor(rdev)}" for rdev in loops]
    wait_trouble(rig, f"names another device now ({numbers[1]})", f"hosts still use {numbers[0]}")
    path.unlink()
    wait_until(lambda: "is not there any more" in trouble(rig))
    node("disk", loops[1])
    wait_until(lambda: "names another device now" in trouble(rig))
    take_the_new_one(rig)
    wait_until(lambda: not trouble(rig))
    assert first_block(rig) == b"\x02"


def test_shrinking_is_a_warning(serve, folder):
    path = disk(folder, 8 << 20)
    rig = serve(path)
    os.truncate(path, 4 << 20)
    wait_until(lambda: "has shrunk" in rig.daemon.stderr)
    line = next(line for line in rig.daemon.stderr.splitlines() if "has shrunk" in line)
    assert " warning " in line and "from 8 MiB to 4 MiB" in line
    os.truncate(path, 16 << 20)
    wait_until(lambda: "is now 16 MiB" in rig.daemon.stderr)
