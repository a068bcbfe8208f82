#!/usr/bin/env python3
"""Many paths at once: all shapes of questions and answers, and everything that can be wrong."""

import base64
import json
import time
import unittest

import narinfos
import samples
import support
from bulk import (ATTIC, CACHIX, LINES, MIB, NDJSON, QUERY, TEXT, Case, absent, ask, large_closure,
                  post)
from raw_http import assert_well_formed, guix_get, without_date
from support import Connection, get


def setUpModule():
    global SERVER, ALL, BY_HASH, LARGE
    SERVER = support.Server().start()
    ALL = narinfos.closure(3000, seed=7)
    BY_HASH = {each.hash: each for each in ALL}
    LARGE = large_closure()
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


class Narinfos(Case):
    def test_objects_of_get_narinfos_v1(self):
        wanted = ALL[:20]
        body = "\n".join([each.hash for each in wanted] + [absent(1)]) + "\n"
        for target, method in ((LINES, "POST"), (QUERY, "POST"), (QUERY, "QUERY")):
            answer = ask(SERVER.port, post(target, body, "Content-Type: text/plain", method=method))
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
        answer = ask(SERVER.port, post(LINES, body, f"Accept: {TEXT}"))
        self.assert_answer(answer, TEXT)
        self.assertEqual(records(answer.body), [each.text for each in ALL])

    def test_every_way_to_name_a_path_and_each_once(self):
        part = ALL[0].hash
        body = f"{part}\r\n\n{part}-some-name\n{part}.narinfo\n{part}"
        answer = ask(SERVER.port, post(LINES, body, f"Accept: {TEXT}",
                                       "Content-Type: Text/Plain; charset=utf-8"))
        self.assert_answer(answer, TEXT)
        self.assertEqual(answer.body.decode(), ALL[0].text)

    def test_absent_paths_alone_are_an_empty_answer(self):
        answer = ask(SERVER.port, post(LINES, absent(1) + "\n"))
        self.assert_answer(answer, NDJSON)
        self.assertEqual(answer.body, b"")

    def test_as_many_as_a_client_sends(self):
        parts = [each.hash for each in ALL] + [absent(i) for i in range(32768 - len(ALL))]
        answer = ask(SERVER.port, post(LINES, "\n".join(parts)))
        self.assert_answer(answer, NDJSON)
        self.assertEqual(answer.body.count(b"\n"), len(ALL))
        self.assert_refused(ask(SERVER.port, post(LINES, "\n".join([*parts, absent("more")]))), 413, "32768")

    def test_other_caches(self):
        body = "\n".join(each.hash for each in ALL[:10])
        answer = ask(SERVER.port, post("/other" + LINES, body, f"Accept: {TEXT}"))
        self.assertEqual(records(answer.body), [each.text for each in ALL[:5]])
        self.assertIn(b"\nGetNarInfosV1: /other/get-narinfos-v1\n",
                      get(SERVER.port, "/other/nix-cache-info").body)
        self.assert_refused(ask(SERVER.port, post("/secret" + LINES, body)), 401, close=True)

    def test_bad_bodies(self):
        part = ALL[0].hash
        for body, text in {
                "": "empty", "\n\r\n\n": "empty", f"{part}\nx\n": "line 2",
                f"{part}\n{part[1:]}": "line 2", f"{part}0": "line 1", f" {part}": "line 1",
                f"{part}-": "line 1", f"/nix/store/{part}-x": "line 1", f"{part[:-1]}e": "line 1",
                f"\n\n{part}\t": "line 3", "\0" * 100: "line 1", "\xff" * 33: "line 1",
                json.dumps([part]): "line 1"}.items():
            with self.subTest(body):
                self.assert_refused(ask(SERVER.port, post(LINES, body)), 400, text)

    def test_bad_heads(self):
        body = ALL[0].hash
        for kind in ("application/json", "application/x-www-form-urlencoded", "text", "text/html"):
            answer = ask(SERVER.port, post(LINES, body, f"Content-Type: {kind}"))
            self.assert_refused(answer, 415, "text/plain", close=True)
        chunked = f"POST {LINES} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        self.assert_refused(ask(SERVER.port, chunked), 411, close=True)
        self.assert_refused(ask(SERVER.port, post(LINES, "", length=5 * MIB)), 413, "4194304", close=True)
        self.assert_refused(ask(SERVER.port, post(LINES, "", length=1 << 60)), 413, close=True)
        self.assertEqual(ask(SERVER.port, post(LINES, "", length=1 << 70)).status, 400)
        for target, allowed in ((LINES, "POST, QUERY"), (QUERY, "POST, QUERY"), (CACHIX, "POST"),
                                (ATTIC, "POST")):
            answer = get(SERVER.port, target)
            assert_well_formed(self, answer)
            self.assertEqual((answer.status, answer.header("Allow")), (405, allowed))
        self.assertEqual(ask(SERVER.port, post(CACHIX, "[]", method="QUERY")).status, 405)

    def test_an_answer_that_is_too_large(self):
        with support.Server("--bulk-answer-bytes", 100_000, data_dir=SERVER.data_dir) as server:
            body = "\n".join(each.hash for each in ALL)
            for accept in (TEXT, NDJSON):
                self.assert_refused(ask(server.port, post(LINES, body, f"Accept: {accept}")), 413,
                                    "100000")
            self.assertEqual(ask(server.port, post(LINES, ALL[0].hash)).status, 200)

    def test_more_than_the_memory_for_them(self):
        with support.Server("--bulk-memory-bytes", MIB, data_dir=SERVER.data_dir) as server:
            answer = ask(server.port, post(LINES, "", length=2 * MIB))
            self.assertEqual((answer.status, answer.header("Retry-After")), (503, "5"))
            body = "\n".join(each.hash for each in ALL)
            answer = ask(server.port, post(LINES, body))
            self.assertEqual((answer.status, answer.header("Retry-After")), (503, "5"))
            for _ in range(50):  # what was taken has been given back
                self.assertEqual(ask(server.port, post(LINES, ALL[0].hash)).status, 200)


