#!/usr/bin/env python3
"""Hiding, restoring and purging as an operator does it: by commands, beside a server."""

import json
import re
import signal
import subprocess
import time
import unittest

import collecting
import narinfos
import samples
import support
from postgres import Postgres

SOON = 1  # second: what is hidden or restored is so everywhere


def setUpModule():
    global PG, SERVER
    PG = Postgres()
    support.narthex("migrate", "--database", PG.uri)
    SERVER = support.Server("--database", PG.uri, admin=True).start()
    support.wait_until(lambda: "event=changes_heard" in SERVER.log(), "it listens")


def tearDownModule():
    SERVER.stop()
    PG.close()


class Case(unittest.TestCase):
    """Four paths, each refers to the one before; `top` is the last one."""

    def setUp(self):
        self.sql = collecting.Session(PG)
        self.addCleanup(self.sql.close)
        self.nars = support.temp_dir("nars")
        self.names = [f"{self.id().rsplit('.')[-1]}-{i}" for i in range(4)]
        self.import_(self.names)

    def import_(self, names):
        made = [narinfos.narinfo(name, self.names[i - 1:i] if i else [])
                for i, name in enumerate(self.names) if name in names]
        for each in made:
            self.write_nar(each)
        return support.narthex("import", "--database", PG.uri, "--nar-dir", self.nars, "--json",
                               narinfos.write(made, "narinfos"))

    def write_nar(self, narinfo):
        lines = dict(line.split(": ", 1) for line in narinfo.text.splitlines())
        file = self.nars / lines["URL"]
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(bytes(int(lines["FileSize"])))
        return file

    def nar_files(self):
        return len(list((self.nars / "nar").iterdir()))

    def gc(self, *args, code=0, json_=True):
        done = support.narthex("gc", *args, "--database", PG.uri, *(["--json"] if json_ else []),
                               check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout) if json_ and done.stdout else done

    def plan(self, *numbers, **options):
        return collecting.plan(self.sql, [self.names[i] for i in numbers], **options)

    def age(self, plan, days=62):
        self.sql.rows(f"update plan set hidden_at = now() - interval '{days} days' where id = {plan}")

    def statuses(self):
        return [support.get(SERVER.port, samples.target(name)).status for name in self.names]

    def expect(self, *statuses):
        """Soon; the sanitizers and a loaded machine get ten times as long."""
        begun = time.monotonic()
        support.wait_until(lambda: self.statuses() == list(statuses), f"{statuses}", 10 * SOON)
        print(f"{1000 * (time.monotonic() - begun):.0f} ms ", end="", flush=True)
        self.assertEqual(collecting.wrongs(self.sql), [])


