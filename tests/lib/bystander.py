# SPDX-License-Identifier: BSD-3-Clause
"""A well-behaved host beside a hostile one: a process of its own that never ceases to check.

It keeps one association with several I/O queues, so that it is on every reactor, and makes rounds:
each queue reads back what it wrote before, small and large, in memory and in a file, and writes
anew; the admin queue identifies. Every answer must be right, and come in time.

What the machine held up is not the daemon's fault, so it is measured beside, and taken off:

- how long threads of the daemon were ready to run and had no processor (schedstat's run delay), one
  after the other, since one hands over to the next; but no more of it than others than the daemon
  used the processors meanwhile;
- the same of the thread that asks; or, if that is more, how much later than it should a thread of
  its process woke that only sleeps, or how long a hypervisor had a processor that was to run
  something (steal).

What is left may still be the machine's: who judges it raises TooSlow.

Bystander is what the tests see; the rest runs in the process.
"""

import contextlib
import json
import os
import pathlib
import select
import struct
import subprocess
import sys
import threading
import time

from timing import TooSlow
from weftd import SANITIZED

LIMIT = 0.5 if SANITIZED else 0.1   # seconds that an answer may take
QUEUES = 3
PAUSE = 0.003           # seconds between rounds
SIZES = (512, 4096, 262144)
REGION = 1024           # blocks that a queue has in each namespace
NAME = "bystander"
TICK = 1 / os.sysconf("SC_CLK_TCK")


class Bystander:
    """The process, as the tests see it."""

    def __init__(self, address, pid):
        self.process = subprocess.Popen(
            [sys.executable, __file__, json.dumps([*address, pid])], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
        self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        assert line, "the bystander died"
        return json.loads(line)

    def _ask(self, word):
        self.process.stdin.write(word.encode() + b"\n")
        self.process.stdin.flush()
        return self._answer()

    def watch(self):
        """Make rounds from now on; the first is under way when this returns."""
        self._ask("watch")

    def report(self):
        """Read all once more and rest. What there was since watch(): {"rounds", "answers",
        "slowest" (seconds, less what the machine held up), "held_up", "error" (None, or text)}."""
        return self._ask("report")

    def judge(self):
        """report(), and nothing may be wrong with it."""
        report = self.report()
        assert report["error"] is None, f"the bystander: {report['error']}"
        assert report["rounds"] >= 1
        if report["slowest"] >= LIMIT:
            raise TooSlow(
                f"the bystander waited {report['slowest'] * 1000:.0f} ms for {report['what']}, and "
                f"{report['held_up'] * 1000:.0f} ms more that the machine held it up")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


# ---- in the process ----

class Machine:
    """What the machine does to the daemon, and to the thread that waits for it."""

    def __init__(self, pid):
        self.pid = pid
        self.late = 0.0         # of the thread that only sleeps, since it was set to 0
        self._ended = False
        threading.Thread(target=self._sleep, daemon=True).start()
        self.start()

    def _sleep(self):
        due = time.monotonic()
        while not self._ended:
            time.sleep(0.002)
            now = time.monotonic()
            self.late = max(self.late, now - due - 0.002)
            due = now

    def stop(self):
        self._ended = True

    @staticmethod
    def _schedule(folder):
        """Of a thread: (seconds it ran, seconds it was ready to)"""
        ran, waited, _ = (folder / "schedstat").read_text().split()
        return int(ran) / 1e9, int(waited) / 1e9

    def _daemon(self):
        """{thread: (seconds it ran, seconds it was ready to)}"""
        found = {}
        for folder in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(OSError):  # it ended
                found[folder.name] = self._schedule(folder)
        return found

    def _own_delay(self):
        """Seconds that this thread was ready to run so far."""
        return self._schedule(pathlib.Path("/proc/thread-self"))[1]

    @staticmethod
    def _processors():
        """Seconds that the processors were in use, or not ours to use, and those not ours."""
        fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields)
        return (user + nice + system + irq + softirq + steal) * TICK, steal * TICK

    def start(self):
        self.before, self.late = self._daemon(), 0.0
        self.own = self._own_delay()
        self.busy, self.stolen = self._processors()

    def held_up(self):
        """Seconds that it may have held up an answer since start()."""
        delay = ran = 0.0
        for name, (now_ran, now_waited) in self._daemon().items():
            was_ran, was_waited = self.before.get(name, (0.0, 0.0))
            ran += now_ran - was_ran
            delay += now_waited - was_waited
        busy, stolen = self._processors()
        others = max(0.0, busy - self.busy - ran) + 2 * TICK
        return min(delay, others) + max(self.late, stolen - self.stolen,
                                        self._own_delay() - self.own)


