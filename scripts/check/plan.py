# SPDX-License-Identifier: BSD-3-Clause
"""What ./check runs: the steps of each part, in both tiers.

Which tests a step has is said by marks in the tests themselves (tests/pytest.ini, and suites in
tests/unit/meson.build); a budget is what a step takes on two cores that have nothing else to do. A
step that outgrows its budget is made quicker, or what it has of least worth is marked `long`.
"""

from steps import ASAN, LOOPS, PLAIN, SANITIZERS, TSAN, Guest, Plugin, Pytest, Script, Unit

PARTS = ("unit", "wire", "cli", "faults", "soak", "meta", "plugin", "interop", "sim", "fuzz")
ALL_ONLY = ("sim", "fuzz")  # parts that only --all has
BUDGET = 14 * 60            # seconds of ./check in all, with its builds
BUDGET_ALL = 120 * 60       # and of ./check --all

BUILD_NAMES = {PLAIN: "plain", ASAN: "asan", TSAN: "tsan"}


def unit(everything):
    yield Unit("unit", PLAIN, 30)
    yield Unit("unit-asan", ASAN, 40)
    yield Unit("unit-tsan", TSAN, 100)
    if everything:
        yield Unit("unit-memcheck", PLAIN, 120, memcheck=True)
    else:
        yield Unit("unit-memcheck", PLAIN, 20, suite="codec", memcheck=True)


# Of a part: seconds of all tests with AddressSanitizer, of those for the engine on epoll, of those
# about races, and of those for the build as it is shipped; None where it has none.
ONCE = {
    "wire": (180, 90, 90, 30),
    "cli": (90, None, 60, 15),
    "faults": (170, 90, 90, 20),
}


def once(part):
    """Each test once, and again where its marks say so. ThreadSanitizer does not see what the
    kernel orders by an io_uring: epoll shows more."""
    where = (f"tests/{part}",)
    asan, engine, races, shipped = ONCE[part]
    yield Pytest(f"{part}-asan", ASAN, asan, where=where, marks="not long")
    if engine:
        yield Pytest(f"{part}-epoll", ASAN, engine, where=where, marks="engine and not long",
                     args=LOOPS["epoll"])
    if races:
        yield Pytest(f"{part}-tsan", TSAN, races, where=where, marks="races and not long",
                     args=LOOPS["epoll"])
    if shipped:
        yield Pytest(f"{part}-shipped", PLAIN, shipped, where=where, marks="shipped and not long")


def everywhere(part):
    """Each test in each build, on each engine."""
    for build in (ASAN, TSAN, PLAIN):
        for engine, args in LOOPS.items():
            yield Pytest(f"{part}-{BUILD_NAMES[build]}-{engine}", build, 4 * ONCE[part][0],
                         where=(f"tests/{part}",), args=args)


def wire(everything):
    if not everything:
        yield from once("wire")
        return
    yield from everywhere("wire")
    yield Pytest("wire-memcheck", PLAIN, 240, where=("tests/wire",), marks="answers",
                 memcheck=True)


def cli(everything):
    yield from everywhere("cli") if everything else once("cli")


def faults(everything):
    yield from everywhere("faults") if everything else once("faults")
    if everything:
        yield Pytest("faults-crash", PLAIN, 900, where=("tests/faults/test_crash.py",),
                     settings={"WEFT_CRASH_ROUNDS": "500"})


def soak(everything):
    seconds, associations = ("600", "10000") if everything else ("15", "3000")
    yield Pytest("soak", PLAIN, 700 if everything else 75, where=("tests/load",),
                 settings={"WEFT_SOAK_SECONDS": seconds, "WEFT_STORM": associations})


def meta(_everything):
    yield Pytest("meta", PLAIN, 15, where=("tests/meta",))


def plugin(everything):
    yield Plugin("plugin", PLAIN, 15)
    if everything:
        for build in SANITIZERS:
            yield Plugin(f"plugin-{BUILD_NAMES[build]}", build, 30)
    else:
        yield Plugin("plugin-asan", ASAN, 25)


def interop(everything):
    """With --all, on epoll too what moves data and what breaks off."""
    where = ("tests/interop",)
    if not everything:
        yield Guest("interop", PLAIN, 300, where=where, marks="core")
        return
    yield Guest("interop", PLAIN, 1000, where=where)
    yield Guest("interop-epoll", PLAIN, 400, where=where, marks="engine", args=LOOPS["epoll"])


def sim(everything):
    """Some seeds of each scenario are a unit test."""
    if everything:
        yield Script("sim", ASAN, 600, words=(f"{ASAN}/tests/sim/sim", "--runs", "2000"))


def fuzz(everything):
    """The seeds are unit tests."""
    if everything:
        yield Script("fuzz", PLAIN, 700, words=("scripts/fuzz", "60"))


# Who starts first: what takes longest, so that nothing is left to run alone at the end.
def steps(parts, everything):
    """The steps of those parts, in the order in which they are to start."""
    found = [step for part in parts for step in globals()[part](everything)]
    return sorted(found, key=lambda step: -step.budget)


def repeated(chosen):
    """The tests of Python that marks or words choose, many times each."""
    engine = "epoll" if chosen.epoll else "uring"
    return [Pytest(f"{part}-{engine}", ASAN, chosen.repeat * ONCE[part][0],
                   where=(f"tests/{part}",), marks=chosen.m, only=chosen.k, args=LOOPS[engine],
                   repeat=chosen.repeat)
            for part in ONCE if not chosen.parts or part in chosen.parts]
