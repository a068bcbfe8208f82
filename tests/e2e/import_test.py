#!/usr/bin/env python3
"""`narthex import` as somebody at a shell sees it: what it prints, its exit codes, what it refuses."""

import grp
import io
import json
import os
import pwd
import re
import subprocess
import tarfile
import unittest

import narinfos
import samples
import support
from narinfos import narinfo

LARGEST = 4 * 1024 * 1024
BASE = narinfo("base", ["base", "other"])


def replaced(key, line):
    """BASE's text with another line, or none, instead of the line of that key."""
    return re.sub(f"^{key}: .*\n", lambda _: line, BASE.text, flags=re.M)


HASH = samples.nix32(bytes(32))
NAME = BASE.hash + "-"
STORE_PATH = "StorePath: /nix/store/" + NAME
# What makes a narinfo bad: its text, the line that is blamed (0: all of it), words of the reason.
BAD = {
    "no StorePath": (replaced("StorePath", ""), 0, "no StorePath line"),
    "no URL": (replaced("URL", ""), 0, "no URL line"),
    "no NarHash": (replaced("NarHash", ""), 0, "no NarHash line"),
    "no NarSize": (replaced("NarSize", ""), 0, "no NarSize line"),
    "NarSize 0": (replaced("NarSize", "NarSize: 0\n"), 7, "NarSize '0' is not a number"),
    "NarSize of 2^63": (replaced("NarSize", f"NarSize: {2 ** 63}\n"), 7, "is not a number"),
    "a short hash": (replaced("NarHash", f"NarHash: sha256:{HASH[1:]}\n"), 6, "NarHash: "),
    "a hash of no base 32": (replaced("NarHash", f"NarHash: sha256:e{HASH[1:]}\n"), 6, "NarHash: "),
    "a hash of another kind": (replaced("NarHash", f"NarHash: md5:{HASH[:26]}\n"), 6, "NarHash: "),
    "a bad FileHash": (replaced("FileHash", "FileHash: sha256:x\n"), 4, "FileHash: "),
    "CRLF": (BASE.text.replace("\n", "\r\n"), 1, "carriage return"),
    "one CRLF": (BASE.text.replace("xz\nFileHash", "xz\r\nFileHash"), 3, "carriage return"),
    "a blank line inside": (BASE.text.replace("\nURL", "\n\nURL"), 2, "blank"),
    "a blank line at the end": (BASE.text + "\n", 11, "blank"),
    "no final newline": (BASE.text[:-1], 10, "doesn't end in a newline"),
    "References without its space": (replaced("References", "References:\n"), 8, "'References:'"),
    "a full path as a reference":
        (replaced("References", f"References: /nix/store/{NAME}x\n"), 8, "leave out the store"),
    "an empty Deriver": (replaced("Deriver", "Deriver: \n"), 9, "Deriver is empty"),
    "a Sig without a colon": (replaced("Sig", "Sig: nonsense\n"), 10, "Sig: "),
    "a Sig of 63 bytes": (replaced("Sig", f"Sig: a:{'A' * 84}\n"), 10, "Sig: "),
    "an unknown Compression": (replaced("Compression", "Compression: rar\n"), 3, "is none of"),
    "more FileSize than URL":
        (replaced("FileSize", "FileSize: 1\nFileSize: 2\n"), 6, "1 URL and 2 FileSize lines"),
    "a name of 212": (replaced("StorePath", STORE_PATH + "x" * 212 + "\n"), 1, "longer than 211"),
    "a forbidden character": (replaced("StorePath", STORE_PATH + "a~b\n"), 1, "character outside"),
    "no name": (replaced("StorePath", STORE_PATH + "\n"), 1, "its name is empty"),
    "invalid UTF-8": (BASE.text + "X: \udcff\n", 11, "is not UTF-8"),
    "a NUL": (BASE.text + "X: \0\n", 11, "NUL"),
    "more than 4 MiB": (BASE.text + "X: " + "x" * LARGEST + "\n", 1, "is larger than 4194304 bytes"),
    "a URL not below nar/": (replaced("URL", "URL: x.nar\n"), 1, "isn't below nar/"),
    "a URL that climbs": (replaced("URL", "URL: nar/../x\n"), 2, "'..'"),
    "nothing in it": ("", 1, "empty"),
}
NEEDS_FILE = {"a blank line inside", "a blank line at the end", "no final newline", "nothing in it"}


