#!/usr/bin/env python3
"""A region that keeps longer than its primary: what is hidden or purged there is served here, as long as
all of it is here, and for its days."""

import hashlib
import json
import os
import shutil
import time
import unittest

import collecting
import samples
import support
import tokens
from metrics_test import parse
from nix_client import NixClient
from raw_http import assert_well_formed
from region_by_sql import Primary, Region
from support import get
from uploads import put

DAYS = 30
MANY = 40  # requests: far more than it takes until a hidden path is seen to be so
FLUSH = ("--count-flush-seconds", 1)


class Sql:
    """What collecting.py wants of a session."""

    def __init__(self, postgres):
        self._postgres = postgres

    def rows(self, statement):
        return [line.split("|") for line in self._postgres.sql(statement).splitlines()]


def make_pair():
    """A primary with its server, and the database of its full region."""
    primary = Primary()
    server = support.Server("--database", primary.uri, *FLUSH).start()
    return primary, server, Region(primary, kind="full", primary_url=server.url)


def end_pair(primary, server, region):
    server.stop()
    region.close()
    primary.close()


def setUpModule():
    Case.pair = make_pair()


def tearDownModule():
    end_pair(*Case.pair)


class Case(unittest.TestCase):
    """Three paths, each refers to the one before. `keeper` and `plain` are servers of one region, with a
    directory of NARs each; only the first keeps longer."""

    pair = None

    def setUp(self):
        self.primary, self.server, self.region = self.pair
        self.region.proxy.heal()
        self.nars = support.temp_dir("nars")
        self.directories = {}
        self.keeper = self.serve("keeper", "--keep-purged-days", DAYS)
        self.plain = self.serve("plain")
        test = self._testMethodName.removeprefix("test_")
        self.names = [f"{test}-{i}" for i in range(3)]
        self.data = {name: samples.nar_bytes(1000, seed=name) for name in self.names}
        self.import_(self.names)
        self.region_has(self.names)

    def serve(self, name, *args):
        directory = self.directories.setdefault(name, support.temp_dir(name))
        directory.chmod(0o777)
        server = support.Server("--database", self.region.uri, "--nar-dir", directory, *FLUSH, *args,
                                admin=True)
        self.addCleanup(server.kill)
        server.start()
        support.wait_until(lambda: "event=changes_heard" in server.log(), "it listens")
        support.wait_until(lambda: self.metric(server, "narthex_up_to_date") == 1, "it is up to date")
        return server

    def metric(self, server, name):
        return parse(get(server.admin_port, "/metrics").body.decode())[name]

    def text(self, name):
        i = self.names.index(name)
        references = " ".join(f"{samples.hash_part(each)}-{each}" for each in self.names[max(0, i - 1):i])
        text = samples.narinfo(name, nar=(self.url(name), self.data[name]))
        return text.replace("References: \n", f"References: {references}\nSig: a:{'A' * 86}==\n")

    def url(self, name):
        return f"nar/{samples.nix32(hashlib.sha256(self.data[name]).digest())}.nar"

    def import_(self, names):
        for name in names:
            file = self.nars / self.url(name)
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(self.data[name])
        records = samples.write_records(support.temp_dir("records") / "all",
                                        [self.text(name) for name in names])
        support.narthex("import", "--database", self.primary.uri, "--nar-dir", self.nars, records)

    def region_has(self, names):
        listed = ", ".join(f"'{name}'" for name in self.names)
        self.wait_for_rows(len(names), f"narinfo where name in ({listed})")

    def wait_for_rows(self, count, what):
        support.wait_until(lambda: self.region.sql(f"select count(*) from {what}") == str(count),
                           f"{count} {what}")

    def gc(self, *args, check=True):
        done = support.narthex("gc", *args, "--database", self.primary.uri, "--json", check=check)
        return json.loads(done.stdout or "null")

    def fetch(self, server, *names):
        for name in names:
            self.assertEqual(get(server.port, "/" + self.url(name)).body, self.data[name])

    def hide(self, *names):
        plan = collecting.plan(Sql(self.primary), names)
        self.gc("hide", plan)
        # Else nothing that is hidden later can be purged.
        self.addCleanup(self.gc, "restore", plan, check=False)
        self.wait_for_rows(1, f"plan where id = {plan} and state = 'hidden'")
        return plan

    def purge(self, *names):
        plan = self.hide(*names)
        report = self.gc("purge", plan, "--after", "0d", "--force-early")
        self.assertEqual(report["plans"][0]["narinfos"], len(names), report)
        self.region_has([name for name in self.names if name not in names])

    def statuses(self, server):
        return [get(server.port, samples.target(name)).status for name in self.names]

    def expect(self, server, *statuses):
        support.wait_until(lambda: self.statuses(server) == list(statuses), f"{statuses}")

    def assert_kept(self, name, why):
        answer = get(self.keeper.port, samples.target(name))
        assert_well_formed(self, answer)
        self.assertEqual((answer.status, answer.header("Narthex-Kept")), (200, why))
        self.assertEqual(answer.body.decode(), self.text(name))
        self.assertEqual(answer.header("Cache-Control"), "public, max-age=300")
        head = get(self.keeper.port, samples.target(name), "HEAD")
        self.assertEqual((head.status, head.header("Content-Length")), (200, str(len(answer.body))))
        nar = get(self.keeper.port, "/" + self.url(name))
        assert_well_formed(self, nar)
        self.assertEqual((nar.status, nar.body), (200, self.data[name]))

    def ask(self, name):
        for _ in range(MANY):
            self.assertEqual(get(self.keeper.port, samples.target(name)).status, 200)

    def missed(self, name):
        """As the primary has it of its regions."""
        return int(self.primary.sql("select coalesce(sum(hidden), 0) from request_count where region <> ''"
                                    f" and hash = {collecting.hex_of(name)}"))


