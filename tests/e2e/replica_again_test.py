"""What stays when something has to be done again: a region's counts, its subscription, where its primary
listens."""

import os

import narinfos
import regions
import support
from replica_test import ReplicaTest


class CountsTest(ReplicaTest):
    def counting_region(self, name, *serve_args):
        region = regions.Region(name, *serve_args)
        self.made.append(region)
        region.join(self.primary.invite(name))
        return region.up()

    def lose_slot(self, region):
        slot = f"narthex_region_{region.name}"
        support.wait_until(lambda: self.primary.sql.value(
            f"select active from pg_replication_slots where slot_name = '{slot}'") == "f", "it is away")
        self.primary.sql.rows(f"select pg_drop_replication_slot('{slot}')")

    def test_counts_survive_a_fresh_copy_and_come_home_once(self):
        region = self.counting_region("eu1", "--count-flush-seconds", 1)
        # The primary has a half of them, it is said.
        region.sql.rows("insert into own_count (cache, hash, day, served, hidden, sent)"
                        " select 1, hash, current_date - 1, 3, 1, row_number() over () % 2 = 0 from narinfo")
        region.down()
        self.lose_slot(region)
        done = region.join("postgresql://narthex_region_eu1:x@127.0.0.1:1/narthex")
        self.assertIn("has joined", done.stdout)
        region.serve()
        counted = ("select count(*), sum(served), sum(hidden) from request_count"
                   " where region = 'eu1' and day = current_date - 1")
        paths = len(self.primary.hashes())
        wanted = [[str(paths), str(3 * paths), str(paths)]]
        support.wait_until(lambda: self.primary.sql.rows(counted) == wanted, "they are there")
        support.wait_until(lambda: region.sql.value("select count(*) from own_count where not sent") == "0",
                           "and known")
        self.assertEqual(self.primary.sql.rows(counted), wanted)

    def test_counts_of_another_name_are_not_its_own(self):
        region = self.counting_region("eu2")
        region.sql.rows("insert into own_count (cache, hash, day, served)"
                        " select 1, hash, current_date, 3 from narinfo")
        region.command("replica", "follow", "--primary", self.primary.invite("eu3"), "--name", "eu3")
        self.assertEqual(region.sql.value("select role || ' ' || name from instance"), "region eu3")
        self.assertEqual(region.sql.value("select count(*) from own_count"), "0")


class LeaveTest(ReplicaTest):
    def test_a_region_that_could_not_leave_follows_on(self):
        region = self.joined("eu4")
        self.primary.sql.rows("alter role narthex_region_eu4 noreplication")
        done = region.command("replica", "leave", check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(region.sql.value("select role from instance"), "region")
        self.assertEqual(region.sql.value("select subenabled from pg_subscription"), "t")
        self.primary.sql.rows("alter role narthex_region_eu4 replication")
        self.primary.import_narinfos([narinfos.narinfo("afterwards")])
        self.follows(region, "narinfo")
        # One that was switched off by hand stays so.
        self.primary.sql.rows("alter role narthex_region_eu4 noreplication")
        region.sql.rows("alter subscription narthex disable")
        self.assertEqual(region.command("replica", "leave", check=False).returncode, 1)
        self.assertEqual(region.sql.value("select subenabled from pg_subscription"), "f")


class ConfigurationTest(ReplicaTest):
    def test_where_regions_are_listened_for_is_a_matter_of_serve(self):
        changed = {**os.environ, "NARTHEX_REGION_LISTEN": f"127.0.0.1:{support.free_port()}"}
        self.assertIn("default", self.primary.command("cache", "list", env=changed).stdout)
        self.assertIn(f":{self.primary.port}/", self.primary.invite("eu5"))


if __name__ == "__main__":
    support.main()
