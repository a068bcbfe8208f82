#!/usr/bin/env python3
"""What a publisher is told is there is leased before it is told so: by raw requests, many at once,
in bulk, and as the real Nix asks."""

import json
import unittest

import samples
import support
import tokens
from bulk import ATTIC, CACHIX, LINES, ask, post
from postgres import Postgres
from raw_http import assert_well_formed, guix_get, pipelined
from support import get
from uploads import Publisher, make_token

NAMES = [f"leased-{i}" for i in range(20)]


def setUpModule():
    global PG, PUBLISH, READ, OTHER
    PG = Postgres()
    support.narthex("migrate", "--database", PG.uri)
    support.narthex("cache", "create", "other", "--database", PG.uri)
    support.narthex("import", "--database", PG.uri, samples.write_records(
        support.temp_dir("records") / "all", [samples.narinfo(name) for name in NAMES]))
    PUBLISH = tokens.bearer(tokens.make(PG, "ci", ["publish"]))
    READ = tokens.bearer(tokens.make(PG, "reader", ["read"]))
    OTHER = tokens.bearer(tokens.make(PG, "elsewhere", ["publish"], cache="other"))


def tearDownModule():
    PG.close()


class Case(unittest.TestCase):
    def setUp(self):
        PG.psql("delete from hidden; delete from hide_batch; delete from lease; delete from request_count")

    def serve(self, *args):
        server = support.Server("--database", PG.uri, *args).start()
        self.addCleanup(server.kill)
        support.wait_until(lambda: "event=changes_heard" in server.log(), "it listens")
        return server

    def leased(self):
        rows = PG.psql("select n.name from lease l join narinfo n using (cache, hash)"
                       " where until > now() + interval '23 hours'")
        return sorted(rows.splitlines())

    def assert_leased(self, names):
        self.assertEqual(self.leased(), sorted(names))
        self.assertEqual(int(PG.psql("select count(*) from lease")), len(names))

    def hide(self, name, active):
        batch = PG.psql("insert into hide_batch (reason) values ('test') returning id").split()[0]
        PG.psql(f"insert into hidden select cache, hash, {batch} from narinfo where name = '{name}'")
        PG.psql(f"update hide_batch set active = {active} where id = {batch}")


