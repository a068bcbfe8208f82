"""`narthex replica`: regions are invited, join, follow, say how they are, and leave without a trace."""

import json
import random
import re
import signal
import subprocess
import time
import unittest

import narinfos
import postgres
import regions
import support

MADE = narinfos.closure(2000, seed=20261125)
MORE = [narinfos.narinfo(f"more-{i}") for i in range(100)]
SERVED = ("cache", "narinfo", "narinfo_nar", "nar", "hidden", "hide_batch", "token")
FULL = ("path", "graph", "tag", "root", "audit", "change")


def refusal(done):
    assert done.returncode in (1, 2), (done.returncode, done.stdout, done.stderr)
    lines = [line for line in done.stderr.splitlines() if line]
    assert len(lines) == 1, done.stderr
    return lines[0]


class ReplicaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.primary = regions.Primary().serve()
        cls.primary.import_narinfos(MADE)

    @classmethod
    def tearDownClass(cls):
        cls.primary.down()

    def setUp(self):
        self.made = []

    def tearDown(self):
        for each in self.made:
            each.down()
        for row in self.primary.sql.rows("select name from region where left_at is null"):
            if row != [""]:
                self.primary.command("replica", "remove", row[0])
        # The server removes those that left.
        support.wait_until(lambda: self.primary.sql.value("select count(*) from region") == "0", "none is left")

    def region(self, name):
        region = regions.Region(name)
        self.made.append(region)
        return region

    def joined(self, name, *args, proxy=None):
        region = self.region(name)
        region.join(self.primary.invite(name, proxy=proxy), *args)
        return region.up()

    def copy_slots(self, region):
        """Two with which tables would be copied, which nobody uses: this region's, and another's that has by chance
        the same id of a subscription."""
        subscription = region.sql.value("select oid from pg_subscription")
        system = region.sql.value("select system_identifier from pg_control_system()")
        own, others = (f"pg_{subscription}_sync_16400_{of}" for of in (system, "7000000000000000000"))
        for slot in own, others:
            self.primary.sql.rows(f"select pg_create_logical_replication_slot('{slot}', 'pgoutput')")
        self.addCleanup(self.primary.sql.rows, f"select pg_drop_replication_slot('{others}')")
        return own, others

    def follows(self, region, *tables):
        support.wait_until(lambda: regions.same_rows(self.primary, region, *tables),
                           f"{region.name} has the same rows")


