#!/usr/bin/env python3
"""`narthex root` and `narthex channel`: what must live, said, shown and taken back; bad lists."""

import gzip
import json
import lzma
import os
import subprocess
import tempfile
import unittest

import narinfos
import samples
import support
from narinfos import narinfo
from postgres import Postgres

def store_path(name, directory="/nix/store"):
    return f"{directory}/{samples.hash_part(name)}-{name}"


def setUpModule():
    global PG
    PG = Postgres()
    support.narthex("migrate", "--database", PG.uri)


def tearDownModule():
    PG.close()


class RootTest(unittest.TestCase):
    """Each test has a cache of its own, with the paths `one`, `two` and `three`."""

    store_dir = "/nix/store"

    def setUp(self):
        self.cache = self.id().rsplit(".", 1)[1].replace("_", "-")[:60]
        support.narthex("cache", "create", self.cache, "--database", PG.uri,
                        "--store-dir", self.store_dir)
        if self.store_dir == "/nix/store":
            file = narinfos.write([narinfo(name) for name in ("one", "two", "three")], "some")
            support.narthex("import", "--database", PG.uri, "--cache", self.cache, file)
        self.dir = support.temp_dir("lists")

    def narthex(self, *args, code=0, stdin=b"", who="tester"):
        done = subprocess.run(
            [support.NARTHEX, *args[:2], "--database", PG.uri, "--cache", self.cache,
             *map(str, args[2:])],
            input=stdin, capture_output=True, timeout=10 * support.DEADLINE,
            env={**os.environ, "NARTHEX_WHO": who})
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def json(self, *args, **options):
        return json.loads(self.narthex(*args, "--json", **options).stdout)

    def write(self, name, content):
        path = self.dir / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def names(self, *flags):
        return [root["name"] for root in self.json("root", "list", *flags)]


