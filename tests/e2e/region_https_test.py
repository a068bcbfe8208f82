#!/usr/bin/env python3
"""A region whose primary is behind https, with certificates of an operator's own CA: published through, its NARs
fetched; and nothing of one that the CA doesn't vouch for."""

import hashlib
import re
import unittest

import region_nars
import regions
import samples
import support
import tokens
from certificates import Authority
from raw_http import assert_well_formed
from region_nars import Case
from support import get
from uploads import put

HERE = "IP:127.0.0.1"


def setUpModule():
    global CA, UNKNOWN
    region_nars.set_up()
    CA, UNKNOWN = Authority("ours"), Authority("unknown")


tearDownModule = region_nars.tear_down


class Https(Case):
    def behind(self, tls):
        """The primary by a proxy that talks TLS."""
        proxy = regions.Proxy(self.primary.port, tls=tls)
        self.addCleanup(proxy.close)
        self.addCleanup(self.use_real)
        self.region_pg.sql(f"update instance set primary_url = 'https://127.0.0.1:{proxy.port}'")
        return proxy

    def trusting(self, authority, *args):
        return self.serve("--instance-ca", authority.file, *args)

    def narinfo_of(self, name, data):
        nar = f"nar/{samples.nix32(hashlib.sha256(data).digest())}.nar"
        return nar, samples.narinfo(name, nar=(nar, data)).encode()


class Trusted(Https):
    def setUp(self):
        super().setUp()
        self.behind(CA.server(HERE))
        self.region = self.trusting(CA)

    def test_a_nar_is_fetched_and_kept(self):
        data = samples.nar_bytes(3_000_000, seed=41)
        target = self.publish(data)
        part = get(self.region.port, target, headers=["Range: bytes=1000-1999"])
        self.assertEqual((part.status, part.body), (206, data[1000:2000]))
        for _ in range(2):
            answer = get(self.region.port, target)
            assert_well_formed(self, answer)
            self.assertEqual((answer.status, answer.body), (200, data))
        self.assertEqual(self.kept(), {f"default{target}": data})
        self.region.stop()

    def test_what_is_published_goes_through(self):
        data = samples.nar_bytes(1_000_000, seed=42)
        nar, text = self.narinfo_of(self.name, data)
        target = samples.target(self.name)
        self.assertEqual(put(self.region, "/" + nar, data, self.token).status, 201)
        self.assertEqual(put(self.region, target, text, self.token).status, 201)
        narinfo = get(self.region.port, target)
        self.assertEqual((narinfo.status, narinfo.body), (200, get(self.primary.port, target).body))
        self.assertEqual(get(self.region.port, "/" + nar).body, data)
        self.assertNotIn("event=primary_not_reached", self.region.log())
        self.region.stop()

    def test_a_miss_is_confirmed_while_it_lags(self):
        self.wait_up_to_date(self.region)
        self.region_pg.sql("alter subscription narthex disable")
        self.addCleanup(self.region_pg.sql, "alter subscription narthex enable")
        self.wait_up_to_date(self.region, 0)
        data = samples.nar_bytes(1000, seed=43)
        target = self.publish_there(data)
        self.assertEqual(get(self.region.port, samples.target(self.name)).status, 200)
        self.assertEqual(get(self.region.port, target).body, data)
        for absent in samples.target("nobody"), "/nar/nobody.nar":
            self.assertEqual(get(self.region.port, absent).status, 404)
        self.region.stop()


class Untrusted(Https):
    def refuses(self, region):
        data = samples.nar_bytes(1000, seed=44)
        target = self.publish(data, name=self.name)
        fetched = self.fetched(target)
        for headers in ([], ["Range: bytes=0-9"]):
            answer = get(region.port, target, headers=headers)
            assert_well_formed(self, answer)
            self.assertEqual((answer.status, answer.header("Retry-After")), (503, "5"))
        nar, text = self.narinfo_of("never-published", b"never")
        for path, body in (("/" + nar, b"never"), (samples.target("never-published"), text)):
            answer = put(region, path, body, self.token)
            self.assertEqual(answer.status, 503)
            self.assertIn(b"can't be reached", answer.body)
        publisher = [tokens.bearer(self.token)]
        self.assertEqual(get(region.port, samples.target("never-published"), headers=publisher).status, 503)
        self.assertEqual((self.kept(), self.fetched(target)), ({}, fetched))
        self.assertEqual(get(self.primary.port, samples.target("never-published")).status, 404)
        for event in "nar_fetch_failed", "primary_not_reached":
            lines = re.findall(rf"event={event} url=\S*https://127\S+ reason=.*", region.log())
            self.assertEqual(len(lines), 1, region.log())
            self.assertIn("certificate", lines[0])
        self.assertEqual(get(region.port, samples.target(self.name)).status, 200)
        region.stop()

    def test_a_certificate_of_an_unknown_ca(self):
        self.behind(UNKNOWN.server(HERE))
        self.refuses(self.trusting(CA))

    def test_a_certificate_of_another_name(self):
        self.behind(CA.server("DNS:elsewhere.example,IP:127.0.0.2"))
        self.refuses(self.trusting(CA))

    def test_a_ca_that_the_system_does_not_know(self):
        self.behind(CA.server(HERE))
        self.refuses(self.serve())

    def test_a_file_that_is_not_there(self):
        missing = support.temp_dir("no-ca") / "ca.crt"
        done = support.narthex("serve", "--database", self.region_pg.uri, "--listen",
                               f"127.0.0.1:{support.free_port()}", "--instance-ca", missing, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"can't read instance-ca '{missing}'", done.stderr)


if __name__ == "__main__":
    support.main()
