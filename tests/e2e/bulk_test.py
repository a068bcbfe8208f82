#!/usr/bin/env python3
"""Many paths at once: all shapes of questions and answers, and everything that can be wrong."""

import base64
import json
import socket
import time
import unittest

import narinfos
import samples
import support
from postgres import Postgres
from raw_http import (assert_well_formed, guix_get, is_sanitized, pipelined, read_to_end,
                      resident_bytes, wait_closed, without_date)
from support import Connection, get

MIB = 1 << 20
KERNEL_BYTES = 256 * 1024
SLACK = 15
NDJSON = "application/x-ndjson"
TEXT = "text/x-nix-narinfo"
LINES = "/api/v1/narinfos"
QUERY = "/get-narinfos-v1"
CACHIX = "/api/v1/cache/default/narinfo"
ATTIC = "/_api/v1/get-missing-paths"


def setUpModule():
    global SERVER, ALL, BY_HASH, LARGE
    SERVER = support.Server().start()
    ALL = narinfos.closure(3000, seed=7)
    BY_HASH = {each.hash: each for each in ALL}
    leaves = [narinfos.narinfo(f"leaf-{i}", [f"leaf-{j}" for j in range(max(0, i - 100), i)])
              for i in range(4000)]
    LARGE = [*leaves, narinfos.narinfo("top", [f"leaf-{i}" for i in range(4000)])]
    data_dir = ("--data-dir", SERVER.data_dir)
    support.narthex("cache", "create", "secret", *data_dir, "--visibility", "private")
    support.narthex("cache", "create", "other", *data_dir)
    support.narthex("import", *data_dir, narinfos.write(ALL, "all"))
    support.narthex("import", *data_dir, narinfos.write(LARGE, "large"))
    support.narthex("import", *data_dir, "--cache", "other", narinfos.write(ALL[:5], "some"))
    support.wait_until(lambda: get(SERVER.port, "/other/nix-cache-info").status == 200
                       and get(SERVER.port, "/secret/nix-cache-info").status == 200, "the caches")


def tearDownModule():
    SERVER.stop()


def absent(i):
    return samples.hash_part(f"nobody has {i}")


