#!/usr/bin/env python3
"""Uploads that something goes wrong with: S24 kill -9 of the server while clients copy, a database
that goes away, a full disk; and what the sweep makes of what is left."""

import pathlib
import re
import resource
import subprocess
import threading
import time
import unittest

import samples
import support
from nix_client import NixClient
from postgres import Postgres
from uploads import Publisher, head_of, make_token, narinfo_target, put, stored_files

CLIENTS = 10
KILLS = 3


def setUpModule():
    global PG
    PG = Postgres()
    support.narthex("migrate", "--database", PG.uri)
    support.narthex("cache", "set", "default", "--database", PG.uri, "--trusted-key",
                    support.closure().public_key)


def tearDownModule():
    PG.close()


class Case(unittest.TestCase):
    def serve(self, *args):
        server = support.Server("--database", PG.uri, "--upload-dir", self.directory, *args)
        self.addCleanup(server.kill)
        return server.start()

    def setUp(self):
        self.directory = support.temp_dir("uploads")

    def make_token(self, server):
        return make_token(server, f"ci-{time.monotonic_ns()}", database=PG.uri)

    def known_files(self):
        return PG.psql("select l.path from nar_location l join site s on s.id = l.site "
                       f"where s.base = '{self.directory}' order by 1").split()

    def assert_every_narinfo_has_its_nar(self, server, paths):
        for path in paths:
            narinfo = support.get(server.port, narinfo_target(path))
            self.assertEqual(narinfo.status, 200, path)
            text = narinfo.body.decode()
            nar = support.get(server.port, "/" + re.search("^URL: (.*)$", text, re.M)[1])
            self.assertEqual(nar.status, 200)
            digest = samples.nix32(samples.hashlib.sha256(nar.body).digest())
            self.assertIn(f"FileHash: sha256:{digest}\n", text)


