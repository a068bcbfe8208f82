#!/usr/bin/env python3
"""A region whose disk is full: it goes on answering, denies nothing that its primary has, says what is wrong, and
catches up by itself when there is room again."""

import json
import os
import re
import time
import unittest

import regions
import samples
import small_disk
import support
from postgres import Postgres
from region_by_sql import Primary, Region
from small_disk import SmallDisk
from support import get

LATER = [f"later-{i}" for i in range(500)]
# A region says that a path is absent while what it has is at most two seconds old; the third is for the asking.
FRESH = 3


def setUpModule():
    small_disk.enter()


def status(region, name):
    return get(region.port, samples.target(name)).status


class Tables(unittest.TestCase):
    """There is no room for rows any more, but for PostgreSQL's log: only the subscription stops."""

    def setUp(self):
        self.disk = SmallDisk(48)
        self.addCleanup(self.disk.close)
        self.primary = Primary()
        self.addCleanup(self.primary.close)
        server = support.Server("--database", self.primary.uri).start()  # whose heartbeat it needs
        self.addCleanup(server.stop)
        self.publish(["before"])
        self.region_pg = Region(self.primary, primary_url=server.url, postgres=self.region_postgres())
        self.addCleanup(self.region_pg.close)
        self.region = support.Server("--database", self.region_pg.uri, "--ready-lag-seconds", 2, admin=True)
        self.addCleanup(self.region.kill)
        self.region.start()

    def region_postgres(self):
        postgres = Postgres("wal_level=logical", "wal_retrieve_retry_interval=300ms", "autovacuum=off")
        owner = os.stat(postgres.data)
        os.chown(self.disk.directory, owner.st_uid, owner.st_gid)
        postgres.psql(f"create tablespace small location '{self.disk.directory}'", database="postgres")
        postgres.psql("alter database narthex set tablespace small", database="postgres")
        return postgres

    def publish(self, names):
        support.narthex("import", "--database", self.primary.uri, samples.write_records(
            support.temp_dir("records") / "all", [samples.narinfo(name) for name in names]))

    def metric(self, name):
        return float(re.search(rf"^{name} (\S+)$", get(self.region.admin_port, "/metrics").body.decode(), re.M)[1])

    def replica_status(self, *args):
        return support.narthex("replica", "status", "--database", self.region_pg.uri, *args).stdout

    def test_only_what_it_lacks_has_to_be_asked_for(self):
        self.disk.fill()
        self.publish(LATER)
        support.wait_until(lambda: self.metric("narthex_subscription_errors") > 1, "it tries again and again")
        support.wait_until(lambda: self.metric("narthex_up_to_date") == 0, "it knows that it lags")
        self.check_answers()
        self.check_what_it_says()
        self.disk.make_room()
        support.wait_until(lambda: self.metric("narthex_up_to_date") == 1, "it catches up by itself")
        rows = "select count(*), md5(string_agg(n::text, ' ' order by hash)) from narinfo n"
        self.assertEqual(self.region_pg.sql(rows), self.primary.sql(rows))
        self.assertEqual(status(self.region, "nobody"), 404)
        support.wait_until(lambda: get(self.region.port, "/readyz").status == 200, "it is ready again")
        self.region.stop()

    def check_answers(self):
        self.assertEqual(status(self.region, "before"), 200)
        for name in LATER[0], LATER[-1]:
            self.assertEqual(get(self.region.port, samples.target(name)).body.decode(), samples.narinfo(name))
        self.assertEqual(status(self.region, "nobody"), 404)
        self.region_pg.proxy.cut()
        self.assertEqual(status(self.region, "before"), 200)
        self.assertEqual([status(self.region, name) for name in (LATER[0], "nobody")], [503, 503])
        self.region_pg.proxy.heal()
        support.wait_until(lambda: status(self.region, LATER[0]) == 200, "the primary can be asked again")

    def check_what_it_says(self):
        support.wait_until(lambda: get(self.region.port, "/readyz").status == 503, "it isn't ready")
        said = json.loads(self.replica_status("--json"))["subscription"]
        self.assertTrue(said["enabled"])
        self.assertGreater(said["errors"], 1)
        support.wait_until(lambda: re.search(r"following  not connected, \d+ errors so far: PostgreSQL's log here says",
                                             self.replica_status()), "where to look")
        support.wait_until(lambda: "PostgreSQL's log says why" in self.primary.sql(
            "select trouble from region_report where name = 'eu1'"), "the primary knows, too")
        self.assertIn("No space left on device", (self.region_pg.postgres.directory / "log").read_text())


class Everything(unittest.TestCase):
    """Not even PostgreSQL's log has room, so it ends and can't be started."""

    def test_it_is_back_by_itself(self):
        disk = SmallDisk(128)
        self.addCleanup(disk.close)
        primary = regions.Primary().serve()
        self.addCleanup(primary.down)
        self.publish(primary, ["before"])
        region = regions.Region("eu1", data_dir=disk.directory / "data")
        self.addCleanup(region.down)
        region.join(primary.invite("eu1"))
        region.serve()
        self.assertEqual(status(region.server, "before"), 200)
        disk.fill()
        self.publish(primary, LATER)
        published = time.monotonic()
        support.wait_until(lambda: self.has_failed(region), "PostgreSQL has failed")
        region.restarted()
        support.wait_until(lambda: time.monotonic() > published + FRESH, "none of it is new")
        for name in ("before", LATER[0], LATER[-1], "nobody"):
            answer = get(region.server.port, samples.target(name))
            self.assertIn(answer.status, (200, 503), name)
            if answer.status == 503:
                self.assertIsNotNone(answer.header("Retry-After"))
        self.assertNotEqual(get(region.server.port, "/readyz").status, 200)
        disk.make_room()
        seen = set()

        def is_there():
            seen.add(status(region.server, LATER[-1]))
            return 200 in seen
        support.wait_until(is_there, "it is back, and serves what was published")
        self.assertLessEqual(seen, {200, 503})
        support.wait_until(lambda: regions.same_rows(primary, region, "narinfo", "narinfo_line"), "it has all")
        support.wait_until(lambda: status(region.server, "nobody") == 404, "its misses count again")
        region.server.stop()

    def publish(self, primary, names):
        primary.command("import", samples.write_records(
            support.temp_dir("records") / "all", [samples.narinfo(name) for name in names]))

    def has_failed(self, region):
        """A new segment of its log is wanted: by hand, since 16 MiB of rows take a while."""
        try:
            region.sql.rows("select pg_switch_wal() from pg_logical_emit_message(true, 'test', 'x')")
            return False
        except OSError:
            return True


if __name__ == "__main__":
    support.main()
