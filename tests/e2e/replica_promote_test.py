"""`narthex replica promote` and `follow`: who writes, what is lost, what a new primary can do."""

import calendar
import os
import re
import signal
import subprocess
import time
import unittest

import narinfos
import regions
import samples
import support
import uploads


def made(first, last):
    """Paths that each refer to the one before."""
    return [narinfos.narinfo(f"path-{i}", [f"path-{i - 1}"] if i else []) for i in range(first, last)]


MADE = made(0, 600)
LATER = made(600, 660)
LOST = made(660, 697)
EVERYTHING = ("cache", "narinfo", "narinfo_nar", "nar", "path", "graph", "tag", "root", "token")


def refusal(done):
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    return done.stderr


class PromoteTest(unittest.TestCase):
    def setUp(self):
        self.primary = regions.Primary().serve()
        self.primary.import_narinfos(MADE)
        # One that can become a primary listens for regions, too.
        self.region = regions.Primary(name="eu1")

    def tearDown(self):
        self.region.down()
        self.primary.down()

    def join(self, *args, proxy=None):
        uri = self.primary.invite("eu1", proxy=proxy)
        self.region.command("replica", "join", "--primary", uri, "--name", "eu1", *args)
        return self.region

    def test_what_was_published_is_there_and_the_old_one_follows(self):
        region = self.join("--full").serve()
        self.primary.import_narinfos(LATER)
        self.primary.command("cache", "set", "default", "--trusted-key", "k-1:" + "A" * 43 + "=")
        token = uploads.make_token(self.primary.server, "ci")
        self.assertEqual(uploads.put(self.primary.server, "/nar/one.nar", b"one", token).status, 201)
        before = self.primary.hashes()
        promoted = region.json("replica", "promote", "--url", region.url)
        self.assertEqual((promoted["epoch"], promoted["fenced"], promoted["lost_after"]), (2, True, None))
        self.assertEqual(region.hashes(), before)
        self.assertTrue(regions.same_rows(self.primary, region, *EVERYTHING[:-1]))
        self.assertEqual(self.primary.slots(), set())
        # The old one writes nothing, and says why.
        answer = uploads.put(self.primary.server, "/nar/two.nar", b"two", token)
        self.assertEqual((answer.status, answer.body.decode()),
                         (409, f"409: this primary was replaced by {region.url}: write there\n"))
        done = self.primary.command("cache", "create", "one-more", check=False)
        self.assertIn(f"this primary was replaced by {region.url}: write there", refusal(done))
        self.assertIn("was replaced by", self.primary.command("replica", "status").stdout)
        # Ids go on where they were: nothing is stored twice, nothing collides.
        region.command("cache", "set", "default", "--no-trusted-keys")
        region.import_narinfos(made(650, 800))
        region.command("cache", "create", "another")
        self.assertEqual(narinfos.complaints(region.sql, made(0, 800)), ["1 NARs without a narinfo"],
                         "what PUT brought")
        region.command("root", "add", "--name", "everything", "--pattern", "*")
        region.command("gc", "plan")
        # The old one becomes its region: a fresh copy.
        uri = region.invite("old")
        self.assertIn("replica follow", refusal(self.primary.command(
            "replica", "join", "--primary", uri, "--name", "old", check=False)))
        done = self.primary.command("replica", "follow", "--primary", uri, "--name", "old", "--full")
        self.assertEqual(done.stderr, "", "it has a URL and listens: it can stand in again")
        support.wait_until(lambda: regions.same_rows(self.primary, region, *EVERYTHING), "the old one has all")
        self.assertEqual(self.primary.roles() - {"narthex_regions"}, set(), "its own regions are gone")
        self.assertEqual(self.primary.sql.value("select epoch from instance"), "2")

    def cut_off(self, region, proxy):
        """Once all that was published is on the region, and a heartbeat that was written in a later second. What is
        published after it returns is of a later second than that, which promote rounds."""
        last = self.primary.sql.value("select extract(epoch from max(first_seen)) from narinfo")
        support.wait_until(lambda: region.sql.value(
            f"select floor(extract(epoch from at)) > {last} from heartbeat") == "t", "a later heartbeat")
        proxy.cut()
        rounded = region.sql.value("select ceil(extract(epoch from at)) from heartbeat")
        support.wait_until(lambda: self.primary.sql.value(
            f"select extract(epoch from clock_timestamp()) > {rounded}") == "t", "a second passes")

    def kill_primary(self):
        """kill -9 of narthex and its PostgreSQL, both."""
        postmaster = narinfos.postmaster(self.primary.data_dir)
        self.primary.server.kill()
        os.kill(postmaster, signal.SIGKILL)
        self.primary.restarted()

    def first_seen(self):
        return {part: float(at) for part, at in self.primary.sql.rows(
            "select encode(hash, 'hex'), extract(epoch from first_seen) from narinfo")}

    def test_an_old_primary_that_was_killed_returns(self):
        token = uploads.make_token(self.primary.server, "ci")
        other = regions.Region("us1")
        self.addCleanup(other.down)
        other.join(self.primary.invite("us1"))
        proxy = regions.Proxy(self.primary.port)
        self.addCleanup(proxy.close)
        region = self.join("--full", "--url", self.region.url, proxy=proxy).serve()
        self.primary.import_narinfos(LATER)
        support.wait_until(lambda: region.hashes() == self.primary.hashes(), "it has all")
        self.cut_off(region, proxy)
        self.primary.import_narinfos(LOST)
        published = self.first_seen()
        self.kill_primary()

        said = region.command("replica", "promote", "--force-unfenced").stdout
        found = re.fullmatch(
            "region eu1 is the primary now, epoch 2\n"
            r"the old primary could not be asked: what was published there after (\S+Z) is lost\. When it is back,"
            " this narthex fences it, or 'narthex replica promote' again\n"
            "what followed the old one has to follow this one, with an invite from here:\n"
            "  narthex replica invite us1, then there: replica follow --name us1\n"
            "  and the old primary, when it is there, under a name of its own\n", said)
        self.assertTrue(found, said)
        after = calendar.timegm(time.strptime(found[1], "%Y-%m-%dT%H:%M:%SZ"))
        lost = {samples.nix32(bytes.fromhex(part)) for part in set(published) - region.hashes()}
        self.assertEqual(lost, {each.hash for each in LOST})
        self.assertEqual({samples.nix32(bytes.fromhex(part)) for part, at in published.items() if at > after}, lost,
                         "what it says is what was lost")

        # Nobody can fence it: it asks its regions itself, before it takes a write.
        old = self.primary.serve().server

        def refused():
            answer = uploads.put(old, "/nar/late.nar", b"late", token)
            if answer.status == 503:  # until it has asked them
                self.assertIsNotNone(answer.header("Retry-After"))
                return None
            return answer.status, answer.body.decode()
        self.assertEqual(support.wait_until(refused, "it has asked its regions"),
                         (409, f"409: this primary was replaced by {region.url}: write there\n"))
        self.assertIn("event=fenced epoch=2", old.log())
        self.assertIn(f"replaced by {region.url}: write there", refusal(self.primary.command(
            "root", "add", "--name", "late", "--pattern", "*", check=False)))
        # Its reads go on, also of what nobody else has; what it lacks may have been published since.
        absent = narinfos.narinfo("absent").hash
        self.assertEqual([support.get(old.port, f"/{part}.narinfo").status
                          for part in (MADE[0].hash, LOST[0].hash, absent)], [200, 200, 503])
        self.assertEqual([support.get(region.server.port, f"/{part}.narinfo").status
                          for part in (MADE[0].hash, LATER[0].hash, LOST[0].hash)], [200, 200, 404])
        self.assertEqual(uploads.put(region.server, "/nar/new.nar", b"new", token).status, 201)
        # What promote said: with an invite from here. What only the old one had is gone with that.
        self.primary.command("replica", "follow", "--primary", region.invite("old"), "--name", "old")
        support.wait_until(lambda: self.primary.hashes() == region.hashes(), "it has what the new one has")

    def test_who_follows_the_old_one_still_makes_no_404_of_what_is_published(self):
        new = self.join("--full").serve()
        other = regions.Region("us1")
        self.addCleanup(other.down)
        other.join(self.primary.invite("us1"))
        other.serve()

        def status(target):
            return support.get(other.server.port, target).status
        late, there = (f"/{each.hash}.narinfo" for each in (LATER[0], MADE[0]))
        support.wait_until(lambda: status(late) == 404, "it is up to date")
        new.command("replica", "promote", "--url", new.url)
        # For two seconds more it takes itself to be up to date.
        support.wait_until(lambda: status(late) == 503, "nobody knows")
        new.import_narinfos(LATER)
        for _ in range(20):
            self.assertEqual(status(late), 503)
        self.assertEqual(status("/nar/elsewhere.nar"), 503)
        self.assertEqual(status(there), 200)
        other.command("replica", "follow", "--primary", new.invite("us1"), "--name", "us1")
        support.wait_until(lambda: status(late) == 200, "it has it")

    def test_a_primary_that_was_replaced_keeps_no_region(self):
        region = self.join("--full").up()
        other = regions.Region("us1")
        self.addCleanup(other.down)
        other.join(self.primary.invite("us1"))
        region.command("replica", "promote", "--url", region.url)
        other.command("replica", "leave")
        self.assertNotIn("narthex_region_us1", self.primary.slots())

    def test_only_a_full_region_that_is_complete(self):
        region = self.join().up()
        self.assertIn("a primary needs a copy made with --full", refusal(region.command("replica", "promote", check=False)))
        self.assertIn("this is the primary already", refusal(self.primary.command("replica", "promote", check=False)))
        self.assertEqual(self.primary.sql.value("select role from instance"), "primary")

    def test_a_primary_that_cannot_be_asked(self):
        proxy = regions.Proxy(self.primary.port)
        region = self.join("--full", proxy=proxy).up()
        proxy.cut()
        said = refusal(region.command("replica", "promote", check=False))
        self.assertIn("--force-unfenced promotes all the same", said)
        promoted = region.json("replica", "promote", "--force-unfenced")
        self.assertEqual((promoted["epoch"], promoted["fenced"]), (2, False))
        region.import_narinfos(narinfos.closure(5, seed=4))
        self.assertEqual(self.primary.sql.value("select role from instance"), "primary")
        proxy.mend()
        self.assertTrue(region.json("replica", "promote")["fenced"])
        self.assertEqual(self.primary.sql.value("select role || epoch from instance"), "fenced2")
        self.assertEqual(region.sql.value("select count(*) from pg_subscription"), "0")
        proxy.close()

    def test_serve_fences_the_old_primary_once_it_can_be_asked(self):
        proxy = regions.Proxy(self.primary.port)
        region = self.join("--full", proxy=proxy).up()
        proxy.cut()
        region.json("replica", "promote", "--force-unfenced")
        region.down()
        proxy.mend()
        region.serve()
        support.wait_until(lambda: self.primary.sql.value("select role || epoch from instance") == "fenced2",
                           "the old primary is fenced")
        support.wait_until(lambda: region.sql.value("select count(*) from pg_subscription") == "0",
                           "the way there is gone")
        proxy.close()

    def test_an_old_primary_that_never_answers_holds_up_no_heartbeat(self):
        proxy = regions.Proxy(self.primary.port)
        region = self.join("--full", proxy=proxy).up()
        proxy.cut()
        region.json("replica", "promote", "--force-unfenced")
        region.down()
        proxy.mend()
        proxy.hold()
        region.serve()
        region.invite("eu2")
        region.sql.rows("update region set joined_at = now()")  # there are heartbeats while there are regions
        region.sql.rows("create table beat (at timestamptz primary key)")

        def gave_up():
            region.sql.rows("insert into beat select at from heartbeat, region where at > joined_at"
                            " on conflict do nothing")
            return "event=old_primary_not_fenced" in region.server.log() \
                and region.sql.value("select count(*) > 5 from beat") == "t"
        support.wait_until(gave_up, "it was asked in vain")
        longest = region.sql.value("select extract(epoch from max(gap))"
                                   " from (select at - lag(at) over (order by at) from beat) b (gap)")
        self.assertLess(float(longest), 2.5)
        log = region.server.log()
        self.assertLess(log.index("event=listening"), log.index("event=old_primary_not_fenced"))
        self.assertIn("--forget-old", refusal(region.command("replica", "promote", check=False)))
        given_up = region.json("replica", "promote", "--forget-old")
        self.assertEqual((given_up["epoch"], given_up["fenced"]), (2, False))
        self.assertEqual(region.sql.value("select count(*) from pg_subscription"), "0")
        self.assertEqual(self.primary.sql.value("select role from instance"), "primary")
        self.assertIn("there is no old primary", refusal(region.command("replica", "promote", "--forget-old", check=False)))
        proxy.mend()
        proxy.close()

    def test_serve_removes_regions_that_left(self):
        region = self.join().up()
        self.assertEqual(self.primary.slots(), {"narthex_region_eu1"})
        region.command("replica", "leave")
        support.wait_until(lambda: self.primary.roles() == set(), "its role is gone")
        self.assertEqual((self.primary.slots(), self.primary.sql.value("select count(*) from region")), (set(), "0"))

    def test_a_promotion_that_is_killed_goes_on(self):
        region = self.join("--full").up()
        before = self.primary.hashes()
        for pause in (0.3, 0.5, 0.7, 0.9):
            process = subprocess.Popen([support.NARTHEX, "replica", "promote", "--data-dir", region.data_dir],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
            process.wait()
        done = region.command("replica", "promote", check=False)
        self.assertTrue(done.returncode == 0 or "is the primary already" in done.stderr, done.stderr)
        self.assertEqual(region.hashes(), before)
        self.assertEqual(region.sql.value("select role || epoch from instance"), "primary2")
        self.assertEqual(self.primary.sql.value("select role || epoch from instance"), "fenced2")

    def test_following_that_is_killed_goes_on(self):
        region = self.join("--full").serve()
        region.json("replica", "promote", "--url", region.url)
        uri = region.invite("old")
        follow = ("replica", "follow", "--primary", uri, "--name", "old", "--full")
        region.sql.rows("begin; lock table narinfo in access exclusive mode")  # nothing is copied meanwhile
        process = subprocess.Popen([support.NARTHEX, *follow, "--data-dir", self.primary.data_dir],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        support.wait_until(lambda: region.sql.value("select instance is not null from region where name = 'old'") == "t"
                           or process.poll() is not None, "the invite is used")
        process.send_signal(signal.SIGKILL)
        process.wait()
        region.sql.rows("rollback")
        self.assertEqual(self.primary.sql.value("select role from instance"), "joining")
        self.assertIn("has joined", self.primary.command(*follow).stdout)
        support.wait_until(lambda: regions.same_rows(self.primary, region, *EVERYTHING), "the old one has all")

    def test_a_promotion_that_goes_on_may_say_another_url(self):
        region = self.join("--full").up()
        # As one that was killed leaves it.
        self.primary.sql.rows("update instance set role = 'fenced', epoch = 2, replaced_by = 'http://first.example',"
                              " fenced_by = 'eu1'")
        promoted = region.json("replica", "promote", "--url", "http://second.example")
        self.assertEqual((promoted["epoch"], promoted["fenced"]), (2, True))
        self.assertEqual(self.primary.sql.value("select replaced_by from instance"), "http://second.example")
        self.assertEqual(region.sql.value("select url from instance"), "http://second.example")

    def test_a_plan_of_the_old_primary_takes_nothing_that_was_wanted_since(self):
        """Its moment is told by transaction ids, which mean nothing in another cluster."""
        self.primary.sql.rows("insert into plan (cache, created_by, engine, policy, roots, summary)"
                              " values (1, 'test', 'sql', '{}', '{}', '{}')")
        self.primary.import_narinfos(LATER)
        region = self.join("--full").up()
        region.command("replica", "promote")
        since = region.sql.value("""
            select count(*) from plan l join change c on c.xid >= pg_snapshot_xmin(l.snapshot)
                and not pg_visible_in_snapshot(c.xid, l.snapshot)""")
        self.assertEqual(since, region.sql.value("select count(*) from change"))
        self.assertNotEqual(since, "0")


if __name__ == "__main__":
    support.main()
