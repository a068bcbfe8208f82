#!/usr/bin/env python3
"""How often paths are asked for is counted, by path and day, on every server of a database."""

import json
import unittest

import samples
import support
from postgres import Postgres
from raw_http import guix_get, pipelined
from support import get

NAMES = [f"counted-{i}" for i in range(20)]
FLUSH = ("--count-flush-seconds", 1)


def setUpModule():
    global PG
    PG = Postgres()
    support.narthex("migrate", "--database", PG.uri)
    support.narthex("import", "--database", PG.uri, samples.write_records(
        support.temp_dir("records") / "all", [samples.narinfo(name) for name in NAMES]))


def tearDownModule():
    PG.close()


class Counts(unittest.TestCase):
    def setUp(self):
        PG.psql("delete from hidden; delete from hide_batch; delete from request_count")

    def serve(self, *args):
        server = support.Server("--database", PG.uri, *(args or FLUSH)).start()
        self.addCleanup(server.kill)
        support.wait_until(lambda: "event=changes_heard" in server.log(), "it listens")
        return server

    def counted(self):
        """name -> (served, hidden), of today."""
        by_hash = {samples.hash_part(name): name for name in NAMES}
        rows = PG.psql("select encode(hash, 'hex'), served, hidden from request_count"
                       " where cache = 1 and region = '' and day = (now() at time zone 'UTC')::date")
        counts = {}
        for row in rows.splitlines():
            digits, served, hidden = row.split("|")
            counts[by_hash[samples.nix32(bytes.fromhex(digits))]] = (int(served), int(hidden))
        return counts

    def expect(self, wanted):
        try:
            support.wait_until(lambda: self.counted() == wanted, "the counts arrive", 20)
        except TimeoutError:
            self.assertEqual(self.counted(), wanted)

    def ask(self, server, names, times=1):
        answers = pipelined(server.port, [guix_get(samples.target(name), server.port)
                                          for name in names for _ in range(times)])
        return {answer.status for answer in answers}

    def hide(self, names):
        batch = PG.psql("insert into hide_batch (reason) values ('test') returning id").split()[0]
        for name in names:
            PG.psql(f"insert into hidden select cache, hash, {batch} from narinfo where name = '{name}'")
        PG.psql(f"update hide_batch set active = true where id = {batch}")

    def test_from_memory_and_from_the_database(self):
        for cache_bytes in (1 << 20, 0):
            PG.psql("delete from request_count")
            server = self.serve("--cache-bytes", cache_bytes, *FLUSH)
            self.assertEqual(self.ask(server, NAMES[:3], 100), {200})
            self.assertEqual(get(server.port, samples.target(NAMES[3]), "HEAD").status, 200)
            etag = get(server.port, samples.target(NAMES[4])).header("ETag")
            self.assertEqual(get(server.port, samples.target(NAMES[4]), "GET",
                                 [f"If-None-Match: {etag}"]).status, 304)
            self.assertEqual(self.ask(server, ["absent"], 50), {404})
            self.expect({NAMES[0]: (100, 0), NAMES[1]: (100, 0), NAMES[2]: (100, 0),
                         NAMES[3]: (1, 0), NAMES[4]: (2, 0)})
            self.assertEqual(self.ask(server, NAMES[:1], 5), {200})
            self.expect({NAMES[0]: (105, 0), NAMES[1]: (100, 0), NAMES[2]: (100, 0),
                         NAMES[3]: (1, 0), NAMES[4]: (2, 0)})
            server.stop()

    def test_hidden_ones(self):
        server = self.serve()
        self.assertEqual(self.ask(server, NAMES[:2], 10), {200})
        self.hide(NAMES[:1])
        support.wait_until(lambda: get(server.port, samples.target(NAMES[0])).status == 404, "it is hidden")
        before = self.settled()[NAMES[0]]
        for _ in range(2):
            self.assertEqual(self.ask(server, NAMES[:2], 10), {200, 404})
        self.expect({NAMES[0]: (before[0], before[1] + 20), NAMES[1]: (30, 0)})
        server.stop()

    def settled(self):
        """The counts, once the server has stored what it has."""
        last = {}
        def same():
            nonlocal last
            before, last = last, self.counted()
            return last and last == before and sum(map(sum, last.values())) >= 21
        support.wait_until(same, "all is stored")
        return last

    def test_a_server_that_stops_stores_what_it_has(self):
        server = self.serve("--count-flush-seconds", 3600)
        self.assertEqual(self.ask(server, NAMES, 7), {200})
        server.stop()
        self.assertEqual(self.counted(), {name: (7, 0) for name in NAMES})

    def test_one_that_is_killed_loses_no_more_than_an_interval(self):
        server = self.serve()
        self.assertEqual(self.ask(server, NAMES, 7), {200})
        self.expect({name: (7, 0) for name in NAMES})
        self.ask(server, NAMES[:1], 3)
        server.kill()
        counts = self.counted()
        self.assertIn(counts.pop(NAMES[0]), [(7, 0), (10, 0)])
        self.assertEqual(counts, {name: (7, 0) for name in NAMES[1:]})

    def test_two_servers_sum_up(self):
        servers = [self.serve(), self.serve()]
        for server in servers:
            self.assertEqual(self.ask(server, NAMES, 3), {200})
        self.expect({name: (6, 0) for name in NAMES})
        for server in servers:
            server.stop()

    def test_while_the_database_is_away_they_wait(self):
        server = self.serve()
        self.assertEqual(self.ask(server, NAMES, 2), {200})
        self.expect({name: (2, 0) for name in NAMES})
        PG.stop()
        try:
            support.wait_until(lambda: "event=changes_lost" in server.log(), "it knows")
            self.assertEqual(self.ask(server, NAMES, 5), {200})  # as they were last
            support.wait_until(lambda: "event=counts_not_stored" in server.log(), "it tried")
            self.assertEqual(self.ask(server, NAMES, 1), {200})
        finally:
            PG.start()
        self.expect({name: (8, 0) for name in NAMES})
        server.stop()

    def test_stats_show_what_is_asked_for_and_what_is_not(self):
        def stats(*args):
            done = support.narthex("stats", "--database", PG.uri, "--cache", "default", *args)
            return done.stdout
        unused = json.loads(stats("--unused", 7, "--json"))[0]
        self.assertEqual((unused["paths"], unused["counted_since"]), (len(NAMES), None))
        self.assertIn("no requests have been counted", stats("--unused", 7))
        for days, name in ((0, 0), (6, 1), (7, 2), (40, 3)):
            PG.psql("insert into request_count (cache, hash, day, served, hidden) select cache, hash,"
                    f" (now() at time zone 'UTC')::date - {days}, 10 - {name}, {name} from narinfo"
                    f" where name = '{NAMES[name]}'")
        def top(*args):
            listed = json.loads(stats("--json", *args))[0]["requested"]
            return [(each["path"].split("-", 1)[1], each["served"], each["hidden"]) for each in listed]
        self.assertEqual(sorted(top()), [(NAMES[i], 10 - i, i) for i in range(3)])
        self.assertEqual(sorted(top("--days", 7)), [(NAMES[i], 10 - i, i) for i in range(2)])
        self.assertEqual(top("--days", 1, "--top", 1), [(NAMES[0], 10, 0)])
        self.assertEqual(top("--top", 0), [])
        self.assertRegex(stats(), f"most asked for, in the last 30 days\n(.*\n)* +10  /nix/store/.*{NAMES[0]}\n")
        self.assertIn("and 2 times while it was hidden", stats())
        unused = json.loads(stats("--unused", 7, "--json"))[0]
        self.assertEqual(unused["paths"], len(NAMES) - 2)
        self.assertEqual(unused["nar_bytes"], sum(len(name) for name in NAMES[2:]))
        self.assertRegex(stats("--unused", 7), rf"default: {len(NAMES) - 2} paths weren't asked for in the last 7 days")
        self.assertEqual({line.split("-", 1)[1] for line in stats("--unused", 7, "--list").splitlines()},
                         set(NAMES[2:]))
        lines = [json.loads(line) for line in stats("--unused", 7, "--list", "--json").splitlines()]
        self.assertEqual({line["path"].split("-", 1)[1] for line in lines}, set(NAMES[2:]))
        self.hide(NAMES[10:])
        self.assertEqual(json.loads(stats("--unused", 7, "--json"))[0]["paths"], 8)
        for bad in (["--unused", 0], ["--list"], ["--days", 0]):
            self.assertEqual(support.narthex("stats", "--database", PG.uri, *bad, check=False).returncode, 2)

    def test_none_where_they_are_not_wanted(self):
        server = self.serve("--count-requests", "false", *FLUSH)
        self.assertEqual(self.ask(server, NAMES, 2), {200})
        server.stop()
        self.assertEqual(self.counted(), {})


if __name__ == "__main__":
    support.main()
