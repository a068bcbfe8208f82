#!/usr/bin/env python3
"""Tags of paths: what a build farm's hook gives at import, asked for and corrected afterwards."""

import hashlib
import json
import subprocess

import narinfos
import samples
import support
from narinfos import narinfo

GOOD = ("a=b", "system=x86_64-linux", "k=v=w", "Z.9_:/-x=1", "k=a b", "k=\u00e9", "k" * 64 + "=v",
        "k=" + "v" * 256)
BAD = ("", "=", "a", "a=", "=b", " a=b", "a b=c", "-a=b", "a=b\n", "a=\t", "a=\x7f", "a=\u0085",
       "a=\udcff", "k" * 65 + "=v", "k=" + "v" * 257)


def store_path(name):
    return f"/nix/store/{samples.hash_part(name)}-{name}"


class Tags(narinfos.ImportTest):
    def narthex(self, *args, code=0, stdin=None):
        done = subprocess.run(
            [support.NARTHEX, *args[:2], "--data-dir", self.data_dir, "--cache", self.cache,
             *map(str, args[2:])],
            input=stdin or "", capture_output=True, text=True, timeout=10 * support.DEADLINE,
            errors="surrogateescape")
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def tagged(self, tag):
        return self.narthex("path", "list", "--tag", tag).stdout.splitlines()

    def tags(self):
        listed = json.loads(self.narthex("tag", "list", "--json").stdout)
        return {f"{each['key']}={each['value']}": each["paths"] for each in listed}

    def bring(self, *names, tags=(), code=0):
        file = narinfos.write([narinfo(name) for name in names], "some")
        flags = [word for tag in tags for word in ("--tag", tag)]
        return self.run_import(*flags, file, code=code)

    def test_come_with_an_import_and_again_with_the_next(self):
        self.bring("one", "two", tags=["job=7", "system=x86_64-linux", "job=7"])
        self.assertEqual(self.tags(), {"job=7": 2, "system=x86_64-linux": 2})
        self.bring("one", "two", tags=["job=7", "system=x86_64-linux"])
        self.assertEqual(self.tags(), {"job=7": 2, "system=x86_64-linux": 2})
        self.bring("two", "three", tags=["job=8"])
        self.assertEqual(self.tags(), {"job=7": 2, "job=8": 2, "system=x86_64-linux": 2})
        self.assertEqual(set(self.tagged("job=8")), {store_path("two"), store_path("three")})
        self.assertEqual(self.tagged("job=9"), [])
        self.bring("four")
        self.assertEqual(self.tags()["job=7"], 2)

    def test_are_not_for_what_is_refused(self):
        self.bring("one")
        other = narinfos.write([narinfo("one", nar="another"), narinfo("two")], "other")
        self.run_import("--tag", "a=b", other, code=1)
        self.assertEqual(self.tagged("a=b"), [store_path("two")])

    def test_are_listed_page_by_page_in_the_order_of_the_hashes(self):
        names = [f"many-{number}" for number in range(2500)]
        self.bring(*names, tags=["set=many"])
        self.bring("other", tags=["set=other"])
        listed = self.tagged("set=many")
        names.sort(key=lambda name: hashlib.sha256(name.encode()).digest())
        self.assertEqual(listed, [store_path(name) for name in names])
        self.assertEqual(self.narthex("tag", "list").stdout,
                         "      2500  set=many\n         1  set=other\n")

    def test_list_is_an_object_a_line_for_programs(self):
        self.bring("one", tags=["a=b"])
        lines = self.narthex("path", "list", "--tag", "a=b", "--json").stdout.splitlines()
        self.assertEqual(len(lines), 1)
        one = json.loads(lines[0])
        self.assertEqual((one["path"], one["nar_size"]), (store_path("one"), 1003))
        self.assertRegex(one["nar_hash"], r"\Asha256-[A-Za-z0-9+/]{43}=\Z")
        self.assertGreater(one["first_seen"], 1_600_000_000)
        self.assertEqual(set(one), {"path", "nar_hash", "nar_size", "first_seen"})

    def test_are_corrected_by_hand_as_often_as_one_likes(self):
        self.bring("one", "two", "three")
        part = samples.hash_part
        for _ in range(2):
            self.narthex("tag", "add", "keep=yes", store_path("one"), part("two"),
                         f"{part('three')}-three")
            self.assertEqual(self.tags(), {"keep=yes": 3})
        for changed in (1, 0):
            done = self.narthex("tag", "remove", "keep=yes", part("two"))
            self.assertEqual(done.stdout, f"keep=yes removed from {changed} of 1 paths\n")
        self.assertEqual(set(self.tagged("keep=yes")), {store_path("one"), store_path("three")})
        listed = self.narthex("path", "list", "--tag", "keep=yes").stdout
        self.narthex("tag", "add", "seen=1", "-", stdin=listed)
        self.assertEqual(self.tags(), {"keep=yes": 2, "seen=1": 2})
        done = self.narthex("tag", "remove", "keep=yes", "-", "--json", stdin=listed)
        self.assertEqual(json.loads(done.stdout), {"paths": 2, "changed": 2, "absent": 0})
        self.assertEqual(self.tags(), {"seen=1": 2})

    def test_are_of_paths_that_are_there(self):
        self.bring("one")
        done = self.narthex("tag", "add", "a=b", store_path("gone"), store_path("one"), code=1)
        self.assertEqual(done.stderr, f"{samples.hash_part('gone')}: not in cache {self.cache}\n")
        self.assertEqual(self.tagged("a=b"), [store_path("one")])
        for path in ("one", "/gnu/store/" + samples.hash_part("one") + "-one", "", "../x", "-x"):
            self.narthex("tag", "add", "a=c", "--", path, code=2)
        self.narthex("tag", "add", "a=c", "-", stdin="nonsense\n", code=2)
        self.assertEqual(self.tags(), {"a=b": 1})

    def test_are_of_one_cache(self):
        self.bring("one", tags=["a=b"])
        first = self.cache
        self.cache += "-2"
        support.narthex("cache", "create", self.cache, "--data-dir", self.data_dir)
        self.assertEqual((self.tags(), self.tagged("a=b")), ({}, []))
        self.cache = first
        self.assertEqual(self.tags(), {"a=b": 1})

    def test_have_a_grammar(self):
        self.bring("one", tags=GOOD)
        self.assertEqual(self.tags(), {tag: 1 for tag in GOOD})
        for tag in GOOD:
            self.assertEqual(self.tagged(tag), [store_path("one")])
        for tag in BAD:
            with self.subTest(tag=tag):
                for command in (["import", f"--tag={tag}", "x"], ["path", "list", f"--tag={tag}"],
                                ["tag", "add", "--", tag, store_path("one")]):
                    # CLI11 takes an empty value for none.
                    done = self.narthex_with(command)
                    self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(len(self.tags()), len(GOOD))

    def narthex_with(self, command):
        """With the flags before what may follow '--'."""
        place = ["--data-dir", str(self.data_dir), "--cache", self.cache]
        words = 1 if command[0] == "import" else 2
        return subprocess.run([support.NARTHEX, *command[:words], *place, *command[words:]],
                              input="", capture_output=True, text=True, errors="surrogateescape",
                              timeout=10 * support.DEADLINE)


if __name__ == "__main__":
    support.main()
