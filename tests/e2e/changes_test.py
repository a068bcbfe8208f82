#!/usr/bin/env python3
"""Answers in memory follow what changes in the database, on every server of it."""

import hashlib
import re
import time
import unittest

import samples
import support
from postgres import Postgres
from raw_http import assert_well_formed
from support import get

SOON = 5  # seconds; what it really takes is printed
COUNT = 200


def setUpModule():
    global PG
    PG = Postgres()
    support.narthex("migrate", "--database", PG.uri)


def tearDownModule():
    PG.close()


def hex_of(name):
    """The hash part's bytes as PostgreSQL spells them."""
    return "'\\x" + hashlib.sha256(name.encode()).digest()[:20].hex() + "'"


class Changes(unittest.TestCase):
    def setUp(self):
        self.servers = []
        for _ in range(2):
            server = support.Server("--database", PG.uri).start()
            self.addCleanup(server.stop)
            support.wait_until(lambda: "event=changes_heard" in server.log(), "it listens")
            self.servers.append(server)

    def import_(self, names):
        texts = [samples.narinfo(name) for name in names]
        support.narthex("import", "--database", PG.uri, samples.write_records(
            support.temp_dir("records") / "all", texts))
        return dict(zip(names, texts))

    def statuses(self, names):
        return [get(server.port, samples.target(name)).status
                for server in self.servers for name in names]

    def expect(self, names, status, what):
        """On both servers, soon."""
        start = time.monotonic()
        wanted = [status] * (2 * len(names))
        support.wait_until(lambda: self.statuses(names) == wanted, what, SOON)
        print(f"{what}: {1000 * (time.monotonic() - start):.0f} ms ", end="", flush=True)

    def keep(self, names, status):
        """Both servers have it in memory."""
        for _ in range(2):
            self.assertEqual(self.statuses(names), [status] * (2 * len(names)))

    def test_an_import_is_seen_where_absence_was_known(self):
        names = [f"new-{i}" for i in range(COUNT)]
        self.keep(names, 404)
        texts = self.import_(names)
        self.expect(names, 200, "imported")
        for server in self.servers:
            for name in names:
                self.assertEqual(get(server.port, samples.target(name)).body.decode(), texts[name])

    def test_hiding_restoring_and_deleting_are_seen(self):
        names = [f"hidden-{i}" for i in range(10)]
        self.import_(names)
        self.keep(names, 200)
        batch = PG.psql("insert into hide_batch (reason) values ('test') returning id").split()[0]
        for name in names:
            PG.psql(f"insert into hidden values (1, {hex_of(name)}, {batch})")
        self.keep(names, 200)
        PG.psql(f"update hide_batch set active = true where id = {batch}")
        self.expect(names, 404, "hidden")
        self.expect_to_be_told(names[0])
        PG.psql(f"update hide_batch set active = false where id = {batch}")
        self.expect(names, 200, "restored")
        PG.psql(f"delete from narinfo where hash = {hex_of(names[0])}")
        self.expect(names[:1], 404, "deleted")
        self.keep(names[1:], 200)

    def expect_to_be_told(self, hidden):
        """That the operator hides it: from memory and from the database, and of nothing else."""
        unkept = support.Server("--database", PG.uri, "--cache-bytes", 0).start()
        self.addCleanup(unkept.stop)
        for server in (*self.servers, unkept):
            for method in ("GET", "HEAD"):
                answer = get(server.port, samples.target(hidden), method)
                self.assertEqual((answer.status, answer.header("Narthex-Hidden")), (404, "1"))
                self.assertEqual(answer.header("Cache-Control"), "public, max-age=60")
                assert_well_formed(self, answer)
                self.assertEqual(answer.body.startswith(b"404: hidden by the operator"), method == "GET")
                absent = get(server.port, samples.target("never-there"), method)
                self.assertEqual((absent.status, absent.header("Narthex-Hidden")), (404, None))

    def test_an_added_line_is_seen_and_changes_the_etag(self):
        name = "signed"
        self.import_([name])
        self.keep([name], 200)
        before = get(self.servers[0].port, samples.target(name))
        PG.psql(f"insert into narinfo_line (cache, hash, line) values (1, {hex_of(name)}, 'Sig: a:b')")
        for server in self.servers:
            support.wait_until(lambda: get(server.port, samples.target(name)).body.endswith(
                b"\nSig: a:b\n"), "the line is there", SOON)
            after = get(server.port, samples.target(name))
            self.assertNotEqual(after.header("ETag"), before.header("ETag"))

    def test_what_changes_while_nobody_listens_is_seen(self):
        """The connection that listens is lost: answers in memory rest until it is back."""
        name = "unheard"
        self.keep([name], 404)
        PG.psql("select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %'"
                " or query like '%pg_notify(%' and pid <> pg_backend_pid()")
        self.import_([name])
        self.expect([name], 200, "back")
        for server in self.servers:
            support.wait_until(lambda: server.log().count("event=changes_heard") == 2, "it is back")
            self.assertEqual(len(re.findall("event=changes_lost", server.log())), 1)

    def test_conditional_requests(self):
        name = "conditional"
        self.import_([name])
        port = self.servers[0].port
        for _ in range(2):  # from the database, then from memory
            whole = get(port, samples.target(name))
            etag = whole.header("ETag")
            self.assertEqual(whole.header("Cache-Control"), "public, max-age=300")
            for method in ("GET", "HEAD"):
                same = get(port, samples.target(name), method, [f"If-None-Match: {etag}"])
                self.assertEqual((same.status, same.body), (304, b""))
                self.assertEqual(same.header("ETag"), etag)
                assert_well_formed(self, same)
            other = get(port, samples.target(name), "GET", ['If-None-Match: "x"'])
            self.assertEqual((other.status, other.body), (200, whole.body))
            self.assertEqual(get(self.servers[1].port, samples.target(name)).header("ETag"), etag)

    def test_ages_are_settings(self):
        name = "aged"
        self.import_([name])
        PG.psql(f"update narinfo set first_seen = now() - interval '2 hours' where hash = {hex_of(name)}")
        with support.Server("--database", PG.uri, "--hit-max-age-seconds", 7, "--miss-max-age-seconds",
                            0, "--new-max-age-seconds", 9, "--new-for-seconds", 10_000) as server:
            self.assertEqual(get(server.port, samples.target(name)).header("Cache-Control"),
                             "public, max-age=9")
            self.assertEqual(get(server.port, samples.target("none")).header("Cache-Control"),
                             "public, max-age=0")
        with support.Server("--database", PG.uri, "--hit-max-age-seconds", 7) as server:
            self.assertEqual(get(server.port, samples.target(name)).header("Cache-Control"),
                             "public, max-age=7")


if __name__ == "__main__":
    support.main()