class Host:
    """The association, and the rounds."""

    def __init__(self, address, machine):
        import nvmetcp
        import weftconf

        self.machine = machine
        self.ctrl = nvmetcp.connect_admin(address, weftconf.nqn(NAME),
                                          host=nvmetcp.HostId.make(NAME))
        self.queues = [self.ctrl.connect_io() for _ in range(QUEUES)]
        self.written = {}       # (queue, nsid): what is there
        self.turn = 0
        self.forget()

    def forget(self):
        self.rounds = self.answers = 0
        self.slowest = self.held_up = 0.0
        self.what, self.error = "nothing", None

    def start(self):
        """The clock of timed() runs from now on."""
        self.machine.start()
        self.since = time.monotonic()

    def timed(self, what, queue, pending):
        """Wait for one answer."""
        done = queue.wait(pending)
        took = time.monotonic() - self.since
        self.answers += 1
        if took <= self.slowest:
            return done
        held_up = self.machine.held_up() if took > LIMIT / 2 else 0.0
        if took - held_up > self.slowest:
            self.slowest, self.held_up, self.what = took - held_up, held_up, what
        return done

    def exchange(self, what, make):
        """One command on each queue at once; what they answer."""
        self.start()
        pending = [(queue, make(index, queue)) for index, queue in enumerate(self.queues)]
        return [self.timed(what, queue, one) for queue, one in pending]

    def read(self, nsid, size):
        """Each queue reads, and finds what it wrote."""
        from nvmetcp import command

        what = f"a read of {size} bytes of namespace {nsid}"
        answers = self.exchange(what, lambda index, queue: queue.submit(
            queue.rw(command.READ, nsid, index * REGION, size // 512), length=size))
        for index, done in enumerate(answers):
            expected = self.written.get((index, nsid), b"")[:size]
            assert done.data.startswith(expected), f"{what}: not what was written"

    def write(self, nsid, size):
        from nvmetcp import command

        def make(index, queue):
            data = struct.pack("<IHH", self.turn, index, nsid) * (size // 8)
            self.written[index, nsid] = data + self.written.get((index, nsid), b"")[size:]
            return queue.submit(queue.rw(command.WRITE, nsid, index * REGION, size // 512), data)
        self.exchange(f"a write of {size} bytes of namespace {nsid}", make)

    def round(self):
        self.turn += 1
        nsid, size = 1 + self.turn % 2, SIZES[self.turn % len(SIZES)]
        self.read(nsid, size)
        self.write(nsid, size)
        self.administer()
        self.rounds += 1

    def last_round(self):
        """All that was written is there."""
        if not self.rounds:
            self.round()
        for nsid in (1, 2):
            self.read(nsid, SIZES[-1])

    def administer(self):
        from nvmetcp import command

        admin = self.ctrl.admin
        for what, entry, size in (("Identify", command.sqe(command.IDENTIFY, cdw10=1), 4096),
                                  ("Keep Alive", command.sqe(command.KEEP_ALIVE), 0)):
            self.start()
            done = self.timed(what, admin, admin.submit(entry, length=size))
            assert len(done.data) == size

    def attempt(self, step):
        if self.error is None:
            try:
                step()
            except Exception as error:
                self.error = f"{type(error).__name__}: {error}"

    def report(self):
        return {key: getattr(self, key) for key in
                ("rounds", "answers", "slowest", "held_up", "what", "error")}


def serve(host):
    """Obeys the words on standard input."""
    watching = False
    while True:
        ready, _, _ = select.select([0], [], [], PAUSE if watching else None)
        if ready:
            word = os.read(0, 100).decode().strip()
            if not word:
                return
            if word == "watch":
                host.forget()
            watching = word == "watch"
            if not watching:
                host.attempt(host.last_round)
            print(json.dumps({} if watching else host.report()), flush=True)
        if watching:
            host.attempt(host.round)


def main():
    *address, pid = json.loads(sys.argv[1])
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    host = Host(tuple(address), Machine(pid))
    print("{}", flush=True)
    serve(host)


if __name__ == "__main__":
    main()
