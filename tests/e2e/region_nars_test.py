#!/usr/bin/env python3
"""NARs in a region: fetched from the primary when somebody asks, verified, kept, and never told as
whole when they aren't; with a primary that lies, dies, drips or is away, and with a full disk."""

import hashlib
import os
import pathlib
import re
import select
import subprocess
import threading
import time
import unittest

import samples
import support
import tokens
from fake_primary import FakePrimary
from nix_client import NixClient
from raw_http import assert_well_formed, resident_bytes
from region_by_sql import Primary, Region
from support import Connection, get
from uploads import put

MIB = 1 << 20
TIMEOUT = 3  # seconds that a primary may say nothing


def setUpModule():
    global PRIMARY_PG, REGION_PG, PRIMARY, TOKEN, CLOSURE
    # A sanitizer keeps what was freed: that is no use of memory.
    os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [
        os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=1",
        "thread_local_quarantine_size_kb=64"]))
    CLOSURE = support.closure()
    PRIMARY_PG = Primary()
    key = support.temp_dir("key") / "secret"
    key.touch(mode=0o600)
    key.write_text(CLOSURE.secret_key.read_text())
    support.narthex("cache", "set", "default", "--database", PRIMARY_PG.uri, "--sign-uploads", "true")
    support.narthex("cache", "create", "secret", "--database", PRIMARY_PG.uri, "--visibility", "private",
                    "--sign-uploads", "true")
    support.narthex("import", "--database", PRIMARY_PG.uri, "--trusted-key", CLOSURE.public_key,
                    "--nar-dir", CLOSURE.cache, CLOSURE.cache)
    PRIMARY = support.Server("--database", PRIMARY_PG.uri, "--upload-dir", support.temp_dir("nars"),
                             "--signing-key", key, "--access-log").start()
    REGION_PG = Region(PRIMARY_PG, primary_url=PRIMARY.url)
    token = tokens.make(PRIMARY_PG.postgres, "region.eu1", ["read"])
    REGION_PG.sql(f"update instance set token = '{token}'")
    TOKEN = tokens.make(PRIMARY_PG.postgres, "ci", ["publish"])
    support.wait_until(lambda: put(PRIMARY, "/nix-cache-info", b"x", TOKEN).status == 409,
                       "the token is known")


def tearDownModule():
    PRIMARY.stop()
    REGION_PG.close()
    PRIMARY_PG.close()


