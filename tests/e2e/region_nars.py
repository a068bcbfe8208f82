"""A primary with NARs, and the database of its region: what the tests of a region's NARs share."""

import hashlib
import os
import re
import unittest

import samples
import support
import tokens
from fake_primary import FakePrimary
from region_by_sql import Primary, Region
from support import Connection, get
from uploads import put

MIB = 1 << 20
TIMEOUT = 3  # seconds that a primary may say nothing


def set_up():
    """For setUpModule: Case's primary and region."""
    # A sanitizer keeps what was freed: that is no use of memory.
    os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [
        os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=1",
        "thread_local_quarantine_size_kb=64"]))
    closed = support.closure()
    primary_pg = Primary()
    key = support.temp_dir("key") / "secret"
    key.touch(mode=0o600)
    key.write_text(closed.secret_key.read_text())
    support.narthex("cache", "set", "default", "--database", primary_pg.uri, "--sign-uploads", "true")
    support.narthex("cache", "create", "secret", "--database", primary_pg.uri, "--visibility", "private",
                    "--sign-uploads", "true")
    support.narthex("import", "--database", primary_pg.uri, "--trusted-key", closed.public_key,
                    "--nar-dir", closed.cache, closed.cache)
    primary = support.Server("--database", primary_pg.uri, "--upload-dir", support.temp_dir("nars"),
                             "--signing-key", key, "--access-log").start()
    region_pg = Region(primary_pg, primary_url=primary.url)
    token = tokens.make(primary_pg.postgres, "region.eu1", ["read"])
    region_pg.sql(f"update instance set token = '{token}'")
    Case.primary_pg, Case.region_pg, Case.primary, Case.closed = primary_pg, region_pg, primary, closed
    Case.token = tokens.make(primary_pg.postgres, "ci", ["publish"])
    support.wait_until(lambda: put(primary, "/nix-cache-info", b"x", Case.token).status == 409,
                       "the token is known")


def tear_down():
    Case.primary.stop()
    Case.region_pg.close()
    Case.primary_pg.close()


class Case(unittest.TestCase):
    """Each test with a region's narthex of its own, whose directory is empty."""

    primary_pg = region_pg = primary = token = closed = None

    def setUp(self):
        self.directory = support.temp_dir("region-nars")
        self.directory.chmod(0o777)
        self.name = f"{self._testMethodName.removeprefix('test_')}"

    def serve(self, *args, **options):
        region = support.Server("--database", self.region_pg.uri, "--nar-dir", self.directory,
                                "--primary-timeout-ms", 1000 * TIMEOUT, *args, admin=True, **options)
        self.addCleanup(region.kill)
        return region.start()

    def publish(self, data, prefix="/", name=None):
        """A made-up path at the primary, with that NAR, whose target it returns."""
        target = self.publish_there(data, prefix, name)
        support.wait_until(lambda: self.region_pg.sql(
            f"select count(*) from narinfo where name = '{name or self.name}'") != "0",
            "the region has it")
        return target

    def publish_there(self, data, prefix="/", name=None):
        """The same, whether it has come to the region or not."""
        name = name or self.name
        nar = f"nar/{samples.nix32(hashlib.sha256(data).digest())}.nar"
        self.assertIn(put(self.primary, prefix + nar, data, self.token).status, (200, 201))
        text = samples.narinfo(name, nar=(nar, data)).encode()
        self.assertIn(put(self.primary, prefix + samples.target(name)[1:], text, self.token).status, (200, 201))
        return prefix + nar

    def use(self, answer):
        fake = FakePrimary(answer)
        self.addCleanup(self.use_real)
        self.addCleanup(fake.close)
        self.region_pg.sql(f"update instance set primary_url = '{fake.url}'")
        return fake

    def use_real(self):
        self.region_pg.sql(f"update instance set primary_url = '{self.primary.url}'")

    def fetched(self, target):
        """How often it was had from the primary."""
        return len(re.findall(f'target="{re.escape(target)}" status=20[06] ', self.primary.log()))

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
