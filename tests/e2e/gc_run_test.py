#!/usr/bin/env python3
"""`narthex gc run`, as the timer calls it: a plan, hidden; what was hidden long ago, purged."""

import json
import pathlib
import subprocess
import tempfile
import unittest

import narinfos
import samples
import support
from postgres import Postgres

POLICY = """
min-age = "0"
requested-within = 0
keep-reference-free = false
keep-content-addressed = false
purge-after = "61d"
"""


def setUpModule():
    global PG
    PG = Postgres()
    support.narthex("migrate", "--database", PG.uri)


def tearDownModule():
    PG.close()


class GcRun(unittest.TestCase):
    def setUp(self):
        PG.psql("truncate narinfo, narinfo_line, narinfo_nar, nar, nar_location, graph, path, root, plan, "
                "plan_path, hidden, hide_batch, change, purged_narinfo")
        self.policy = support.temp_dir("policy") / "gc.toml"
        self.policy.write_text(POLICY)

    def import_(self, *names):
        support.narthex("import", "--database", PG.uri,
                        narinfos.write([narinfos.narinfo(name) for name in names], "run"))

    def root(self, name):
        support.narthex("root", "add", f"/nix/store/{samples.hash_part(name)}-{name}", "--name", name,
                        "--database", PG.uri)

    def run_(self, *args, check=True):
        return support.narthex("gc", "run", "--policy", self.policy, *args, "--database", PG.uri,
                               check=check)

    def rows(self, statement):
        return PG.psql(statement).strip()

    def test_hides_what_nothing_keeps_and_purges_it_when_it_is_due(self):
        self.import_("kept", "let-go", "also-kept")
        self.root("kept")
        self.root("also-kept")
        first = json.loads(self.run_("--json").stdout)
        self.assertEqual((first["paths"], first["hidden"], first["purged"]), (1, 1, []))
        again = json.loads(self.run_("--json").stdout)
        self.assertEqual((again["paths"], again["hidden"], again["purged"]), (0, 0, []))
        PG.psql("update plan set hidden_at = now() - interval '62 days' where state = 'hidden'")
        last = self.run_()
        self.assertIn(f"purged plan {first['plan']}: 1 narinfo\n", last.stdout)
        self.assertEqual(self.rows("select count(*) from narinfo"), "2")

    def test_stops_before_a_plan_that_looks_like_a_mistake(self):
        self.import_("a", "b")
        done = self.run_(check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("--force-no-roots", done.stderr)
        self.assertEqual(self.rows("select count(*) from hidden"), "0")

    def test_the_command_line_goes_before_the_file(self):
        self.import_("kept", "young")
        self.root("kept")
        report = json.loads(self.run_("--json", "--min-age", "1d").stdout)
        self.assertEqual(report["paths"], 0)

    def test_refuses_what_is_wrong_with_the_file(self):
        for text, why in (("min-agee = 3", "gc.toml:1: there is no key min-agee"),
                          ("\nforce = true", "gc.toml:2: there is no key force"),
                          ("min-age = \"soon\"", "gc.toml:1: min-age: "),
                          ("cap = 101", "gc.toml:1: cap: "),
                          ("cap = []", "gc.toml:1: cap is not a text, a number"),
                          ("cap = ", "gc.toml:1: ")):
            with self.subTest(text):
                self.policy.write_text(text)
                done = self.run_(check=False)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(why, done.stderr)
        done = support.narthex("gc", "run", "--policy", "/nowhere", "--database", PG.uri, check=False)
        self.assertEqual(done.returncode, 2)


class Units(unittest.TestCase):
    """deploy/systemd: what systemd itself has to say of them, with the program where they look for it."""

    def test_systemd_takes_them(self):
        units = pathlib.Path(tempfile.mkdtemp(dir=support.temp_dir("units")))
        for unit in (support.ROOT / "deploy" / "systemd").iterdir():
            (units / unit.name).write_text(unit.read_text().replace("/usr/bin/narthex", support.NARTHEX))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units.iterdir()],
                              capture_output=True, text=True, timeout=support.DEADLINE)
        ours = [line for line in done.stderr.splitlines() if "narthex" in line]
        self.assertEqual((done.returncode, ours), (0, []), done.stderr)


if __name__ == "__main__":
    support.main()