class Case(unittest.TestCase):
    """Each test with a region's narthex of its own, whose directory is empty."""

    def setUp(self):
        self.directory = support.temp_dir("region-nars")
        self.directory.chmod(0o777)
        self.name = f"{self._testMethodName.removeprefix('test_')}"

    def serve(self, *args, **options):
        region = support.Server("--database", REGION_PG.uri, "--nar-dir", self.directory,
                                "--primary-timeout-ms", 1000 * TIMEOUT, *args, admin=True, **options)
        self.addCleanup(region.kill)
        return region.start()

    def publish(self, data, prefix="/", name=None):
        """A made-up path at the primary, with that NAR, whose target it returns."""
        target = self.publish_there(data, prefix, name)
        support.wait_until(lambda: REGION_PG.sql(
            f"select count(*) from narinfo where name = '{name or self.name}'") != "0",
            "the region has it")
        return target

    def publish_there(self, data, prefix="/", name=None):
        """The same, whether it has come to the region or not."""
        name = name or self.name
        nar = f"nar/{samples.nix32(hashlib.sha256(data).digest())}.nar"
        self.assertIn(put(PRIMARY, prefix + nar, data, TOKEN).status, (200, 201))
        text = samples.narinfo(name, nar=(nar, data)).encode()
        self.assertIn(put(PRIMARY, prefix + samples.target(name)[1:], text, TOKEN).status, (200, 201))
        return prefix + nar

    def use(self, answer):
        fake = FakePrimary(answer)
        self.addCleanup(self.use_real)
        self.addCleanup(fake.close)
        REGION_PG.sql(f"update instance set primary_url = '{fake.url}'")
        return fake

    def use_real(self):
        REGION_PG.sql(f"update instance set primary_url = '{PRIMARY.url}'")

    def fetched(self, target):
        """How often it was had from the primary."""
        return len(re.findall(f'target="{re.escape(target)}" status=20[06] ', PRIMARY.log()))

    def kept(self):
        found = {}
        for path in self.directory.rglob("*"):
            try:
                if path.is_file():
                    found[str(path.relative_to(self.directory))] = path.read_bytes()
            except FileNotFoundError:
                pass  # it has just got its name
        return found

    def assert_cut_off(self, region, target, data):
        """A head comes, and perhaps the beginning of `data`, but never its last byte."""
        with Connection(region.port) as connection:
            connection.request(target)
            answer = connection.read_response("HEAD")  # its body is pending then
            self.assertEqual((answer.status, answer.header("Content-Length")), (200, str(len(data))))
            with self.assertRaises((EOFError, ConnectionResetError)):
                while len(connection._pending) < len(data):
                    connection._receive()
            self.assertTrue(data.startswith(connection._pending))

    def wait_up_to_date(self, region, yes=1):
        support.wait_until(lambda: self.metric(region, "narthex_up_to_date") == yes,
                           f"up to date: {yes}")

    def metric(self, region, name):
        body = get(region.admin_port, "/metrics").body.decode()
        return float(re.search(rf"^{re.escape(name)} (\S+)$", body, re.M)[1])


class Kept(Case):
    def test_it_is_fetched_once_and_served_from_here_then(self):
        region = self.serve()
        data = samples.nar_bytes(3 * MIB, seed=1)
        target = self.publish(data)
        for _ in range(3):
            answer = get(region.port, target)
            assert_well_formed(self, answer)
            self.assertEqual((answer.status, answer.body), (200, data))
        self.assertEqual(self.fetched(target), 1)
        self.assertEqual(self.kept(), {f"default{target}": data})
        part = get(region.port, target, headers=["Range: bytes=1000-1999"])
        self.assertEqual((part.status, part.body), (206, data[1000:2000]))
        self.assertEqual(self.fetched(target), 1)
        self.assertEqual(self.metric(region, 'narthex_nar_fetches_total{outcome="kept"}'), 1)
        self.assertEqual(self.metric(region, "narthex_nar_fetched_bytes_total"), len(data))
        region.stop()

    def test_a_file_of_another_size_is_fetched_again(self):
        region = self.serve()
        data = samples.nar_bytes(1000, seed=30)
        target = self.publish(data)
        self.assertEqual(get(region.port, target).body, data)
        (self.directory / f"default{target}").write_bytes(b"published there before")

        def fetched_again():
            self.assertEqual(get(region.port, target).body, data)
            return self.fetched(target) == 2
        support.wait_until(fetched_again, "the first fetch is forgotten")
        self.assertEqual(self.kept(), {f"default{target}": data})
        region.stop()

    def test_small_ones_and_one_byte(self):
        region = self.serve()
        for data in (b"x", b"yz", samples.nar_bytes(70_000, seed=2)):
            target = self.publish(data, name=f"{self.name}-{len(data)}")
            for _ in range(2):
                self.assertEqual(get(region.port, target).body, data)
            self.assertEqual(self.fetched(target), 1)
        region.stop()

    def test_what_no_row_names_is_not_even_asked_for(self):
        region = self.serve()
        self.wait_up_to_date(region)
        self.assertEqual(get(region.port, "/nar/nobody.nar").status, 404)
        self.assertEqual(self.fetched("/nar/nobody.nar"), 0)
        self.assertNotIn("nobody.nar", PRIMARY.log())
        region.stop()

    def test_private(self):
        region = self.serve()
        data = samples.nar_bytes(300_000, seed=3)
        target = self.publish(data, "/secret/")
        self.assertEqual(get(region.port, target).status, 401)
        answer = get(region.port, target, headers=[tokens.bearer(TOKEN)])
        self.assertEqual((answer.status, answer.body), (200, data))
        self.assertEqual(answer.header("Cache-Control"), "private")
        self.assertEqual(list(self.kept()), [f"secret{target.removeprefix('/secret')}"])
        region.stop()

    def test_nix_pulls_a_closure(self):
        region = self.serve()
        client = NixClient()
        client.pull(CLOSURE.top, CLOSURE.public_key, region.url)
        self.assertEqual(client.valid_paths(), set(CLOSURE.paths))
        client.verify()
        self.assertEqual(len(self.kept()), len(CLOSURE.paths))
        region.stop()

    def test_a_large_one_takes_little_memory(self):
        region = self.serve()
        data = samples.nar_bytes(MIB, seed=4) * 256
        target = self.publish(data)
        before = resident_bytes(region)
        self.assertEqual(self.digest(region, target), hashlib.sha256(data).hexdigest())
        self.assertLess(resident_bytes(region) - before, 32 * MIB)
        region.stop()


    def digest(self, region, target):
        """Of a body that is too large to hold piece by piece."""
        digest = hashlib.sha256()
        with Connection(region.port) as connection:
            connection.request(target, headers=["Connection: close"])
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.socket.recv(1 << 16)
            digest.update(data.partition(b"\r\n\r\n")[2])
            while data := connection.socket.recv(MIB):
                digest.update(data)
        return digest.hexdigest()


