#!/usr/bin/env python3
"""Publishers, importers, leases, roots and a collector at random moments, and kills with -9: at no
moment is a reference of something served gone, or a path that is leased or rooted.

collect_race_test.py [--operations N] [--snapshots N] [--kills N] [--seed N]
"""

import argparse
import hashlib
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
import unittest

import collecting
import samples
import support
from postgres import Postgres
from uploads import make_token, put

OLD = 60  # paths that are there from the beginning
LIMIT = 24 * 3600  # seconds, for any number of operations


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=1500)
    parser.add_argument("--snapshots", type=int, default=40)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--seed", type=int,
                        default=int(os.environ.get("NARTHEX_TEST_SEED", time.time_ns() % 1_000_000)))
    return parser.parse_known_args()[0]


OPTIONS = options()


def references_of(name):
    """Of a path that was there from the beginning, some before it; of others it is in their name."""
    if name.startswith("old-"):
        number = int(name[4:])
        rng = random.Random(number)
        return [f"old-{i}" for i in sorted(rng.sample(range(number), min(number, rng.randrange(4))))]
    return [f"old-{number}" for number in name.split("-")[3:]]


def narinfo(name):
    """Its URL, its NAR and its text."""
    data = name.encode()
    digest = "sha256:" + samples.nix32(hashlib.sha256(data).digest())
    words = " ".join(f"{samples.hash_part(each)}-{each}" for each in references_of(name))
    url = f"nar/{samples.hash_part(name)}.nar"
    return url, data, (f"StorePath: /nix/store/{samples.hash_part(name)}-{name}\nURL: {url}\n"
                       f"Compression: none\nFileHash: {digest}\nFileSize: {len(data)}\n"
                       f"NarHash: {digest}\nNarSize: {len(data)}\nReferences: {words}\n")


def closure(name):
    """References first."""
    found = {}

    def visit(each):
        if each not in found:
            for reference in references_of(each):
                visit(reference)
            found[each] = True
    visit(name)
    return list(found)