class Kill(Case):
    def test_s24_ten_clients_and_three_kills(self):
        closure = support.closure()
        server = self.serve()
        token = self.make_token(server)
        # Each a different top, so that closures overlap.
        tops = [path for path in closure.paths if re.search("-(part|chain|diamond)-", path)]
        ended = threading.Event()
        rounds = []

        def copy(number):
            client = Publisher(token)
            while not ended.is_set():
                top = tops[(number * 3 + len(rounds)) % len(tops)]
                # Nix 2.8 waits for ever when it repeats a PUT whose connection was lost.
                done = client.publish(server.url, top, source=f"file://{closure.cache}",
                                      check=False, limit=20)
                rounds.append(done.returncode)

        threads = [threading.Thread(target=copy, args=(i,)) for i in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(KILLS):
                files = len(stored_files(self.directory)[0])
                support.wait_until(lambda: len(stored_files(self.directory)[0]) > files
                                   or len(rounds) > 100, "something has come")
                server.kill()
                server.start()
        finally:
            ended.set()
            for thread in threads:
                thread.join()

        last = Publisher(token)
        last.publish(server.url, closure.top, source=f"file://{closure.cache}")
        self.assert_every_narinfo_has_its_nar(server, closure.paths)
        reader = NixClient()
        reader.pull(closure.top, closure.public_key, server.url)
        self.assertEqual(reader.valid_paths(), set(closure.paths))
        server.stop()

        # Nothing is older than the sweep's age.
        server.args += ("--orphan-age-seconds", 1)
        server.start()
        support.wait_until(lambda: stored_files(self.directory) == (self.known_files(), []),
                           "what nobody names is swept")
        self.assertEqual(PG.psql("select count(*) from nar_location l join site s on s.id = l.site "
                                 f"where s.base = '{self.directory}' and not exists "
                                 "(select from narinfo_nar x where x.nar = l.nar)"), "0")
        self.assert_every_narinfo_has_its_nar(server, closure.paths)
        server.stop()


class Sweep(Case):
    def test_what_nobody_names_goes_and_the_rest_stays(self):
        server = self.serve("--orphan-age-seconds", 5)
        token = self.make_token(server)
        support.narthex("cache", "set", "default", "--database", PG.uri, "--allow-gaps", "false")
        self.assertEqual(put(server, "/nar/orphan.nar", b"orphan", token).status, 201)
        self.assertEqual(support.get(server.port, "/nar/orphan.nar", "HEAD").status, 200)
        support.wait_until(lambda: support.get(server.port, "/nar/orphan.nar", "HEAD").status == 404,
                           "it is swept")
        support.wait_until(lambda: stored_files(self.directory) == ([], []), "its file is gone")
        # It can come again, under another file's name.
        self.assertEqual(put(server, "/nar/orphan.nar", b"orphan", token).status, 201)
        server.stop()

    def test_leftovers_of_a_killed_server(self):
        server = self.serve()
        token = self.make_token(server)
        with support.Connection(server.port) as connection:
            connection.send(head_of("/nar/cut.nar", 1 << 20, token) + samples.nar_bytes(300_000))
            support.wait_until(lambda: len(stored_files(self.directory)[1]) == 1, "it is coming in")
            server.kill()
        self.assertEqual(len(stored_files(self.directory)[1]), 1)
        server.args += ("--orphan-age-seconds", 1)
        server.start()
        support.wait_until(lambda: stored_files(self.directory) == ([], []), "it is swept")
        server.stop()

    def test_what_was_linked_but_not_committed(self):
        server = self.serve()
        token = self.make_token(server)
        # As after a kill between the link and the commit, and after one between commit and unlink.
        self.assertEqual(put(server, "/nar/kept.nar", b"kept", token).status, 201)
        kept = stored_files(self.directory)[0][0]
        server.kill()
        (self.directory / "incoming" / kept[3:]).hardlink_to(self.directory / kept)
        (self.directory / "incoming" / "ab-lost").write_bytes(b"lost")
        (self.directory / "ab").mkdir(exist_ok=True)
        (self.directory / "ab" / "ab-lost").hardlink_to(self.directory / "incoming" / "ab-lost")
        server.args += ("--orphan-age-seconds", 2)
        # Named by a narinfo: it is no orphan.
        PG.psql("insert into narinfo_nar select 1, decode(repeat('ab', 20), 'hex'), id from nar "
                "where url = 'nar/kept.nar'")
        server.start()
        support.wait_until(lambda: stored_files(self.directory) == ([kept], []), "all is settled")
        self.assertEqual(support.get(server.port, "/nar/kept.nar").body, b"kept")
        PG.psql("delete from narinfo_nar where hash = decode(repeat('ab', 20), 'hex')")
        server.stop()


class DiskFull(Case):
    def test_nothing_is_half_stored_and_it_recovers(self):
        server = self.serve()
        token = self.make_token(server)
        data = samples.nar_bytes(400_000)
        pid = server.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (200_000, limits[1]))
        answer = put(server, "/nar/large.nar", data, token)
        self.assertEqual(answer.status, 507)
        self.assertIn(b"disk is full", answer.body)
        support.wait_until(lambda: stored_files(self.directory) == ([], []), "nothing is left")
        self.assertEqual(support.get(server.port, "/nar/large.nar").status, 404)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
        self.assertEqual(put(server, "/nar/large.nar", data, token).status, 201)
        self.assertEqual(support.get(server.port, "/nar/large.nar").body, data)
        server.stop()


    def test_a_file_system_that_is_full(self):
        """One of 4 MiB that only the server sees."""
        under = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs -o size=4m,mode=0777 none "
                 f'{self.directory} && exec "$@"', "sh"]
        tried = subprocess.run([*under, "true"], capture_output=True, text=True)
        if tried.returncode != 0:
            self.skipTest(f"no file system can be mounted here: {tried.stderr.strip()}")
        server = support.Server("--database", PG.uri, "--upload-dir", self.directory, under=under)
        self.addCleanup(server.kill)
        server.start()
        token = self.make_token(server)
        seen = pathlib.Path(f"/proc/{server.process.pid}/root{self.directory}")
        data = samples.nar_bytes(3 << 20)
        self.assertEqual(put(server, "/nar/small.nar", b"small", token).status, 201)
        before = stored_files(seen)
        filler = seen / "filler"
        filler.write_bytes(bytes(2 << 20))
        with_filler = (sorted([*before[0], "filler"]), [])
        for _ in range(2):
            answer = put(server, "/nar/big.nar", data, token)
            self.assertEqual(answer.status, 507)
            self.assertIn(b"disk is full", answer.body)
            support.wait_until(lambda: stored_files(seen) == with_filler, "nothing is left")
            self.assertEqual(support.get(server.port, "/nar/big.nar").status, 404)
        # What has room goes on: a smaller one, and what isn't written to that disk.
        self.assertEqual(put(server, "/nar/tiny.nar", b"tiny", token).status, 201)
        self.assertEqual(put(server, samples.target("big").replace(".narinfo", ".ls"), b"{}",
                             token).status, 201)
        filler.unlink()
        self.assertEqual(put(server, "/nar/big.nar", data, token).status, 201)
        self.assertEqual(support.get(server.port, "/nar/big.nar").body, data)
        self.assertEqual(support.get(server.port, "/nar/small.nar").body, b"small")
        server.stop()