class Through(Case):
    """What isn't kept."""

    def test_a_part_of_one_that_is_not_here_yet(self):
        region = self.serve()
        data = samples.nar_bytes(MIB, seed=5)
        target = self.publish(data)
        answer = get(region.port, target, headers=["Range: bytes=1000-"])
        assert_well_formed(self, answer)
        self.assertEqual((answer.status, answer.body), (206, data[1000:]))
        self.assertEqual(answer.header("Content-Range"), f"bytes 1000-{len(data) - 1}/{len(data)}")
        answer = get(region.port, target, "HEAD")
        self.assertEqual((answer.status, answer.header("Content-Length")), (200, str(len(data))))
        self.assertEqual(get(region.port, target, headers=[f"Range: bytes={MIB}-"]).status, 416)
        self.assertEqual(self.kept(), {})
        region.stop()

    def test_a_full_disk(self):
        """Of 4 MiB, which only the server sees."""
        under = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs -o size=4m,mode=0777 none "
                 f'{self.directory} && exec "$@"', "sh"]
        tried = subprocess.run([*under, "true"], capture_output=True, text=True)
        if tried.returncode != 0:
            self.skipTest(f"no file system can be mounted here: {tried.stderr.strip()}")
        region = self.serve(under=under)
        seen = pathlib.Path(f"/proc/{region.process.pid}/root{self.directory}")
        fits, too_large = (samples.nar_bytes(3 * MIB, seed=seed) for seed in (6, 7))
        first = self.publish(fits, name="fits")
        second = self.publish(too_large, name="too-large")
        self.assertEqual(get(region.port, first).body, fits)
        for _ in range(2):
            answer = get(region.port, second)
            assert_well_formed(self, answer)
            self.assertEqual((answer.status, answer.body), (200, too_large))
        self.assertEqual(region.log().count("event=nar_unkept"), 1)
        self.assertEqual([path.name for path in seen.rglob("*") if path.is_file()],
                         [pathlib.Path(first).name])
        (seen / f"default{first}").unlink()
        self.assertEqual(get(region.port, second).body, too_large)
        self.assertTrue((seen / f"default{second}").is_file())
        region.stop()

    def test_without_a_directory(self):
        region = support.Server("--database", REGION_PG.uri)
        self.addCleanup(region.kill)
        region.start()
        data = samples.nar_bytes(MIB, seed=8)
        target = self.publish(data)
        for i in range(1, 3):
            self.assertEqual(get(region.port, target).body, data)
            self.assertEqual(self.fetched(target), i)
        region.stop()


