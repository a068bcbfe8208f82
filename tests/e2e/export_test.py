#!/usr/bin/env python3
"""`narthex export`: byte for byte what is served, and again the same when it was imported elsewhere."""

import json
import os
import signal
import subprocess
import time

import narinfos
import samples
import support
from narinfos import narinfo

SEED = int(os.environ.get("NARTHEX_TEST_SEED", time.time_ns() % 1_000_000))


def guix(name):
    """A narinfo of Guix's, with two files."""
    part = samples.hash_part(name)
    digest = "0" * 52
    return (f"StorePath: /nix/store/{part}-{name}\n"
            f"URL: nar/gzip/{part}-{name}\nCompression: gzip\nFileSize: 10\n"
            f"URL: nar/zstd/{part}-{name}\nCompression: zstd\nFileSize: 11\n"
            f"NarHash: sha256:{digest}\nNarSize: 12\nReferences: {part}-{name}\n"
            "Signature: 1;example.org;KHNpZ25hdHVyZSk=\n")


class ExportTest(narinfos.ImportTest):
    def export(self, *args, code=0, cache=None):
        done = subprocess.run([support.NARTHEX, "export", "--data-dir", str(self.data_dir), "--cache",
                               cache or self.cache, *map(str, args)], capture_output=True)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def other_cache(self):
        name = f"{self.cache[:50]}-other"
        support.narthex("cache", "create", name, "--data-dir", self.data_dir)
        return name

    def execute(self, statement):
        self.sql.rows(statement)

    def hidden(self, name):
        """The path, hidden by a batch of its own."""
        self.execute(f"""with b as (insert into hide_batch (active, reason) values (true, 'test')
            returning id) insert into hidden select {self.id}, n.hash, b.id from narinfo n, b
            where n.cache = {self.id} and n.name = '{name}'""")


class Everything(ExportTest):
    def test_comes_back_the_same_after_an_import_elsewhere(self):
        print(f"NARTHEX_TEST_SEED={SEED}")
        some = narinfos.closure(3000, SEED)
        file = support.temp_dir("export") / "in"
        file.write_text(narinfos.join(some) + "\n" + guix("guix"))
        self.run_import(file)
        self.execute(f"insert into narinfo_line (cache, hash, line) select cache, hash, 'Sig: later-1:'"
                     f" || translate(encode(sha512(hash), 'base64'), e'\\n', '') from narinfo"
                     f" where cache = {self.id} and name like 'path-1%'")
        first = self.export().stdout
        self.assertEqual(first.count(b"\nSig: later-1:"),
                         sum("-path-1" in each.text.splitlines()[0] for each in some))
        for each in some:
            self.assertIn(each.text.encode(), first)
        self.assertIn(guix("guix").encode(), first)
        other = self.other_cache()
        copy = support.temp_dir("export") / "copy.zst"
        done = self.export("-o", copy, "--json")
        summary = json.loads(done.stdout)
        self.assertEqual((summary["narinfos"], summary["bytes"], summary["missing"]),
                         (3001, len(first), []))
        support.narthex("import", "--data-dir", self.data_dir, "--cache", other, copy)
        self.assertEqual(self.export(cache=other).stdout, first)
        unpacked = subprocess.run(["zstd", "-dc", copy], capture_output=True, check=True).stdout
        self.assertEqual(unpacked, first)

    def test_of_an_empty_cache_is_empty(self):
        done = self.export("--json")
        self.assertEqual(done.stdout, b"")
        self.assertEqual(json.loads(done.stderr)["narinfos"], 0)

    def test_leaves_out_what_is_hidden_unless_it_is_asked_for(self):
        self.run_import(narinfos.write([narinfo("seen"), narinfo("unseen")], "two"))
        self.hidden("unseen")
        self.assertEqual(self.export().stdout.decode(), narinfo("seen").text)
        self.assertEqual(len(self.export("--hidden").stdout.decode().split("\n\n")), 2)

    def test_says_what_it_did(self):
        self.run_import(narinfos.write([narinfo("one")], "one"))
        text = narinfo("one").text
        self.assertRegex(self.export().stderr.decode(),
                         rf"\Aexported 1 narinfos, {len(text)} bytes, of cache {self.cache} in \d+\.\d s\n\Z")


