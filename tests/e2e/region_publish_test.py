#!/usr/bin/env python3
"""Publishing through a region: the primary answers, and the region has it when the client hears of
it. By the real nix of Debian, and byte by byte with primaries that hang, die, refuse, or are a
region themselves."""

import hashlib
import os
import threading
import time
import unittest

import samples
import support
import tokens
from bulk import CACHIX, LINES, ask, post
from fake_primary import FakePrimary
from raw_http import assert_well_formed, resident_bytes
from region_by_sql import Primary, Region
from support import Connection, get
from uploads import Publisher, head_of, narinfo_target, put

MIB = 1 << 20
TIMEOUT = 2  # seconds that a primary may say nothing
HELD = 10  # seconds for a narinfo to come to the region
SLACK = 15  # seconds that a busy machine may need beyond a time limit


def setUpModule():
    global PRIMARY_PG, REGION_PG, PRIMARY, REGION, CLOSURE, TOKEN
    # A sanitizer keeps what was freed: that is no use of memory.
    os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [
        os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=1",
        "thread_local_quarantine_size_kb=64"]))
    CLOSURE = support.closure()
    PRIMARY_PG = Primary()
    key = support.temp_dir("key") / "secret"
    key.touch(mode=0o600)
    key.write_text(CLOSURE.secret_key.read_text())
    support.narthex("cache", "set", "default", "--database", PRIMARY_PG.uri, "--trusted-key",
                    CLOSURE.public_key, "--sign-uploads", "true")
    PRIMARY = support.Server("--database", PRIMARY_PG.uri, "--upload-dir", support.temp_dir("nars"),
                             "--signing-key", key, "--access-log").start()
    REGION_PG = Region(PRIMARY_PG, primary_url=PRIMARY.url)
    token = tokens.make(PRIMARY_PG.postgres, "region.eu1", ["read"])
    REGION_PG.sql(f"update instance set token = '{token}'")
    REGION = support.Server("--database", REGION_PG.uri, "--primary-timeout-ms", 1000 * TIMEOUT,
                            "--access-log").start()
    TOKEN = tokens.make(PRIMARY_PG.postgres, "ci", ["publish"])
    for server in (PRIMARY, REGION):
        wait_for_primary(server)


def tearDownModule():
    REGION.stop()
    PRIMARY.stop()
    REGION_PG.close()
    PRIMARY_PG.close()


def wait_for_primary(server):
    """Its answer, which says that nothing is to be changed, comes back."""
    support.wait_until(lambda: put(server, "/nix-cache-info", b"StoreDir: /nix/store\n", TOKEN).status
                       == 204, "the primary is asked")


def set_primary_url(url):
    REGION_PG.sql(f"update instance set primary_url = '{url}'")


def nar_of(data):
    """Where Nix uploads a NAR with these bytes."""
    return f"/nar/{samples.nix32(hashlib.sha256(data).digest())}.nar"


class Case(unittest.TestCase):
    def put(self, target, body, token=None, headers=(), server=None):
        answer = put(server or REGION, target, body, TOKEN if token is None else token, headers)
        assert_well_formed(self, answer)
        if answer.status != 204:
            self.assertRegex(answer.body, rb"\A[ -~]+\n\Z")  # Nix shows it to its user
        return answer

    def publish(self, name):
        """A made-up path through the region: its NAR, then its narinfo."""
        nar = name.encode()
        self.assertIn(self.put(nar_of(nar), nar).status, (200, 201))
        return self.put(samples.target(name), self.narinfo(name))

    def narinfo(self, name):
        nar = name.encode()
        return samples.narinfo(name, nar=(nar_of(nar)[1:], nar)).encode()

    def use(self, answer):
        """Another primary for the rest of the test, which `answer` plays."""
        fake = FakePrimary(answer)
        self.addCleanup(wait_for_primary, REGION)
        self.addCleanup(set_primary_url, PRIMARY.url)
        self.addCleanup(fake.close)
        set_primary_url(fake.url)
        support.wait_until(lambda: put(REGION, "/nix-cache-info", b"x", TOKEN) and fake.heads,
                           "the region asks it")
        return fake


