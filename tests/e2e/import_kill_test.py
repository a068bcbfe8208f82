#!/usr/bin/env python3
"""kill -9 of an import and of PostgreSQL at chosen moments of a batch's transaction.

Every batch is stored whole or not at all, and what was killed is completed by running it again.
tests/db/cluster_crash_pgtest.cpp kills while a cluster is made, started and shared; this one kills
while there is something to lose.
"""

import json
import os
import random
import signal
import subprocess
import threading
import time
import unittest

import narinfos
import support

COUNT = 6500
BATCH = 2000  # k_batch_narinfos of src/service/import_store.cpp
SEED = int(os.environ.get("NARTHEX_TEST_SEED", time.time_ns() % 1_000_000))

# What the import's session is seen at (pg_stat_activity), in the order of a batch.
STATEMENTS = ["copy narinfo \\(", "nextval..path_id", "copy path ", "copy graph ", "copy nar \\(",
              "copy narinfo_nar "]


class Feed(threading.Thread):
    """Writes the narinfos to an import, which begins to store them when its input has ended."""

    def __init__(self, process, data):
        super().__init__(daemon=True)
        self._process = process
        self._data = data
        self.start()

    def run(self):
        try:
            self._process.stdin.write(self._data)
            pipe, self._process.stdin = self._process.stdin, None
            pipe.close()
        except (BrokenPipeError, ValueError):
            pass  # it was killed


class ImportKill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(f"NARTHEX_TEST_SEED={SEED}")
        cls.rng = random.Random(SEED)
        cls.narinfos = narinfos.closure(COUNT, SEED)
        cls.data = narinfos.join(cls.narinfos).encode()
        cls.file = narinfos.write(cls.narinfos, "all")

    def make_caches(self):
        """Each round has a cache of its own; they share the data directory with all its scars."""
        self.data_dir = support.temp_dir("kill") / "data"
        holder = narinfos.Import(self.data_dir)
        for number in range(8):
            support.narthex("cache", "create", f"round-{number}", "--data-dir", self.data_dir)
        self.caches = iter(holder.sql.rows("select name, id from cache where id > 1 order by id"))
        holder.finish()

    def wait_for(self, process, cache, moment):
        """Until the database is at the moment, or the moment has passed half the import."""
        kind, what = moment
        last = COUNT // BATCH // 2 * BATCH
        stored = f"select count(*) from narinfo where cache = {cache}"
        at = ("select count(*) from pg_stat_activity where application_name = 'narthex'"
              " and state = 'active' and query ~* '%s'")

        def reached():
            rows = int(process.sql.value(stored)) if kind == "rows" else 0
            if kind == "rows" and rows >= what:
                return True
            if kind == "statement" and process.sql.value(at % what) != "0":
                return True
            return kind == "statement" and int(process.sql.value(stored)) >= last
        support.wait_until(reached, f"{moment}")

    def complete(self, name, cache):
        """Imports all again: what was stored is a number of whole batches, and all is right."""
        holder = narinfos.Import(self.data_dir)
        done = json.loads(support.narthex("import", "--data-dir", self.data_dir, "--json", "--cache",
                                          name, self.file).stdout)
        self.assertEqual(done["new"] + done["already_there"], COUNT)
        self.assertEqual((done["conflicting"], done["rejected"], done["interrupted"]), (0, 0, False))
        self.assertEqual(done["already_there"] % BATCH, 0)
        self.assertEqual(narinfos.complaints(holder.sql, self.narinfos, cache), [])
        holder.finish()
        self.assertIsNone(narinfos.postmaster(self.data_dir))
        self.assertEqual(narinfos.alarms(self.data_dir), [])
        return done["already_there"]

    def test_of_narthex(self):
        self.make_caches()
        moments = [("bytes", 0), ("bytes", self.rng.randrange(len(self.data))),
                   ("rows", 1), ("rows", 2 * BATCH)]
        moments += [("statement", each) for each in self.rng.sample(STATEMENTS, 4)]
        for moment in moments:
            with self.subTest(moment=moment):
                name, cache = next(self.caches)
                process = narinfos.Import(self.data_dir, "--cache", name)
                if moment[0] == "bytes":
                    process.stdin.write(self.data[:moment[1]])
                else:
                    Feed(process, self.data)
                    self.wait_for(process, cache, moment)
                process.kill_hard()
                stored = self.complete(name, cache)
                print(f"killed at {moment}: {stored} were stored")

    def test_of_narthex_before_there_is_a_database(self):
        """By what is on the disk: from before initdb to a PostgreSQL that is starting."""
        stages = ("lock.control", "postgres", "postgres.log", "postgres/postmaster.pid")
        for file in self.rng.sample(stages, 2):
            with self.subTest(file=file):
                self.data_dir = support.temp_dir("early") / "data"
                process = subprocess.Popen(
                    [support.NARTHEX, "import", "--data-dir", self.data_dir, "-"],
                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                support.wait_until((self.data_dir / file).exists, f"{file} is there")
                process.kill()
                process.communicate()
                self.assertEqual(self.complete("default", 1), 0)

    def break_off(self, name, cache, moment, kill):
        """An import whose PostgreSQL is killed at the moment; how many it says it has stored."""
        process = narinfos.Import(self.data_dir, "--cache", name)
        Feed(process, self.data)
        self.wait_for(process, cache, moment)
        kill(process)
        out, messages = process.finish()
        self.assertEqual(process.returncode, 1, messages)
        self.assertRegex(messages, r"\Anarthex: .*the database.*\n\Z")
        return json.loads(out)["new"]

    def check_what_was_stored(self, name, cache, moment, told):
        stored = self.complete(name, cache)
        # Less by a batch where nobody heard the answer to its commit.
        self.assertIn(stored - told, (0, BATCH))
        print(f"PostgreSQL killed at {moment}: {stored} were stored")

    def some_moments(self):
        return ("rows", 1), ("statement", self.rng.choice(STATEMENTS))

    def test_of_postgresql(self):
        self.make_caches()
        for moment in self.some_moments():
            with self.subTest(moment=moment):
                round_ = *next(self.caches), moment
                told = self.break_off(*round_, lambda _: os.kill(narinfos.postmaster(self.data_dir),
                                                                 signal.SIGKILL))
                self.check_what_was_stored(*round_, told)

    def test_of_a_process_of_postgresql(self):
        """All others end then, and PostgreSQL recovers by itself, here for another that uses it."""
        self.make_caches()
        for moment in self.some_moments():
            with self.subTest(moment=moment):
                round_ = *next(self.caches), moment
                other = narinfos.Import(self.data_dir)
                told = self.break_off(*round_, lambda process: os.kill(
                    int(process.sql.value("select pg_backend_pid()")), signal.SIGKILL))
                support.wait_until(lambda: self.answers(), "it has recovered")
                other.finish()
                self.assertEqual(other.returncode, 0)
                self.check_what_was_stored(*round_, told)

    def answers(self):
        sql = narinfos.Psql(self.data_dir)
        try:
            return sql.value("select 1") == "1"
        except (OSError, IndexError):
            return False
        finally:
            sql.close()


if __name__ == "__main__":
    support.main()
