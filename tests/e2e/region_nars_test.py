#!/usr/bin/env python3
"""NARs in a region: fetched from the primary when somebody asks, or all of them, verified and kept; with a full disk,
and while the region is behind."""

import hashlib
import os
import pathlib
import subprocess
import time

import region_nars
import samples
import support
import tokens
from nix_client import NixClient
from raw_http import assert_well_formed, resident_bytes
from region_nars import MIB, Case
from support import Connection, get
from uploads import put

setUpModule = region_nars.set_up
tearDownModule = region_nars.tear_down


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
        self.assertNotIn("nobody.nar", self.primary.log())
        region.stop()

    def test_private(self):
        region = self.serve()
        data = samples.nar_bytes(300_000, seed=3)
        target = self.publish(data, "/secret/")
        self.assertEqual(get(region.port, target).status, 401)
        answer = get(region.port, target, headers=[tokens.bearer(self.token)])
        self.assertEqual((answer.status, answer.body), (200, data))
        self.assertEqual(answer.header("Cache-Control"), "private")
        self.assertEqual(list(self.kept()), [f"secret{target.removeprefix('/secret')}"])
        region.stop()

    def test_nix_pulls_a_closure(self):
        region = self.serve()
        client = NixClient()
        client.pull(self.closed.top, self.closed.public_key, region.url)
        self.assertEqual(client.valid_paths(), set(self.closed.paths))
        client.verify()
        self.assertEqual(len(self.kept()), len(self.closed.paths))
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
        region = support.Server("--database", self.region_pg.uri)
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
        self.region_pg.sql("alter subscription narthex disable")
        self.addCleanup(self.region_pg.sql, "alter subscription narthex enable")
        self.addCleanup(self.region_pg.proxy.heal)
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
        self.assertEqual(put(self.region, nar, data, self.token).status, 201)
        answer = get(self.region.port, nar, headers=[tokens.bearer(self.token)])
        self.assertEqual((answer.status, answer.body), (200, data))
        self.region.stop()

    def test_one_that_nobody_has_is_absent_only_while_the_primary_says_so(self):
        def status(headers=()):
            return get(self.region.port, "/nar/nobody.nar", headers=headers).status
        self.assertEqual(status(), 404)
        self.region_pg.proxy.cut()
        for headers in ((), ["User-Agent: curl/8.5.0 Nix/2.18.1"]):
            answer = get(self.region.port, "/nar/nobody.nar", headers=headers)
            assert_well_formed(self, answer)
            self.assertEqual((answer.status, answer.header("Retry-After")), (503, "5"))
        self.region_pg.proxy.heal()
        support.wait_until(lambda: status() == 404, "the primary says so again")
        self.region.stop()


class All(Case):
    def test_all_are_fetched_and_new_ones_too(self):
        data = samples.nar_bytes(1000, seed=17)
        first = self.publish(data, name="before")
        region = self.serve("--fetch-nars", "all")
        wanted = int(self.region_pg.sql("select count(distinct nar) from nar_location"))
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