class Hidden(Case):
    def test_is_served_here_and_missed_there(self):
        _, middle, top = self.names
        self.fetch(self.keeper, top)
        self.hide(middle, top)
        self.expect(self.server, 200, 404, 404)
        self.expect(self.plain, 200, 404, 404)
        self.assertEqual(get(self.plain.port, samples.target(top)).header("Narthex-Hidden"), "1")
        self.expect(self.keeper, 200, 200, 200)
        for name in (middle, top):  # the NAR of `middle` is fetched: it is there until the purge
            self.assert_kept(name, "hidden")
        self.ask(top)
        support.wait_until(lambda: self.missed(top) >= MANY, "they count as missed")
        missed = {each["store_path"]: each["times"] for each in self.gc("status")["missed"]}
        self.assertGreaterEqual(missed[f"/nix/store/{samples.hash_part(top)}-{top}"], MANY)
        self.assertGreaterEqual(self.metric(self.keeper, 'narthex_kept_answers_total{kind="narinfo"}'), 4)
        self.keeper.stop()

    def test_comes_back_when_it_is_asked_for_here(self):
        _, _, top = self.names
        self.hide(top)
        self.expect(self.plain, 200, 200, 404)
        restorer = support.Server("--database", self.primary.uri, "--auto-restore", MANY, *FLUSH)
        self.addCleanup(restorer.kill)
        restorer.start()
        self.ask(top)
        restored = "select count(*) from audit where action = 'auto-restore'"
        support.wait_until(lambda: self.primary.sql(restored) == "1", "it is restored")
        self.expect(self.plain, 200, 200, 200)
        answer = get(self.keeper.port, samples.target(top))
        self.assertEqual((answer.status, answer.header("Narthex-Kept")), (200, None))
        restorer.stop()

    def test_is_absent_to_whoever_publishes(self):
        _, _, top = self.names
        token = tokens.make(self.primary.postgres, f"ci-{time.time_ns()}", ["publish"])
        support.wait_until(lambda: get(self.keeper.port, samples.target("x"),
                                       headers=[tokens.bearer(token)]).status == 404
                           and b"no token of" not in put(self.server, "/nix-cache-info", b"x", token).body,
                           "the token is known")
        self.hide(top)
        self.expect(self.plain, 200, 200, 404)
        ask = get(self.keeper.port, samples.target(top), headers=[tokens.bearer(token)])
        self.assertEqual(ask.status, 404)
        self.assertEqual(get(self.keeper.port, samples.target(top)).status, 200)


