#!/usr/bin/env python3
"""What a region counts while it is away from its primary: kill -9 takes no more than one flush, and nothing counts
twice, whoever is restarted and however often it is sent."""

import unittest

import samples
import support
from region_by_sql import Primary, Region
from support import get

NAMES = [f"counted-{i}" for i in range(20)]
DAY = "(now() at time zone 'UTC')::date"


class AwayForADay(unittest.TestCase):
    def setUp(self):
        self.primary = Primary()
        self.addCleanup(self.primary.close)
        support.narthex("import", "--database", self.primary.uri, samples.write_records(
            support.temp_dir("records") / "all", [samples.narinfo(name) for name in NAMES]))
        self.region_pg = Region(self.primary)
        self.addCleanup(self.region_pg.close)
        # A primary without narthex has no heartbeat.
        self.region = support.Server("--database", self.region_pg.uri, "--count-flush-seconds", 1,
                                     "--ready-lag-seconds", 0)
        self.addCleanup(self.region.kill)

    def ask(self, times):
        """Each of them so often."""
        for _ in range(times):
            for name in NAMES:
                self.assertEqual(get(self.region.port, samples.target(name)).status, 200)

    def stored(self, more=""):
        return int(self.region_pg.sql(f"select coalesce(sum(served), 0) from own_count where true {more}"))

    def at_home(self):
        """(rows, requests), of all paths and days."""
        return tuple(map(int, self.primary.sql(
            "select count(*), coalesce(sum(served), 0) from request_count where region = 'eu1'").split("|")))

    def wait_for_home(self, wanted):
        support.wait_until(lambda: self.stored("and not sent") == 0, "all of it is sent")
        self.assertEqual(self.at_home(), wanted)

    def test_loses_one_flush_and_counts_nothing_twice(self):
        self.region.start()
        self.ask(2)
        support.wait_until(lambda: self.at_home() == (20, 40), "the first are at home")
        self.region_pg.proxy.cut()
        self.ask(3)
        support.wait_until(lambda: self.stored() == 100, "they are stored")
        # As if it had been yesterday.
        self.region_pg.sql(f"update own_count set day = {DAY} - 1")
        self.primary.sql(f"update request_count set day = {DAY} - 1")
        self.ask(1)
        self.region.kill()
        # What it had sent may still be stored.
        support.wait_until(lambda: self.region_pg.sql(
            "select count(*) from pg_stat_activity"
            " where backend_type = 'client backend' and application_name like 'narthex%'") == "0",
            "its connections have ended")
        kept = self.stored()
        self.assertIn(kept, range(100, 121))
        self.region.start()
        self.ask(5)
        support.wait_until(lambda: self.stored() == kept + 100, "more is stored")
        self.assertEqual(self.at_home(), (20, 40), "nothing comes while it is away")
        self.primary.postgres.stop()
        self.primary.postgres.start()
        self.region_pg.proxy.heal()
        self.wait_for_home((40, kept + 100))
        # As when the answer to a transfer was lost; and killed in the middle of it.
        self.region_pg.sql("update own_count set sent = false")
        self.region.kill()
        self.region.start()
        self.wait_for_home((40, kept + 100))
        self.ask(1)
        support.wait_until(lambda: self.at_home() == (40, kept + 120), "and it goes on")
        self.region.stop()


if __name__ == "__main__":
    support.main()