def encoded(text):
    return text.encode(errors="surrogateescape")


class Summary(narinfos.ImportTest):
    def test_says_what_happened(self):
        file = narinfos.write([BASE, narinfo("second", ["base"])], "two")
        done = self.run_import(file)
        self.assertRegex(done.stdout, rf"""\Aimported into cache {self.cache} in \d+\.\d s
  new                     2
  already there           0
  conflicting             0
  rejected                0
  dangling                1  \([^\n]*\)
    /nix/store/{samples.hash_part('other')}-...
\Z""")
        self.assertEqual(done.stderr, "")
        again = self.run_import(file)
        self.assertIn("  new                     0\n  already there           2\n", again.stdout)
        self.assertTrue(again.stdout.endswith("  dangling                0\n"), again.stdout)

    def test_is_json_for_programs(self):
        many = narinfo("many", [f"gone-{number}" for number in range(30)])
        done = json.loads(self.run_import("--json", narinfos.write([many], "many")).stdout)
        self.assertGreaterEqual(done.pop("seconds"), 0)
        self.assertEqual(set(done.pop("dangling")), set(many.references))
        self.assertEqual(done.pop("order")["parts"], 1)
        self.assertEqual(done, {"cache": self.cache, "new": 1, "already_there": 0, "conflicting": 0,
                                "rejected": 0, "rejections": [], "interrupted": False})

    def test_shows_some_of_many_that_dangle(self):
        many = narinfo("many", [f"gone-{number}" for number in range(30)])
        lines = self.run_import(narinfos.write([many], "many")).stdout.splitlines()
        self.assertEqual(sum(line.startswith("    /nix/store/") for line in lines), 20)
        self.assertEqual(lines[-1], "    ...")

    def test_reads_standard_input(self):
        done = subprocess.run([support.NARTHEX, *self.command("-")], capture_output=True,
                              input=encoded(BASE.text + "\n\nnonsense\n\n" + narinfo("b").text))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr.decode(), r"\Astandard input:13: 'nonsense' [^\n]*\n\Z")
        self.assertIn(b"  new                     2\n", done.stdout)

    def test_is_told_what_is_wrong_with_the_command_line(self):
        for args in ([], ["--nonsense", "x"], ["--trusted-key", "x", "y"],
                     ["--nar-dir", "/nonexistent", "y"]):
            with self.subTest(args=args):
                done = self.run_import(*args, code=2)
                self.assertNotEqual(done.stderr, "")
                self.assertEqual(done.stdout, "")

    def test_is_told_of_a_cache_that_is_not_there(self):
        done = support.narthex("import", "--data-dir", self.data_dir, "--cache", "none", "x",
                               check=False)
        self.assertEqual((done.returncode, done.stderr), (
            1, "narthex: there is no cache none; 'narthex cache list' shows all, 'narthex cache create' makes one\n"))

    def test_is_told_of_files_that_are_not_there(self):
        done = self.run_import("/nonexistent/x", narinfos.write([BASE], "base"), code=1)
        self.assertEqual(done.stderr, "/nonexistent/x: can't be read: No such file or directory\n")
        self.assertEqual(self.count("narinfo"), 1)


