# SPDX-License-Identifier: BSD-3-Clause
"""./check: installs what is missing, builds weft, runs the steps of the plan, sums up."""

import argparse
import concurrent.futures
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import changed
import plan
import tally
from steps import ASAN, PLAIN, RESULTS, SANITIZERS, TOP, TSAN, Guest

PACKAGES = ("python3", "python3-pytest", "git", "iproute2", "valgrind", "e2fsprogs", "xfsprogs",
            "btrfs-progs", "dmsetup")

ABOUT = """\
Installs the Debian packages that are missing (as root, or with sudo), builds weft as it is shipped
(build/), with AddressSanitizer and UndefinedBehaviorSanitizer (build-asan/) and with
ThreadSanitizer (build-tsan/), and runs these parts, or only those named:

  unit      unit tests, and what fuzzing found before, in all builds; codecs under valgrind
  wire      a host of Python against the daemon
  cli       the command line
  faults    disks that fail, stall and vanish
  soak      storms of connections, and everything at once for a while
  meta      what must hold for the source itself
  plugin    the example plugin, built against an installed weft
  interop   a Linux host in QEMU against the daemon
  sim       with --all: the target in virtual time, thousands of interleavings
  fuzz      with --all: each fuzzer for a minute

sim and fuzz are unit tests with a few seeds, too. Each test of wire, cli and faults runs once, with AddressSanitizer, on io_uring; and again on epoll,
with ThreadSanitizer, or as shipped, if its marks say that this shows more. With --all, everything
runs in every build on both engines, and all tests of interop, a soak of ten minutes, 500 crashes
and the fuzzers: two hours.

What each step said is kept in build/check/. The last line is "N passed, N failed, N skipped"; the
exit status is 0 only if nothing failed and every step ran something.
"""


def arguments():
    parser = argparse.ArgumentParser(prog="./check", description=ABOUT,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    tier = parser.add_mutually_exclusive_group()
    tier.add_argument("--all", action="store_true", dest="everything",
                      help="everything in every build and on every engine")
    tier.add_argument("--changed", nargs="?", const="", metavar="BASE",
                      help="only what the changes since BASE concern, in one build; BASE is where "
                      "this branch left main")
    tier.add_argument("--repeat", type=int, metavar="N",
                      help="the tests of wire, cli and faults that -k or -m choose, N times")
    parser.add_argument("-k", default="", metavar="WORDS", help="pytest's, with --repeat")
    parser.add_argument("-m", default="timed", metavar="MARKS",
                        help="pytest's, with --repeat (timed: those whose verdict hangs on a time)")
    parser.add_argument("--epoll", action="store_true", help="with --repeat: on epoll")
    parser.add_argument("--busy", action="store_true",
                        help="with a busy loop on each core beside the tests")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() + 1, metavar="N",
                        help="steps at a time (%(default)s: many wait more than they work)")
    parser.add_argument("parts", nargs="*", metavar="PART", help=" ".join(plan.PARTS))
    chosen = parser.parse_args()
    for part in chosen.parts:
        if part not in plan.PARTS:
            parser.error(f"no part {part}: {' '.join(plan.PARTS)}")
        if part in plan.ALL_ONLY and not chosen.everything:
            parser.error(f"{part} is for --all")
    return chosen


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def lib(function, *words):
    """A function of scripts/lib.sh, which has told why if it failed."""
    done = subprocess.run(["bash", "-euc", '. scripts/lib.sh; "$@"', "lib", function, *words],
                          cwd=TOP, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(1)


def build_packages():
    done = subprocess.run(["bash", "-euc", '. scripts/lib.sh; echo "${build_packages[@]}"'],
                          cwd=TOP, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split()


def build(folders):
    for folder in (PLAIN, ASAN, TSAN):
        if folder in SANITIZERS and folder in folders:
            lib("build", folder, "", f"-Db_sanitize={SANITIZERS[folder]}", "-Db_lundef=false",
                "-Doptimization=1", "-Dwerror=true")
        elif folder in folders:
            lib("build", folder, "")


def build_guest():
    """Builds the guest's images beside, or finds them; the step that needs them waits for it."""
    say("building the guest's images meanwhile, or finding them")
    with open(RESULTS / "guest", "wb") as log:
        return subprocess.Popen([TOP / "scripts/guest/build"], stdout=log, stderr=log,
                                stdin=subprocess.DEVNULL, start_new_session=True)


class Runner:
    """Runs steps, so many at a time, and tells how far they are."""

    def __init__(self, steps, jobs):
        self.steps, self.jobs = steps, jobs
        self.running, self.stopped = [], False

    def run(self):
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            left = {pool.submit(self._one, step) for step in self.steps}
            try:
                while left:
                    done, left = concurrent.futures.wait(
                        left, 30, concurrent.futures.FIRST_COMPLETED)
                    for future in done:
                        future.result()
                    if not done:
                        self._progress()
            except BaseException:
                self.stop()
                raise

    def stop(self):
        """Ends what runs, and starts nothing more."""
        self.stopped = True
        for step in list(self.running):
            if step.process:
                step.end(signal.SIGTERM)
                time.sleep(1)
                step.end(signal.SIGKILL)

    def _one(self, step):
        if self.stopped:
            return
        self.running.append(step)
        step.run()
        self.running.remove(step)
        if step.timed_out:
            say(f"{step.name}: ENDED after {step.limit} s")
        else:
            say(f"{step.name}: {'FAILED after' if step.status else 'done in'} {step.seconds:.0f} s")

    def _progress(self):
        for step in list(self.running):
            found = re.findall(r"\[ *(\d+%)\]", step.log.read_text(errors="replace"))
            say(f"  {step.name}: {found[-1] if found else 'running'}")


@contextlib.contextmanager
def busy(wanted):
    """Nobody has a core for himself meanwhile."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
             for _ in range(os.cpu_count() if wanted else 0)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def choose(chosen):
    """The steps that were asked for."""
    if chosen.changed is not None:
        return list(changed.steps(chosen.changed, say))
    if chosen.repeat:
        return plan.repeated(chosen)
    return plan.steps(chosen.parts or plan.PARTS, chosen.everything)


def main():
    chosen = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    lib("need_packages", *build_packages(), *PACKAGES)  # git, for --changed
    steps = choose(chosen)
    lib("need_packages", *{name for step in steps for name in step.packages})
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    installed = time.monotonic()
    guest = build_guest() if any(isinstance(step, Guest) for step in steps) else None
    build({step.build for step in steps})
    say(f"testing: {', '.join(step.name for step in steps)}")
    runner = Runner(steps, chosen.jobs)
    try:
        with busy(chosen.busy):
            runner.run()
    finally:
        if guest and guest.poll() is None:
            os.killpg(guest.pid, signal.SIGTERM)
    seconds = time.monotonic() - installed
    say(f"all that the tests said, in {seconds // 60:.0f} min {seconds % 60:.0f} s: {RESULTS}")
    return tally.show(steps, seconds, plan.BUDGET_ALL if chosen.everything else plan.BUDGET)


if __name__ == "__main__":
    sys.exit(main())