class Published(Case):
    def test_a_closure_by_nix_is_readable_at_once(self):
        for path in CLOSURE.paths:  # so that the region has it in memory that there is none
            self.assertEqual(get(REGION.port, narinfo_target(path)).status, 404)
        Publisher(TOKEN).publish(REGION.url, CLOSURE.top, source=f"file://{CLOSURE.cache}",
                                 write_nar_listing=1)
        for path in CLOSURE.paths:
            self.assertEqual(get(REGION.port, narinfo_target(path)).status, 200)
            self.assertEqual(get(PRIMARY.port, narinfo_target(path)).status, 200)

    def test_one_after_the_other_each_is_there_when_its_answer_is(self):
        for i in range(50):
            name = f"at-once-{i}"
            self.assertEqual(get(REGION.port, samples.target(name)).status, 404)
            answer = self.publish(name)
            self.assertEqual((answer.status, answer.header("Narthex-Region")), (201, None))
            self.assertEqual(get(REGION.port, samples.target(name)).status, 200)
        self.assertEqual(self.publish("at-once-0").status, 200)

    def test_the_answer_waits_for_the_region(self):
        REGION_PG.sql("alter subscription narthex disable")
        self.addCleanup(REGION_PG.sql, "alter subscription narthex enable")
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.publish("waited-for")))
        thread.start()
        support.wait_until(lambda: get(PRIMARY.port, samples.target("waited-for")).status == 200,
                           "the primary has it")
        self.assertEqual(REGION_PG.sql("select count(*) from narinfo where name = 'waited-for'"), "0")
        self.assertEqual(answers, [])
        REGION_PG.sql("alter subscription narthex enable")
        thread.join()
        self.assertEqual((answers[0].status, answers[0].header("Narthex-Region")), (201, None))
        self.assertEqual(get(REGION.port, samples.target("waited-for")).status, 200)

    def test_but_not_for_ever(self):
        REGION_PG.sql("alter subscription narthex disable")
        self.addCleanup(REGION_PG.sql, "alter subscription narthex enable")
        since = time.monotonic()
        answer = self.publish("not-awaited")
        took = time.monotonic() - since
        self.assertEqual((answer.status, answer.header("Narthex-Region")), (201, "behind"))
        self.assertGreater(took, HELD - 0.5)
        self.assertLess(took, HELD + SLACK)

    def test_a_refused_narinfo_is_refused_by_the_primary(self):
        answer = self.put(samples.target("no-nar"), self.narinfo("no-nar"))
        self.assertEqual(answer.status, 409, answer.body)
        answer = self.put(samples.target("no-nar"), b"nonsense")
        self.assertEqual(answer.status, 400, answer.body)
        self.assertIn(b"no narinfo", answer.body)


class Tokens(Case):
    def test_the_primary_says_who_may(self):
        reader = tokens.make(PRIMARY_PG.postgres, "reader", ["read"])
        nar = b"of nobody"
        support.wait_until(lambda: self.put(nar_of(nar), nar, reader, server=PRIMARY).status == 403,
                           "the primary knows the reader")
        for expect in ((), ("Expect: 100-continue",)):
            for token, status, why in (("hunter2", 401, b"no token of this server"),
                                       (reader, 403, b"lacks the scope publish")):
                for target, body in ((nar_of(nar), nar), (nar_of(nar), bytes(20 * MIB)),
                                     (samples.target("x"), b"x")):
                    answer = self.put(target, body, token, expect)
                    self.assertEqual(answer.status, status)
                    self.assertIn(why, answer.body)
                    if status == 401:
                        self.assertTrue(answer.header("WWW-Authenticate"))

    def test_without_any_it_is_not_even_asked(self):
        target = nar_of(b"without a token")
        answer = self.put(target, b"without a token", token="")
        self.assertEqual(answer.status, 401)
        self.assertIn(b"a token with the scope publish is needed", answer.body)
        self.assertNotIn(target, PRIMARY.log())

    def test_a_refusal_comes_before_the_body(self):
        for token, first in (("hunter2", b"HTTP/1.1 401 "), (TOKEN, b"HTTP/1.1 100 Continue\r\n\r\n")):
            with Connection(REGION.port) as connection:
                connection.send(head_of("/nar/refused.nar", 100 * MIB, token, ["Expect: 100-continue"]))
                self.assertTrue(connection.socket.recv(1 << 16).startswith(first))