class Checks(Case):
    def test_by_whom(self):
        server = self.serve()
        for headers in ([], [READ], [OTHER], ["Authorization: Bearer nonsense"]):
            for method in ("GET", "HEAD"):
                self.assertEqual(get(server.port, samples.target(NAMES[0]), method, headers).status, 200)
        self.assert_leased([])
        head = get(server.port, samples.target(NAMES[0]), "HEAD", [PUBLISH])
        self.assertEqual(head.status, 200)
        assert_well_formed(self, head)
        self.assert_leased(NAMES[:1])
        answer = get(server.port, samples.target(NAMES[1]), "GET", [PUBLISH])
        self.assertEqual((answer.status, answer.body.decode()), (200, samples.narinfo(NAMES[1])))
        basic = tokens.basic(PUBLISH.split()[-1])
        self.assertEqual(get(server.port, samples.target(NAMES[2]), "GET", [basic]).status, 200)
        self.assertEqual(get(server.port, samples.target("absent"), "HEAD", [PUBLISH]).status, 404)
        self.assert_leased(NAMES[:3])
        server.stop()

    def test_pipelined_with_plain_requests_between(self):
        for cache_bytes in (1 << 20, 0):
            PG.psql("delete from lease")
            server = self.serve("--cache-bytes", cache_bytes)
            requests = []
            for name in NAMES:
                requests.append(guix_get(samples.target(name), server.port, PUBLISH))
                requests.append(guix_get(samples.target(name + "-absent"), server.port, PUBLISH))
                requests.append(guix_get(samples.target(name), server.port))
            for _ in range(2):
                answers = pipelined(server.port, requests)
                self.assertEqual([answer.status for answer in answers], [200, 404, 200] * len(NAMES))
                self.assertEqual([answer.body.decode() for answer in answers[::3]],
                                 [samples.narinfo(name) for name in NAMES])
            self.assert_leased(NAMES)
            server.stop()

    def test_bulk(self):
        server = self.serve()
        parts = [samples.hash_part(name) for name in [*NAMES[:4], "absent"]]
        missing = [parts[-1]]
        question = json.dumps(parts)
        self.assertEqual(json.loads(ask(server.port, post(CACHIX, question)).body), missing)
        self.assertEqual(json.loads(ask(server.port, post(CACHIX, question, READ)).body), missing)
        self.assert_leased([])
        self.assertEqual(json.loads(ask(server.port, post(CACHIX, question, PUBLISH)).body), missing)
        self.assert_leased(NAMES[:4])
        parts = [samples.hash_part(name) for name in [*NAMES[4:8], "absent"]]
        question = json.dumps({"cache": "default", "store_path_hashes": parts})
        answer = json.loads(ask(server.port, post(ATTIC, question, PUBLISH)).body)
        self.assertEqual(answer, {"missing_paths": missing})
        self.assert_leased(NAMES[:8])
        parts = [samples.hash_part(name) for name in [*NAMES[6:10], "absent"]]
        answer = ask(server.port, post(LINES, "\n".join(parts), "Accept: text/x-nix-narinfo", PUBLISH))
        self.assertEqual(answer.body.decode(), "\n".join(map(samples.narinfo, NAMES[6:10])))
        self.assert_leased(NAMES[:10])
        server.stop()

    def test_what_is_hidden_stays_so_and_what_is_about_to_be_is_rescued(self):
        server = self.serve()
        self.hide(NAMES[0], "true")
        self.hide(NAMES[1], "false")
        answer = get(server.port, samples.target(NAMES[0]), "GET", [PUBLISH])
        self.assertEqual((answer.status, answer.header("Narthex-Hidden")), (404, "1"))
        self.assertEqual(get(server.port, samples.target(NAMES[1]), "HEAD", [PUBLISH]).status, 200)
        self.assert_leased([NAMES[1]])
        self.assertEqual(PG.psql("select name from hidden join narinfo using (cache, hash)"), NAMES[0])
        question = json.dumps([samples.hash_part(NAMES[0])])
        self.assertEqual(ask(server.port, post(CACHIX, question, PUBLISH)).body.decode(), question)
        server.stop()

    def test_what_a_server_holds_it_answers_from_memory(self):
        server, other = self.serve(), self.serve()
        for _ in range(2):
            self.assertEqual(get(server.port, samples.target(NAMES[0]), "HEAD", [PUBLISH]).status, 200)
            PG.psql("delete from lease")
        self.assertEqual(get(server.port, samples.target(NAMES[0]), "HEAD", [PUBLISH]).status, 200)
        self.assert_leased([])
        self.assertEqual(get(other.port, samples.target(NAMES[0]), "HEAD", [PUBLISH]).status, 200)
        self.assert_leased(NAMES[:1])
        server.stop()
        other.stop()

    def test_they_are_no_requests_that_count(self):
        server = self.serve("--count-flush-seconds", 1)
        for name in NAMES:
            for _ in range(3):
                self.assertEqual(get(server.port, samples.target(name), "HEAD", [PUBLISH]).status, 200)
        self.assertEqual(get(server.port, samples.target(NAMES[0])).status, 200)
        server.stop()
        self.assertEqual(PG.psql("select sum(served) from request_count"), "1")

    def test_those_that_have_ended_are_deleted(self):
        PG.psql("insert into lease select cache, hash, now() - interval '1 s' from narinfo")
        PG.psql(f"update lease set until = 'infinity' where hash in"
                f" (select hash from narinfo where name = '{NAMES[0]}')")
        server = self.serve("--count-flush-seconds", 1)
        support.wait_until(lambda: PG.psql("select count(*) from lease") == "1", "they are gone")
        self.assert_leased(NAMES[:1])
        server.stop()

    def test_while_the_database_is_away_nothing_is_promised(self):
        server = self.serve("--lookup-timeout-ms", 3000)
        names = NAMES[:2]
        for name in names:
            self.assertEqual(get(server.port, samples.target(name)).status, 200)
        PG.stop()
        try:
            # At once, when the connection's loss isn't known yet, and later.
            for _ in range(2):
                answer = get(server.port, samples.target(NAMES[0]), "HEAD", [PUBLISH])
                self.assertEqual((answer.status, answer.header("Retry-After")), (503, "5"))
                support.wait_until(lambda: "event=changes_lost" in server.log(), "it knows")
            question = json.dumps([samples.hash_part(NAMES[1])])
            self.assertEqual(ask(server.port, post(CACHIX, question, PUBLISH)).status, 503)
            self.assertEqual(get(server.port, samples.target(NAMES[0])).status, 200)  # as it was
        finally:
            PG.start()
        support.wait_until(lambda: get(server.port, samples.target(NAMES[0]), "HEAD", [PUBLISH]).status == 200,
                           "it is back")
        self.assert_leased(NAMES[:1])
        server.stop()


class Nix(Case):
    def test_copy(self):
        closure = support.closure()
        server = self.serve("--trusted-key", closure.public_key, "--upload-dir", support.temp_dir("nars"))
        token = make_token(server, "nix", database=PG.uri)
        source = f"file://{closure.cache}"
        paths = sorted(path.split("-", 1)[1] for path in closure.paths)
        Publisher(token).publish(server.url, closure.top, source=source)
        self.assertEqual(set(self.leased()) - set(paths), set())
        PG.psql("delete from lease")
        server.stop()
        server.start()  # it has forgotten
        Publisher(token).publish(server.url, closure.top, source=source)  # what is there isn't sent
        self.assert_leased(paths)
        server.stop()

    def test_a_put_of_what_is_there(self):
        closure = support.closure()
        server = self.serve("--trusted-key", closure.public_key, "--upload-dir", support.temp_dir("nars"))
        token = make_token(server, "put", database=PG.uri)
        Publisher(token).publish(server.url, closure.top, source=f"file://{closure.cache}")
        PG.psql("delete from lease")
        part = closure.top.rsplit("/", 1)[1][:32]
        text = (closure.cache / f"{part}.narinfo").read_bytes()
        answer = ask(server.port, post(f"/{part}.narinfo", text, tokens.bearer(token), method="PUT"))
        self.assertEqual(answer.status, 200)
        self.assert_leased([closure.top.rsplit("/", 1)[1].split("-", 1)[1]])
        server.stop()


if __name__ == "__main__":
    support.main()