class Worker(multiprocessing.Process):
    """Does something again and again, until enough has been done."""

    def __init__(self, shared, number):
        super().__init__(name=f"{type(self).__name__}-{number}")
        self.shared = shared
        self.rng = random.Random(f"{OPTIONS.seed} {self.name}")
        self.count = 0

    def run(self):
        self.sql = collecting.Session(self.shared.pg, self.name)
        try:
            while not self.shared.ended.is_set():
                self.deed()
                self.count += 1
                for counter in (self.shared.operations, self.shared.counts[type(self).__name__]):
                    with counter.get_lock():
                        counter.value += 1
        finally:
            self.sql.close()

    def old(self):
        return f"old-{self.rng.randrange(OLD)}"

    def fresh(self):
        words = sorted({str(self.rng.randrange(OLD)) for _ in range(self.rng.randrange(4))})
        return "-".join(["new", self.name.replace("-", ""), str(self.count), *words])

    def command(self, *args, codes=(0, 1)):
        """A narthex command, which is killed now and then."""
        process = subprocess.Popen([support.NARTHEX, *map(str, args), "--database", self.shared.pg.uri],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        kill = self.rng.random() < 0.3 and self.take_kill()
        if kill:
            time.sleep(self.rng.random() * self.shared.command_seconds)
            process.send_signal(signal.SIGKILL)
        out = process.communicate(timeout=support.DEADLINE)[0]
        if not kill and process.returncode not in codes:
            raise AssertionError(f"narthex {args}: exit {process.returncode}\n{out}")

    def take_kill(self):
        with self.shared.kills.get_lock():
            self.shared.kills.value -= 1
            return self.shared.kills.value >= 0


class Publisher(Worker):
    def deed(self):
        try:
            self.publish(self.fresh() if self.rng.random() < 0.7 else self.old())
        except (OSError, EOFError):
            time.sleep(0.05)  # the server has been killed

    def publish(self, name, again=True):
        """And, where its references are gone, those first."""
        url, data, text = narinfo(name)
        put(self.shared.server, f"/{url}", data, self.shared.token)
        answer = put(self.shared.server, samples.target(name), text.encode(), self.shared.token)
        if answer.status not in (200, 201, 204, 409, 503):
            raise AssertionError(f"{name}: {answer.status} {answer.body}")
        if answer.status == 409 and again:
            for each in closure(name):
                self.publish(each, again=False)


class Importer(Worker):
    def deed(self):
        name = self.fresh() if self.rng.random() < 0.5 else self.old()
        file = self.shared.directory / self.name
        file.write_text("\n".join(narinfo(each)[2] for each in closure(name)))
        self.command("import", file)


class Keeper(Worker):
    """Leases and roots come and go, a hundred a second at most."""

    def deed(self):
        time.sleep(0.02 * self.rng.random())
        name, choice = self.old(), self.rng.random()
        if choice < 0.3:
            collecting.lease(self.sql, name)
        elif choice < 0.5:
            collecting.add_root(self.sql, f"root-{name}", name)
        elif choice < 0.75:
            self.sql.rows(f"delete from lease where hash = {collecting.hex_of(name)}")
        else:
            self.sql.rows(f"delete from root where name = 'root-{name}'")


class Collector(Worker):
    def deed(self):
        choice = self.rng.random()
        if choice < 0.55:
            above = int(self.sql.value("select last_value from path_id")) * self.rng.random()
            plan = collecting.insert_plan(self.sql, collecting.UNREACHED_ABOVE.format(int(above)))
            if plan:
                self.command("gc", "hide", plan)
        elif choice < 0.65:
            self.again("hide", "hiding")
        elif choice < 0.75:
            self.again("restore", "hidden", "hiding", "purging")
        elif choice < 0.85:
            path = self.old()
            self.command("gc", "restore", f"{samples.hash_part(path)}-{path}")
        else:
            self.command("gc", "purge", "--after", "0d", "--force-early")

    def again(self, command, *states):
        found = self.sql.rows("select id from plan where state in ("
                              + ", ".join(f"'{state}'" for state in states) + ") order by random() limit 1")
        if found:
            self.command("gc", command, found[0][0])


class Shared:
    """What all workers have."""

    def __init__(self, pg, server, token):
        self.pg, self.server, self.token = pg, server, token
        self.directory = support.temp_dir("imports")
        self.operations = multiprocessing.Value("q", 0)
        self.counts = {each.__name__: multiprocessing.Value("q", 0)
                       for each in (Publisher, Importer, Keeper, Collector)}
        self.kills = multiprocessing.Value("q", OPTIONS.kills)
        self.ended = multiprocessing.Event()
        begun = time.monotonic()
        support.narthex("gc", "status", "--database", pg.uri)
        self.command_seconds = 1.5 * (time.monotonic() - begun)


class CollectRace(unittest.TestCase):
    def setUp(self):
        print(f"NARTHEX_TEST_SEED={OPTIONS.seed}", flush=True)
        self.pg = Postgres()
        self.addCleanup(self.pg.close)
        support.narthex("migrate", "--database", self.pg.uri)
        key = support.temp_dir("key") / "secret"
        key.touch(mode=0o600)
        key.write_text(support.closure().secret_key.read_text())
        support.narthex("cache", "set", "default", "--sign-uploads", "true", "--database", self.pg.uri)
        self.server = support.Server("--database", self.pg.uri, "--signing-key", key,
                                     "--upload-dir", support.temp_dir("uploads")).start()
        self.addCleanup(self.server.kill)
        self.sql = collecting.Session(self.pg)
        self.addCleanup(self.sql.close)
        collecting.prepare(self.sql)
        token = make_token(self.server, "race", database=self.pg.uri)
        self.shared = Shared(self.pg, self.server, token)

    def publish_old(self):
        for number in range(OLD):
            url, data, text = narinfo(f"old-{number}")
            put(self.server, f"/{url}", data, self.shared.token)
            answer = put(self.server, samples.target(f"old-{number}"), text.encode(), self.shared.token)
            self.assertEqual(answer.status, 201, answer.body)

    def kill_server(self):
        self.server.kill()
        self.server.start()

    def test_nothing_is_lost(self):
        self.publish_old()
        workers = [Publisher(self.shared, 1), Publisher(self.shared, 2), Importer(self.shared, 1),
                   Keeper(self.shared, 1), Collector(self.shared, 1)]
        for worker in workers:
            worker.start()
        try:
            self.watch(workers)
        finally:
            self.shared.ended.set()
            for worker in workers:
                worker.join(support.DEADLINE)
        self.assertEqual([worker.name for worker in workers if worker.exitcode != 0], [])
        self.assertEqual(collecting.wrongs(self.sql), [])
        print(self.sql.rows("select kind, count(*) from change group by 1 order by 1"),
              self.sql.rows("select state, count(*) from plan group by 1 order by 1"), flush=True)

    def watch(self, workers):
        """Snapshots, evenly among the operations; the server is killed twice."""
        end = time.monotonic() + LIMIT
        deaths = {OPTIONS.snapshots // 3, 2 * OPTIONS.snapshots // 3}
        for snapshot in range(OPTIONS.snapshots):
            due = OPTIONS.operations * (snapshot + 1) // OPTIONS.snapshots
            while self.shared.operations.value < due:
                self.assertTrue(all(worker.is_alive() for worker in workers), "a worker has failed")
                self.assertLess(time.monotonic(), end, "it takes too long")
                time.sleep(0.01)
            self.assertEqual(collecting.wrongs(self.sql), [], f"snapshot {snapshot}")
            if snapshot in deaths:
                self.kill_server()
        print({name: count.value for name, count in self.shared.counts.items()})
        print(f"{self.shared.operations.value} operations, {OPTIONS.snapshots} snapshots,"
              f" {OPTIONS.kills - max(self.shared.kills.value, 0)} commands and 2 servers killed",
              flush=True)


if __name__ == "__main__":
    del sys.argv[1:]
    support.main()
