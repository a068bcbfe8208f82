#!/usr/bin/env python3
"""Ten imports into one database that are let loose at the same moment.

Sets that overlap, sets that share nothing but their references, and sets that contradict each other:
nothing is lost, every reference array is its text's, and hardly an id is drawn in vain.
"""

import hashlib
import json
import os
import random
import subprocess
import time
import unittest

import narinfos
import support

PROCESSES = 10
SEED = int(os.environ.get("NARTHEX_TEST_SEED", time.time_ns() % 1_000_000))


class ImportRace(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(f"NARTHEX_TEST_SEED={SEED}")
        cls.rng = random.Random(SEED)

    def setUp(self):
        self.data_dir = support.temp_dir("race") / "data"
        self.holder = narinfos.Import(self.data_dir)
        self.sql = self.holder.sql
        self.addCleanup(self.holder.finish)

    def race(self, sets):
        """Imports each set by a process of its own; all begin their first batch at once: it waits
        for the lock that publishers share. What they report."""
        self.sql.rows("begin; select pg_advisory_xact_lock(28280, 2)")
        started = [subprocess.Popen(
            [support.NARTHEX, "import", "--json", "--data-dir", str(self.data_dir),
             str(narinfos.write(each, f"set-{number}"))],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for number, each in enumerate(sets)]
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        support.wait_until(lambda: self.sql.value(waiting) == str(len(sets)), "all wait")
        self.sql.rows("commit")
        reports = []
        for process in started:
            out, errors = process.communicate(timeout=5 * support.DEADLINE)
            reports.append((process.returncode, json.loads(out), errors.decode()))
        return reports

    def check(self, stored):
        self.assertEqual(narinfos.complaints(self.sql, stored), [])
        self.assertEqual(self.sql.rows(
            "select count(*) - count(distinct id), count(*) - count(distinct (cache, hash)),"
            " count(*) filter (where id < 1) from path"), [["0", "0", "0"]])
        used, paths = map(int, self.sql.rows(
            "select (select last_value from path_id), count(*) from path")[0])
        print(f"{used} ids for {paths} paths")
        return used / paths

    def check_counts(self, reports, sets, everything):
        for (code, report, errors), each in zip(reports, sets):
            self.assertEqual((code, errors), (0, ""))
            self.assertEqual(report["new"] + report["already_there"], len(each))
        self.assertEqual(sum(report["new"] for _, report, _ in reports), len(everything))
        reported = set().union(*(report["dangling"] for _, report, _ in reports))
        self.assertLessEqual(narinfos.dangling(everything), reported)

    def test_of_sets_that_overlap(self):
        everything = narinfos.closure(4000, SEED)
        sets = []
        for _ in range(PROCESSES):
            sets.append([each for each in everything if self.rng.random() < 0.6])
            self.rng.shuffle(sets[-1])
        everything = list({each.hash: each for one in sets for each in one}.values())
        self.check_counts(self.race(sets), sets, everything)
        self.assertLessEqual(self.check(everything), 1.01)

    def test_of_sets_that_share_their_references_only(self):
        shared = [f"shared-{number}" for number in range(1500)]
        sets = [[narinfos.narinfo(f"own-{process}-{number}", self.rng.sample(shared, 8))
                 for number in range(400)] for process in range(PROCESSES)]
        everything = [each for one in sets for each in one]
        self.check_counts(self.race(sets), sets, everything)
        self.assertLessEqual(self.check(everything), 1.01)

    def test_of_sets_that_contradict_each_other(self):
        """Of each path one is stored, whole; all others are told that they conflict."""
        count = 300
        sets = [[narinfos.narinfo(f"path-{number}", [f"path-{(number * 7 + process) % count}"],
                                  nar=f"{process % 2} {number}") for number in range(count)]
                for process in range(PROCESSES)]
        for one in sets:
            self.rng.shuffle(one)
        reports = self.race(sets)
        self.assertEqual(sum(report["new"] for _, report, _ in reports), count)
        for code, report, _ in reports:
            self.assertEqual(code, 1 if report["conflicting"] else 0)
            self.assertEqual(report["new"] + report["already_there"] + report["conflicting"], count)
        versions = {hashlib.md5(each.text.encode()).hexdigest(): each
                    for one in sets for each in one}
        stored = [versions[digest] for digest, in self.sql.rows("select md5(text) from narinfo")]
        self.assertEqual(len({each.hash for each in stored}), count)
        self.check(stored)


if __name__ == "__main__":
    support.main()
