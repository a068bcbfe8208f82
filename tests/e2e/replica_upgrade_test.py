#!/usr/bin/env python3
"""A region whose schema is older than its primary's: it goes on answering and says what to do, and `narthex migrate`
there makes it follow again, also where its subscription was switched off."""

import re
import unittest

import samples
import support
from region_by_sql import Primary, Region
from support import get

NEWER = 999


class Behind(unittest.TestCase):
    def setUp(self):
        self.primary = Primary()
        self.addCleanup(self.primary.close)
        self.publish("before")
        self.region_pg = Region(self.primary)
        self.addCleanup(self.region_pg.close)
        # A primary without narthex has no heartbeat.
        self.region = support.Server("--database", self.region_pg.uri, "--ready-lag-seconds", 0, admin=True)
        self.addCleanup(self.region.kill)
        self.region.start()

    def publish(self, name):
        support.narthex("import", "--database", self.primary.uri, samples.write_records(
            support.temp_dir("records") / "all", [samples.narinfo(name)]))

    def status(self, name):
        return get(self.region.port, samples.target(name)).status

    def errors(self):
        metrics = get(self.region.admin_port, "/metrics").body.decode()
        return float(re.search(r"^narthex_subscription_errors (\S+)$", metrics, re.M)[1])

    def migrate_primary(self):
        """As a newer narthex: a column and a table more. No heartbeat that says so comes before what can't be applied."""
        self.primary.sql(f"""
            {self.newer()};
            alter publication narthex_serve add table newer;
            grant select on newer to narthex_region_eu1;
            insert into newer select generate_series(1, 10)""")
        self.publish("after")
        # The last, since this narthex does nothing with such a schema.
        self.primary.sql(
            f"insert into schema_migration (version, name, checksum) values ({NEWER}, 'later', '\\x00')")

    @staticmethod
    def newer():
        return "alter table narinfo add column newer int; create table newer (n int primary key)"

    def migrate_region(self):
        self.region_pg.sql(self.newer())
        return support.narthex("migrate", "--database", self.region_pg.uri)

    def follows(self):
        support.wait_until(lambda: self.region_pg.sql("select count(*) from newer") == "10", "the new table is copied")
        support.wait_until(lambda: self.region_pg.sql("select count(*) from narinfo") == "2", "the rest arrives")
        self.assertEqual(self.region_pg.sql("select subenabled from pg_subscription"), "t")
        self.assertEqual([self.status(name) for name in ("before", "after")], [200, 200])

    def fall_behind(self):
        self.migrate_primary()
        support.wait_until(lambda: self.errors() > 1, "it tries again and again")
        self.assertEqual(self.status("before"), 200)
        support.wait_until(lambda: f"{NEWER} on the primary: run 'narthex migrate'" in self.primary.sql(
            "select trouble from region_report where name = 'eu1'"), "it says what to do")
        self.assertEqual(self.region_pg.sql("select count(*) from narinfo"), "1")

    def test_it_follows_once_it_is_migrated(self):
        self.fall_behind()
        self.assertEqual(self.migrate_region().stderr, "")
        self.follows()
        self.region.stop()

    def test_one_that_was_switched_off_is_switched_on(self):
        self.fall_behind()
        self.region_pg.sql("alter subscription narthex disable")
        self.migrate_region()
        self.follows()
        self.region.stop()

    def test_new_tables_come_later_where_the_primary_is_away(self):
        self.fall_behind()
        self.region_pg.sql("alter subscription narthex disable")
        self.region_pg.proxy.cut()
        self.assertIn("'narthex migrate' again", self.migrate_region().stderr)
        self.assertEqual(self.region_pg.sql("select subenabled from pg_subscription"), "t")
        self.region_pg.proxy.heal()
        self.assertEqual(support.narthex("migrate", "--database", self.region_pg.uri).stderr, "")
        self.follows()
        self.region.stop()


if __name__ == "__main__":
    support.main()