class JoinTest(ReplicaTest):
    def test_what_the_primary_has_and_gets_is_on_the_region(self):
        region = self.joined("eu1")
        self.assertEqual(region.hashes(), self.primary.hashes())
        self.assertEqual(region.sql.value("select count(*) from graph"), "0", "a serving one has no graph")
        self.primary.import_narinfos(MORE)
        self.follows(region, *SERVED)
        self.primary.sql.rows("insert into hide_batch (active, reason) values (true, 'test');"
                              " insert into hidden select 1, hash, (select max(id) from hide_batch) from narinfo limit 10")
        self.primary.sql.rows("delete from narinfo where ctid = (select min(ctid) from narinfo)")
        self.follows(region, *SERVED)
        self.assertIn("region eu1", refusal(region.command(
            "cache", "set", "default", "--priority", "3", check=False)))
        self.assertIn("write on its primary", refusal(region.command(
            "import", narinfos.write([narinfos.narinfo("new")], "new"), check=False)))

    def test_a_full_region_has_everything(self):
        region = self.joined("eu2", "--full", "--url", "http://eu2.example")
        self.follows(region, *SERVED, *FULL)
        self.assertEqual(sorted(narinfos.complaints(region.sql, MADE)),
                         sorted(narinfos.complaints(self.primary.sql, MADE)))

    def test_a_full_region_that_could_not_stand_in_says_so(self):
        serving = self.region("eu11")
        self.assertEqual(serving.join(self.primary.invite("eu11")).stderr, "")
        full = self.region("eu12")
        uri = self.primary.invite("eu12")
        said = full.join(uri, "--full").stderr
        self.assertIn("this region has no URL", said)
        self.assertIn("start serve with --region-listen", said)
        said = full.join(uri, "--url", "http://eu12.example").stderr
        self.assertNotIn("no URL", said)
        self.assertIn("start serve with --region-listen", said)

    def test_servers_hear_of_changes_by_the_apply_worker(self):
        region = self.joined("eu3")
        self.assertEqual(region.sql.value(
            "select count(*) from pg_trigger where tgname = 'changed' and tgenabled <> 'A'"), "0")
        region.sql.rows("listen narthex_changed")
        self.primary.import_narinfos([narinfos.narinfo("heard")])
        support.wait_until(lambda: "Asynchronous" in str(region.sql.rows("select 1")), "a notification")

    def test_nothing_is_served_before_the_copy_is_complete(self):
        region = self.joined("eu4")
        region.sql.rows("update instance set role = 'joining'")
        region.down()
        done = region.command("serve", "--listen", f"127.0.0.1:{support.free_port()}", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("replica join' goes on", done.stderr)

    def test_joining_again_goes_on_or_says_that_it_follows(self):
        region = self.region("eu5")
        uri = self.primary.invite("eu5")
        region.join(uri)
        self.assertIn("follows already", region.join(uri).stdout)
        other = self.region("eu5")
        self.assertIn("the invite was used", refusal(other.join(uri, check=False)))
        self.assertFalse((other.data_dir / "postgres").exists(), "nothing is left behind")

    def test_joining_again_changes_kind_and_url(self):
        region = self.region("eu9")
        uri = self.primary.invite("eu9")
        region.join(uri)
        region.join(uri, "--url", "http://eu9.example")
        self.assertIn("(full) has joined", region.join(uri, "--full").stdout)
        region.up()
        self.follows(region, *SERVED, *FULL)
        self.assertEqual(self.primary.sql.rows("select kind, url from region where name = 'eu9'"),
                         [["full", "http://eu9.example"]])

    def test_a_join_that_is_killed_goes_on(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        rng = random.Random(seed)
        region = self.region("eu6")
        uri = self.primary.invite("eu6")
        for _ in range(6):
            process = subprocess.Popen([support.NARTHEX, "replica", "join", "--primary", uri, "--name", "eu6",
                                        "--data-dir", region.data_dir], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            time.sleep(rng.uniform(0, 4))
            process.send_signal(signal.SIGKILL)
            process.wait()
        region.join(uri)
        region.up()
        self.follows(region, *SERVED)

    def test_a_slot_that_was_lost_is_copied_afresh(self):
        region = self.region("eu7")
        region.join(self.primary.invite("eu7"))
        support.wait_until(lambda: self.primary.sql.value(
            "select active from pg_replication_slots where slot_name = 'narthex_region_eu7'") == "f", "it is away")
        self.primary.sql.rows("select pg_drop_replication_slot('narthex_region_eu7')")
        self.primary.import_narinfos([narinfos.narinfo("meanwhile")])
        uri = "postgresql://narthex_region_eu7:x@127.0.0.1:1/narthex"  # of no use any more
        done = region.join(uri)
        self.assertIn("has joined", done.stdout)
        region.up()
        self.follows(region, *SERVED)

    def test_a_copy_that_begins_afresh_leaves_no_slots(self):
        region = self.joined("eu10")
        _, others = self.copy_slots(region)
        uri = "postgresql://narthex_region_eu10:x@127.0.0.1:1/narthex"  # of no use any more
        self.assertIn("(full) has joined", region.join(uri, "--full").stdout)
        self.assertEqual(self.primary.slots(), {"narthex_region_eu10", others})

    def test_a_copy_survives_cuts_of_the_network(self):
        proxy = regions.Proxy(self.primary.port, delay=0.01)
        region = self.region("eu8")
        uri = self.primary.invite("eu8", proxy=proxy)
        process = subprocess.Popen([support.NARTHEX, "replica", "join", "--primary", uri, "--name", "eu8",
                                    "--data-dir", region.data_dir], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        support.wait_until(lambda: "narthex_region_eu8" in self.primary.slots() or process.poll() is not None,
                           "its slot")
        proxy.cut()
        proxy.mend()
        process.communicate(timeout=10 * support.DEADLINE)
        region.join(uri)
        region.up()
        self.follows(region, *SERVED)
        proxy.close()


class LeaveTest(ReplicaTest):
    def test_leaving_leaves_nothing_on_either_side(self):
        region = self.joined("as1", "--full")
        region.command("replica", "leave")
        self.assertNotIn("narthex_region_as1", self.primary.slots())
        self.assertEqual(region.sql.rows("select subname from pg_subscription"), [])
        self.assertEqual(region.sql.rows("select role, name, kind, primary_url, token from instance"),
                         [["primary", "", "", "", ""]])
        self.assertEqual(region.sql.value("select count(*) from narinfo"), "0")
        self.assertEqual(region.sql.rows("select id, name, store_dir from cache"), [["1", "default", "/nix/store"]])
        self.primary.command("replica", "remove", "as1")
        self.assertEqual(self.primary.roles(), set())
        self.assertEqual(self.primary.sql.value("select count(*) from region"), "0")
        self.assertEqual(self.primary.sql.value(
            "select count(*) from token where name = 'region.as1' and revoked_at is null"), "0")
        region.command("cache", "set", "default", "--priority", "41")  # it is writable again

    def test_leaving_takes_no_slot_of_another_region(self):
        region = self.joined("as5")
        _, others = self.copy_slots(region)
        region.command("replica", "leave")
        self.assertEqual(self.primary.slots(), {others})

    def test_removing_takes_all_slots_of_a_region_and_no_other(self):
        region = self.joined("as6")
        own, others = self.copy_slots(region)
        neighbour = f"pg_7_sync_{own.split('_', 3)[3]}"
        # Another region in the same PostgreSQL.
        self.primary.sql.rows(
            "insert into region (name, login, invite_until, system_identifier, subscription)"
            " select 'as7', 'narthex_region_as7', now(), system_identifier, 7 from region where name = 'as6'")
        self.primary.sql.rows(f"select pg_create_logical_replication_slot('{neighbour}', 'pgoutput')")
        region.down()
        self.primary.command("replica", "remove", "as6")
        self.assertEqual(self.primary.slots(), {others, neighbour})
        self.primary.command("replica", "remove", "as7")
        self.assertEqual(self.primary.slots(), {others})

    def test_leaving_without_the_primary_needs_force(self):
        proxy = regions.Proxy(self.primary.port)
        region = self.joined("as2", proxy=proxy)
        proxy.cut()
        self.assertIn("--force leaves all the same", refusal(region.command("replica", "leave", check=False)))
        self.assertEqual(region.sql.value("select role from instance"), "region")
        done = region.command("replica", "leave", "--force")
        self.assertIn("replica remove as2", done.stdout)
        self.assertEqual(region.sql.value("select role from instance"), "primary")
        proxy.close()

    def test_removing_ends_what_is_connected(self):
        region = self.joined("as3")
        support.wait_until(lambda: self.primary.sql.value(
            "select active from pg_replication_slots where slot_name = 'narthex_region_as3'") == "t", "it is connected")
        self.primary.command("replica", "remove", "as3")
        self.assertEqual((self.primary.roles(), self.primary.slots()), (set(), set()))
        self.assertIn("there is no region as3", refusal(self.primary.command("replica", "remove", "as3", check=False)))
        self.assertIn("--force", refusal(region.command("replica", "leave", check=False)))

    def test_a_name_is_free_again(self):
        region = self.joined("as4")
        region.command("replica", "leave")
        again = self.joined("as4")
        self.follows(again, *SERVED)

    def test_a_primary_has_nothing_to_leave(self):
        self.assertIn("no region", refusal(self.primary.command("replica", "leave", check=False)))


class StatusTest(ReplicaTest):
    def test_the_primary_shows_all_at_one_glance(self):
        region = self.joined("us1", "--url", "http://us1.example/")
        self.primary.invite("us2")
        def is_connected():
            return self.primary.json("replica", "status")["regions"][0]["connected"]
        support.wait_until(is_connected, "it is connected")
        status = self.primary.json("replica", "status")
        self.assertEqual(status["role"], "primary")
        one, two = status["regions"]
        self.assertEqual((one["name"], one["state"], one["kind"], one["url"]),
                         ("us1", "joined", "serving", "http://us1.example"))
        self.assertEqual((two["name"], two["state"], two["connected"]), ("us2", "invited", None))
        self.assertEqual(one["wal_status"], "reserved")
        self.assertGreaterEqual(one["held_bytes"], 0)
        text = self.primary.command("replica", "status").stdout
        self.assertRegex(text, r"(?m)^us1 +joined +serving")
        self.assertRegex(text, r"(?m)^us2 +invited +-")
        region.down()
        support.wait_until(lambda: not is_connected(), "it has gone")
        self.assertIn("isn't connected", self.primary.command("replica", "status").stdout)

    def test_what_a_region_has_grows_older_once_it_has_died(self):
        region = self.region("us4")
        region.join(self.primary.invite("us4"))
        region.serve()

        def behind():
            return self.primary.json("replica", "status")["regions"][0]["behind_seconds"]
        support.wait_until(lambda: behind() is not None, "it says how it is")
        region.server.kill()
        region.restarted()
        died = behind()
        support.wait_until(lambda: behind() > died + 1, "its age grows")
        age = re.search(r"(?m)^us4 .* ([\d.]+) s +\d+ +\d+ ", self.primary.command("replica", "status").stdout)
        self.assertGreater(float(age[1]), died + 1)

    def test_a_region_shows_itself(self):
        region = self.joined("us3")
        status = region.json("replica", "status")
        self.assertEqual((status["role"], status["name"], status["kind"]), ("region", "us3", "serving"))
        self.assertTrue(status["primary"]["reachable"])
        self.assertEqual(status["primary"]["url"], self.primary.url)
        self.assertEqual({table["state"] for table in status["tables"]}, {"follows"})
        self.assertIn({"table": "narinfo", "state": "follows"}, status["tables"])
        support.wait_until(lambda: region.json("replica", "status")["subscription"]["running"], "its worker")
        text = region.command("replica", "status").stdout
        self.assertRegex(text, r"region +us3")
        self.assertRegex(text, r"following +running, 0 errors")
        self.assertRegex(text, r"(?m)^behind +\S+ \w+, \d+ transactions; \S+ \w+ of WAL held there$")
        self.assertRegex(text, r"(?m)^schema +(\d+), the primary \1$")
        for secret in ("ntx_", "password"):
            self.assertNotIn(secret, text + json.dumps(status))

    def test_a_region_shows_how_far_behind_it_is(self):
        region = self.joined("us4")
        def status():
            return region.json("replica", "status")
        support.wait_until(lambda: status()["behind_transactions"] is not None, "a heartbeat is applied")
        region.sql.rows("alter subscription narthex disable")
        self.primary.import_narinfos([narinfos.narinfo(f"behind-{i}") for i in range(200)])
        for _ in range(20):
            self.primary.sql.rows("select pg_current_xact_id()")
        behind = status()
        self.assertGreater(behind["behind_bytes"], 10000)
        self.assertGreaterEqual(behind["held_bytes"], behind["behind_bytes"])
        self.assertGreaterEqual(behind["behind_transactions"], 20)
        region.sql.rows("alter subscription narthex enable")
        support.wait_until(lambda: status()["behind_transactions"] < 20, "it has caught up")

    def test_a_region_that_is_newer_says_what_to_migrate(self):
        primary = regions.Primary(name="older").serve()
        region = self.region("us5")
        region.join(primary.invite("us5"))
        primary.down()
        primary.up()  # without a server, which would end at such a schema
        self.made.append(primary)
        region.up()
        status = region.json("replica", "status")
        version = status["schema_version"]
        self.assertEqual((status["primary"]["schema_version"], status["note"]), (version, None))
        primary.sql.rows(f"delete from schema_migration where version = {version}")
        newer = region.json("replica", "status")
        self.assertEqual((newer["schema_version"], newer["primary"]["schema_version"]), (version, version - 1))
        self.assertEqual(newer["note"], "newer than its primary: migrate that")
        self.assertRegex(region.command("replica", "status").stdout,
                         r"(?m)^schema .*; newer than its primary: migrate that$")


class InviteTest(ReplicaTest):
    def test_an_invite_is_for_one_role_in_one_database_by_tls(self):
        uri = self.primary.invite("af1")
        self.assertRegex(uri, r"^postgresql://narthex_region_af1:ntx_\w{52}@127\.0\.0\.1:\d+/narthex\?"
                              r"channel_binding=require&.*sslmode=require")
        def psql(uri, statement):
            return subprocess.run([postgres.binaries() / "psql", "-XAt", uri, "-c", statement],
                                  capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertEqual(psql(uri, "select count(*) > 100 from narinfo").stdout, "t\n")
        self.assertIn("permission denied", psql(uri, "select token from instance").stderr)
        self.assertIn("permission denied", psql(uri, "select count(*) from audit").stderr)
        self.assertIn("permission denied", psql(uri, "select url from region").stderr)
        self.assertIn("permission denied", psql(uri, "delete from narinfo").stderr)
        self.assertIn("pg_hba", psql(uri.replace("/narthex?", "/postgres?"), "select 1").stderr)
        plain = uri.replace("sslmode=require", "sslmode=disable").replace("binding=require", "binding=disable")
        self.assertIn("no encryption", psql(plain, "select 1").stderr)
        self.assertIn("pg_hba", psql(uri.replace("narthex_region_af1", "narthex"), "select 1").stderr)
        again = self.primary.invite("af1")
        self.assertIn("authentication failed", psql(uri, "select 1").stderr)
        self.assertEqual(psql(again, "select 1").stdout, "1\n")

    def test_an_invite_ends(self):
        uri = self.primary.invite("af2")
        self.primary.sql.rows("alter role narthex_region_af2 valid until '2000-01-01'")
        region = self.region("af2")
        self.assertIn("has expired or was replaced", refusal(region.join(uri, check=False)))
        self.assertFalse((region.data_dir / "postgres").exists())

    def test_what_an_invite_refuses(self):
        def refused(*args):
            return refusal(self.primary.command("replica", "invite", *args, check=False))
        self.assertIn("can't be a region's name", refused("Eu1"))
        self.assertIn("can't be a region's name", refused("e" * 33))
        self.assertIn("no URL", refused("eu1", "--url", "ftp://x"))
        self.assertIn("is not HOST:PORT", refused("eu1", "--address", "somewhere"))
        self.assertIn("an invite ends", refused("eu1", "--expires", "never"))
        self.joined("af3")
        self.assertIn("has joined already", refused("af3"))
        self.primary.sql.rows("create role narthex_region_af4")
        self.assertIn("isn't of a region here", refused("af4"))
        self.primary.sql.rows("drop role narthex_region_af4")

    def test_a_primary_that_listens_for_nobody(self):
        other = regions.Instance("plain").up()
        self.made.append(other)
        self.assertIn("--region-listen", refusal(other.command(
            "replica", "invite", "eu1", "--url", "http://x", check=False)))
        done = other.command("serve", "--region-listen", f"127.0.0.1:{support.free_port()}", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("was started with another --region-listen", done.stderr)


class BadJoinTest(ReplicaTest):
    def test_uris(self):
        region = self.region("oc1")
        good = self.primary.invite("oc1")
        for uri, words in (
                ("nonsense", "--primary: it is malformed"),
                ("postgresql:///narthex?user=narthex", "this URI is of no region"),
                (good.replace("oc1", "oc2"), "this URI is of region oc2"),
                (good.replace(f":{self.primary.port}/", ":1/"), "no database at 127.0.0.1:1"),
                (re.sub("ntx_.{8}", "ntx_00000000", good), "replica invite oc1' on the primary"),
        ):
            self.assertIn(words, refusal(region.join(uri, check=False)))
            self.assertFalse((region.data_dir / "postgres").exists(), "nothing is left behind")
        self.assertEqual(self.primary.sql.value("select instance is null from region where name = 'oc1'"), "t")

    def test_a_region_with_rows_of_its_own(self):
        uri = self.primary.invite("oc3")
        region = self.region("oc3")
        region.import_narinfos(narinfos.closure(5, seed=3))
        self.assertIn("rows of its own (", refusal(region.join(uri, check=False)))
        other = self.region("oc3")
        other.command("cache", "set", "default", "--store-dir", "/gnu/store")
        self.assertIn("for /gnu/store", refusal(other.join(uri, check=False)))
        third = self.region("oc3")
        third.command("cache", "set", "default", "--priority", "7")
        self.assertIn("rows of its own (cache)", refusal(third.join(uri, check=False)))
        for each in (region, other, third):
            each.up()
            self.assertEqual(each.sql.value("select role from instance"), "primary")
            self.assertEqual(each.sql.value("select count(*) from pg_subscription"), "0")
        self.assertEqual(self.primary.slots(), set())

    def test_itself(self):
        uri = self.primary.invite("oc4")
        self.assertIn("this database is that primary", refusal(self.primary.command(
            "replica", "join", "--primary", uri, "--name", "oc4", check=False)))

    def test_a_slot_that_is_taken(self):
        uri = self.primary.invite("oc5")
        self.primary.sql.rows("select pg_create_logical_replication_slot('narthex_region_oc5', 'pgoutput')")
        region = self.region("oc5")
        self.assertIn("has a replication slot", refusal(region.join(uri, check=False)))

    def test_a_region_of_another_name_or_primary(self):
        region = self.joined("oc6")
        uri = self.primary.invite("oc7")
        region.name = "oc7"
        self.assertIn("this is region oc6", refusal(region.join(uri, check=False)))
        region.name = "oc6"

    def test_a_primary_that_is_newer(self):
        newer = regions.Primary(name="newer").serve()
        self.made.append(newer)
        uri = newer.invite("oc8")
        newer.down()
        newer.up()  # without a server, which would end at such a schema
        newer.sql.rows("insert into schema_migration (version, name, checksum) values (999, 'later', '\\x00')")
        self.assertIn("use a newer narthex here", refusal(self.region("oc8").join(uri, check=False)))

    def test_a_database_of_somebody_else(self):
        pg = postgres.Postgres()
        self.addCleanup(pg.close)
        pg.psql("create role plain login", database="postgres")
        pg.psql("create database plain owner plain", database="postgres")
        uri = self.primary.invite("oc9")
        plain = pg.uri.replace("/narthex?", "/plain?").replace("user=narthex", "user=plain")
        done = support.narthex("replica", "join", "--primary", uri, "--name", "oc9", "--database", plain, check=False)
        self.assertIn("needs a superuser", refusal(done))
        self.assertEqual(pg.psql("select count(*) from pg_class where relname = 'narinfo'", database="plain"), "0")


class OtherPostgresTest(unittest.TestCase):
    """Primary and region in databases that aren't narthex's own."""

    def test_wal_level_then_all_of_it(self):
        pg = postgres.Postgres()
        self.addCleanup(pg.close)
        support.narthex("migrate", "--database", pg.uri)
        done = support.narthex("replica", "invite", "sa1", "--url", "http://p", "--database", pg.uri, check=False)
        self.assertIn("wal_level is replica: set wal_level = logical", refusal(done))
        pg.psql("alter system set wal_level = logical")
        pg.stop()
        pg.start()
        def invite(*args):
            return support.narthex("replica", "invite", "sa1", "--url", "http://p", "--json",
                                   "--database", pg.uri, *args)
        done = invite()
        self.assertRegex(done.stderr, r"warning: .*: set max_slot_wal_keep_size = 10GB in postgresql\.conf")
        self.assertIn("invite again with --address HOST:PORT", done.stderr)
        pg.psql("alter system set max_slot_wal_keep_size = '1GB'")
        pg.psql("select pg_reload_conf()")
        self.assertEqual(invite("--address", "db.example:5433").stderr, "")
        uri = json.loads(invite().stdout)["uri"]
        other = postgres.Postgres()
        self.addCleanup(other.close)
        support.narthex("replica", "join", "--primary", uri, "--name", "sa1", "--database", other.uri)
        support.narthex("import", "--database", pg.uri, narinfos.write(narinfos.closure(50, seed=2), "narinfos"))
        support.wait_until(lambda: other.psql("select count(*) from narinfo") == "50", "they arrive")
        support.narthex("replica", "leave", "--database", other.uri)
        self.assertEqual(pg.psql("select count(*) from pg_replication_slots"), "0")


if __name__ == "__main__":
    support.main()