class Closed(narinfos.ImportTest):
    """--closed: nothing that is served afterwards refers to what isn't."""

    def test_refuses_what_leads_to_something_absent(self):
        bad = [narinfo("lacks", ["gone"]), narinfo("needs-it", ["lacks", "good"]),
               narinfo("circle-a", ["circle-b"]), narinfo("circle-b", ["circle-a", "gone"])]
        good = [narinfo("good", ["good", "leaf"]), narinfo("leaf"),
                narinfo("pair-a", ["pair-b"]), narinfo("pair-b", ["pair-a"])]
        done = self.run_import("--closed", narinfos.write(bad + good, "some"), code=1)
        self.assertEqual(done.stderr.count("which is neither served nor imported with it\n"), 4)
        self.assertIn(f"refers to /nix/store/{samples.hash_part('gone')}-..., which", done.stderr)
        self.assertIn("  rejected                4\n  dangling                0\n", done.stdout)
        self.assertEqual(narinfos.complaints(self.sql, good, self.id), [])

    def test_takes_what_the_cache_completes(self):
        self.run_import(narinfos.write([narinfo("base")], "base"))
        self.run_import("--closed", narinfos.write([narinfo("more", ["base"])], "more"))

    def test_wants_all_references_in_memory(self):
        many = narinfo("many", [f"gone-{number}" for number in range(20000)])
        done = self.run_import("--closed", "--sort-memory", "1", narinfos.write([many], "many"), code=1)
        self.assertIn("--sort-memory", done.stderr)
        self.assertEqual(self.count("narinfo"), 0)


class Parts(narinfos.ImportTest):
    def test_are_what_fits_in_the_memory_for_the_order(self):
        some = narinfos.closure(9000, 1)
        file = narinfos.write(some, "some")
        done = json.loads(self.run_import("--json", "--sort-memory", "1", file).stdout)
        self.assertGreater(done["order"]["parts"], 1)
        self.assertEqual(done["new"], len(some))
        self.assertEqual(set(done["dangling"]), narinfos.dangling(some))
        self.assertEqual(narinfos.complaints(self.sql, some, self.id), [])
        again = json.loads(self.run_import("--json", "--sort-memory", "1", file).stdout)
        self.assertEqual((again["new"], again["already_there"]), (0, len(some)))


class Order(narinfos.ImportTest):
    def test_of_ids_has_references_first_across_all_inputs(self):
        """The narinfos come in files of their own, by hash as in a directory of a binary cache."""
        some = narinfos.closure(5000, 2)
        directory = support.temp_dir("cache")
        for each in some:
            (directory / f"{each.hash}.narinfo").write_text(each.text)
        self.run_import(directory)
        self.assertEqual(self.sql.value(
            f"select count(*) from graph g join path using (id) where cache = {self.id}"
            " and exists (select from unnest(g.refs) r where r > g.id)"), "0")
        self.assertEqual(narinfos.complaints(self.sql, some, self.id), [])


class Archives(narinfos.ImportTest):
    def write_tar(self, name, members, mode):
        file = support.temp_dir("tar") / name
        with tarfile.open(file, mode) as out:
            for member, data in members:
                info = tarfile.TarInfo(member)
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))
        return file

    def test_hold_narinfos_as_members(self):
        members = [(f"cache/{each.hash}.narinfo", each.text.encode())
                   for each in (BASE, narinfo("other"))]
        members.insert(1, ("cache/nix-cache-info", b"StoreDir: /nix/store\n"))
        for name, mode in (("x.tar", "w"), ("x.tar.gz", "w:gz"), ("x.tar.xz", "w:xz")):
            done = json.loads(self.run_import("--json", self.write_tar(name, members, mode)).stdout)
            self.assertEqual(done["new"] + done["already_there"], 2, name)
        plain = self.write_tar("y.tar", members, "w")
        subprocess.run(["zstd", "-q", plain], check=True)
        done = json.loads(self.run_import("--json", f"{plain}.zst").stdout)
        self.assertEqual(done["already_there"], 2)
        self.assertEqual(narinfos.complaints(self.sql, [BASE, narinfo("other")], self.id), [])

    def test_are_refused_where_they_are_bad(self):
        members = [("good.narinfo", BASE.text.encode()), ("bad.narinfo", b"nonsense\n"),
                   ("large.narinfo", b"x" * (LARGEST + 1)), ("cut.narinfo", b"y" * 5000)]
        file = self.write_tar("z.tar", members, "w")
        file.write_bytes(file.read_bytes()[:-8192])
        done = self.run_import(file, code=1)
        self.assertRegex(done.stderr, rf"\A{file}:bad\.narinfo:1: 'nonsense' [^\n]*\n"
                         rf"{file}:large\.narinfo:1: is larger than {LARGEST} bytes\n"
                         rf"{file}:cut\.narinfo: can't be read: [^\n]*\n\Z")
        self.assertEqual(self.count("narinfo"), 1)

    def test_that_are_none_are_refused(self):
        file = support.temp_dir("tar") / "none.tar"
        file.write_text("nothing of the kind " * 100)
        self.assertRegex(self.run_import(file, code=1).stderr, rf"\A{file}: can't be read: [^\n]+\n\Z")