def post(target, body, *headers, method="POST", length=None):
    body = body.encode() if isinstance(body, str) else body
    lines = [f"{method} {target} HTTP/1.1", "Host: x",
             f"Content-Length: {len(body) if length is None else length}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def ask(data, port=None):
    with Connection(port or SERVER.port) as connection:
        connection.send(data)
        return connection.read_response()


def members(root, paths=None):
    """The hashes of a closure, without those that nobody has."""
    paths = paths or BY_HASH
    seen, left = set(), [root]
    while left:
        part = left.pop()
        if part in paths and part not in seen:
            seen.add(part)
            left += paths[part].references
    return seen


def records(body):
    return [record + "\n" for record in body.decode().removesuffix("\n").split("\n\n")]


def sri(text):
    """Nix's "sha256:base 32" as JSON has it."""
    number = 0
    for character in text.removeprefix("sha256:"):
        number = number << 5 | samples.ALPHABET.index(character)
    return "sha256-" + base64.b64encode(number.to_bytes(32, "little")).decode()


class Case(unittest.TestCase):
    def assert_answer(self, answer, content_type):
        assert_well_formed(self, answer)
        self.assertEqual((answer.status, answer.header("Content-Type")), (200, content_type),
                         answer.body[:200])

    def assert_refused(self, answer, status, text="", close=False):
        assert_well_formed(self, answer)
        self.assertEqual(answer.status, status, answer.body)
        self.assertRegex(answer.body, rb"\A[ -~]{1,700}\n\Z")
        self.assertIn(text, answer.body.decode())
        self.assertEqual(answer.header("Connection"), "close" if close else None)


class Narinfos(Case):
    def test_objects_of_get_narinfos_v1(self):
        wanted = ALL[:20]
        body = "\n".join([each.hash for each in wanted] + [absent(1)]) + "\n"
        for target, method in ((LINES, "POST"), (QUERY, "POST"), (QUERY, "QUERY")):
            answer = ask(post(target, body, "Content-Type: text/plain", method=method))
            self.assert_answer(answer, NDJSON)
            objects = [json.loads(line) for line in answer.body.decode().splitlines()]
            self.assertEqual([each["path"][:32] for each in objects],
                             [each.hash for each in wanted])
            for each, narinfo in zip(objects, wanted):
                self.assert_same(each, narinfo)

    def assert_same(self, found, narinfo):
        fields = dict(line.split(": ", 1) for line in narinfo.text.splitlines())
        self.assertEqual(list(found), [
            "version", "storeDir", "path", "narHash", "narSize", "references", "ca", "deriver",
            "registrationTime", "ultimate", "signatures", "url", "compression", "downloadHash",
            "downloadSize"])
        self.assertAlmostEqual(found.pop("registrationTime"), time.time(), delta=3600)
        self.assertEqual(found, {
            "version": 2, "storeDir": "/nix/store", "path": fields["StorePath"].split("/")[-1],
            "narHash": sri(fields["NarHash"]), "narSize": int(fields["NarSize"]),
            "references": fields["References"].split(), "ca": None, "deriver": fields["Deriver"],
            "ultimate": False, "signatures": [fields["Sig"]], "url": fields["URL"],
            "compression": "xz", "downloadHash": sri(fields["FileHash"]),
            "downloadSize": int(fields["FileSize"])})

    def test_texts_separated_by_empty_lines(self):
        body = "\n".join(each.hash for each in ALL)
        answer = ask(post(LINES, body, f"Accept: {TEXT}"))
        self.assert_answer(answer, TEXT)
        self.assertEqual(records(answer.body), [each.text for each in ALL])

    def test_every_way_to_name_a_path_and_each_once(self):
        part = ALL[0].hash
        body = f"{part}\r\n\n{part}-some-name\n{part}.narinfo\n{part}"
        answer = ask(post(LINES, body, f"Accept: {TEXT}", "Content-Type: Text/Plain; charset=utf-8"))
        self.assert_answer(answer, TEXT)
        self.assertEqual(answer.body.decode(), ALL[0].text)

    def test_absent_paths_alone_are_an_empty_answer(self):
        answer = ask(post(LINES, absent(1) + "\n"))
        self.assert_answer(answer, NDJSON)
        self.assertEqual(answer.body, b"")

    def test_as_many_as_a_client_sends(self):
        parts = [each.hash for each in ALL] + [absent(i) for i in range(32768 - len(ALL))]
        answer = ask(post(LINES, "\n".join(parts)))
        self.assert_answer(answer, NDJSON)
        self.assertEqual(answer.body.count(b"\n"), len(ALL))
        self.assert_refused(ask(post(LINES, "\n".join([*parts, absent("more")]))), 413, "32768")

    def test_other_caches(self):
        body = "\n".join(each.hash for each in ALL[:10])
        answer = ask(post("/other" + LINES, body, f"Accept: {TEXT}"))
        self.assertEqual(records(answer.body), [each.text for each in ALL[:5]])
        self.assertIn(b"\nGetNarInfosV1: /other/get-narinfos-v1\n",
                      get(SERVER.port, "/other/nix-cache-info").body)
        self.assert_refused(ask(post("/secret" + LINES, body)), 401, close=True)

    def test_bad_bodies(self):
        part = ALL[0].hash
        for body, text in {
                "": "empty", "\n\r\n\n": "empty", f"{part}\nx\n": "line 2",
                f"{part}\n{part[1:]}": "line 2", f"{part}0": "line 1", f" {part}": "line 1",
                f"{part}-": "line 1", f"/nix/store/{part}-x": "line 1", f"{part[:-1]}e": "line 1",
                f"\n\n{part}\t": "line 3", "\0" * 100: "line 1", "\xff" * 33: "line 1",
                json.dumps([part]): "line 1"}.items():
            with self.subTest(body):
                self.assert_refused(ask(post(LINES, body)), 400, text)

    def test_bad_heads(self):
        body = ALL[0].hash
        for kind in ("application/json", "application/x-www-form-urlencoded", "text", "text/html"):
            self.assert_refused(ask(post(LINES, body, f"Content-Type: {kind}")), 415, "text/plain",
                                close=True)
        chunked = f"POST {LINES} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        self.assert_refused(ask(chunked), 411, close=True)
        self.assert_refused(ask(post(LINES, "", length=5 * MIB)), 413, "4194304", close=True)
        self.assert_refused(ask(post(LINES, "", length=1 << 60)), 413, close=True)
        self.assertEqual(ask(post(LINES, "", length=1 << 70)).status, 400)
        for target, allowed in ((LINES, "POST, QUERY"), (QUERY, "POST, QUERY"), (CACHIX, "POST"),
                                (ATTIC, "POST")):
            answer = get(SERVER.port, target)
            assert_well_formed(self, answer)
            self.assertEqual((answer.status, answer.header("Allow")), (405, allowed))
        self.assertEqual(ask(post(CACHIX, "[]", method="QUERY")).status, 405)

    def test_an_answer_that_is_too_large(self):
        with support.Server("--bulk-answer-bytes", 100_000, data_dir=SERVER.data_dir) as server:
            body = "\n".join(each.hash for each in ALL)
            for accept in (TEXT, NDJSON):
                self.assert_refused(ask(post(LINES, body, f"Accept: {accept}"), server.port), 413,
                                    "100000")
            self.assertEqual(ask(post(LINES, ALL[0].hash), server.port).status, 200)

    def test_more_than_the_memory_for_them(self):
        with support.Server("--bulk-memory-bytes", MIB, data_dir=SERVER.data_dir) as server:
            answer = ask(post(LINES, "", length=2 * MIB), server.port)
            self.assertEqual((answer.status, answer.header("Retry-After")), (503, "5"))
            body = "\n".join(each.hash for each in ALL)
            answer = ask(post(LINES, body), server.port)
            self.assertEqual((answer.status, answer.header("Retry-After")), (503, "5"))
            for _ in range(50):  # what was taken has been given back
                self.assertEqual(ask(post(LINES, ALL[0].hash), server.port).status, 200)


class Missing(Case):
    def test_cachix(self):
        parts = [ALL[0].hash, absent(1), absent(2), absent(1), ALL[0].hash]
        for target in (CACHIX, "/api/v1/cache/other/narinfo"):
            answer = ask(post(target, json.dumps(parts), "Content-Type: application/json"))
            self.assert_answer(answer, "application/json")
            self.assertEqual(json.loads(answer.body), [absent(1), absent(2)])
        answer = ask(post("/api/v1/cache/other/narinfo", json.dumps([ALL[7].hash])))
        self.assertEqual(json.loads(answer.body), [ALL[7].hash])
        self.assertEqual(json.loads(ask(post(CACHIX, "[]")).body), [])
        many = [absent(i) for i in range(32768)]
        answer = ask(post(CACHIX, json.dumps(many)))
        self.assertEqual(json.loads(answer.body), many)

    def test_attic(self):
        question = {"cache": "default", "more": 1, "store_path_hashes": [ALL[0].hash, absent(1)]}
        answer = ask(post(ATTIC, json.dumps(question), "Content-Type: application/json"))
        self.assert_answer(answer, "application/json")
        self.assertEqual(json.loads(answer.body), {"missing_paths": [absent(1)]})
        answer = ask(post(ATTIC, json.dumps({**question, "cache": "nobody"})))
        assert_well_formed(self, answer)
        self.assertEqual(answer.status, 404)
        error = json.loads(answer.body)
        self.assertEqual((error["code"], error["error"]), (404, "NoSuchCache"))
        self.assertEqual(ask(post(ATTIC, json.dumps({**question, "cache": "secret"}))).status, 401)

    def test_bad_bodies(self):
        part = ALL[0].hash
        for body in ("", " ", "{}", "null", "1", f'"{part}"', f'["{part}"', f'["{part}"] x',
                     '["x"]', f'["{part}", 1]', f'[["{part}"]]', "[" * 100_000, "\xff",
                     f'{{"a": ["{part}"]}}'):
            with self.subTest(body[:80]):
                self.assert_refused(ask(post(CACHIX, body)), 400)
        for body in ("", "[]", "{}", '{"cache": "default"}', '{"store_path_hashes": []}',
                     '{"cache": 1, "store_path_hashes": []}', '{"cache": "default", "x": {}}',
                     '{"cache": "default", "store_path_hashes": ["x"]}',
                     '{"cache": "default", "cache": "other", "store_path_hashes": []}',
                     '{"cache": "default", "store_path_hashes": {}}', '{"cache":' * 50_000):
            with self.subTest(body[:80]):
                self.assert_refused(ask(post(ATTIC, body)), 400)

    def test_bad_heads(self):
        for target in (CACHIX, ATTIC):
            self.assert_refused(ask(post(target, "[]", "Content-Type: text/plain")), 415,
                                "application/json", close=True)
        self.assertEqual(ask(post("/api/v1/cache/nobody/narinfo", "[]")).status, 405)
        self.assertEqual(ask(post("/api/v1/cache/secret/narinfo", "[]")).status, 401)


class Closure(Case):
    def test_all_that_a_path_needs(self):
        for root in [each.hash for each in ALL[:50]]:
            wanted = members(root)
            answer = get(SERVER.port, f"/api/v1/closure/{root}")
            self.assert_answer(answer, TEXT)
            found = records(answer.body)
            self.assertEqual(sorted(found), sorted(BY_HASH[part].text for part in wanted))

    def test_an_import_reads_it(self):
        root = max(ALL[:50], key=lambda each: len(members(each.hash)))
        body = get(SERVER.port, f"/api/v1/closure/{root.hash}").body
        file = support.temp_dir("closure") / "records"
        file.write_bytes(body)
        with support.Server() as server:
            done = support.narthex("import", "--data-dir", server.data_dir, file, "--json")
            counts = [value for key, value in json.loads(done.stdout).items() if key in ("new", "added", "imported")]
            self.assertEqual(counts, [len(members(root.hash))])

    def test_a_large_one_comes_whole(self):
        top = LARGE[-1].hash
        answer = get(SERVER.port, f"/api/v1/closure/{top}")
        self.assert_answer(answer, TEXT)
        self.assertEqual(sorted(records(answer.body)), sorted(each.text for each in LARGE))

    def test_head(self):
        target = f"/api/v1/closure/{ALL[0].hash}"
        whole, head = get(SERVER.port, target), get(SERVER.port, target, "HEAD")
        self.assertEqual(without_date(head), without_date(whole))
        for target in (f"/api/v1/closure/{absent(1)}", f"/other/api/v1/closure/{ALL[7].hash}",
                       f"/api/v1/closure/{ALL[0].hash}x", "/api/v1/closure/"):
            with Connection(SERVER.port) as connection:
                connection.request(target, "HEAD")
                self.assertEqual(connection.read_response("HEAD").status, 404)
                connection.request(target)
                self.assert_refused(connection.read_response(), 404)
        self.assertEqual(get(SERVER.port, f"/secret/api/v1/closure/{ALL[0].hash}").status, 401)

    def test_one_with_too_many_paths(self):
        with support.Server("--closure-limit-paths", 3, data_dir=SERVER.data_dir) as server:
            sizes = {}
            for each in ALL:
                # A reference that nobody has counts, too: it is found before that is known.
                everything = members(each.hash)
                named = everything | {part for one in everything
                                      for part in BY_HASH[one].references}
                sizes.setdefault(len(named), each.hash)
            self.assertEqual(get(server.port, f"/api/v1/closure/{sizes[3]}").status, 200)
            self.assert_refused(ask(guix_get(f"/api/v1/closure/{sizes[4]}", 0), server.port), 413,
                                "more than 3 paths")


class Bodies(Case):
    def test_in_single_bytes(self):
        with Connection(SERVER.port) as connection:
            for byte in post(LINES, ALL[0].hash) + guix_get("/healthz", 1):
                connection.send(bytes([byte]))
            self.assertEqual(json.loads(connection.read_response().body)["version"], 2)
            self.assertEqual(connection.read_response().body, b"ok\n")

    def test_requests_of_all_kinds_keep_their_order(self):
        part = ALL[0].hash
        kinds = [(guix_get(f"/{part}.narinfo", 1), b"StorePath"), (post(LINES, part), b'{"ver'),
                 (post(CACHIX, json.dumps([absent(1)])), b'["'), (guix_get("/healthz", 1), b"ok\n"),
                 (post(LINES, "x"), b"400: line 1"), (guix_get(f"/api/v1/closure/{part}", 1), b"Sto"),
                 (post(QUERY, "\n".join(each.hash for each in ALL), method="QUERY"), b'{"ver'),
                 (guix_get("/nowhere", 1), b"404")] * 10
        for extra in ((), ("--max-pipeline", 1)):
            with support.Server(*extra, data_dir=SERVER.data_dir) as server:
                for (_, start), answer in zip(
                        kinds, pipelined(server.port, [request for request, _ in kinds])):
                    assert_well_formed(self, answer)
                    self.assertTrue(answer.body.startswith(start), (start, answer.body[:40]))

    def test_a_client_that_waits_to_be_told(self):
        body = "\n".join(each.hash for each in ALL).encode()
        head = post(LINES, b"", "Expect: 100-continue", length=len(body))
        with Connection(SERVER.port) as connection:
            for before in (b"", guix_get(f"/{ALL[0].hash}.narinfo", 1) * 3):
                connection.send(before + head)
                for _ in range(before.count(b"\r\n\r\n")):
                    self.assertEqual(connection.read_response().status, 200)
                told = connection.read_response()
                self.assertEqual((told.status, told.reason, told.headers), (100, "Continue", []))
                connection.send(body)
                self.assertEqual(connection.read_response().body.count(b"\n"), len(ALL))

    def test_a_client_that_need_not_send_its_body(self):
        for request in (post(LINES, b"", "Expect: 100-continue", length=5 * MIB),
                        post(LINES, b"", "Expect: 100-continue", "Content-Type: x/y", length=9)):
            with Connection(SERVER.port) as connection:
                connection.send(request)
                self.assertIn(connection.read_response().status, (413, 415))
                self.assertTrue(connection.at_end())

    def test_one_that_ends_early(self):
        for part in (b"", ALL[0].hash.encode(), ALL[0].hash.encode() + b"\n"):
            with Connection(SERVER.port) as connection:
                connection.send(guix_get("/healthz", 1) + post(LINES, part, length=1000))
                connection.socket.shutdown(socket.SHUT_WR)
                self.assertEqual(connection.read_response().body, b"ok\n")
                self.assert_refused(connection.read_response(), 400, "shorter", close=True)
                self.assertTrue(connection.at_end())

    def test_one_that_takes_too_long(self):
        with support.Server("--header-timeout-seconds", 2, data_dir=SERVER.data_dir) as server, \
                Connection(server.port) as silent, Connection(server.port) as dripping:
            silent.send(post(LINES, b"", "Expect: 100-continue", length=1000))
            self.assertEqual(silent.read_response().status, 100)
            dripping.send(post(LINES, b"0", length=1000))
            start = time.monotonic()
            try:
                while time.monotonic() - start < 2 + SLACK:
                    dripping.send(b"0")
                    time.sleep(0.1)
                self.fail("dripped for ever")
            except (BrokenPipeError, ConnectionResetError):
                pass
            self.assertGreater(time.monotonic() - start, 1.5)
            wait_closed(silent, SLACK)
            self.assertEqual(read_to_end(silent), 0)

    def test_connection_close_is_obeyed(self):
        with Connection(SERVER.port) as connection:
            connection.send(post(LINES, ALL[0].hash, "Connection: close") * 2)
            answer = connection.read_response()
            self.assertEqual((answer.status, answer.header("Connection")), (200, "close"))
            self.assertTrue(connection.at_end())

    def test_a_server_that_stops_leaves_half_a_body_unanswered(self):
        server = support.Server(data_dir=SERVER.data_dir).start()
        with Connection(server.port) as half:
            half.send(post(LINES, b"x", length=1000))
            get(server.port, "/healthz")
            server.stop()
            self.assertEqual(read_to_end(half), 0)


class Slow(Case):
    def test_clients_that_do_not_read_hold_little(self):
        clients, target = 8, f"/api/v1/closure/{LARGE[-1].hash}"
        whole = sum(len(each.text) + 1 for each in LARGE)
        with support.Server("--send-timeout-seconds", 2, data_dir=SERVER.data_dir) as server:
            get(server.port, target)
            before = resident_bytes(server)
            slow = []
            for _ in range(clients):
                connection = Connection(server.port)
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
                connection.send(guix_get(target, 1) * 10)
                slow.append(connection)
            most, start = before, time.monotonic()
            while time.monotonic() - start < 1.5:
                self.assertEqual(get(server.port, f"/{ALL[0].hash}.narinfo").status, 200)
                most = max(most, resident_bytes(server))
            for connection in slow:
                wait_closed(connection, 2 + SLACK)
            print(f"{clients} clients were owed {clients * whole // MIB} MiB, which took "
                  f"{(most - before) // MIB} MiB ", end="", flush=True)
            self.assertLess(most - before, clients * (10 if is_sanitized() else 5) * MIB)
            for connection in slow:
                self.assertLess(read_to_end(connection), whole)
                connection.close()


class Outage(Case):
    @classmethod
    def setUpClass(cls):
        cls.pg = Postgres()
        support.narthex("migrate", "--database", cls.pg.uri)
        support.narthex("import", "--database", cls.pg.uri, narinfos.write(LARGE, "large"))

    @classmethod
    def tearDownClass(cls):
        cls.pg.close()

    def serve(self, *args):
        server = support.Server("--database", self.pg.uri, *args).start()
        self.addCleanup(server.stop)
        return server

    def test_a_database_that_is_away(self):
        server = self.serve()
        part = LARGE[0].hash
        questions = [post(LINES, part), post(CACHIX, json.dumps([part])),
                     post(ATTIC, json.dumps({"cache": "default", "store_path_hashes": [part]})),
                     guix_get(f"/api/v1/closure/{part}", 1)]
        for question in questions:
            self.assertEqual(ask(question, server.port).status, 200)
        self.pg.stop()
        for question in questions:
            answer = ask(question, server.port)
            self.assert_refused(answer, 503, "database")
            self.assertEqual(answer.header("Retry-After"), "5")
        self.pg.start()
        for question in questions:
            self.assertEqual(ask(question, server.port).status, 200)

    def test_a_database_that_hangs(self):
        server = self.serve("--bulk-timeout-ms", 2000)
        self.assertEqual(ask(post(LINES, LARGE[0].hash), server.port).status, 200)
        self.pg.hang()
        self.addCleanup(self.pg.go_on)
        start = time.monotonic()
        self.assert_refused(ask(post(LINES, LARGE[0].hash), server.port), 503)
        self.assertLess(time.monotonic() - start, 2 + SLACK)
        self.pg.go_on()

    def cut(self, change):
        """What comes of a closure when something happens in the middle of it."""
        server = self.serve()
        with Connection(server.port) as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
            connection.send(guix_get(f"/api/v1/closure/{LARGE[-1].hash}", 1))
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.socket.recv(1)
            self.assertTrue(head.startswith(b"HTTP/1.1 200 OK\r\n"))
            time.sleep(0.5)  # until the kernel takes no more
            change()
            promised = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
            return promised, read_to_end(connection)

    def test_a_database_that_goes_away_in_the_middle(self):
        promised, came = self.cut(self.pg.stop)
        self.pg.start()
        self.assertGreater(came, 0)
        self.assertLess(came, promised)

    def test_a_path_that_is_hidden_in_the_middle(self):
        part = self.pg.psql("select '\\x' || encode(hash, 'hex') from path order by id desc limit 1")
        batch = self.pg.psql("insert into hide_batch (reason) values ('test') returning id")
        self.pg.psql(f"insert into hidden values (1, '{part}', {batch})")
        try:
            promised, came = self.cut(lambda: self.pg.psql("update hide_batch set active = true"))
            self.assertLess(came, promised)
        finally:
            self.pg.psql("delete from hidden; delete from hide_batch")


if __name__ == "__main__":
    support.main()