class Roots(RootTest):
    def test_a_path_is_pinned_however_it_is_written(self):
        for number, path in enumerate((store_path("one"), samples.hash_part("one"),
                                       f"/nix/store/{samples.hash_part('one')}",
                                       store_path("one").rsplit("/", 1)[1])):
            added = self.json("root", "add", path, "--name", f"pin-{number}")
            self.assertEqual((added["root"], added["outcome"], added["paths"], added["missing"],
                              added["missing_paths"], added["lives"]),
                             (f"pin-{number}", "added", 1, 0, [], True))
            shown = self.json("root", "show", f"pin-{number}")
            self.assertEqual(shown["item"], store_path("one").rsplit("/", 1)[1])
        self.assertEqual(self.names(), ["pin-0", "pin-1", "pin-2", "pin-3"])

    def test_what_is_not_there_is_reported(self):
        added = self.json("root", "add", store_path("later"), "--name", "pin")
        self.assertEqual((added["missing"], added["missing_paths"]), (1, [store_path("later")]))
        done = self.narthex("root", "add", samples.hash_part("never"), "--name", "x", code=1)
        self.assertIn("write HASH-NAME", done.stderr)
        names = [f"absent-{number}" for number in range(30)]
        paths = "".join(store_path(name) + "\n" for name in [*names, "one"])
        added = self.json("root", "add", "--list", "-", "--name", "some", stdin=paths.encode())
        self.assertEqual((added["paths"], added["missing"], len(added["missing_paths"])),
                         (31, 30, 20))
        self.assertTrue(set(added["missing_paths"]) < {store_path(name) for name in names})
        text = self.narthex("root", "add", "--list", "-", "--name", "some",
                            stdin=paths.encode()).stdout
        self.assertIn("unchanged root some: 31 paths\n30 of them aren't here", text)
        self.assertIn("  and 10 more\n", text)
        support.narthex("import", "--database", PG.uri, "--cache", self.cache,
                        narinfos.write([narinfo("later")], "later"))
        self.assertEqual(self.json("root", "show", "pin")["missing"], 0)

    def test_lists_are_read_as_they_are_published(self):
        text = f"{store_path('one')}\n\n{store_path('absent')}\r\n{store_path('one')}\n"
        for name, content in (("plain", text.encode()), ("p.xz", lzma.compress(text.encode())),
                              ("p.gz", gzip.compress(text.encode())),
                              ("p.zst", self.zstd(text.encode()))):
            added = self.json("root", "add", "--list", self.write(name, content))
            self.assertEqual((added["paths"], added["missing"]), (2, 1), name)
        self.assertEqual(self.names(), ["p", "plain"])
        shown = self.json("root", "show", "p", "--paths")
        self.assertEqual({path["hash"]: path["served"] for path in shown["path_list"]},
                         {samples.hash_part("one"): True, samples.hash_part("absent"): False})
        self.assertIn(store_path("one") + "\n", self.narthex("root", "show", "p", "--paths").stdout)

    @staticmethod
    def zstd(data):
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            return subprocess.run(["zstd", "-qc", file.name], capture_output=True, check=True).stdout

    def test_a_million_repeated_paths_are_one(self):
        line = (store_path("one") + "\n").encode()
        added = self.json("root", "add", "--list", "-", "--name", "many", stdin=line * 1_000_000)
        self.assertEqual((added["paths"], added["missing"]), (1, 0))

    def test_a_bad_list_is_refused_as_a_whole(self):
        good = store_path("one") + "\n"
        whole = lzma.compress((good * 1000).encode())
        many = "".join(store_path(f"path-{number}") + "\n" for number in range(3000)).encode()
        cut_xz, cut_gz = lzma.compress(many), gzip.compress(many)
        for name, content, line, words in (
                ("garbage", good * 2 + "what is this\n", ":3:", "'what is this' is not a store path"),
                ("garbage.xz", lzma.compress((good + "x\n").encode()), ":2:", "'x' is not"),
                ("guix", good + store_path("one", "/gnu/store") + "\n", ":2:", "not of /nix/store"),
                ("below", good + good.strip() + "/bin/sh\n", ":2:", "is not a store path"),
                ("hash", good + samples.hash_part("two") + "\n", ":2:", "is not a store path"),
                ("names", good + good.strip() + "x\n", ":2:", "hash part of another path"),
                ("long", good + "x" * 10000, ":2:", "too long"),
                ("binary", b"\x7fELF\0\0\0\0\n", ":1:", "is not a store path"),
                ("empty", "", ":1:", "no path in this list"),
                ("blank", "\n\n", ":3:", "no path in this list"),
                ("truncated.xz", cut_xz[:-1], ":", ""),
                ("half.xz", cut_xz[:len(cut_xz) // 2], ":", ""),
                ("head.xz", whole[:8], ":", ""),
                ("half.gz", cut_gz[:len(cut_gz) // 2], ":", ""),
                ("broken.xz", cut_xz[:200] + b"x" * 20 + cut_xz[220:], ":", "")):
            with self.subTest(list=name):
                file = self.write(name, content)
                done = self.narthex("root", "add", "--list", file, code=1)
                self.assertTrue(done.stderr.startswith(f"narthex: {file}{line}"), done.stderr)
                self.assertIn(words, done.stderr)
                self.assertIn("nothing was stored", done.stderr)
        gone = self.dir / "gone"
        self.assertIn(f"{gone}: ", self.narthex("root", "add", "--list", gone, code=1).stderr)
        done = self.narthex("root", "add", "--list", "-", "--name", "x", stdin=b"x\n", code=1)
        self.assertIn("standard input:1: 'x' is not", done.stderr)
        self.assertEqual(self.names("--all"), [])
        self.assertEqual(self.json("root", "log"), [])

    def test_wrong_usage_is_told(self):
        for args, words in (
                ((), "one of PATH, --list FILE and --pattern GLOB"),
                ((store_path("one"),), "--name NAME is needed"),
                ((store_path("one"), "--pattern", "x", "--name", "x"), "one of"),
                (("nonsense", "--name", "x"), "no path of /nix/store"),
                ((store_path("one", "/gnu/store"), "--name", "x"), "no path of /nix/store"),
                ((store_path("one"), "--name", "a b"), "can't be a name"),
                ((store_path("one"), "--name=-x"), "can't be a name"),
                ((store_path("one"), "--name", "x" * 129), "can't be a name"),
                ((store_path("one"), "--name", "x", "--expires", "soon"), "--expires"),
                ((store_path("one"), "--name", "x", "--expires", "2020-01-01"), "has passed already"),
                ((store_path("one"), "--name", "x", "--reason", "a\nb"), "--reason"),
                ((store_path("one"), "--name", "x", "--owner", "\x1b[31m"), "--owner"),
                ((store_path("one"), "--name", "x", "--expires", "1d", "--never-delete"),
                 "doesn't expire"),
                (("--pattern", "[", "--name", "x"), "has no ']'"),
                (("--pattern", "a b", "--name", "x"), "no name has"),
                (("--list", "-"), "--name NAME is needed")):
            with self.subTest(args=args):
                self.assertIn(words, self.narthex("root", "add", *args, code=2).stderr)
        self.narthex("root", "log", "--since", "yesterday", code=2)
        self.narthex("root", "add", store_path("one"), "--name", "x", code=2, who="a\x07")
        done = self.narthex("root", "show", "nobody", code=1)
        self.assertIn("there is no root nobody", done.stderr)
        self.assertEqual(self.names("--all"), [])

    def test_the_same_again_is_fine_and_something_else_is_not(self):
        add = ("root", "add", store_path("one"), "--name", "pin")
        first = self.json(*add)
        self.assertEqual(self.json(*add), {**first, "outcome": "unchanged"})
        other = ("root", "add", store_path("two"), "--name", "pin")
        self.assertIn("--replace", self.narthex(*other, code=1).stderr)
        self.assertEqual(self.json(*other, "--replace"), {**first, "outcome": "replaced"})
        self.assertEqual(self.json(*other, "--expires", "90d", "--replace")["outcome"], "renewed")
        self.assertIn("lives longer", self.narthex(*other, "--expires", "1d", code=1).stderr)
        self.assertEqual(self.json(*other, "--expires", "91d")["outcome"], "renewed")

    def test_what_is_never_to_be_deleted_goes_by_force(self):
        add = ("root", "add", store_path("one"), "--name", "pin", "--never-delete")
        self.json(*add)
        self.assertIn("--force-never-delete", self.narthex("root", "remove", "pin", code=1).stderr)
        done = self.narthex("root", "add", store_path("two"), "--name", "pin", "--replace", code=1)
        self.assertIn("--force-never-delete", done.stderr)
        self.assertEqual(self.names(), ["pin"])
        done = self.narthex("root", "remove", "pin", "--force-never-delete", "--reason", "moved")
        self.assertEqual(done.stdout, "removed root pin (1 path)\n")
        self.narthex("root", "remove", "pin", code=1)

    def test_lists_tell_what_lives_and_why_not(self):
        self.json("root", "add", store_path("one"), "--name", "a", "--owner", "team \u00e9",
                  "--reason", "released")
        self.json("root", "add", "--pattern", "t*", "--name", "b", "--expires", "2999-01-01")
        self.json("root", "add", store_path("two"), "--name", "c", "--expires", "1h")
        # As if the hour had passed.
        PG.psql("update root set expires_at = now() - interval '1 hour' where name = 'c'"
                  f" and cache = (select id from cache where name = '{self.cache}')")
        self.assertEqual(self.names(), ["a", "b"])
        listed = {root["name"]: root for root in self.json("root", "list", "--all")}
        self.assertEqual([listed[name]["lives"] for name in "abc"], [True, True, False])
        self.assertRegex(listed["c"]["why"], r"\Aexpired 20\d\d-")
        self.assertEqual((listed["b"]["kind"], listed["b"]["item"], listed["b"]["expires_at"]),
                         ("pattern", "t*", "2999-01-01T00:00:00Z"))
        lines = self.narthex("root", "list", "--all").stdout.splitlines()
        self.assertRegex(lines[0], r"\ANAME +KIND +PATHS +MISSING +EXPIRES +STATE +OWNER +REASON\Z")
        self.assertRegex(lines[1], "\\Aa +pin +1 +0 +never +lives +team \u00e9 +released\\Z")
        self.assertRegex(lines[3], r"\Ac +pin .* doesn't .* expired 20")
        self.assertIn("state    doesn't: expired", self.narthex("root", "show", "c").stdout)
        # A later expiry makes it live again.
        self.json("root", "add", store_path("two"), "--name", "c", "--expires", "2h")
        self.assertEqual(self.names(), ["a", "b", "c"])

    def test_every_change_is_in_the_log(self):
        self.json("root", "add", store_path("one"), "--name", "a", "--reason", "why not")
        self.json("root", "add", store_path("one"), "--name", "a")
        self.json("channel", "set", "c", "--status", "supported", who="another")
        self.json("root", "remove", "a", "--reason", "no more")
        self.json("channel", "remove", "c")
        log = self.json("root", "log")
        self.assertEqual([(row["who"], row["action"], row["subject"], row["reason"]) for row in log],
                         [("tester", "channel remove", "c", ""),
                          ("tester", "root remove", "a", "no more"),
                          ("another", "channel set", "c", ""),
                          ("tester", "root add", "a", "why not")])
        self.assertEqual(log[3]["details"]["paths"], 1)
        self.assertEqual(len(self.json("root", "log", "--limit", "2")), 2)
        self.assertEqual(len(self.json("root", "log", "--since", "1h")), 4)
        self.assertEqual(self.json("root", "log", "--since", "2999-01-01"), [])
        self.assertRegex(self.narthex("root", "log").stdout.splitlines()[1],
                         r"\A20\S+Z  tester +root remove +a  \(no more\)\Z")


class GuixRoots(RootTest):
    store_dir = "/gnu/store"

    def test_items_are_roots_too(self):
        items = "".join(store_path(name, "/gnu/store") + "\n" for name in ("a", "b"))
        added = self.json("root", "add", "--list", self.write("items", items))
        self.assertEqual((added["paths"], added["missing"]), (2, 2))
        self.narthex("root", "add", "--list", self.write("nix", store_path("one")), code=1)


class Channels(RootTest):
    def bump(self, name, at, *flags, code=0):
        done = self.narthex("channel", "bump", "nixos", "--list", "-", "--at", at, "--json", *flags,
                            stdin=(store_path(name) + "\n").encode(), code=code)
        return json.loads(done.stdout) if code == 0 else done.stderr

    def states(self):
        shown = self.json("channel", "show", "nixos")
        return {bump["root"]: (bump["kept"], bump["why"]) for bump in shown["bumps"]}

    def test_rules_say_which_bumps_are_kept(self):
        self.assertIn("there is no channel nixos", self.bump("one", "2026-01-01", code=1))
        self.assertEqual(self.json("channel", "set", "nixos", "--status", "supported"),
                         {"channel": "nixos", "made": True, "restored": 0})
        for name, at in (("two", "2026-02-01"), ("three", "2026-03-01T12:00:00Z"),
                         ("one", "2026-01-01")):
            self.bump(name, at)
        self.assertEqual(self.names(),
                         ["nixos@2026-01-01", "nixos@2026-02-01", "nixos@2026-03-01"])
        self.json("channel", "set", "nixos", "--status", "rolling", "--keep-last", "2")
        self.assertEqual(self.names(), ["nixos@2026-02-01", "nixos@2026-03-01"])
        self.json("channel", "set", "nixos", "--status", "end-of-life")
        self.assertEqual(self.states(), {
            "nixos@2026-01-01": (False, "released: later ones are there"),
            "nixos@2026-02-01": (False, "released: later ones are there"),
            "nixos@2026-03-01": (True, "kept: the last one")})
        self.json("channel", "set", "nixos", "--status", "supported", "--max-age", "1d")
        self.assertEqual({why for _, why in self.states().values()},
                         {"released: older than the channel allows"})
        self.assertEqual(self.names(), [])
        lines = self.narthex("channel", "list").stdout.splitlines()
        self.assertRegex(lines[0], r"\ANAME +STATUS +KEEP-LAST +MAX-AGE +BUMPS +KEPT\Z")
        self.assertRegex(lines[1], r"\Anixos +supported +1d +3 +0\Z")
        rows = self.narthex("channel", "show", "nixos").stdout.splitlines()
        self.assertEqual([row.split()[1] for row in rows[4:]],
                         ["nixos@2026-03-01", "nixos@2026-02-01", "nixos@2026-01-01"])

    def test_a_bump_is_made_once(self):
        self.json("channel", "set", "nixos", "--status", "rolling", "--keep-last", "1")
        self.assertEqual(self.bump("one", "2026-01-01")["outcome"], "added")
        self.assertEqual(self.bump("one", "2026-01-01")["outcome"], "unchanged")
        self.assertIn("--replace", self.bump("two", "2026-01-01", code=1))
        self.assertEqual(self.bump("two", "2026-01-01", "--name", "nixos@later")["root"],
                         "nixos@later")
        today = self.json("channel", "bump", "nixos", "--list", self.write("l", store_path("one")))
        self.assertRegex(today["root"], r"\Anixos@20\d\d-\d\d-\d\d\Z")
        self.assertTrue(today["lives"])

    def test_one_with_bumps_goes_with_them_only(self):
        self.json("channel", "set", "nixos", "--status", "supported")
        self.bump("one", "2026-01-01")
        self.assertIn("--with-bumps", self.narthex("channel", "remove", "nixos", code=1).stderr)
        self.assertEqual(self.json("channel", "remove", "nixos", "--with-bumps"),
                         {"channel": "nixos", "bumps": 1})
        self.assertEqual((self.names("--all"), self.json("channel", "list")), ([], []))
        self.narthex("channel", "remove", "nixos", code=1)
        self.narthex("channel", "show", "nixos", code=1)

    def test_rules_make_sense(self):
        for flags in (("--status", "eol"), ("--status", "rolling"), (),
                      ("--status", "rolling", "--keep-last", "0"),
                      ("--status", "supported", "--keep-last", "3"),
                      ("--status", "supported", "--max-age", "0d"),
                      ("--status", "supported", "--max-age", "old")):
            with self.subTest(flags=flags):
                self.narthex("channel", "set", "nixos", *flags, code=2)
        self.narthex("channel", "set", "a b", "--status", "supported", code=2)
        self.json("channel", "set", "nixos", "--status", "supported")
        self.bump("one", "soon", code=2)
        bad = self.write("bad", "x\n")
        done = self.narthex("channel", "bump", "nixos", "--list", bad, code=1)
        self.assertIn(f"{bad}:1: 'x' is not", done.stderr)


if __name__ == "__main__":
    support.main()