class Refusals(narinfos.ImportTest):
    def check_nothing_stored(self, good):
        """Only `good` narinfos, which refer to nothing, and what belongs to them."""
        for table in ("narinfo", "nar", "path", "narinfo_nar"):
            self.assertEqual(self.count(table), good, table)

    def test_of_files(self):
        directory = support.temp_dir("bad")
        for what, (text, _, _) in BAD.items():
            (directory / f"{what.replace('/', '')}.narinfo").write_bytes(encoded(text))
        (directory / "good.narinfo").write_text(narinfo("good").text)
        done = self.run_import(directory, code=1)
        said = dict(line.removeprefix(f"{directory}/").split(".narinfo:", 1)
                    for line in done.stderr.splitlines())
        self.assertEqual(set(said), {what.replace("/", "") for what in BAD})
        for what, (_, line, reason) in BAD.items():
            with self.subTest(what=what):
                place, words = said[what.replace("/", "")].split(": ", 1)
                self.assertEqual(int(place), max(line, 1))
                self.assertIn(reason, words)
        self.assertIn(f"  rejected       {len(BAD):>10}\n", done.stdout)
        self.check_nothing_stored(good=1)

    def test_within_a_stream(self):
        cases = [case for what, case in BAD.items() if what not in NEEDS_FILE]
        stream, expected = b"", []
        for number, (text, place, reason) in enumerate(cases):
            stream += encoded(narinfo(f"good-{number}").text) + b"\n"
            line = stream.count(b"\n") + 1
            expected.append((line + max(place, 1) - 1, reason))
            stream += encoded(text) + b"\n"
        file = support.temp_dir("stream") / "all"
        file.write_bytes(stream + encoded(narinfo("unfinished").text[:-1]))
        expected.append((stream.count(b"\n") + 10, "doesn't end in a newline"))
        done = json.loads(self.run_import("--json", file, code=1).stdout)
        self.assertEqual([each["line"] for each in done["rejections"]],
                         [place for place, _ in expected])
        for each, (_, reason) in zip(done["rejections"], expected):
            self.assertIn(reason, each["reason"])
        self.assertEqual((done["new"], done["rejected"]), (len(cases), len(expected)))
        self.check_nothing_stored(good=len(cases))

    def test_of_another_nar_for_a_path_that_is_there(self):
        other = narinfo("base", ["third"], nar="something else")
        self.run_import(narinfos.write([BASE], "base"))
        before = self.count("path")
        done = self.run_import(narinfos.write([other, narinfo("new")], "other"), code=1)
        self.assertRegex(done.stderr, rf"\A/\S+/other:1: conflict: the cache's narinfo of {BASE.hash} "
                         r"has another name, NarHash or NarSize than this one \(base, sha256:\S+, "
                         r"\d+ bytes\); the stored one stays\n\Z")
        self.assertIn("  new                     1\n  already there           0\n"
                      "  conflicting             1\n  rejected                0\n", done.stdout)
        self.assertEqual(self.count("path"), before + 1)
        self.assertEqual(narinfos.complaints(self.sql, [BASE, narinfo("new")], self.id), [])

    def test_of_another_store(self):
        guix = BASE.text.replace("/nix/store", "/gnu/store")
        file = support.temp_dir("guix") / "x.narinfo"
        file.write_text(guix)
        done = self.run_import(file, code=1)
        self.assertEqual(done.stderr, f"{file}:1: is of /gnu/store, but cache {self.cache} holds "
                         "/nix/store: choose another with --cache\n")
        self.check_nothing_stored(good=0)
        support.narthex("cache", "set", self.cache, "--store-dir", "/gnu/store", "--data-dir",
                        self.data_dir)
        self.run_import(file)

    def test_of_unsigned_narinfos_where_the_cache_trusts_keys(self):
        key = "a:" + "A" * 43 + "="
        support.narthex("cache", "set", self.cache, "--trusted-key", key, "--data-dir", self.data_dir)
        done = self.run_import(narinfos.write([BASE], "base"), code=1)
        self.assertIn(":1: has no valid signature by a trusted key (signed by made-up-1)\n",
                      done.stderr)
        self.check_nothing_stored(good=0)


