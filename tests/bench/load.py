"""The cases, and wrk, which drives a server with one of them."""

import random
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dataset import BenchError

# As many requests are made beforehand; wrk goes round them. A multiple of every depth.
SEQUENCE = 96_000


@dataclass(frozen=True)
class Case:
    name: str
    what: str
    keys: str = "hits"  # or misses, half
    connections: int = 64
    depth: int = 1
    method: str = "GET"
    conditional: bool = False


CASES = [
    Case("hits", "hits"),
    Case("pipelined", "hits, 32 pipelined", depth=32),
    Case("misses", "misses", "misses"),
    Case("half", "half hits, half misses", "half"),
    Case("misses-pipelined", "misses, 32 pipelined", "misses", depth=32),
    Case("head", "HEAD", method="HEAD"),
    Case("304", "If-None-Match: 304", conditional=True),
    Case("hits-1", "hits", connections=1),
    Case("hits-256", "hits", connections=256),
]


@dataclass
class Measured:
    rate: float  # requests a second
    p50: float  # milliseconds; None where requests are pipelined
    p99: float
    cpu: float  # microseconds of the server's processes for one request
    bytes: float  # of one response
    client_cpu: float = None  # microseconds of the client for one request


class Load:
    """`data` as files that wrk.lua reads; `etags` is a server's name -> path -> ETag."""

    def __init__(self, data, seed, head_program):
        self._data = data
        self._seed = seed
        self._head_program = head_program
        self._directory = data.directory / "requests"
        self._directory.mkdir(exist_ok=True)
        self._lua = Path(__file__).with_name("wrk.lua")

    def requests(self, case, server, etags):
        """A file of requests in random order, the same for every server but for the ETags."""
        numbers = random.Random(f"{case.keys} {self._seed}")
        keys = numbers.choices(self._keys(case.keys), k=SEQUENCE)
        lines = [f"/{key}.narinfo" for key in keys]
        if case.conditional:
            lines = [f"{line}\t{etags[line]}" for line in lines]
        path = self._directory / f"{case.name}-{server.name.replace(' ', '-')}.txt"
        path.write_text("\n".join(lines) + "\n")
        return path

    def _keys(self, which):
        data = self._data
        return {"hits": data.hits, "misses": data.misses, "half": data.hits + data.misses}[which]

    def run(self, case, server, path, seconds):
        """One measurement; BenchError where the answers aren't the ones that the case expects."""
        url = f"http://127.0.0.1:{server.port}"
        if case.method == "HEAD":
            # wrk waits for the body that an answer to HEAD announces and doesn't have.
            command = [self._head_program, server.port, case.connections, seconds, path]
        else:
            command = ["wrk", "-t1", f"-c{case.connections}", f"-d{seconds}s", "-s", self._lua, url, "--",
                       case.method, case.depth, path]
        before, client_before = server.cpu(), client_cpu()
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              timeout=seconds + 60, check=False)
        used, client_used = server.cpu() - before, client_cpu() - client_before
        line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
        if done.returncode != 0 or line is None:
            raise BenchError(f"{command[0]} failed: {(done.stdout + done.stderr)[-500:]}")
        count, micros, size, failed, broken, p50, p99 = map(int, line.split()[1:])
        complain(case, server, count, failed, broken)
        # wrk corrects latencies for requests that it sent late, and takes all but the last of a pipeline
        # for such: its percentiles mean nothing there.
        times = (p50 / 1000, p99 / 1000) if case.depth == 1 else (None, None)
        return Measured(count / micros * 1e6, *times, used / count * 1e6, size / count,
                        client_used / count * 1e6)


def client_cpu():
    """Seconds of all processes that have ended under this one: the servers haven't."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def complain(case, server, count, failed, broken):
    """`failed`: statuses from 400; `broken`: connections, and requests that had no answer in time."""
    where = f"{server.name}, {case.name}"
    if broken or not count:
        raise BenchError(f"{where}: {count} answers, {broken} socket errors or timeouts")
    share = failed / count
    wanted = {"hits": 0, "misses": 1, "half": 0.5}[case.keys]
    if abs(share - wanted) > (0.05 if case.keys == "half" else 0):
        raise BenchError(f"{where}: {failed} of {count} answers have a status from 400")