class Lagging(Case):
    """A region to which nothing comes while its primary publishes."""

    def setUp(self):
        super().setUp()
        self.region = self.serve()
        self.wait_up_to_date(self.region)
        REGION_PG.sql("alter subscription narthex disable")
        self.addCleanup(REGION_PG.sql, "alter subscription narthex enable")
        self.addCleanup(REGION_PG.proxy.heal)
        self.wait_up_to_date(self.region, 0)

    def test_who_was_given_a_narinfo_gets_its_nar(self):
        data = samples.nar_bytes(300_000, seed=21)
        target = self.publish_there(data)
        narinfo = get(self.region.port, samples.target(self.name))
        self.assertEqual(narinfo.status, 200)
        self.assertIn(target[1:].encode(), narinfo.body)
        part = get(self.region.port, target, headers=["Range: bytes=1000-1999"])
        self.assertEqual((part.status, part.body), (206, data[1000:2000]))
        answer = get(self.region.port, target, "HEAD")
        self.assertEqual((answer.status, answer.header("Content-Length")), (200, str(len(data))))
        answer = get(self.region.port, target)
        assert_well_formed(self, answer)
        self.assertEqual((answer.status, answer.body), (200, data))
        self.assertEqual(self.kept(), {f"default{target}": data})
        self.region.stop()

    def test_whoever_publishes_reads_it(self):
        data = samples.nar_bytes(1000, seed=22)
        nar = f"/nar/{samples.nix32(hashlib.sha256(data).digest())}.nar"
        self.assertEqual(put(self.region, nar, data, TOKEN).status, 201)
        answer = get(self.region.port, nar, headers=[tokens.bearer(TOKEN)])
        self.assertEqual((answer.status, answer.body), (200, data))
        self.region.stop()

    def test_one_that_nobody_has_is_absent_only_while_the_primary_says_so(self):
        def status(headers=()):
            return get(self.region.port, "/nar/nobody.nar", headers=headers).status
        self.assertEqual(status(), 404)
        REGION_PG.proxy.cut()
        for headers in ((), ["User-Agent: curl/8.5.0 Nix/2.18.1"]):
            answer = get(self.region.port, "/nar/nobody.nar", headers=headers)
            assert_well_formed(self, answer)
            self.assertEqual((answer.status, answer.header("Retry-After")), (503, "5"))
        REGION_PG.proxy.heal()
        support.wait_until(lambda: status() == 404, "the primary says so again")
        self.region.stop()


def head(size):
    return f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nContent-Type: x/y\r\n\r\n".encode()


