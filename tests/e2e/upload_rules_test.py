#!/usr/bin/env python3
"""What a server takes and what it refuses, byte by byte: S18 a missing reference, S19 a narinfo
before its NAR, S20 a NAR that isn't what FileHash says, S21 the same again, S22 another NarHash,
S30 Expect: 100-continue, and what no client should send."""

import bz2
import gzip
import hashlib
import json
import lzma
import re
import threading
import unittest

import samples
import support
from raw_http import assert_well_formed, wait_closed
from uploads import head_of, make_token, put, stored_files

MAX_NAR = 1 << 20


def setUpModule():
    global SERVER, TOKEN, KEY
    KEY = support.temp_dir("key") / "secret"
    KEY.touch(mode=0o600)
    KEY.write_text(support.closure().secret_key.read_text())
    SERVER = support.Server("--max-nar-bytes", MAX_NAR, "--signing-key", KEY,
                            "--send-timeout-seconds", 2, "--max-companion-bytes", 1 << 20).start()
    support.narthex("cache", "set", "default", "--sign-uploads", "true", "--data-dir",
                    SERVER.data_dir)
    TOKEN = make_token(SERVER, "ci")


def tearDownModule():
    SERVER.stop()


class Case(unittest.TestCase):
    def put(self, target, body, headers=(), token=None):
        body = body.encode() if isinstance(body, str) else body
        answer = put(SERVER, target, body, token or TOKEN, headers)
        assert_well_formed(self, answer)
        if answer.status != 204:
            self.assertRegex(answer.body, rb"\A[ -~]+\n\Z")  # Nix shows it to its user
        return answer

    def status(self, *args, **options):
        return self.put(*args, **options).status

    def assert_refused(self, status, why, *args, **options):
        answer = self.put(*args, **options)
        self.assertEqual(answer.status, status, answer.body)
        self.assertIn(why, answer.body.decode())

    def publish(self, name, references=0, data=None):
        """Its NAR and its narinfo."""
        data = data or str(name).encode()
        url = f"nar/{name}.nar"
        self.assertIn(self.status(f"/{url}", data), (200, 201))
        return self.put(samples.target(name), samples.narinfo(name, references, (url, data)))


