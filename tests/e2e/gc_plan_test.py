#!/usr/bin/env python3
"""Plans as an operator makes and reads them: gc plan, gc show, gc why, root show --exclusive, closure."""

import hashlib
import json
import os
import signal
import subprocess

import narinfos
import samples
import support
from narinfos import narinfo

NOTHING_KEPT = ("--min-age=0", "--requested-within=0", "--keep-reference-free=false",
                "--keep-content-addressed=false")


def store_path(name):
    return f"/nix/store/{samples.hash_part(name)}-{name}"


class Plans(narinfos.ImportTest):
    def narthex(self, *args, code=0, words=2, env=None):
        done = subprocess.run(
            [support.NARTHEX, *args[:words], "--data-dir", self.data_dir, *map(str, args[words:])],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=10 * support.DEADLINE, env=env)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def json(self, *args, **options):
        return json.loads(self.narthex(*args, "--json", **options).stdout)

    def plan(self, *args, **options):
        return self.json("gc", "plan", "--cache", self.cache, *NOTHING_KEPT, *args, **options)

    def bring(self, *paths):
        self.run_import(narinfos.write(paths, "some"))

    def add_root(self, name, *paths, expires="null"):
        parts = ",".join(f"'{hashlib.sha256(path.encode()).digest()[:20].hex()}'" for path in paths)
        self.sql.rows(
            "insert into root (cache, name, kind, paths, expires_at) select"
            f" {self.id}, '{name}', 'list', array_agg(id), {expires} from path"
            f" where cache = {self.id} and encode(hash, 'hex') in ({parts})")

    def chain(self):
        """tool-3 needs lib-2, which needs base-1; doc-1 and other-1 stand alone."""
        self.bring(narinfo("base-1"), narinfo("lib-2", ["base-1"]), narinfo("tool-3", ["lib-2"]),
                   narinfo("doc-1"), narinfo("other-1"))

    def shown(self, plan):
        paths = self.json("gc", "show", plan)["paths"]
        return {path["store_path"]: path["reason"] for path in paths}

    def test_have_what_no_root_reaches(self):
        self.chain()
        self.add_root("tools", "lib-2")
        self.add_root("old", "doc-1", expires="now() - interval '1 h'")
        for engine in ("sql", "stream"):
            plan = self.plan("--engine", engine)
            self.assertEqual(plan["engine"], engine)
            self.assertEqual(plan["paths"], 3)
            self.assertEqual(plan["nar_size"], sum(len(name) + 1000 for name in
                                                   ("tool-3", "doc-1", "other-1")))
            self.assertEqual(plan["file_size"], sum(len(name) + 100 for name in
                                                    ("tool-3", "doc-1", "other-1")))
            self.assertEqual(self.shown(plan["plan"]), {
                store_path("tool-3"): "unreachable", store_path("doc-1"): "released",
                store_path("other-1"): "unreachable"})

    def test_are_shown_for_people_and_programs(self):
        self.chain()
        self.add_root("tools", "tool-3")
        made = self.narthex("gc", "plan", "--cache", self.cache, *NOTHING_KEPT, "--price-per-tb", 20,
                            env={**os.environ, "NARTHEX_WHO": "ops"}).stdout
        self.assertRegex(made, r"\Aplan \d+ of cache \w+, made in ")
        self.assertRegex(made, r"would go +2 paths")
        self.assertRegex(made, r"stay +3 paths")
        self.assertIn(", 0.00 a month\n", made)
        number = made.split()[1]
        shown = self.json("gc", "show", number)
        self.assertEqual((shown["state"], shown["created_by"]), ("planned", "ops"))
        self.assertEqual(shown["summary"]["live"]["paths"], 3)
        one = shown["paths"][0]
        self.assertEqual(set(one), {"store_path", "reason", "nar_size", "file_size", "first_seen",
                                    "requested"})
        table = self.narthex("gc", "show", number, "--tsv").stdout.splitlines()
        self.assertEqual(table[0], "store_path\treason\tnar_size\tfile_size\tfirst_seen\trequested")
        self.assertEqual({line.split("\t")[0] for line in table[1:]},
                         {store_path("doc-1"), store_path("other-1")})
        self.assertIn(store_path("doc-1"), self.narthex("gc", "show", number).stdout)
        listed = self.json("gc", "show", "--cache", self.cache)
        self.assertEqual([plan["plan"] for plan in listed], [int(number)])
        self.assertIn("planned", self.narthex("gc", "show", "--cache", self.cache).stdout)

    def test_of_many_paths_are_shown_page_by_page(self):
        names = [f"many-{number}" for number in range(2500)]
        self.bring(*map(narinfo, names))
        plan = self.plan()
        self.assertEqual(set(self.shown(plan["plan"])), set(map(store_path, names)))

    def test_keep_what_policies_say(self):
        self.chain()
        def planned(flag, value):
            others = [each for each in NOTHING_KEPT if not each.startswith(flag)]
            return self.json("gc", "plan", "--cache", self.cache, *others, f"{flag}={value}")["paths"]
        self.assertEqual(self.plan()["paths"], 5)
        self.assertEqual(planned("--keep-reference-free", "true"), 2)
        self.assertEqual(planned("--keep-content-addressed", "true"), 5)
        for age in ("30d", "12h", "30"):
            self.assertEqual(planned("--min-age", age), 0)
        defaults = self.json("gc", "plan", "--cache", self.cache)
        self.assertEqual(defaults["seeds"], {"content-addressed": 0, "leased": 0, "reference-free": 3,
                                             "requested": 0, "roots": 0, "young": 5})

    def test_that_look_like_mistakes_say_so(self):
        self.chain()
        plan = self.plan()
        self.assertEqual([each["name"] for each in plan["interlocks"]], ["no-roots", "too-many"])
        self.add_root("tools", "tool-3")
        self.assertEqual(self.plan()["interlocks"], [])
        self.assertEqual([each["name"] for each in self.plan("--cap", 10)["interlocks"]], ["too-many"])
        text = self.narthex("gc", "plan", "--cache", self.cache, *NOTHING_KEPT, "--cap", 10).stdout
        self.assertIn("REFUSED (too-many): 2 of 5 served paths would go, more than 10 %\n", text)

    def test_tell_why_a_path_lives(self):
        self.chain()
        self.add_root("tools", "tool-3")
        self.add_root("libs", "lib-2")
        why = self.json("gc", "why", store_path("base-1"), "--cache", self.cache, *NOTHING_KEPT)
        self.assertEqual(why["kept_by"], {"root": "libs"})
        self.assertEqual(why["chain"], [store_path("lib-2"), store_path("base-1")])
        self.assertEqual((why["live"], why["state"]), (True, "live"))
        why = self.json("gc", "why", samples.hash_part("doc-1"), "--cache", self.cache, "--min-age", 0)
        self.assertEqual(why["kept_by"], {"policy": "reference-free"})
        self.assertEqual(why["chain"], [store_path("doc-1")])
        text = self.narthex("gc", "why", store_path("tool-3"), "--cache", self.cache,
                            *NOTHING_KEPT).stdout
        self.assertEqual(text, f"{store_path('tool-3')}: live\n  kept by root tools\n"
                               f"  {store_path('tool-3')}\n")

    def test_tell_why_a_path_goes(self):
        self.chain()
        self.add_root("tools", "tool-3")
        why = self.json("gc", "why", store_path("doc-1"), "--cache", self.cache, *NOTHING_KEPT)
        self.assertEqual((why["live"], why["state"], why["plan"]), (False, "candidate", None))
        plan = self.plan()["plan"]
        why = self.json("gc", "why", store_path("doc-1"), "--cache", self.cache, *NOTHING_KEPT)
        self.assertEqual((why["state"], why["plan"], why["reason"]), ("planned", plan, "unreachable"))
        self.bring(narinfo("gap-1", ["absent-1"]))
        why = self.json("gc", "why", samples.hash_part("absent-1"), "--cache", self.cache, *NOTHING_KEPT)
        self.assertEqual(why["state"], "missing")
        unknown = self.json("gc", "why", samples.hash_part("nobody"), "--cache", self.cache, code=1)
        self.assertEqual(unknown["state"], "unknown")

    def test_tell_what_a_root_alone_keeps(self):
        self.chain()
        self.add_root("tools", "tool-3")
        self.add_root("libs", "lib-2", "doc-1")
        def exclusive(root):
            out = self.json("root", "show", root, "--exclusive", "--cache", self.cache, *NOTHING_KEPT)
            return out["exclusive"]["paths"], out["exclusive"]["nar_size"]
        self.assertEqual(exclusive("tools"), (1, 1006))
        self.assertEqual(exclusive("libs"), (1, 1005))
        text = self.narthex("root", "show", "tools", "--exclusive", "--cache", self.cache, *NOTHING_KEPT).stdout
        self.assertIn("it alone keeps 1 path, 1006 B unpacked\n", text)
        self.assertNotIn("exclusive", self.json("root", "show", "tools", "--cache", self.cache))
        self.narthex("root", "show", "none", "--exclusive", "--cache", self.cache, code=1)

    def test_tell_what_a_closure_takes(self):
        self.chain()
        closure = self.json("closure", store_path("tool-3"), "--cache", self.cache, words=1)
        self.assertEqual(closure, {"store_path": store_path("tool-3"), "paths": 3, "missing": 0,
                                   "nar_size": 3017, "file_size": 317})
        text = self.narthex("closure", store_path("tool-3"), "--cache", self.cache, words=1).stdout
        self.assertIn("3 paths, 2.9 KiB unpacked, 317 B in files", text)
        self.narthex("closure", store_path("nobody"), "--cache", self.cache, words=1, code=1)

    def test_refuse_what_is_written_wrong(self):
        for flags in (("--min-age", "x"), ("--min-age", "-1"), ("--engine", "fast"), ("--cap", "101"),
                      ("--keep-reference-free=perhaps",)):
            self.narthex("gc", "plan", "--cache", self.cache, *flags, code=2)
        self.narthex("gc", "why", "/nix/store/short", "--cache", self.cache, code=2)
        done = self.narthex("gc", "show", 1_000_000, code=1)
        self.assertIn("there is no plan 1000000", done.stderr)
        self.narthex("gc", "plan", "--cache", "absent", code=1)

    def test_two_at_once_are_two_plans(self):
        self.chain()
        self.add_root("tools", "tool-3")
        command = [support.NARTHEX, "gc", "plan", "--data-dir", self.data_dir, "--cache", self.cache,
                   *NOTHING_KEPT, "--json"]
        both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        plans = [json.loads(each.communicate(timeout=support.DEADLINE)[0]) for each in both]
        self.assertNotEqual(plans[0]["plan"], plans[1]["plan"])
        self.assertEqual([plan["paths"] for plan in plans], [2, 2])

    def test_that_are_interrupted_leave_nothing(self):
        """It waits for a lock that the test holds, inside its first reading of the graph."""
        self.chain()
        for engine in ("sql", "stream"):
            blocker = narinfos.Psql(self.data_dir)
            self.addCleanup(blocker.close)
            blocker.rows("begin; lock table graph in access exclusive mode")
            process = subprocess.Popen(
                [support.NARTHEX, "gc", "plan", "--data-dir", self.data_dir, "--cache", self.cache,
                 "--engine", engine],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            support.wait_until(
                lambda: self.sql.value("select count(*) from pg_locks where not granted"
                                       " and relation = 'graph'::regclass") == "1", "it waits")
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=support.DEADLINE)
            self.assertEqual(process.returncode, 1)
            self.assertTrue(said.endswith("narthex: interrupted: no plan was made\n"), said)
            blocker.close()
        self.assertEqual(self.count("plan"), 0)
        self.assertEqual(self.sql.value("select count(*) from pg_stat_activity where state = 'active'"
                                        " and query like '%graph%' and pid <> pg_backend_pid()"), "0")


if __name__ == "__main__":
    support.main()