class Purged(Case):
    def test_is_served_with_its_nar_and_what_it_needs(self):
        base, middle, top = self.names
        self.fetch(self.keeper, middle, top)
        self.purge(middle, top)
        self.expect(self.server, 200, 404, 404)
        self.expect(self.plain, 200, 404, 404)
        for server in (self.server, self.plain):
            self.assertEqual(get(server.port, "/" + self.url(top)).status, 404)
        for name in (middle, top):
            self.assert_kept(name, "purged")
        target = "/" + self.url(top)
        part = get(self.keeper.port, target, headers=["Range: bytes=10-19"])
        self.assertEqual((part.status, part.body), (206, self.data[top][10:20]))
        head = get(self.keeper.port, target, "HEAD")
        self.assertEqual((head.status, head.header("Content-Length")), (200, "1000"))
        self.ask(top)
        support.wait_until(lambda: self.missed(top) >= MANY, "they count as missed")
        self.assertGreaterEqual(self.metric(self.keeper, 'narthex_kept_answers_total{kind="nar"}'), 4)
        # It is here, so it is served without the primary.
        self.region.proxy.cut()
        support.wait_until(lambda: self.metric(self.keeper, "narthex_up_to_date") == 0, "it is cut off")
        for name in (middle, top):
            self.assert_kept(name, "purged")
        self.assertEqual(get(self.keeper.port, samples.target("nobody")).status, 503)
        self.keeper.stop()

    def test_is_404_where_its_nar_or_a_references_is_not_here(self):
        _, middle, top = self.names
        self.fetch(self.keeper, top)
        self.purge(middle, top)
        self.expect(self.server, 200, 404, 404)
        self.assertEqual(self.statuses(self.keeper), [200, 404, 404])
        self.assertEqual(get(self.keeper.port, "/" + self.url(middle)).status, 404)
        # It is brought along, by hand.
        file = self.directories["keeper"] / "default" / self.url(middle)
        file.write_bytes(self.data[middle])
        self.assertEqual(self.statuses(self.keeper), [200, 200, 200])
        file.write_bytes(b"another")
        self.assertEqual(self.statuses(self.keeper), [200, 404, 404])

    def test_ends_after_its_days_and_so_does_its_nar(self):
        _, middle, top = self.names
        self.fetch(self.keeper, middle, top)
        self.purge(middle, top)
        self.expect(self.keeper, 200, 200, 200)
        self.keeper.stop()
        nars = self.directories["keeper"] / "default" / "nar"
        self.sweep(nars)
        self.assertTrue((self.directories["keeper"] / "default" / self.url(top)).exists())
        self.assert_kept(top, "purged")
        # As the apply worker: nobody else writes there.
        self.region.sql("set session_replication_role = replica;"
                        f" update purged_narinfo set purged_at = purged_at - interval '{DAYS} days'"
                        f" where name in ('{middle}', '{top}')")
        self.assertEqual(self.statuses(self.keeper), [200, 404, 404])
        self.assertEqual(get(self.keeper.port, "/" + self.url(top)).status, 404)
        self.keeper.stop()
        self.sweep(nars)
        self.assertEqual(list(nars.iterdir()), [])

    def sweep(self, nars):
        """The keeper starts, and with it the sweep; all files are two days old then, a stray one among
        them."""
        stray = nars / "stray.nar"
        stray.write_bytes(b"stray")
        for file in nars.iterdir():
            file.chmod(0o666)
            os.utime(file, (time.time() - 2 * 86_400,) * 2)
        nars.chmod(0o777)
        self.keeper = self.serve("keeper", "--keep-purged-days", DAYS)
        support.wait_until(lambda: "event=kept_nars_swept" in self.keeper.log(), "it has swept")
        self.assertFalse(stray.exists())

    def test_that_is_published_again_is_the_primarys(self):
        _, middle, top = self.names
        self.fetch(self.keeper, middle, top)
        self.purge(middle, top)
        self.assert_kept(top, "purged")
        self.import_([middle, top])
        self.expect(self.plain, 200, 200, 200)
        answer = get(self.keeper.port, samples.target(top))
        self.assertEqual((answer.status, answer.header("Narthex-Kept")), (200, None))
        self.assertEqual(answer.body.decode(), self.text(top))
        self.fetch(self.plain, middle, top)