class Database(Case):
    def test_away_for_a_moment_is_waited_for(self):
        server = self.serve("--publish-timeout-ms", 60_000)
        token = self.make_token(server)
        with support.Connection(server.port) as connection:
            connection.send(head_of("/nar/patient.nar", 7, token) + b"patie")
            PG.stop()
            connection.send(b"nt")
            support.wait_until(lambda: "publish_retried" in server.log(), "it has tried")
            PG.start()
            self.assertEqual(connection.read_response("PUT").status, 201)
        self.assertEqual(support.get(server.port, "/nar/patient.nar").body, b"patient")
        server.stop()

    def test_away_for_longer_is_503_and_nothing_is_left(self):
        server = self.serve("--publish-timeout-ms", 1000)
        token = self.make_token(server)
        try:
            with support.Connection(server.port) as connection:
                connection.send(head_of("/nar/gone.nar", 4, token) + b"go")
                support.wait_until(
                    lambda: support.get(server.port, "/readyz").status == 200, "it is ready")
                PG.stop()
                connection.send(b"ne")
                answer = connection.read_response("PUT")
            self.assertEqual(answer.status, 503)
            self.assertIsNotNone(answer.header("retry-after"))
            self.assertEqual(stored_files(self.directory), ([], []))
        finally:
            PG.start()
        support.wait_until(lambda: put(server, "/nar/gone.nar", b"gone", token).status == 201,
                           "it is taken again")
        server.stop()

    def test_none_is_taken_without_a_directory(self):
        server = support.Server("--database", PG.uri).start()
        answer = put(server, "/nar/x.nar", b"x")
        self.assertEqual(answer.status, 403)
        self.assertIn(b"--upload-dir", answer.body)
        server.stop()

    def test_a_hidden_output_hides_what_belongs_to_it_and_comes_back(self):
        server = self.serve()
        token = self.make_token(server)
        support.narthex("cache", "set", "default", "--database", PG.uri, "--allow-gaps", "true")
        target = samples.target("hidden")
        listing = target.replace(".narinfo", ".ls")
        self.assertEqual(put(server, listing, b"{}", token).status, 201)
        PG.psql("insert into hide_batch (active, reason) values (true, 'test')")
        PG.psql("insert into hidden select 1, output_hash, max(b.id) from companion, hide_batch b "
                "group by 2")
        self.assertEqual(support.get(server.port, listing).status, 404)
        PG.psql("delete from hidden")
        self.assertEqual(support.get(server.port, listing).status, 200)
        server.stop()


if __name__ == "__main__":
    support.main()