class Leases(Case):
    """Whoever may publish is told by the primary what is there, and has its lease there."""

    @classmethod
    def setUpClass(cls):
        # The primary remembers what it has leased, so each question is for others.
        cls.names = [f"leased-{i}" for i in range(10)]
        for name in cls.names:
            case = cls("test_single")
            assert case.publish(name).status == 201

    def leased(self):
        rows = PRIMARY_PG.sql("select n.name from lease l join narinfo n using (cache, hash)")
        return set(rows.splitlines())

    def test_single(self):
        for method, name in (("GET", "leased-0"), ("HEAD", "leased-1")):
            answer = get(REGION.port, samples.target(name), method, [tokens.bearer(TOKEN)])
            assert_well_formed(self, answer)
            self.assertEqual(answer.status, 200)
            self.assertEqual(len(answer.body), 0 if method == "HEAD" else
                             int(answer.header("Content-Length")))
        self.assertLessEqual({"leased-0", "leased-1"}, self.leased())
        absent = get(REGION.port, samples.target("nobody has it"), "HEAD", [tokens.bearer(TOKEN)])
        self.assertEqual(absent.status, 404)

    def test_in_bulk(self):
        names = self.names[2:6]
        hashes = [samples.hash_part(name) for name in names]
        asked = "[" + ",".join(f'"{hash_part}"' for hash_part in hashes) + "]"
        answer = ask(REGION.port, post(CACHIX, asked, tokens.bearer(TOKEN),
                                       "Content-Type: application/json"))
        assert_well_formed(self, answer)
        self.assertEqual((answer.status, answer.body), (200, b"[]"))
        self.assertLessEqual(set(names), self.leased())
        names = self.names[6:]
        self.assertFalse(set(names) & self.leased())
        hashes = [samples.hash_part(name) for name in names]
        answer = ask(REGION.port, post(LINES, "\n".join(hashes) + "\n", tokens.bearer(TOKEN)))
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.body.count(b"\n"), len(hashes))
        self.assertLessEqual(set(names), self.leased())

    def test_readers_leave_the_primary_alone(self):
        leased = self.leased()
        before = PRIMARY.log().count("event=request")
        self.assertEqual(get(REGION.port, samples.target("leased-0")).status, 200)
        self.assertEqual(ask(REGION.port, post(LINES, samples.hash_part("leased-0") + "\n")).status, 200)
        self.assertEqual(PRIMARY.log().count("event=request"), before)
        self.assertEqual(self.leased(), leased)

    def test_a_nar_is_there_as_soon_as_the_primary_has_it(self):
        REGION_PG.sql("alter subscription narthex disable")
        self.addCleanup(REGION_PG.sql, "alter subscription narthex enable")
        nar = b"only the primary knows of it"
        self.assertEqual(self.put(nar_of(nar), nar).status, 201)
        self.assertEqual(REGION_PG.sql(f"select count(*) from nar where url = '{nar_of(nar)[1:]}'"), "0")
        answer = get(REGION.port, nar_of(nar), "HEAD", [tokens.bearer(TOKEN)])
        self.assertEqual((answer.status, answer.header("Content-Length")), (200, str(len(nar))))