class Promoted(Case):
    """A pair of its own: the region becomes the primary."""

    @classmethod
    def setUpClass(cls):
        cls.pair = make_pair()

    @classmethod
    def tearDownClass(cls):
        end_pair(*cls.pair)

    def test_it_obeys_itself(self):
        _, middle, top = self.names
        self.fetch(self.keeper, middle, top)
        self.purge(middle, top)
        self.expect(self.keeper, 200, 200, 200)
        support.narthex("replica", "promote", "--database", self.region.uri)
        self.expect(self.keeper, 200, 404, 404)
        self.assertEqual(get(self.keeper.port, "/" + self.url(top)).status, 404)
        self.keeper.stop()


class Nix(Case):
    def test_substitutes_a_purged_closure(self):
        closed = support.closure()
        published = support.temp_dir("published") / "cache"
        shutil.copytree(closed.cache, published)  # the purge unlinks there
        support.narthex("import", "--database", self.primary.uri, "--trusted-key", closed.public_key,
                        "--nar-dir", published, published)
        count = len(closed.paths)
        listed = ", ".join(f"'{path.rpartition('/')[2].partition('-')[2]}'" for path in closed.paths)
        self.wait_for_rows(count, f"narinfo where name in ({listed})")
        filler = self.serve("keeper", "--keep-purged-days", DAYS, "--fetch-nars", "all")
        directory = self.directories["keeper"] / "default" / "nar"
        support.wait_until(lambda: directory.exists() and len(list(directory.iterdir())) >= count,
                           "all are here")
        plan = collecting.insert_plan(
            Sql(self.primary),
            f"select id from path join narinfo using (cache, hash) where name in ({listed})")
        self.gc("hide", plan)
        self.gc("purge", plan, "--after", "0d", "--force-early")
        self.wait_for_rows(0, f"narinfo where name in ({listed})")
        client = NixClient()
        client.pull(closed.top, closed.public_key, filler.url)
        self.assertEqual(client.valid_paths(), set(closed.paths))
        client.verify()
        lost = NixClient()
        done = lost.pull(closed.top, closed.public_key, self.plain.url, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(lost.valid_paths(), set())
        filler.stop()


class Options(unittest.TestCase):
    def test_it_is_refused_where_no_nar_can_be_kept(self):
        done = support.narthex("serve", "--database", Case.pair[0].uri, "--keep-purged-days", 1, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("--nar-dir", done.stderr)

    def test_a_primary_says_that_it_keeps_nothing(self):
        server = support.Server("--database", Case.pair[0].uri, "--nar-dir", support.temp_dir("none"),
                                "--keep-purged-days", 1)
        self.addCleanup(server.kill)
        server.start()
        self.assertIn("event=nothing_purged_is_kept role=primary", server.log())
        server.stop()


if __name__ == "__main__":
    support.main()