class Faults(Case):
    def test_other_bytes_are_never_completed_nor_kept(self):
        for size in (1, 1000, 3 * MIB):
            with self.subTest(size=size):
                data = samples.nar_bytes(size, seed=9)
                target = self.publish(data, name=f"{self.name}-{size}")
                wrong = data[:-1] + bytes([data[-1] ^ 1])
                self.use(lambda client, wrong=wrong: client.sendall(head(len(wrong)) + wrong))
                region = self.serve()
                self.assert_cut_off(region, target, data)
                self.assertEqual(self.metric(region, 'narthex_nar_fetches_total{outcome="refused"}'), 1)
                support.wait_until(lambda: self.kept() == {}, "nothing is kept")
                region.stop()
                # The same where nothing can be kept.
                region = support.Server("--database", REGION_PG.uri)
                self.addCleanup(region.kill)
                self.assert_cut_off(region.start(), target, data)
                region.stop()

    def test_another_size_is_refused_at_once(self):
        data = samples.nar_bytes(1000, seed=10)
        target = self.publish(data)
        self.use(lambda client: client.sendall(head(999) + data[:-1]))
        region = self.serve()
        self.assertEqual(get(region.port, target).status, 503)
        support.wait_until(lambda: self.kept() == {}, "nothing is kept")
        region.stop()

    def test_the_primary_dies_in_the_middle_and_returns(self):
        data = samples.nar_bytes(3 * MIB, seed=11)
        target = self.publish(data)
        self.use(lambda client: client.sendall(head(len(data)) + data[:2 * MIB]))
        region = self.serve()
        self.assert_cut_off(region, target, data)
        support.wait_until(lambda: self.kept() == {}, "nothing is kept")
        self.use_real()
        support.wait_until(lambda: get(region.port, target, "HEAD") and self.fetched(target),
                           "the region asks the real one")
        self.assertEqual(get(region.port, target).body, data)
        region.stop()

    def test_a_primary_that_hangs(self):
        closing = threading.Event()
        self.addCleanup(closing.set)
        data = samples.nar_bytes(MIB, seed=12)
        target = self.publish(data)
        self.use(lambda client: closing.wait(60))
        region = self.serve()
        since = time.monotonic()
        answer = get(region.port, target)
        self.assertEqual((answer.status, answer.header("Retry-After")), (503, "5"))
        self.assertGreater(time.monotonic() - since, TIMEOUT - 0.5)
        region.stop()

    def test_a_primary_that_drips(self):
        data = samples.nar_bytes(600, seed=31)
        target = self.publish(data)

        def drip(client):
            client.sendall(head(len(data)))
            for at in range(len(data)):
                client.sendall(data[at:at + 1])
                if select.select([client], [], [], 0.1)[0]:
                    return  # the region has gone
        self.use(drip)
        region = self.serve()
        self.assert_cut_off(region, target, data)
        self.assertEqual(self.metric(region, 'narthex_nar_fetches_total{outcome="failed"}'), 1)
        support.wait_until(lambda: self.kept() == {}, "nothing is kept")
        region.stop()
        # The same where nothing can be kept.
        region = support.Server("--database", REGION_PG.uri, "--primary-timeout-ms", 1000 * TIMEOUT)
        self.addCleanup(region.kill)
        self.assert_cut_off(region.start(), target, data)
        region.stop()

    def test_two_lengths_are_none(self):
        """Whoever believes the wrong one takes the rest for the next answer."""
        data = samples.nar_bytes(1000, seed=32)
        target = self.publish(data)
        self.use(lambda client: client.sendall(
            head(len(data)).replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n") +
            b"800\r\n" + bytes(0x800) + b"\r\n0\r\n\r\n"))
        for region in (self.serve(), support.Server("--database", REGION_PG.uri).start()):
            self.addCleanup(region.kill)
            self.assertEqual(get(region.port, target).status, 503)
            support.wait_until(lambda: self.kept() == {}, "nothing is kept")
            region.stop()

    def test_a_region_that_is_its_own_primary(self):
        target = self.publish(samples.nar_bytes(1000, seed=20))
        region = self.serve()
        self.addCleanup(self.use_real)
        REGION_PG.sql(f"update instance set primary_url = '{region.url}'")
        support.wait_until(lambda: get(region.port, target, "HEAD").status == 503, "it asks itself")
        for headers in ((), ("Range: bytes=1-",)):
            self.assertEqual(get(region.port, target, headers=headers).status, 503)
        support.wait_until(lambda: self.kept() == {}, "nothing is kept")
        region.stop()

    def test_no_primary(self):
        kept, other = (samples.nar_bytes(1000, seed=seed) for seed in (13, 14))
        here = self.publish(kept, name="here")
        elsewhere = self.publish(other, name="elsewhere")
        region = self.serve()
        self.assertEqual(get(region.port, here).body, kept)
        fake = self.use(lambda client: None)
        fake.close()
        support.wait_until(lambda: get(region.port, elsewhere, "HEAD").status == 503, "it is away")
        for headers in ((), ("Range: bytes=1-",)):
            answer = get(region.port, elsewhere, headers=headers)
            assert_well_formed(self, answer)
            self.assertEqual((answer.status, answer.header("Retry-After")), (503, "5"))
        self.assertEqual(get(region.port, here).body, kept)
        region.stop()


