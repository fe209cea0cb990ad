# SPDX-License-Identifier: BSD-3-Clause
"""The daemon under test: started with a configuration in a directory of its own, and judged.

WEFTD names the binary; without it the one in build/ of this checkout is taken. WEFTD_ARGS are
options for each daemon, as `--loop epoll`; WEFTD_WRAPPER, a command that runs it, as valgrind.
"""

import http.client
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from timing import within

TOP = pathlib.Path(__file__).resolve().parents[2]
WEFTD = pathlib.Path(os.environ.get("WEFTD", TOP / "build/src/daemon/weftd"))
SANITIZED = WEFTD.exists() and any(name in WEFTD.read_bytes()
                                   for name in (b"__asan_init", b"__tsan_init"))

# The tests look into the daemon's /proc, which in its sandbox is root's alone.
SANDBOX = ["--sandbox", "report" if os.geteuid() == 0 else "off"]

START_SECONDS = 30.0    # sanitizers and a loaded machine
# what SIGTERM promises; a sanitizer has more to take apart
STOP_SECONDS = 20.0 if SANITIZED else 5.0

FINDING = re.compile(
    rb"weftd: sandbox: |AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:"
    rb"|[Aa]ssertion.*failed|^==\d+== ", re.MULTILINE)  # the last is valgrind's


def free_port(address="127.0.0.1"):
    """A TCP port that nothing listens on at the moment."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.bind((address, 0))
        return sock.getsockname()[1]


class DaemonError(AssertionError):
    """The daemon did what it must not; the message ends with its stderr."""


class Weftd:
    """One daemon. Use it in a `with`: it starts on entry, and on exit must stop cleanly."""

    def __init__(self, config, *, cores=1, args=(), env=None, wrapper=()):
        """`wrapper` is a command that runs what follows it (its arguments, then the daemon)."""
        self.args, self.cores, self.wrapper = list(args), cores, list(wrapper)
        self.env = dict(os.environ, **(env or {}))
        self.env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
        self.env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="weft-wire-"))
        self.config_path = self.dir / "config.json"
        self.socket_path = self.dir / "api.sock"
        self.state_dir = self.dir / "state"
        self.state_dir.mkdir()
        self.stderr_path = self.dir / "stderr"
        self.stderr_path.touch()
        self.process = None
        self.write_config(config)

    # configuration

    def write_config(self, config):
        """Write the file that the daemon reads at start and upon SIGHUP: a dict, or raw text."""
        text = config if isinstance(config, str) else json.dumps(config, indent=2)
        self.config = None if isinstance(config, str) else config
        # at once: a reload that was asked for before may just be reading it
        new = self.config_path.with_suffix(".new")
        new.write_text(text)
        new.replace(self.config_path)

    def reload(self, config):
        """Write `config` and SIGHUP. What changes is for the caller to observe."""
        self.write_config(config)
        self.process.send_signal(signal.SIGHUP)

    def addresses(self):
        """Where it listens, as the configuration says, in its order; without ports of a name."""
        return [(port["addr"]["traddr"], int(port["addr"]["trsvcid"]))
                for port in self.config["ports"] if re.search(r"^[\d.]+$|:", port["addr"]["traddr"])]

    @property
    def address(self):
        return self.addresses()[0]

    # life

    def command_line(self):
        return [*shlex.split(os.environ.get("WEFTD_WRAPPER", "")), *self.wrapper, str(WEFTD),
                "--config", str(self.config_path), "--socket", str(self.socket_path), "--state-dir",
                str(self.state_dir), "--cores", str(self.cores), *SANDBOX, *self.args,
                *shlex.split(os.environ.get("WEFTD_ARGS", ""))]

    def spawn(self):
        """Start it and do not wait."""
        assert WEFTD.exists(), f"no daemon at {WEFTD}: build it, or set WEFTD"
        with open(self.stderr_path, "ab") as stderr:
            self.process = subprocess.Popen(self.command_line(), stdin=subprocess.DEVNULL,
                                            stdout=stderr, stderr=stderr, env=self.env)
        return self

    def start(self):
        """Start it and wait until every port accepts connections."""
        self.spawn()
        deadline = time.monotonic() + START_SECONDS
        for address in self.addresses():
            while not self.accepts(address):
                self.check()
                if time.monotonic() > deadline:
                    self.fail(f"nothing listens on {address} after {START_SECONDS} s")
                time.sleep(0.01)
        return self

    @staticmethod
    def accepts(address):
        """Whether it listens there. It has seen this connection end, so that none is counted."""
        try:
            with socket.create_connection(address, timeout=5) as sock:
                sock.shutdown(socket.SHUT_WR)
                sock.recv(1)
            return True
        except TimeoutError:
            return True     # it listens, and does not get on
        except ConnectionResetError:
            return True     # by a listener that is being closed
        except ConnectionRefusedError:
            return False

    def stop(self):
        """SIGTERM; it must end in time, or be tried again, with exit code 0 and no finding."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        with within(STOP_SECONDS, "the end of weftd"):
            code = self.wait_exit()
            self.check_findings()
            if code != 0:
                self.fail(f"exit code {code}")

    def kill(self):
        """SIGKILL: no judgement."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def crash(self):
        """SIGKILL, and wait until the kernel has closed its listeners: it takes an io_uring apart
        after the process is gone, and until then connections go to nobody."""
        self.kill()
        deadline = time.monotonic() + START_SECONDS
        while any(self.accepts(address) for address in self.addresses()):
            assert time.monotonic() < deadline, "listeners outlived their process"
            time.sleep(0.01)

    def wait_exit(self, seconds=START_SECONDS):
        """Wait for it to end by itself; its exit code."""
        try:
            code = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            self.fail(f"still running after {seconds} s")
        self.process = None
        return code

    def remove(self):
        """Make sure that nothing is left of it."""
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, kind, *_exc):
        try:
            if kind is None:
                self.stop()
            else:
                print(self.stderr)  # pytest shows it beside the failure
        finally:
            self.remove()

    # judgement

    @property
    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def check(self):
        """It lives, no sanitizer has found anything, and the sandbox has refused nothing."""
        self.check_findings()
        if self.process is not None and self.process.poll() is not None:
            self.fail(f"ended by itself, code {self.process.returncode}")

    def check_findings(self):
        if FINDING.search(self.stderr_path.read_bytes()):
            self.fail("sanitizer finding, failed assertion or forbidden system call")

    def fail(self, message):
        raise DaemonError(f"{message}\n--- weftd stderr\n{self.stderr[-20000:]}")

    # what the tests measure of it

    def status(self):
        """What GET /v1/status answers."""
        connection = http.client.HTTPConnection("weftd")
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.settimeout(START_SECONDS)
            connection.sock.connect(str(self.socket_path))
            connection.request("GET", "/v1/status")
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def taken(self):
        """What hosts have of each bound: {"connections": 3, "memory": 200000, ...}."""
        return {name: limit["now"] for name, limit in self.status()["limits"].items()}

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def sockets(self):
        """Sockets it holds: listeners, connections, the API's."""
        folder, count = f"/proc/{self.process.pid}/fd", 0
        for name in os.listdir(folder):
            try:
                count += os.readlink(f"{folder}/{name}").startswith("socket:")
            except FileNotFoundError:
                pass  # closed meanwhile
        return count

    def cpu_seconds(self):
        """User and system time it has used so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wakeups(self):
        """How often its threads have gone to sleep, and so been woken up, so far."""
        return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", path.read_text(), re.M)[1])
                   for path in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/status"))

    def memory_kib(self):
        """Resident set."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))