class Streams(Case):
    def test_a_large_nar_takes_little_memory(self):
        data = samples.nar_bytes(MIB) * 256
        before = resident_bytes(REGION)
        highest = 0
        with Connection(REGION.port) as connection:
            connection.send(head_of(nar_of(data), len(data), TOKEN))
            for start in range(0, len(data), MIB):
                connection.send(data[start:start + MIB])
                highest = max(highest, resident_bytes(REGION))
            answer = connection.read_response("PUT")
        self.assertEqual(answer.status, 201, answer.body)
        self.assertLess(highest - before, 32 * MIB)

    def test_the_primary_goes_away_in_the_middle(self):
        def die(client):
            client.recv(MIB)
            client.close()
        self.use(die)
        answer = self.put("/nar/cut-off.nar", bytes(64 * MIB))
        self.assertIn(answer.status, (502, 503))
        self.assertIn(b"primary", answer.body)
        self.assertEqual(answer.header("Retry-After"), "5")

    def test_a_primary_that_hangs_costs_a_time_limit(self):
        closing = threading.Event()
        self.addCleanup(closing.set)
        fake = self.use(lambda client: closing.wait(120))
        for target, body in (("/nar/hangs.nar", bytes(64 * MIB)), ("/nar/hangs.nar", b"small"),
                             (samples.target("hangs"), b"x")):
            since = time.monotonic()
            answer = self.put(target, body)
            self.assertEqual(answer.status, 504, answer.body)
            self.assertIn(fake.url.encode(), answer.body)
            self.assertGreater(time.monotonic() - since, TIMEOUT - 0.5)
            self.assertLess(time.monotonic() - since, TIMEOUT + SLACK)

    def test_no_primary(self):
        fake = self.use(lambda client: client.close())
        fake.close()
        for target, body in (("/nar/nobody.nar", bytes(16 * MIB)), (samples.target("nobody"), b"x")):
            answer = self.put(target, body)
            self.assertEqual(answer.status, 503)
            self.assertIn(fake.url.encode(), answer.body)
            self.assertEqual(answer.header("Retry-After"), "5")
        self.assertEqual(get(REGION.port, samples.target("leased-0"), "HEAD",
                             [tokens.bearer(TOKEN)]).status, 503)
        # To Nix below 2.32 a 503 ends its build.
        answer = get(REGION.port, samples.target("leased-0"), "GET",
                     [tokens.bearer(TOKEN), "User-Agent: curl/7.88.1 Nix/2.8.0"])
        self.assertEqual((answer.status, answer.header("Cache-Control")), (404, "no-store"))

    def test_the_client_goes_away_in_the_middle(self):
        received = []
        ended = threading.Event()

        def take(client):
            while data := client.recv(MIB):
                received.append(len(data))
            ended.set()
        self.use(take)
        received.clear()
        ended.clear()
        with Connection(REGION.port) as connection:
            connection.send(head_of("/nar/left.nar", 64 * MIB, TOKEN))
            connection.send(bytes(8 * MIB))
            support.wait_until(lambda: sum(received) > MIB, "the primary gets it")
        self.assertTrue(ended.wait(support.DEADLINE))
        self.assertLess(sum(received), 64 * MIB)

    def test_a_slow_primary_slows_its_client(self):
        go = threading.Event()
        self.addCleanup(go.set)

        def wait_and_take(client):
            go.wait(TIMEOUT - 1)
            left = 64 * MIB
            while left > 0:
                left -= len(client.recv(MIB))
            client.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 7\r\n\r\nstored\n")
        self.use(wait_and_take)
        before = resident_bytes(REGION)
        self.assertEqual(self.put("/nar/slow.nar", bytes(64 * MIB)).status, 201)
        self.assertLess(resident_bytes(REGION) - before, 32 * MIB)


class Loops(Case):
    def test_a_region_that_is_its_own_primary(self):
        self.addCleanup(wait_for_primary, REGION)
        self.addCleanup(set_primary_url, PRIMARY.url)
        set_primary_url(REGION.url)
        support.wait_until(lambda: put(REGION, "/nix-cache-info", b"x", TOKEN).status == 508,
                           "it asks itself")
        for target, body in (("/nar/loop.nar", bytes(4 * MIB)), (samples.target("loop"), b"x")):
            answer = self.put(target, body)
            self.assertEqual(answer.status, 508)
            self.assertIn(b"region eu1 was asked by a region", answer.body)


if __name__ == "__main__":
    support.main()
