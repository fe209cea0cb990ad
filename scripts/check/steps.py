# SPDX-License-Identifier: BSD-3-Clause
"""The steps of ./check: what each runs, in which build, and what it left.

A step NAME leaves NAME.log in the folder of results, and NAME.xml (pytest's) or the folder NAME.d
with cmocka's XML files and meson's log of the programs that ran.
"""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import signal
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
RESULTS = TOP / "build/check"
PYTHON = "/usr/bin/python3"

PLAIN, ASAN, TSAN = "build", "build-asan", "build-tsan"
SANITIZERS = {ASAN: "address,undefined", TSAN: "thread"}
LOOPS = {"uring": (), "epoll": ("--loop", "epoll")}
MEMCHECK = str(TOP / "scripts/memcheck")

ENVIRONMENT = {
    "PYTHONDONTWRITEBYTECODE": "1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": f"suppressions={TOP}/tests/tsan.supp:atexit_sleep_ms=0",
}


@dataclasses.dataclass
class Step:
    """Something that runs for `budget` seconds on a machine that is otherwise idle, in the build
    `build`. It is ended after `limit` seconds, which only what hangs should need."""

    name: str
    build: str
    budget: int
    limit: int = 0
    status: int = None      # its exit status
    seconds: float = 0.0    # how long it took
    cpu: float = 0.0        # seconds of processors that it used
    timed_out: bool = False
    process: subprocess.Popen = None

    packages = ()           # what it needs beside what all need

    def __post_init__(self):
        self.limit = self.limit or max(2400, 5 * self.budget)

    def command(self):
        """What to run."""
        raise NotImplementedError

    def environment(self):
        """What is set for it beside ENVIRONMENT."""
        return {}

    @property
    def log(self):
        return RESULTS / f"{self.name}.log"

    @property
    def xml(self):
        return RESULTS / f"{self.name}.xml"

    @property
    def folder(self):
        return RESULTS / f"{self.name}.d"

    def run(self):
        """Runs it to its end, whatever that is."""
        started = time.monotonic()
        deadline = started + self.limit
        with open(self.log, "wb") as log:
            # a session of its own: nothing of it outlives its end
            self.process = subprocess.Popen(
                [*layout_for(self.build), *map(str, self.command())], cwd=TOP, stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, **ENVIRONMENT, **self.environment()})
            while self.status is None:
                time.sleep(0.05)
                self._look()
                if time.monotonic() > deadline:
                    self.end(signal.SIGKILL if self.timed_out else signal.SIGTERM)
                    self.timed_out, deadline = True, time.monotonic() + 20
        self.end(signal.SIGKILL)    # what it may have left
        self.seconds = time.monotonic() - started

    def _look(self):
        """Notes its end, and what it and those that it waited for used of the processors."""
        pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
        if pid:
            self.status = self.process.returncode = os.waitstatus_to_exitcode(status)
            self.cpu = usage.ru_utime + usage.ru_stime

    def end(self, how):
        """Sends a signal to it and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, how)


def layout_for(build):
    """Where gcc's ThreadSanitizer does not know how a newer kernel lays out memory, the words that
    make it the old way for a command."""
    if build != TSAN:
        return []
    works = subprocess.run([TOP / TSAN / "tests/without-io-uring", "true"],
                           stderr=subprocess.DEVNULL).returncode == 0
    return [] if works else ["setarch", "-R"]


@dataclasses.dataclass
class Pytest(Step):
    """Tests of Python: those of `where` that `marks` chooses, with options for weftd."""

    where: tuple = ()
    marks: str = ""
    only: str = ""              # pytest's -k
    args: tuple = ()            # options of weftd
    memcheck: bool = False      # weftd under valgrind, which knows no seccomp(2)
    settings: dict = dataclasses.field(default_factory=dict)
    repeat: int = 1

    def command(self):
        words = [PYTHON, "-m", "pytest", "-v", "-o", f"cache_dir={RESULTS}/cache",
                 "--junitxml", self.xml]
        words += ["-m", self.marks] if self.marks else []
        words += ["-k", self.only] if self.only else []
        words += ["--repeat", self.repeat] if self.repeat > 1 else []
        return words + list(self.where)

    def environment(self):
        build = TOP / self.build
        args = [*self.args, *(["--sandbox", "off"] if self.memcheck else [])]
        return {"WEFTD": str(build / "src/daemon/weftd"), "WEFT": str(build / "src/cli/weft"),
                "WEFT_BUILD": str(build), "WEFTD_ARGS": " ".join(args),
                **({"WEFTD_WRAPPER": MEMCHECK} if self.memcheck else {}), **self.settings}


@dataclasses.dataclass
class Guest(Pytest):
    """Tests with a guest in QEMU."""

    packages = ("qemu-system-x86", "mmdebstrap", "e2fsprogs", "debian-archive-keyring")


@dataclasses.dataclass
class Plugin(Pytest):
    """The example plugin; it gets the sanitizers of the daemon that loads it."""

    def __post_init__(self):
        super().__post_init__()
        self.where = ("examples/plugin",)
        if self.build in SANITIZERS:
            self.settings = {"CFLAGS": f"-O1 -g -Wall -Wextra -fsanitize={SANITIZERS[self.build]}"}


@dataclasses.dataclass
class Unit(Step):
    """The unit tests of a build: those of a suite of meson's, or those named. Under valgrind, what
    counts is each program as a whole: see scripts/memcheck."""

    suite: str = "unit"
    programs: tuple = ()
    memcheck: bool = False
    repeat: int = 1

    def command(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        wrapper = MEMCHECK if self.memcheck else f"{TOP}/scripts/unit-xml {self.folder}"
        which = self.programs or ("--suite", self.suite)
        return ["meson", "test", "-C", self.build, "--no-rebuild", "--print-errorlogs",
                "--timeout-multiplier", "8", "--logbase", f"check-{self.name}",
                "--repeat", self.repeat, "--wrapper", wrapper, *which]

    def run(self):
        super().run()
        log = TOP / self.build / "meson-logs" / f"check-{self.name}"
        for path in log.parent.glob(f"{log.name}*.json"):
            shutil.copy(path, self.folder / "meson.json")


@dataclasses.dataclass
class Script(Step):
    """A program that counts as one test."""

    words: tuple = ()

    def command(self):
        return self.words
