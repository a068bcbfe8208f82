"""Starting, stopping and measuring processes."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from dataset import BenchError

TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """A server of ours, in the foreground, its output in a file; stopped by its own process id."""

    def __init__(self, name, command, log):
        self.name = name
        self.log = log
        with open(log, "ab") as out:
            # A session of its own: Ctrl-C reaches this script alone, which then stops the servers.
            self._process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=out,
                                             stdin=subprocess.DEVNULL, start_new_session=True)
        self.pid = self._process.pid

    def wait_until_ready(self, url, seconds=60):
        for _ in range(seconds * 20):
            if self._process.poll() is not None:
                raise BenchError(f"{self.name} ended at once; see {self.log}")
            try:
                with urllib.request.urlopen(url, timeout=5):
                    return
            except urllib.error.HTTPError as error:
                if error.code == 404:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise BenchError(f"{self.name} isn't ready after {seconds} s; see {self.log}")

    def stop(self):
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pids):
    """What these processes and their children have used, those that have ended included."""
    return sum(_used(pid, of_ended=True) + sum(_used(child) for child in children(pid)) for pid in pids)


def children(pid):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        fields = _stat(path)
        if fields and int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def _used(pid, of_ended=False):
    fields = _stat(Path(f"/proc/{pid}/stat"))
    # utime, stime; cutime and cstime of children that have ended.
    return sum(int(value) for value in fields[11:15 if of_ended else 13]) / TICKS


def _stat(path):
    """What follows the name, which is in parentheses and may hold spaces; empty for the dead."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except OSError:
        return []