class Narinfo(Case):
    def test_it_is_served_at_once_and_signed_by_the_server(self):
        # Asked before: the server had it in memory that there is none.
        self.assertEqual(support.get(SERVER.port, samples.target("new")).status, 404)
        self.assertEqual(self.publish("new").status, 201)
        answer = support.get(SERVER.port, samples.target("new"))
        self.assertEqual(answer.status, 200)
        text = samples.narinfo("new", 0, ("nar/new.nar", b"new"))
        self.assertTrue(answer.body.decode().startswith(text))
        self.assertRegex(answer.body.decode()[len(text):], r"\ASig: narthex-quickstart-1:\S+\n\Z")
        self.assertEqual(support.get(SERVER.port, "/nar/new.nar").body, b"new")

    def test_s18_missing_references_are_named(self):
        answer = self.publish("with-gaps", references=30)
        self.assertEqual(answer.status, 409)
        self.assertIn("30 of its references aren't here", answer.body.decode())
        self.assertEqual(len(re.findall(r"-reference-\d+", answer.body.decode())), 20)
        self.assertIn("and 10 more", answer.body.decode())
        self.assertEqual(support.get(SERVER.port, samples.target("with-gaps")).status, 404)

    def test_gaps_can_be_allowed(self):
        support.narthex("cache", "create", "gaps", "--allow-gaps", "true", "--sign-uploads", "true",
                        "--data-dir", SERVER.data_dir)
        support.wait_until(lambda: support.get(SERVER.port, "/gaps/nix-cache-info").status == 200,
                           "it is served")
        self.assertEqual(self.status("/gaps/nar/x.nar", b"x"), 201)
        text = samples.narinfo("gapped", 3, ("nar/x.nar", b"x"))
        self.assertEqual(self.status("/gaps" + samples.target("gapped"), text), 201)

    def test_a_pull_through_cache_takes_none(self):
        support.narthex("cache", "create", "pulls", "--upstream", "http://127.0.0.1:1", "--trusted-key",
                        support.closure().public_key, "--data-dir", SERVER.data_dir)
        support.wait_until(lambda: support.get(SERVER.port, "/pulls/nix-cache-info").status == 200,
                           "it is served")
        for target in ("/pulls/nar/x.nar", "/pulls" + samples.target("pulled")):
            self.assert_refused(403, "cache pulls holds only what it pulls", target, b"x")

    def test_a_reference_to_itself_is_none(self):
        self.assertEqual(self.status("/nar/self.nar", b"self"), 201)
        text = samples.narinfo("self", 0, ("nar/self.nar", b"self")).replace(
            "References: ", f"References: {samples.hash_part('self')}-self")
        self.assertEqual(self.status(samples.target("self"), text), 201)

    def test_s19_before_its_nar(self):
        text = samples.narinfo("early", 0, ("nar/early.nar", b"early"))
        self.assert_refused(409, "nar/early.nar isn't here: upload it first",
                            samples.target("early"), text)

    def test_s20_another_file_than_it_says(self):
        self.assertEqual(self.status("/nar/other.nar", b"these bytes"), 201)
        for data in (b"those bytes", b"those longer bytes"):
            text = samples.narinfo("other", 0, ("nar/other.nar", data))
            self.assert_refused(400, "FileHash is", samples.target("other"), text)

    def test_s21_the_same_again(self):
        self.assertEqual(self.publish("again").status, 201)
        before = support.get(SERVER.port, samples.target("again"))
        self.assertEqual(self.publish("again").status, 200)
        self.assertEqual(support.get(SERVER.port, samples.target("again")).body, before.body)

    def test_s21_other_signatures_are_added(self):
        self.publish("twice")
        text = samples.narinfo("twice", 0, ("nar/twice.nar", b"twice"))
        line = "Sig: other-1:" + "A" * 86 + "==\n"
        for _ in range(2):
            self.assertEqual(self.status(samples.target("twice"), text + line), 200)
        served = support.get(SERVER.port, samples.target("twice")).body.decode()
        self.assertEqual(served.count("Sig: "), 2)
        self.assertIn(line, served)
        # Without any, as nix-instantiate --store does: nothing is lost.
        self.assertEqual(self.status(samples.target("twice"), text), 200)
        self.assertEqual(support.get(SERVER.port, samples.target("twice")).body.decode(), served)

    def test_a_narinfo_grows_to_64_signatures_and_no_further(self):
        self.publish("signed-by-all")
        target = samples.target("signed-by-all")
        text = samples.narinfo("signed-by-all", 0, ("nar/signed-by-all.nar", b"signed-by-all"))
        for start in range(0, 120, 30):
            lines = [f"Sig: key-{i}:" + "A" * 86 + "==\n" for i in range(start, start + 30)]
            lines.append(f"Sig: {samples.nix32(samples.nar_bytes(3000))}:" + "A" * 86 + "==\n")
            self.assertEqual(self.status(target, text + "".join(lines)), 200)
        served = support.get(SERVER.port, target).body.decode()
        self.assertCountEqual(re.findall("^Sig: (.+?):", served, re.M),
                              ["narthex-quickstart-1", *(f"key-{i}" for i in range(63))])

    def test_s22_other_contents_are_a_conflict(self):
        self.publish("built-twice")
        first = support.get(SERVER.port, samples.target("built-twice")).body
        self.assertEqual(self.status("/nar/second.nar", b"another result"), 201)
        text = samples.narinfo("built-twice", 0, ("nar/second.nar", b"another result"))
        self.assert_refused(409, "isn't reproducible", samples.target("built-twice"), text)
        self.assertEqual(support.get(SERVER.port, samples.target("built-twice")).body, first)

    def test_another_url_of_the_same_contents(self):
        self.publish("moved")
        self.assertEqual(self.status("/nar/moved-2.nar", b"moved"), 201)
        text = samples.narinfo("moved", 0, ("nar/moved-2.nar", b"moved"))
        self.assertEqual(self.status(samples.target("moved"), text), 200)
        self.assertIn(b"URL: nar/moved.nar\n", support.get(SERVER.port, samples.target("moved")).body)

    def test_s23_many_writers_at_once(self):
        self.assertEqual(self.status("/nar/race.nar", b"race"), 201)
        text = samples.narinfo("race", 0, ("nar/race.nar", b"race"))
        statuses = []

        def write(number):
            line = f"Sig: key-{number}:" + "A" * 86 + "==\n"
            statuses.append(self.status(samples.target("race"), text + line))

        threads = [threading.Thread(target=write, args=(i,)) for i in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(statuses), [200] * 9 + [201])
        served = support.get(SERVER.port, samples.target("race")).body.decode()
        self.assertEqual(len(set(re.findall("Sig: key-[0-9]+:", served))), 10)

    def test_what_is_no_narinfo_or_not_for_here(self):
        good = samples.narinfo("bad", 0, ("nar/bad.nar", b"bad"))
        self.assertEqual(self.status("/nar/bad.nar", b"bad"), 201)
        target = samples.target("bad")
        for why, text in {
            "no narinfo": "nonsense\n",
            "a second NarSize line": good + "NarSize: 3\n",
            "NarSize": good.replace("NarSize: 3\n", ""),
            "its StorePath has another hash": samples.narinfo("worse"),
            "/gnu/store": good.replace("/nix/store/", "/gnu/store/"),
            "isn't below nar/": good.replace("URL: nar/", "URL: https://example.org/nar/"),
            "URL": good.replace("URL: nar/", "URL: nar/../"),
            "UTF-8": good + "System: \udcff\n",
        }.items():
            with self.subTest(why):
                body = text.encode("utf-8", "surrogateescape")
                self.assert_refused(400, why, target, body)
        self.assert_refused(400, "", target, good.encode() + b"Deriver: a\0b\n")
        self.assertEqual(support.get(SERVER.port, target).status, 404)

    def test_a_million_references(self):
        line = " ".join(f"{samples.hash_part(i % 1000)}-r{i}" for i in range(30_000))
        text = samples.narinfo("huge").replace("References: ", "References: " + line)
        self.assert_refused(413, "larger than", samples.target("huge"), text)
        text = samples.narinfo("huge").replace("References: ", "References: " + line[:900_000])
        self.assertEqual(self.status(samples.target("huge"), text) // 100, 4)

    def test_content_encodings(self):
        self.assertEqual(self.status("/nar/packed.nar", b"packed"), 201)
        text = samples.narinfo("packed", 0, ("nar/packed.nar", b"packed")).encode()
        target = samples.target("packed")
        coded = gzip.compress(text)
        self.assert_refused(415, "Content-Encoding", target, coded, ["Content-Encoding: deflate"])
        self.assert_refused(400, "Content-Encoding", target, text, ["Content-Encoding: gzip"])
        self.assert_refused(400, "cut off", target, coded[:-1], ["Content-Encoding: gzip"])
        bomb = gzip.compress(bytes(1 << 27))
        self.assert_refused(413, "larger", target, bomb, ["Content-Encoding: gzip"])
        self.assertEqual(self.status(target, coded, ["Content-Encoding: gzip"]), 201)
        self.assertTrue(support.get(SERVER.port, target).body.startswith(text))


class Nar(Case):
    def test_a_name_that_is_its_hash_is_checked(self):
        digits = samples.nix32(hashlib.sha256(b"right").digest())
        target = f"/nar/{digits}.nar.xz"
        before = stored_files(SERVER.data_dir / "nars")
        self.assert_refused(400, "named after another hash", target, b"wrong")
        self.assertEqual(support.get(SERVER.port, target, "HEAD").status, 404)
        self.assertEqual(stored_files(SERVER.data_dir / "nars"), before)
        self.assertEqual(self.status(target, b"right"), 201)
        self.assertEqual(support.get(SERVER.port, target, "HEAD").status, 200)

    def test_the_same_again_is_stored_once(self):
        self.assertEqual(self.status("/nar/once.nar", b"once"), 201)
        before = stored_files(SERVER.data_dir / "nars")
        self.assertEqual(self.status("/nar/once.nar", b"once"), 200)
        self.assertEqual(self.status("/nar/%6fnce.nar?x=y", b"once"), 200)
        self.assert_refused(409, "with other bytes", "/nar/once.nar", b"other")
        self.assertEqual(stored_files(SERVER.data_dir / "nars"), before)
        self.assertEqual(support.get(SERVER.port, "/nar/once.nar").body, b"once")

    def test_large_and_in_small_pieces(self):
        data = samples.nar_bytes(MAX_NAR)
        with support.Connection(SERVER.port) as connection:
            connection.send(head_of("/nar/pieces.nar", len(data), TOKEN))
            for start in range(0, len(data), 5000):
                connection.send(data[start:start + 5000])
            self.assertEqual(connection.read_response("PUT").status, 201)
            connection.request("/nar/pieces.nar")
            self.assertEqual(connection.read_response().body, data)

    def test_refusals_come_before_the_body_and_end_the_connection(self):
        for status, target, length, token, headers in (
                (413, "/nar/large.nar", MAX_NAR + 1, TOKEN, []),
                (413, samples.target("large"), 1 << 30, TOKEN, []),
                (413, "/log/" + samples.hash_part("x") + "-x.drv", 1 << 30, TOKEN, []),
                (401, "/nar/x.nar", 3, None, []),
                (401, "/nar/x.nar", 3, "ntx_x", []),
                (411, "/nar/x.nar", None, TOKEN, ["Transfer-Encoding: chunked"]),
                (415, "/nar/x.nar", 3, TOKEN, ["Content-Encoding: gzip"])):
            with self.subTest(status=status, target=target), \
                    support.Connection(SERVER.port) as connection:
                connection.send(head_of(target, length, token,
                                        [*headers, "Expect: 100-continue"]))
                answer = connection.read_response("PUT")
                self.assertEqual((answer.status, answer.header("connection")), (status, "close"))
                wait_closed(connection)

    def test_s30_100_continue_is_answered_at_once(self):
        with support.Connection(SERVER.port) as connection:
            for i in range(8):
                connection.send(head_of(f"/nar/continue-{i}.nar", 4, TOKEN,
                                        ["Expect: 100-continue"]))
                self.assertEqual(connection.read_response("PUT").status, 100)
                connection.send(b"body")
                self.assertEqual(connection.read_response("PUT").status, 201)

    def test_a_body_that_ends_early_or_stalls_leaves_nothing(self):
        before = stored_files(SERVER.data_dir / "nars")
        for body in (b"", b"half", samples.nar_bytes(300_000)):
            with support.Connection(SERVER.port) as connection:
                connection.send(head_of("/nar/half.nar", 400_000, TOKEN) + body)
                connection.socket.shutdown(1)
                answer = connection.read_response("PUT")
                self.assertEqual(answer.status, 400)
                self.assertIn(b"shorter than its Content-Length", answer.body)
        with support.Connection(SERVER.port) as stalled:
            stalled.send(head_of("/nar/half.nar", 400_000, TOKEN) + samples.nar_bytes(300_000))
            support.wait_until(lambda: len(stored_files(SERVER.data_dir / "nars")[1]) == 1, "it is coming in")
            wait_closed(stalled)
        support.wait_until(lambda: stored_files(SERVER.data_dir / "nars") == before, "what came is gone")
        self.assertEqual(support.get(SERVER.port, "/nar/half.nar").status, 404)

    def test_hostile_names(self):
        for target in ("/nar/../x", "/nar/%2e%2e/x", "/nar/..%2fx", "/nar//x", "/nar/x%00",
                       "/nar/%ff", "/nar/a%5cb", "/nar/", "/../nars/x", "/nowhere", "/",
                       "/log/..%2f..%2fetc", "/realisations/..!out.doi", "/healthz",
                       "/default/nar/x.nar", "/build-trace-v2/../x.doi"):
            with self.subTest(target):
                self.assertEqual(self.put(target, b"x").status, 405)
        self.assert_refused(400, "longer than", "/nar/" + "a" * 5000, b"x")
        self.assertEqual(self.put("/log/" + "a" * 5000, b"x").status, 405)

    def test_an_empty_one(self):
        self.assert_refused(400, "empty", "/nar/empty.nar", b"")


class CacheInfo(Case):
    def test_the_same_is_fine_and_another_a_conflict(self):
        own = support.get(SERVER.port, "/nix-cache-info").body
        self.assertEqual(self.status("/nix-cache-info", own), 204)
        self.assertEqual(self.status("/nix-cache-info", "StoreDir: /nix/store\n"), 204)
        for other in ("StoreDir: /gnu/store\n", "StoreDir: /nix/store", "Priority: 1\n", "x\n"):
            self.assert_refused(409, "nix-cache-info", "/nix-cache-info", other)
        self.assertEqual(support.get(SERVER.port, "/nix-cache-info").body, own)


class Companions(Case):
    HASH = samples.hash_part("companion")

    def check(self, target, body, kind, status=201):
        self.assertEqual(self.status(target, body), status)
        answer = support.get(SERVER.port, target)
        assert_well_formed(self, answer)
        self.assertEqual((answer.status, answer.body), (200, body))
        self.assertEqual(answer.header("content-type"), kind)
        head = support.get(SERVER.port, target, "HEAD")
        self.assertEqual(head.header("content-length"), str(len(body)))

    def test_logs_hold_any_bytes(self):
        target = f"/log/{self.HASH}-x.drv"
        self.assertEqual(support.get(SERVER.port, target).status, 404)
        self.check(target, bytes(range(256)) * 2000, "text/plain; charset=utf-8")
        self.check(target, b"built again\n", "text/plain; charset=utf-8", 200)

    def test_s31_names_in_all_spellings(self):
        body = json.dumps({"id": "sha256:" + "a" * 64 + "!out", "outPath": f"{self.HASH}-x",
                           "signatures": [], "dependentRealisations": {}}).encode()
        raw = "/realisations/sha256:" + "a" * 64 + "!out.doi"
        self.check(raw, body, "application/json")
        self.assertEqual(support.get(SERVER.port, raw.replace("!", "%21")).body, body)
        for name in ("a+b", "a?b=c", "a=b"):
            self.check(f"/log/{self.HASH}-{name}.drv", b"log\n", "text/plain; charset=utf-8")
        self.assertEqual(support.get(SERVER.port, f"/log/{self.HASH}-a%3Fb%3Dc.drv").status, 200)

    def test_s15_encoded_ones_are_stored_decoded(self):
        listing, log = f"/{samples.hash_part('s15')}.ls", f"/log/{self.HASH}-s15.drv"
        for coding, pack in (("gzip", gzip.compress), ("xz", lzma.compress), ("bzip2", bz2.compress)):
            body = json.dumps({"version": 1, "root": {}, "coding": coding}).encode()
            for target in (listing, log):
                self.assertIn(self.status(target, pack(body), [f"Content-Encoding: {coding}"]), (200, 201))
                answer = support.get(SERVER.port, target)
                self.assertEqual(answer.body, body)
                self.assertIsNone(answer.header("content-encoding"))

    def test_a_realisation_of_another_output_is_a_conflict(self):
        target = "/realisations/sha256:" + "b" * 64 + "!out.doi"
        body = {"id": "sha256:" + "b" * 64 + "!out", "outPath": f"{self.HASH}-x"}
        self.check(target, json.dumps(body).encode(), "application/json")
        other = json.dumps({**body, "outPath": f"{samples.hash_part('y')}-x"})
        self.assert_refused(409, "isn't reproducible", target, other)
        signed = json.dumps({**body, "signatures": ["x"]}).encode()
        self.check(target, signed, "application/json", 200)

    def test_build_traces_of_any_version(self):
        for version in (2, 3, 17):
            self.check(f"/build-trace-v{version}/{self.HASH}-x.drv/out.doi",
                       json.dumps({"outPath": f"{self.HASH}-x"}).encode(), "application/json")

    def test_debuginfo(self):
        self.check(f"/debuginfo/{'ab' * 20}.debug", b'{"archive":"../nar/x.nar","member":"lib/x"}',
                   "application/json")

    def test_what_is_no_json(self):
        for body in (b"", b"[]", b"{", b'{"a":', b"[" * 1_000_000):
            self.assert_refused(400, "JSON", f"/{self.HASH}.ls", body)
        for body in (b"", b"[]", b"{}", b'{"outPath": 1}', b'{"outPath": "../x"}'):
            self.assertEqual(
                self.status("/realisations/sha256:" + "c" * 64 + "!out.doi", body), 400)

    def test_listings(self):
        target = f"/{self.HASH}.ls"
        self.check(target, b'{"version":1,"root":{}}', "application/json")
        self.assertEqual(support.get(SERVER.port, f"/nowhere{target}").status, 404)


class SigningKeys(unittest.TestCase):
    def test_a_key_that_others_can_read_or_that_is_none(self):
        open_to_others = support.temp_dir("key") / "open"
        open_to_others.write_text(KEY.read_text())
        open_to_others.chmod(0o640)
        nonsense = support.temp_dir("key") / "nonsense"
        nonsense.touch(mode=0o600)
        nonsense.write_text("geheim")
        for file, why in ((open_to_others, "chmod 600"), (nonsense, "not a secret key"),
                          (nonsense.parent / "absent", "No such file")):
            done = support.narthex("serve", "--listen", "127.0.0.1:0", "--data-dir", SERVER.data_dir,
                                   "--signing-key", file, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(str(file), done.stderr)
            self.assertIn(why, done.stderr)
            self.assertNotIn(KEY.read_text().strip(), done.stderr)
            self.assertNotIn("geheim", done.stderr)


if __name__ == "__main__":
    support.main()