class Closures(ExportTest):
    def setUp(self):
        super().setUp()
        self.run_import(narinfos.write([narinfo("top", ["middle"]), narinfo("middle", ["leaf"]),
                                        narinfo("leaf"), narinfo("aside"),
                                        narinfo("open", ["gone"])], "some"))

    def texts(self, *names):
        return "\n".join(narinfo(name, refs).text for name, refs in names).encode()

    def path(self, name):
        return f"/nix/store/{samples.hash_part(name)}-{name}"

    def test_hold_what_a_path_needs(self):
        self.assertEqual(self.export("--closure", self.path("middle")).stdout,
                         self.texts(("leaf", []), ("middle", ["leaf"])))
        self.assertEqual(
            self.export("--closure", samples.hash_part("aside"), "--closure", self.path("leaf")).stdout,
            self.texts(("leaf", []), ("aside", [])))

    def test_lack_what_is_not_served(self):
        done = self.export("--closure", self.path("open"), code=1)
        self.assertEqual(done.stdout, self.texts(("open", ["gone"])))
        self.assertIn(f"    /nix/store/{samples.hash_part('gone')}-...\n", done.stderr.decode())
        done = self.export("--closure", self.path("unheard-of"), "--json", code=1)
        self.assertEqual(json.loads(done.stderr)["missing"], [samples.hash_part("unheard-of")])

    def test_are_of_paths(self):
        self.assertIn(b"--closure", self.export("--closure", "nonsense", code=2).stderr)
        self.assertIn(b"holds /nix/store", self.export(
            "--closure", self.path("top").replace("nix", "gnu"), code=2).stderr)


class Files(ExportTest):
    """FILE is there when it is whole, and the one before until then."""

    def setUp(self):
        super().setUp()
        self.run_import(narinfos.write(narinfos.closure(2000, 3), "some"))
        self.file = support.temp_dir("export") / "all"
        self.part = self.file.with_name("all.part")
        self.file.write_text("before")

    def start(self):
        """An export that is under way: the table that it reads is locked from its middle on."""
        self.execute("begin")
        self.execute("lock table narinfo_line in access exclusive mode")
        self.addCleanup(self.execute, "rollback")
        process = subprocess.Popen([support.NARTHEX, "export", "--data-dir", str(self.data_dir),
                                    "--cache", self.cache, "-o", str(self.file)],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        waiting = "select count(*) from pg_locks where not granted"
        support.wait_until(lambda: self.sql.value(waiting) == "1", "the export waits")
        return process

    def check_whole(self):
        self.export("-o", self.file)
        self.assertEqual(self.file.read_text().count("StorePath: "), 2000)
        self.assertFalse(self.part.exists())

    def test_that_are_killed_leave_the_one_before(self):
        process = self.start()
        process.kill()
        process.communicate()
        self.execute("rollback")
        self.assertEqual(self.file.read_text(), "before")
        self.check_whole()

    def test_that_are_interrupted_leave_the_one_before(self):
        process = self.start()
        process.send_signal(signal.SIGINT)
        self.execute("rollback")
        _, errors = process.communicate(timeout=support.DEADLINE)
        self.assertEqual(process.returncode, 1)
        self.assertIn(f"interrupted: {self.file} was not made", errors.decode())
        self.assertEqual(self.file.read_text(), "before")
        self.assertFalse(self.part.exists())
        self.check_whole()

    def test_are_written_by_one_at_a_time(self):
        process = self.start()
        self.assertIn(b"another export may be at it", self.export("-o", self.file, code=1).stderr)
        self.execute("rollback")
        process.communicate(timeout=support.DEADLINE)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.file.read_text().count("StorePath: "), 2000)

    def test_that_cannot_be_made_are_told(self):
        done = self.export("-o", "/nonexistent/x", code=1)
        self.assertIn(b"/nonexistent/x.part can't be made: No such file or directory", done.stderr)


if __name__ == "__main__":
    support.main()