class Together(Case):
    def test_many_clients_share_one_fetch(self):
        data = samples.nar_bytes(4 * MIB, seed=15)
        target = self.publish(data)
        go_on = threading.Event()
        self.addCleanup(go_on.set)

        def half_first(client):
            client.sendall(head(len(data)) + data[:2 * MIB])
            go_on.wait(60)
            client.sendall(data[2 * MIB:])
        fake = self.use(half_first)
        region = self.serve()
        connections = [Connection(region.port) for _ in range(20)]
        bodies = []
        for connection in connections:
            connection.request(target)
        for connection in connections:  # each has a part of it
            while len(connection._pending) < MIB:
                connection._receive()
        threads = [threading.Thread(target=lambda connection=connection: bodies.append(
            connection.read_response().body)) for connection in connections]
        for thread in threads:
            thread.start()
        go_on.set()
        for thread in threads:
            thread.join()
        self.assertEqual(len(bodies), len(connections))
        self.assertTrue(all(body == data for body in bodies))
        self.assertEqual(fake.count(target), 1)
        self.assertEqual(self.kept(), {f"default{target}": data})
        for connection in connections:
            connection.close()
        region.stop()

    def test_what_nobody_wants_any_more_is_broken_off(self):
        data = samples.nar_bytes(4 * MIB, seed=16)
        target = self.publish(data)
        gone = threading.Event()

        def wait_for_the_end(client):
            client.sendall(head(len(data)) + data[:2 * MIB])
            try:
                client.recv(1)
            except ConnectionResetError:
                pass  # there was more for it to read
            gone.set()
        self.use(wait_for_the_end)
        region = self.serve()
        with Connection(region.port) as connection:
            connection.request(target)
            connection._receive()
        self.assertTrue(gone.wait(TIMEOUT + 15))
        support.wait_until(lambda: self.kept() == {}, "nothing is kept")
        region.stop()


class All(Case):
    def test_all_are_fetched_and_new_ones_too(self):
        data = samples.nar_bytes(1000, seed=17)
        first = self.publish(data, name="before")
        region = self.serve("--fetch-nars", "all")
        wanted = int(REGION_PG.sql("select count(distinct nar) from nar_location"))
        support.wait_until(lambda: len(self.kept()) == wanted, "all are here")
        support.wait_until(lambda: self.metric(region, "narthex_nars_left") == 0, "none is left")
        self.assertEqual(self.kept()[f"default{first}"], data)
        second = self.publish(samples.nar_bytes(1000, seed=18), name="after")
        support.wait_until(lambda: f"default{second}" in self.kept(), "the new one is here")
        region.stop()


class Sweep(Case):
    def make(self, name, days):
        path = self.directory / "default/nar" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        os.utime(path, (time.time() - days * 86_400,) * 2)
        for directory in (path.parent, path.parent.parent):
            directory.chmod(0o777)

    def test_what_no_row_names_goes_after_a_day(self):
        named = pathlib.Path(self.publish(samples.nar_bytes(1000, seed=19))).name
        self.make("unnamed.nar", 2)
        self.make("young.nar", 0.5)
        self.make(named, 2)
        foreign = self.directory / "default/README"
        foreign.write_text("not ours")
        os.utime(foreign, (0, 0))
        region = self.serve()
        support.wait_until(lambda: "default/nar/unnamed.nar" not in self.kept(), "it is removed")
        self.assertEqual(set(self.kept()), {
            "default/README", f"default/nar/{named}", "default/nar/young.nar"})
        region.stop()


if __name__ == "__main__":
    support.main()
