"""`narthex replica join` of a copy that takes a while: what it shows meanwhile, and that all of it arrives."""

import json
import os
import pty
import re
import subprocess
import threading
import time
import unittest

import narinfos
import regions
import support

COUNT = 50_000
# Whose rows are known: as many as there are narinfos, or what they come from.
COPIED = ("narinfo", "narinfo_nar", "nar", "path", "graph")
# Of other tables: the region itself, its token, the first cache, ...
FEW = 50
LINE = re.compile(r"copying: (?P<rows>\d+) rows, (?P<done>\d+) of (?P<tables>\d+) tables, (?P<bytes>[\d.]+ \w+),"
                  r" (?P<rate>\d+)/s, (?P<share>\d+) %, (?P<left>\d+:\d\d) left")


class Join:
    """`narthex replica join --json` with a terminal as its standard error."""

    def __init__(self, region, uri, *args):
        self._terminal, end = pty.openpty()
        self.process = subprocess.Popen(
            [support.NARTHEX, "replica", "join", "--primary", uri, "--name", region.name, "--json", *args,
             "--data-dir", str(region.data_dir)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=end, text=True)
        os.close(end)
        self.shown = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        try:
            while data := os.read(self._terminal, 1 << 16):
                self.shown += data.decode()
        except OSError:
            pass  # nobody has it open any more

    def lines(self):
        return [found for each in self.shown.split("\r\x1b[K") if (found := LINE.fullmatch(each))]

    def line_of(self, more):
        """The first full line of so many tables (of all, or all but `more`)."""
        def find():
            if self.process.poll() is not None:
                raise AssertionError(f"join: exit {self.process.returncode} {self.shown!r}")
            return next((line for line in self.lines() if int(line["tables"]) - int(line["done"]) == more), None)
        return support.wait_until(find, f"a line with {more} tables to go")

    def finish(self):
        out, _ = self.process.communicate(timeout=10 * support.DEADLINE)
        self._reader.join(support.DEADLINE)
        os.close(self._terminal)
        assert self.process.returncode == 0, self.shown
        return json.loads(out)


class LargeJoinTest(unittest.TestCase):
    def setUp(self):
        self.primary = regions.Primary().serve()
        self.addCleanup(self.primary.down)
        started = time.monotonic()
        made = [narinfos.narinfo(f"path-{i}", [f"path-{i // 2}"]) for i in range(COUNT)]
        self.primary.import_narinfos(made)
        print(f"{COUNT} narinfos made and imported in {time.monotonic() - started:.1f} s")
        # How many rows there are is an estimate that this makes exact.
        self.primary.sql.rows("analyze")

    def hold(self, instance, table):
        """Nobody writes to it until the session that this returns is closed."""
        session = narinfos.Psql(instance.data_dir)
        self.addCleanup(session.close)
        self.assertEqual(session.rows(f"begin; lock table {table} in share mode"), [])
        return session

    def join_held_at_narinfo(self, region):
        """A join that copies all but narinfos, until what else is returned is closed. It empties the tables when it
        begins, so that is too early to hold one, and its primary lets it wait until one is held."""
        uri = self.primary.invite(region.name)
        accepting = self.hold(self.primary, "region")
        join = Join(region, uri, "--full")
        support.wait_until(lambda: region.sql.value("select count(*) from pg_subscription") == "1",
                           "it has begun")
        held = self.hold(region, "narinfo")
        accepting.close()
        return join, held

    def count(self, instance, table):
        return int(instance.sql.value(f"select count(*) from {table}"))

    def test_its_progress_ends_at_the_total_and_all_rows_are_there(self):
        total = sum(self.count(self.primary, table) for table in COPIED)
        region = regions.Region("eu1").up()
        self.addCleanup(region.down)
        started = time.monotonic()
        join, held = self.join_held_at_narinfo(region)
        rest = join.line_of(1)  # all but the narinfos
        self.assertAlmostEqual(int(rest["rows"]), total - COUNT, delta=FEW)
        self.assertGreater(int(rest["rate"]), 0)
        self.assertIn(int(rest["share"]), range(10, 91), rest[0])
        # Its last step needs the worker that applies, which waits here to write the next heartbeat.
        applying = self.hold(region, "heartbeat")
        held.close()
        everything = join.line_of(0)
        self.assertAlmostEqual(int(everything["rows"]), total, delta=FEW)
        self.assertEqual((everything["share"], everything["left"]), ("100", "0:00"), everything[0])
        self.assertRegex(everything["bytes"], r"^\d+(\.\d)? MiB$")
        applying.close()
        done = join.finish()
        print(f"{rest[0]}\n{everything[0]}\n{done['rows']} rows of {done['tables']} tables in {done['seconds']:.1f} s,"
              f" {time.monotonic() - started:.1f} s with what the test held up")

        self.assertAlmostEqual(done["rows"], total, delta=FEW)
        self.assertEqual(done["tables"], int(everything["tables"]))
        rows = [int(line["rows"]) for line in join.lines()]
        self.assertEqual(rows, sorted(rows), "it never goes back")
        # Warnings may follow.
        self.assertNotIn("copying", join.shown.split("\r\x1b[K")[-1], "none of it is left on the terminal")
        self.assertEqual([self.count(region, table) for table in COPIED],
                         [self.count(self.primary, table) for table in COPIED])
        self.assertTrue(regions.same_rows(self.primary, region, *COPIED))


if __name__ == "__main__":
    support.main()