class Unreadable(narinfos.ImportTest):
    """NARs that the data directory's owner, as whom a server of root's runs, can't read."""

    def setUp(self):
        super().setUp()
        self.owner = pwd.getpwuid(self.data_dir.stat().st_uid)
        self.directory = support.temp_dir("nars")
        (self.directory / "nar").mkdir()

    def add_nar(self, name, mode, group=None):
        """A NAR of root's, with a narinfo beside it; what it is called."""
        text = samples.narinfo(name, nar=(f"nar/{name}", b"x" * 100))
        (self.directory / f"{name}.narinfo").write_text(text)
        file = self.directory / "nar" / name
        file.write_bytes(b"x" * 100)
        if group is not None:
            os.chown(file, 0, group)
        file.chmod(mode)
        return file

    def import_all(self, code):
        return self.run_import("--nar-dir", self.directory, self.directory, code=code)

    def check_refused(self, file, command):
        """The one narinfo that is; the command does help."""
        done = self.import_all(1)
        self.assertEqual(done.stderr, f"{self.directory}/{file.name}.narinfo:1: its NAR {file} can't "
                         f"be read by {self.owner.pw_name}, as whom narthex serves: {command}\n")
        subprocess.run(command.split(), check=True)
        self.import_all(0)

    def test_because_of_the_file(self):
        self.add_nar("open", 0o644)
        file = self.add_nar("closed", 0)
        self.check_refused(file, f"chmod a+r {file}")

    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_because_of_a_directory(self):
        file = self.add_nar("x", 0o644)
        file.parent.chmod(0o700)
        self.check_refused(file, f"chmod a+x {file.parent}")

    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_because_of_a_group_that_only_root_has(self):
        self.addCleanup(os.setgroups, os.getgroups())
        os.setgroups([0])
        file = self.add_nar("x", 0o640, group=0)
        self.check_refused(file, f"chmod a+r {file}")

    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_but_not_because_of_what_serving_can_do_without(self):
        """A directory that can't be listed, and rights by any of the owner's groups."""
        for group in os.getgrouplist(self.owner.pw_name, self.owner.pw_gid):
            self.add_nar(grp.getgrgid(group).gr_name, 0o040, group)
        for directory in (self.directory, self.directory / "nar"):
            directory.chmod(0o711)
        self.import_all(0)
        with support.Server(data_dir=self.data_dir) as server:
            for file in (self.directory / "nar").iterdir():
                answer = support.get(server.port, f"/{self.cache}/nar/{file.name}")
                self.assertEqual((answer.status, len(answer.body)), (200, 100), file.name)


if __name__ == "__main__":
    support.main()
