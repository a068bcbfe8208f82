"""What the end-to-end scripts share: a narthex server, a raw HTTP client, a closure built by Nix.

The program under test is $NARTHEX. Everything a test writes is below one temporary directory that
the server's unprivileged user can read; it goes away at the end, and on failure every server's log
is printed first. End a script with `support.main()`.
"""

import atexit
import hashlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from dataclasses import dataclass

from http_client import Connection, Response, get, parse_head  # noqa: F401  for the scripts

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NARTHEX = os.environ.get("NARTHEX", str(ROOT / "build" / "asan" / "narthex"))
DEADLINE = 60  # seconds for whatever should take one; sanitizers and a loaded machine are slow

# As tests/CMakeLists.txt sets it: for scripts that are run by hand.
os.environ.setdefault("LSAN_OPTIONS",
                      f"suppressions={ROOT}/tests/lsan.supp:print_suppressions=0")
os.umask(0o022)
_temp = pathlib.Path(tempfile.mkdtemp(prefix="narthex-e2e-", dir="/tmp"))
_temp.chmod(0o755)
_count = 0


def temp_dir(name):
    """A new empty directory, readable by every user."""
    global _count
    _count += 1
    path = _temp / f"{_count:03}-{name}"
    path.mkdir(mode=0o755)
    return path


def wait_until(condition, what, seconds=DEADLINE):
    """Polls until `condition()` is true and returns its value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.02)
    return value


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def narthex(*args, check=True, **options):
    """Runs a narthex command to its end. Its output is text, in .stdout and .stderr."""
    done = subprocess.run([NARTHEX, *map(str, args)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=10 * DEADLINE, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"narthex {args}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Server:
    """`narthex serve` on a free port of 127.0.0.1; by default with a data directory of its own.
    `under` is a command that runs the one which follows it, by exec."""

    started = []

    def __init__(self, *args, data_dir=None, admin=False, under=()):
        # Not created here: as root, narthex gives a new data directory to its unprivileged user.
        self.data_dir = data_dir or temp_dir("server") / "data"
        self.args = args
        self.under = under
        self.port = free_port()
        self.admin_port = None
        if admin:
            self.admin_port = free_port()
            self.args += ("--admin-listen", f"127.0.0.1:{self.admin_port}")
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = temp_dir("log") / "serve.log"
        self.process = None
        Server.started.append(self)

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.under, NARTHEX, "serve", "--listen", f"127.0.0.1:{self.port}", "--data-dir",
                 str(self.data_dir), *map(str, self.args)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._is_ready, "/readyz says 200")
        return self

    def _is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"narthex serve: exit {self.process.returncode}\n{self.log()}")
        try:
            return get(self.port, "/readyz").status == 200
        except OSError:
            return False

    def stop(self):
        """SIGTERM; the server must drain, exit with 0, and no sanitizer may have spoken."""
        self.process.terminate()
        code = self.process.wait(DEADLINE)
        report = re.search(r"Sanitizer|runtime error:", self.log())
        if code != 0 or report:
            raise AssertionError(f"narthex serve: exit {code} after SIGTERM\n{self.log()}")

    def kill(self):
        """kill -9, if it still runs."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
        else:
            self.kill()


@dataclass
class Closure:
    """A signed binary cache that Nix made of deploy/closure."""
    dir: pathlib.Path
    cache: pathlib.Path  # *.narinfo, and nar/
    top: str
    paths: list
    public_key: str
    secret_key: pathlib.Path


def closure():
    """Built once per machine and version of its sources; later calls find it done."""
    source = ROOT / "deploy" / "closure"
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(source.rglob("*"))
                                     if file.is_file())).hexdigest()[:12]
    path = pathlib.Path(tempfile.gettempdir(), f"narthex-closure-{os.getuid()}-{digest}")
    path.mkdir(mode=0o755, exist_ok=True)
    if path.stat().st_uid != os.getuid():
        raise PermissionError(f"{path} is somebody else's")
    subprocess.run([source / "build", path], check=True, stdin=subprocess.DEVNULL)
    return Closure(path, path / "cache", (path / "top").read_text().strip(),
                   (path / "paths").read_text().split(),
                   (path / "key.public").read_text().strip(), path / "key.secret")


def import_closure(server, closed, *args):
    """Imports the closure's narinfos, and its NARs by their directory."""
    return narthex("import", "--data-dir", server.data_dir, "--trusted-key", closed.public_key,
                   "--nar-dir", closed.cache, *args, closed.cache)


def _clean_up():
    running = [server for server in Server.started if server.process]
    for server in running:
        if server.process.poll() is None:
            server.process.terminate()
    for server in running:
        try:
            server.process.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
    _stop_orphaned_clusters()
    subprocess.run(["chmod", "-R", "u+w", str(_temp)], check=False)  # Nix's stores are read-only
    shutil.rmtree(_temp, ignore_errors=True)


def _stop_orphaned_clusters():
    """A PostgreSQL whose narthex was killed; its working directory tells that it is ours."""
    for file in _temp.rglob("postmaster.pid"):
        try:
            pid = int(file.read_text().splitlines()[0])
            if os.readlink(f"/proc/{pid}/cwd") == str(file.parent):
                os.kill(pid, signal.SIGQUIT)
        except (OSError, ValueError, IndexError):
            pass  # it is gone already


atexit.register(_clean_up)


def main():
    """unittest.main(), and the servers' logs when something failed."""
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    if not program.result.wasSuccessful():
        for server in Server.started:
            print(f"-- log of the server on port {server.port}\n{server.log()}", file=sys.stderr)
    sys.exit(not program.result.wasSuccessful())
