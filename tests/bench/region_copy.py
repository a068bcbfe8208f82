"""The first copy of a region, by `narthex replica join --full`, against pg_dump into psql."""

import contextlib
import shutil
import subprocess
import time

from dataset import BenchError, Dataset, make_directories, run
from postgres import Postgres, find_program
from region_pair import say
from servers import start_narthex

LATER = "select string_agg('-T ' || oid::regclass, ' ') from pg_class where relkind = 'r'" \
        " and obj_description(oid, 'pg_class') ~ '^local:'"
COPIED = "select string_agg(oid::regclass::text, ', ') from pg_class where relkind = 'r'" \
         " and obj_description(oid, 'pg_class') ~ '^(serve|full):'"


class Database(Postgres):
    """Of a data directory, whose PostgreSQL a server that nobody asks keeps running."""

    def __init__(self, binary, data):
        self._holding = contextlib.ExitStack()
        server = start_narthex("holder", data, binary, [], self._holding)
        super().__init__(data, server.others[0])

    def close(self):
        self._holding.close()


def measure(pair, rounds):
    """Seconds of each, of each round; the last region stays, and serves."""
    done = []
    for number in range(rounds):
        cases = [("pg_dump", dump), ("join", join)]
        order = cases[number % 2:] + cases[:number % 2]
        times = {name: case(pair, number, number + 1 == rounds) for name, case in order}
        say(f"round {number + 1}: pg_dump | psql {times['pg_dump']:.1f} s, join {times['join']:.1f} s")
        done.append(times)
    return done


def dump(pair, number, _):
    data = Dataset(pair.directory / f"dumped-{number}", 0, 0)
    make_directories(data.directory)
    target = Database(pair.binary, data)
    try:
        target.psql(f"truncate {target.ask(COPIED)} cascade;")
        without = target.ask(LATER)
        start = time.monotonic()
        shell(pair, f"{pipe(pair.source, 'pg_dump')} --data-only {without}"
                    f" | {pipe(target, 'psql')} -X -q -v ON_ERROR_STOP=1 -o /dev/null")
        return time.monotonic() - start
    finally:
        target.close()
        shutil.rmtree(data.directory)


def pipe(postgres, program):
    return f"{find_program(program)} -h {postgres.socket} -p {postgres.port} -U narthex -d narthex"


def shell(pair, line):
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, check=False,
                          **pair.source.surroundings())
    if done.returncode != 0:
        raise BenchError(f"{line}: {done.stderr.strip()[-500:]}")


def join(pair, number, stays):
    data, command = pair.join(f"r{number}")
    start = time.monotonic()
    run(command, keep=True)
    seconds = time.monotonic() - start
    if stays:
        pair.serve_region(data)
    else:
        run([pair.binary, "replica", "leave", "--data-dir", data.data_dir], keep=True)
    return seconds
