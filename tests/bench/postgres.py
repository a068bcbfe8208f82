"""psql and pgbench on narthex's own PostgreSQL, as the user it runs as."""

import os
import random
import re
import subprocess
import time
from pathlib import Path

from dataset import BenchError
from processes import cpu_seconds

LOOKUPS = 8  # in one pgbench transaction, after the one statement that draws their keys

# What narthex's own connections have; with 64 x 9 prepared statements, it also keeps planning out of
# the measured time.
SETTINGS = ("-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off "
            "-c enable_mergejoin=off -c jit=off")

# pgbench can't take a key from a list of its own, so keys come from a table, 8 of them by one
# primary key lookup of a row about as large as a narinfo. It counts as one lookup more.
BATCHES = 20_000
COLUMNS = [f"h{i}" for i in range(LOOKUPS)]
KEYS = """
drop table if exists bench.keys;
drop schema if exists bench;
create schema bench;
create unlogged table bench.keys (id int primary key, {columns});
copy bench.keys from stdin;
{rows}\\.
vacuum (analyze) bench.keys;
"""
WARM_UP = 2  # seconds


class Postgres:
    def __init__(self, data, postmaster, port=5432):
        self.postmaster = postmaster
        self.port = str(port)  # of the name of its socket, too
        self._directory = data.directory
        record = data.data_dir / "socket-dir"
        recorded = record.read_text().strip() if record.exists() else ""
        self.socket = recorded or str(data.data_dir / "run")
        owner = data.data_dir.stat()
        self._identity = {}
        if os.geteuid() == 0:
            self._identity = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}

    def settle(self):
        """Once after an import: what PostgreSQL would otherwise do while it is measured."""
        self.psql("vacuum (analyze);\ncheckpoint;\n")

    def prepare_lookups(self, hits, seed):
        """The table that pgbench draws its keys from, and its script."""
        numbers = random.Random(f"lookups {seed}")
        keys = [f"\\\\x{decode(hash_part).hex()}" for hash_part in hits]
        rows = ["\t".join([str(number), *numbers.choices(keys, k=LOOKUPS)]) + "\n"
                for number in range(1, BATCHES + 1)]
        columns = ", ".join(f"{name} bytea not null" for name in COLUMNS)
        self.psql(KEYS.format(columns=columns, rows="".join(rows)))
        script = [f"\\set id random(1, {BATCHES})",
                  f"select {', '.join(COLUMNS)} from bench.keys where id = :id \\gset"]
        script += [f"select text from narinfo where cache = 1 and hash = :{name};" for name in COLUMNS]
        path = self._directory / "lookups.sql"
        path.write_text("\n".join(script) + "\n")
        path.chmod(0o644)
        return path

    def pgbench(self, script, clients, seconds):
        """(lookups a second, CPU microseconds of one in PostgreSQL)."""
        # The first seconds go to connecting and preparing: pgbench says how each second was. It
        # goes on past the last, since the time of a backend that is ending can't be read.
        command = self._command(["pgbench", "-n", "-M", "prepared", "-c", clients, "-j", 1, "-P", 1,
                                 "-T", WARM_UP + seconds + 1, "-f", script])
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              **self.surroundings(SETTINGS)) as process:
            try:
                time.sleep(WARM_UP)
                before = cpu_seconds([self.postmaster])
                time.sleep(seconds)
                used = cpu_seconds([self.postmaster]) - before
                out, _ = process.communicate(timeout=60)
            except BaseException:
                process.kill()
                raise
        rates = [float(rate) for rate in re.findall(r"^progress: .* s, ([0-9.]+) tps", out, re.M)]
        failed = re.search(r"number of failed transactions: (\d+)", out)
        if process.returncode != 0 or not failed or failed[1] != "0" or len(rates) < WARM_UP + seconds:
            raise BenchError(f"pgbench failed: {out[-500:]}")
        rate = sum(rates[WARM_UP:WARM_UP + seconds]) / seconds * (LOOKUPS + 1)
        return rate, used / (rate * seconds) * 1e6

    def _command(self, words):
        return [find_program(words[0]), *(str(word) for word in words[1:])]

    def surroundings(self, settings=""):
        environment = {**os.environ, "PGOPTIONS": settings, "PGHOST": self.socket, "PGPORT": self.port,
                       "PGUSER": "narthex", "PGDATABASE": "narthex"}
        return {"env": environment, "cwd": "/", **self._identity}

    def psql(self, statements):
        command = self._command(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"])
        done = subprocess.run(command, input=statements, capture_output=True, text=True, timeout=600,
                              check=False, **self.surroundings())
        if done.returncode != 0:
            raise BenchError(f"psql failed: {done.stderr.strip()[-500:]}")

    def ask(self, statement):
        """What it says, as text."""
        command = [*self._command(["psql", "-X", "-q", "-A", "-t"]), "-c", statement]
        return subprocess.run(command, capture_output=True, text=True, check=True,
                              **self.surroundings()).stdout.strip()


def find_program(name):
    """Debian's /usr/bin/pgbench is a wrapper that wants a cluster of Debian's."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(versions[-1]) if versions else name


def decode(hash_part):
    """The 20 bytes of a hash part: Nix's base 32 counts from the end."""
    number = 0
    for letter in hash_part:
        number = number << 5 | "0123456789abcdfghijklmnpqrsvwxyz".index(letter)
    return number.to_bytes(20, "little")