class Hiding(Case):
    def test_a_plan_is_hidden_and_restored(self):
        self.expect(200, 200, 200, 200)
        plan = self.plan(2, 3)
        report = self.gc("hide", plan)
        self.assertEqual((report["hidden"], report["rescued"]), (2, 0))
        self.expect(200, 200, 404, 404)
        self.assertTrue(self.gc("hide", plan)["hidden_already"])
        state = next(each for each in self.gc("status")["plans"] if each["plan"] == plan)
        self.assertEqual((state["state"], state["paths"], state["hidden"]), ("hidden", 2, 2))
        self.assertEqual(self.gc("restore", plan)["plans"][0]["restored"], 2)
        self.expect(200, 200, 200, 200)

    def test_nothing_else_is_looked_up_again(self):
        """Where answers are in memory, a cache of millions is taken from them alone."""
        plan = self.plan(2, 3)
        self.gc("hide", plan)
        self.expect(200, 200, 404, 404)
        seen = []
        for command, last in (("restore", 200), ("hide", 404)) * 3:
            support.wait_until(self.all_is_in_memory, "all is in memory")
            begun = self.looked_up()
            self.gc(command, plan)
            support.wait_until(lambda: self.statuses()[2:] == [last] * 2, command)
            if command == "restore":  # hiding announces its paths, which are looked up again then
                seen.append(self.looked_up() - begun)
        # A server that hears nothing for a second looks up all of them, or counts none.
        self.assertIn(2, seen)

    def all_is_in_memory(self):
        begun = self.looked_up()
        self.statuses()
        return self.looked_up() == begun

    @staticmethod
    def looked_up():
        metrics = support.get(SERVER.admin_port, "/metrics").body.decode()
        return int(re.search(r"^narthex_cache_misses_total (\d+)$", metrics, re.M)[1])

    def test_a_path_is_restored_with_what_it_needs(self):
        plan = self.plan(1, 2, 3)
        self.gc("hide", plan)
        self.expect(200, 404, 404, 404)
        path = f"/nix/store/{samples.hash_part(self.names[2])}-{self.names[2]}"
        self.assertEqual(self.gc("restore", path)["paths"], 2)
        self.expect(200, 200, 200, 404)
        self.assertIn("nothing of that is hidden", self.gc("restore", path, json_=False).stdout)

    def test_refusals_name_their_flags(self):
        plan = self.plan(3, interlocks='[{"name": "shrunk", "message": "9 % less lives"}]')
        self.assertIn("--force-shrunk", self.gc("hide", plan, code=1, json_=False).stderr)
        self.assertEqual(self.gc("hide", plan, "--force-shrunk")["hidden"], 1)
        self.assertIn("no plan 4711", self.gc("hide", 4711, code=1, json_=False).stderr)
        self.gc("hide", "x", code=2, json_=False)
        self.assertIn("isn't of cache", self.other_cache(plan))

    def other_cache(self, plan):
        support.narthex("cache", "create", "other", "--database", PG.uri)
        return self.gc("restore", plan, "--cache", "other", code=1, json_=False).stderr

    def test_two_collectors_are_kept_apart(self):
        plan = self.plan(3)
        other = collecting.Session(PG, "somebody-else")
        other.rows("select pg_advisory_lock(28280, 4)")
        self.assertIn("somebody-else of user narthex, since ",
                      self.gc("hide", plan, code=1, json_=False).stderr)
        self.assertIn("somebody-else", self.gc("status")["collector"])
        other.close()
        support.wait_until(lambda: self.gc("status")["collector"] is None, "the other has ended")
        self.gc("hide", plan)

    def test_a_kill_leaves_nothing_hidden_and_the_same_again_goes_on(self):
        plan = self.plan(2, 3)
        process = subprocess.Popen(
            [support.NARTHEX, "gc", "hide", str(plan), "--rate", "1", "--database", PG.uri],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        written = f"select count(*) from hidden h join plan p using (batch) where p.id = {plan}"
        support.wait_until(lambda: self.sql.value(written) == "1", "one row is written")
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.expect(200, 200, 200, 200)
        support.wait_until(lambda: self.gc("status")["collector"] is None, "it has gone")
        self.assertEqual(self.gc("hide", plan)["hidden"], 2)
        self.expect(200, 200, 404, 404)

    def test_an_interrupt_ends_it_soon(self):
        plan = self.plan(2, 3)
        process = subprocess.Popen(
            [support.NARTHEX, "gc", "hide", str(plan), "--rate", "1", "--database", PG.uri],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        written = f"select count(*) from hidden h join plan p using (batch) where p.id = {plan}"
        support.wait_until(lambda: self.sql.value(written) == "1", "one row is written")
        process.send_signal(signal.SIGINT)
        self.assertIn("'narthex gc restore", process.communicate(timeout=support.DEADLINE)[0])
        self.assertEqual(process.returncode, 1)
        self.gc("restore", plan)
        self.assertEqual(self.sql.value(written), "0")


class Publishing(Case):
    def test_an_import_serves_again_what_is_hidden(self):
        self.gc("hide", self.plan(1, 2, 3))
        self.expect(200, 404, 404, 404)
        report = json.loads(self.import_(self.names[2:3]).stdout)
        self.assertEqual((report["new"], report["already_there"]), (0, 1))
        self.expect(200, 200, 200, 404)

    def test_an_import_that_refers_to_what_is_hidden_does_too(self):
        self.gc("hide", self.plan(1, 2, 3))
        referrer = narinfos.narinfo(self.names[0] + "-new", self.names[2:3])
        support.narthex("import", "--database", PG.uri, narinfos.write([referrer], "referrer"))
        self.expect(200, 200, 200, 404)

    def test_an_import_serves_again_what_is_purged(self):
        plan = self.plan(1, 2, 3)
        self.gc("hide", plan)
        self.age(plan)
        self.gc("purge")
        report = json.loads(self.import_(self.names[1:3]).stdout)
        self.assertEqual(report["new"], 2)
        self.expect(200, 200, 200, 404)


class Purging(Case):
    def test_files_go_but_those_that_others_need(self):
        shared = narinfos.narinfo(self.names[0] + "-shares", [])
        # Another path whose NAR is the last one's.
        last = narinfos.narinfo(self.names[3], self.names[2:3])
        lines = {line.split(": ")[0]: line for line in last.text.splitlines()}
        text = "\n".join(lines.get(line.split(": ")[0], line)
                         if line.startswith(("URL", "File")) else line
                         for line in shared.text.splitlines()) + "\n"
        file = support.temp_dir("shared") / "narinfo"
        file.write_text(text)
        support.narthex("import", "--database", PG.uri, "--nar-dir", self.nars, file)
        plan = self.plan(2, 3)
        self.gc("hide", plan)
        self.assertEqual(self.gc("purge", plan)["not_due"], [plan])
        self.age(plan)
        report = self.gc("purge", plan)
        self.assertEqual(report["plans"][0]["narinfos"], 2)
        self.assertEqual((report["unlinked"], self.nar_files()), (1, 3))
        self.expect(200, 200, 404, 404)
        self.assertEqual(self.sql.value(f"select count(*) from purged_narinfo where plan = {plan}"), "2")
        self.gc("restore", plan, code=1, json_=False)

    def test_a_file_that_stays_is_tried_again(self):
        plan = self.plan(3)
        self.gc("hide", plan)
        self.age(plan)
        file = self.write_nar(narinfos.narinfo(self.names[3], self.names[2:3]))
        file.unlink()
        file.mkdir()
        report = self.gc("purge", code=1)
        self.assertEqual((report["failed"], report["unlinked"]), (1, 0))
        self.assertIn(str(file), report["failures"][0])
        self.assertEqual(self.gc("status")["condemned"], 1)
        file.rmdir()
        self.assertEqual(self.gc("purge")["unlinked"], 1)
        self.assertEqual(self.gc("status")["condemned"], 0)

    def test_keys_of_nars_elsewhere_are_written(self):
        name = self.names[0] + "-elsewhere"
        support.narthex("import", "--database", PG.uri,
                        narinfos.write([narinfos.narinfo(name, [])], "elsewhere"))
        plan = collecting.plan(self.sql, [name])
        self.gc("hide", plan)
        self.age(plan)
        done = self.gc("purge", plan, "--keys", "-", json_=False)
        self.assertRegex(done.stdout, r"\Anar/[0-9a-z]{52}\.nar\.xz\n\Z")
        self.assertIn("1 NAR elsewhere", done.stderr)

    def test_it_is_not_done_early_by_accident(self):
        plan = self.plan(3)
        self.gc("hide", plan)
        self.assertIn("--force-early", self.gc("purge", "--after", "1d", code=1, json_=False).stderr)
        self.gc("purge", "--after", "soon", code=2, json_=False)
        self.age(plan, -1)
        self.assertIn("clock", self.gc("purge", code=1, json_=False).stderr)
        self.age(plan, 0)
        report = self.gc("purge", "--after", "0d", "--force-early")
        self.assertEqual(report["plans"][-1]["narinfos"], 1)


if __name__ == "__main__":
    support.main()
