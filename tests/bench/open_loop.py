"""bench_open_loop: readers at a fixed rate, whatever the answers take."""

import signal
import subprocess
from dataclasses import asdict, dataclass

from dataset import BenchError

CONNECTIONS = 64
LONGEST = 3600  # seconds; they are stopped before


@dataclass
class Window:
    """Latencies are counted from when a request was due, in milliseconds."""

    answers: int
    seconds: float
    not_found: int  # of paths that are still to come
    p50: float
    p99: float
    p999: float
    max: float
    narinfos_a_second: float = None
    not_found_after: int = 0

    def figures(self):
        return asdict(self)


class Readers:
    def __init__(self, process):
        self._process = process

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self):
        out, errors = self._process.communicate()
        line = next((line for line in out.splitlines() if line.startswith("RESULT ")), None)
        if self._process.returncode != 0 or line is None:
            raise BenchError(f"bench_open_loop failed: {errors[-500:]}")
        count, micros, not_found, failed, *times = map(int, line.split()[1:])
        if failed:
            raise BenchError(f"{failed} of {count} answers are neither 200 nor 404")
        return Window(count, micros / 1e6, not_found, *(time / 1000 for time in times))


class OpenLoop:
    def __init__(self, program, server, rate):
        self._program = program
        self._server = server
        self._rate = rate

    def start(self, requests, seconds=LONGEST):
        command = [self._program, self._server.port, CONNECTIONS, f"{self._rate:.0f}", seconds, requests]
        return Readers(subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, start_new_session=True))

    def run(self, requests, seconds):
        return self.start(requests, seconds).wait()
