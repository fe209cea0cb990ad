# SPDX-License-Identifier: BSD-3-Clause
"""Sums up what the steps left: what failed, what was skipped, how long all took."""

import collections
import json
import pathlib
import xml.etree.ElementTree as ElementTree

from steps import TOP, Script, Unit

SHOWN = 20      # failures of one step
SLOWEST = 10    # tests that are named for the time they took


class Tally:
    """What a step left."""

    def __init__(self, step):
        self.step = step
        self.count = collections.Counter()
        self.failures = []      # (what, why)
        self.skips = []         # (what, why)
        self.retries = []       # (what, how often)
        self.times = []         # (seconds, what)
        try:
            self._add_results()
        except (OSError, ValueError, ElementTree.ParseError) as error:
            self._failed(step.name, f"it left no results: {error}")
        if not sum(self.count.values()):
            self._failed(step.name, f"it ran nothing: {step.log}")
        elif step.status and not self.count["failed"]:
            self._failed(step.name, f"exit status {step.status}: {step.log}\n{self._tail()}")

    def _failed(self, what, why=""):
        self.count["failed"] += 1
        self.failures.append((what, why.strip()))

    def _tail(self):
        return "\n".join(self.step.log.read_text(errors="replace").splitlines()[-15:])

    def _add_results(self):
        if isinstance(self.step, Unit):
            self._add_programs(self.step.folder)
        elif not isinstance(self.step, Script):
            self._add_xml(self.step.xml)
        elif self.step.status == 0:
            self.count["passed"] += 1

    def _add_xml(self, path):
        """Adds each test of a JUnit file; returns how many failed."""
        before = self.count["failed"]
        for case in ElementTree.parse(path).iter("testcase"):
            name = "::".join(filter(None, (case.get("classname"), case.get("name"))))
            bad = [child for child in case if child.tag in ("failure", "error")]
            skipped = case.find("skipped")
            if bad:
                self._failed(name, bad[0].get("message") or bad[0].text or "")
            elif skipped is not None:
                self.count["skipped"] += 1
                self.skips.append((name, skipped.get("message") or ""))
            else:
                self.count["passed"] += 1
            self.times.append((float(case.get("time") or 0), name))
            self.retries += [(name, found.get("value")) for found in case.iter("property")
                             if found.get("name") == "retries"]
        return self.count["failed"] - before

    def _add_programs(self, folder):
        """Adds what `meson test` ran: the cases of each program, or it as a whole."""
        for line in (folder / "meson.json").read_text().splitlines():
            ran = json.loads(line)
            # behind the wrapper's words; arguments of its own may follow
            program = next(pathlib.Path(word).name for word in ran["command"]
                           if word.startswith(f"{TOP / self.step.build}/tests/"))
            files = sorted(folder.glob(f"{program}.*.xml"))
            bad = sum([self._add_xml(path) for path in files])
            if ran["result"] not in ("OK", "EXPECTEDFAIL"):
                if not bad:
                    self._failed(ran["name"], f"{ran['result']}\n{ran.get('stderr', '')[-2000:]}")
            elif not files:
                self.count["passed"] += 1
                self.times.append((ran["duration"], program))

    def show(self):
        """Prints what is not well."""
        name = self.step.name
        for what, why in self.failures[:SHOWN]:
            print(f"FAILED  {name}: {what}")
            for line in why.splitlines()[:15]:
                print(f"        {line}")
        if len(self.failures) > SHOWN:
            more = len(self.failures) - SHOWN
            print(f"FAILED  {name}: {more} more, all in {self.step.log}")
        for what, why in self.skips:
            print(f"skipped {name}: {what}: {why}")
        for what, count in self.retries:
            print(f"slow    {name}: {what}: too slow {count} times before it was not")


def words(count):
    return f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped"


def over(seconds, budget):
    return "  OVER ITS BUDGET" if seconds > budget else ""


def show(steps, seconds, budget):
    """Prints the sum of all, which took so many seconds; returns the exit status: 0 if nothing
    failed, each step ran something, and each ended well. Verdicts do not hang on budgets."""
    total = collections.Counter()
    tallies = [Tally(step) for step in sorted(steps, key=lambda step: step.name)]
    for tally in tallies:
        tally.show()
        total += tally.count
    slowest = sorted(((*time, tally.step.name) for tally in tallies for time in tally.times),
                     reverse=True)[:SLOWEST]
    print("the slowest tests:")
    for took, what, name in slowest:
        print(f"  {took:6.1f} s  {name}: {what}")
    print("what each step took, of its budget, and of the processors:")
    for tally in tallies:
        step = tally.step
        print(f"  {step.name:16} {step.seconds:4.0f} s of {step.budget:4}, {step.cpu:4.0f} s: "
              f"{words(tally.count)}"
              f"{over(step.seconds, step.budget)}")
    print(f"  {'all':16} {seconds:4.0f} s of {budget:4}, {sum(step.cpu for step in steps):4.0f} s"
          f"{over(seconds, budget)}")
    if not tallies:
        total["failed"] += 1
        print("FAILED  nothing ran")
    print(words(total), flush=True)
    return 1 if total["failed"] else 0
