#!/usr/bin/env python3
"""A hidden path that is asked for often enough comes back with all that it needs."""

import json
import re
import unittest

import samples
import support
from narinfos import narinfo
from postgres import Postgres
from raw_http import guix_get, pipelined
from support import get

# d needs c needs b; a needs b, too; e is alone; torn needs what will be gone.
NEEDS = {"b": [], "c": ["b"], "d": ["c"], "a": ["b"], "e": [], "gone": [], "torn": ["gone"]}


def setUpModule():
    global PG
    PG = Postgres()
    support.narthex("migrate", "--database", PG.uri)
    support.narthex("import", "--database", PG.uri, samples.write_records(
        support.temp_dir("records") / "all",
        [narinfo(name, needs).text for name, needs in NEEDS.items()]))


def tearDownModule():
    PG.close()


class AutoRestore(unittest.TestCase):
    def setUp(self):
        PG.psql("delete from hidden; delete from hide_batch; delete from request_count;"
                "delete from purged_narinfo; delete from audit")

    def serve(self, *args):
        server = support.Server("--database", PG.uri, "--count-flush-seconds", 1, *args).start()
        self.addCleanup(server.kill)
        support.wait_until(lambda: "event=changes_heard" in server.log(), "it listens")
        return server

    def hide(self, names):
        batch = PG.psql("insert into hide_batch (reason) values ('test') returning id").split()[0]
        for name in names:
            PG.psql(f"insert into hidden select cache, hash, {batch} from narinfo where name = '{name}'")
        PG.psql(f"update hide_batch set active = true where id = {batch}")

    def ask(self, server, name, times):
        answers = pipelined(server.port, [guix_get(samples.target(name), server.port)] * times)
        return {answer.status for answer in answers}

    def hidden(self):
        """As the database has it: asking a server would count."""
        return set(PG.psql("select name from hidden join narinfo using (cache, hash)").splitlines())

    def stored(self, name):
        return PG.psql("select coalesce(sum(r.hidden), 0) from request_count r"
                       f" join narinfo n using (cache, hash) where n.name = '{name}'")

    def test_after_so_many_requests_on_all_servers(self):
        servers = [self.serve("--auto-restore", 10), self.serve("--auto-restore", 10)]
        self.hide(NEEDS)
        for server in servers:
            support.wait_until(lambda: get(server.port, samples.target("a")).status == 404, "it is hidden")
        self.assertEqual(self.ask(servers[0], "d", 5), {404})
        self.assertEqual(self.ask(servers[1], "d", 4), {404})
        support.wait_until(lambda: self.stored("d") == "9", "nine are counted")
        self.assertEqual(PG.psql("select count(*) from audit"), "0")
        self.assertEqual(self.ask(servers[1], "d", 1), {404})
        support.wait_until(lambda: self.hidden() == set(NEEDS) - {"b", "c", "d"}, "it is back")
        for server in servers:
            support.wait_until(lambda: get(server.port, samples.target("d")).status == 200, "everywhere")
        rows = PG.psql("select who, action, subject, details from audit").splitlines()
        self.assertEqual(len(rows), 1, rows)
        who, action, subject, details = rows[0].split("|")
        self.assertEqual((who, action, subject), ("serve", "auto-restore", samples.hash_part("d")))
        self.assertEqual(json.loads(details), {"paths": 3})
        logs = "".join(server.log() for server in servers)
        self.assertEqual(re.findall(r"event=auto_restored cache=\d+ hash=(\w+) paths=(\d+)", logs),
                         [(samples.hash_part("d"), "3")])
        for server in servers:
            server.stop()

    def test_not_unless_it_is_asked_for(self):
        server = self.serve()
        self.hide(["e"])
        support.wait_until(lambda: get(server.port, samples.target("e")).status == 404, "it is hidden")
        before = int(self.stored("e"))
        self.assertEqual(self.ask(server, "e", 100), {404})
        support.wait_until(lambda: int(self.stored("e")) >= before + 100, "they are counted")
        self.assertEqual(self.ask(server, "e", 1), {404})
        server.stop()
        self.assertEqual(PG.psql("select count(*) from audit"), "0")

    def test_not_by_requests_before_it_was_hidden(self):
        server = self.serve("--auto-restore", 10)
        PG.psql("insert into request_count (cache, hash, day, hidden) select cache, hash,"
                " (now() at time zone 'UTC')::date - 1, 1000 from narinfo")
        self.hide(["e"])
        support.wait_until(lambda: get(server.port, samples.target("e")).status == 404, "it is hidden")
        support.wait_until(lambda: int(self.stored("e")) > 1000, "it is counted")
        self.assertEqual(self.ask(server, "e", 1), {404})
        server.stop()
        self.assertEqual(PG.psql("select count(*) from audit"), "0")

    def test_not_what_needs_something_that_was_purged(self):
        server = self.serve("--auto-restore", 1)
        self.hide(["torn", "e"])
        PG.psql("insert into purged_narinfo (cache, hash, plan, name, text, nar_hash, nar_size, first_seen)"
                " select cache, hash, 1, name, text, nar_hash, nar_size, first_seen from narinfo"
                " where name = 'gone'")
        PG.psql("delete from narinfo where name = 'gone'")
        support.wait_until(lambda: get(server.port, samples.target("torn")).status == 404, "it is hidden")
        support.wait_until(lambda: int(self.stored("torn")) >= 1, "it is counted")
        self.assertEqual(self.ask(server, "e", 1), {404})
        support.wait_until(lambda: self.hidden() == {"torn"}, "the other one is back")
        self.assertEqual(self.ask(server, "torn", 1), {404})
        server.stop()


if __name__ == "__main__":
    support.main()