class Missing(Case):
    def test_cachix(self):
        parts = [ALL[0].hash, absent(1), absent(2), absent(1), ALL[0].hash]
        for target in (CACHIX, "/api/v1/cache/other/narinfo"):
            answer = ask(SERVER.port, post(target, json.dumps(parts), "Content-Type: application/json"))
            self.assert_answer(answer, "application/json")
            self.assertEqual(json.loads(answer.body), [absent(1), absent(2)])
        answer = ask(SERVER.port, post("/api/v1/cache/other/narinfo", json.dumps([ALL[7].hash])))
        self.assertEqual(json.loads(answer.body), [ALL[7].hash])
        self.assertEqual(json.loads(ask(SERVER.port, post(CACHIX, "[]")).body), [])
        many = [absent(i) for i in range(32768)]
        answer = ask(SERVER.port, post(CACHIX, json.dumps(many)))
        self.assertEqual(json.loads(answer.body), many)

    def test_attic(self):
        question = {"cache": "default", "more": 1, "store_path_hashes": [ALL[0].hash, absent(1)]}
        answer = ask(SERVER.port, post(ATTIC, json.dumps(question), "Content-Type: application/json"))
        self.assert_answer(answer, "application/json")
        self.assertEqual(json.loads(answer.body), {"missing_paths": [absent(1)]})
        answer = ask(SERVER.port, post(ATTIC, json.dumps({**question, "cache": "nobody"})))
        assert_well_formed(self, answer)
        self.assertEqual(answer.status, 404)
        error = json.loads(answer.body)
        self.assertEqual((error["code"], error["error"]), (404, "NoSuchCache"))
        answer = ask(SERVER.port, post(ATTIC, json.dumps({**question, "cache": "secret"})))
        self.assertEqual(answer.status, 401)

    def test_bad_bodies(self):
        part = ALL[0].hash
        for body in ("", " ", "{}", "null", "1", f'"{part}"', f'["{part}"', f'["{part}"] x',
                     '["x"]', f'["{part}", 1]', f'[["{part}"]]', "[" * 100_000, "\xff",
                     f'{{"a": ["{part}"]}}'):
            with self.subTest(body[:80]):
                self.assert_refused(ask(SERVER.port, post(CACHIX, body)), 400)
        for body in ("", "[]", "{}", '{"cache": "default"}', '{"store_path_hashes": []}',
                     '{"cache": 1, "store_path_hashes": []}', '{"cache": "default", "x": {}}',
                     '{"cache": "default", "store_path_hashes": ["x"]}',
                     '{"cache": "default", "cache": "other", "store_path_hashes": []}',
                     '{"cache": "default", "store_path_hashes": {}}', '{"cache":' * 50_000):
            with self.subTest(body[:80]):
                self.assert_refused(ask(SERVER.port, post(ATTIC, body)), 400)

    def test_bad_heads(self):
        for target in (CACHIX, ATTIC):
            self.assert_refused(ask(SERVER.port, post(target, "[]", "Content-Type: text/plain")), 415,
                                "application/json", close=True)
        self.assertEqual(ask(SERVER.port, post("/api/v1/cache/nobody/narinfo", "[]")).status, 405)
        self.assertEqual(ask(SERVER.port, post("/api/v1/cache/secret/narinfo", "[]")).status, 401)


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
            self.assertEqual(json.loads(done.stdout)["new"], len(members(root.hash)))

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
            self.assert_refused(ask(server.port, guix_get(f"/api/v1/closure/{sizes[4]}", 0)), 413,
                                "more than 3 paths")


if __name__ == "__main__":
    support.main()
