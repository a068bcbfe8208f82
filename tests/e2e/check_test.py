#!/usr/bin/env python3
"""`narthex check` finds each thing that can be wrong in a cache, and repairs what stands for nothing."""

import json
import os

import narinfos
import samples
import support

NAMES = [f"path-{i}" for i in range(6)]


class Check(narinfos.ImportTest):
    """A cache with six paths, whose NARs are there, and nothing wrong."""

    def setUp(self):
        super().setUp()
        self.nars = support.temp_dir("nars")
        (self.nars / "nar").mkdir()
        self.texts = []
        for name in NAMES:
            url, data = f"nar/{self.cache}-{name}.nar", samples.nar_bytes(1000, name)
            (self.nars / url).write_bytes(data)
            self.texts.append(samples.narinfo(name, nar=(url, data)))
        self.import_texts(self.texts, "--nar-dir", self.nars)

    def import_texts(self, texts, *args):
        file = samples.write_records(support.temp_dir("records") / "all", texts)
        self.run_import(*args, file)

    def check(self, *args, code=0):
        """(the findings by kind, the summary)"""
        done = support.narthex("check", "--data-dir", self.data_dir, "--cache", self.cache, "--json",
                               *args, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        *findings, summary = map(json.loads, done.stdout.splitlines())
        by_kind = {}
        for finding in findings:
            self.assertEqual(finding["cache"], self.cache)
            by_kind.setdefault(finding["finding"], []).append(finding)
        counts = {kind: count for kind, count in summary["findings"].items() if count}
        self.assertEqual(counts, {kind: len(found) for kind, found in by_kind.items()})
        self.assertEqual(summary["clean"], code == 0)
        return by_kind, summary

    def found(self, kind, *args):
        """The one finding that there is."""
        by_kind, _ = self.check(*args, code=1)
        self.assertEqual({each: len(found) for each, found in by_kind.items()}, {kind: 1})
        return by_kind[kind][0]

    def file(self, name):
        return self.nars / f"nar/{self.cache}-{name}.nar"

    def at(self, name):
        """The key of its rows, for a WHERE."""
        digest = self.sql.value(f"select encode(hash, 'hex') from narinfo where cache = {self.id}"
                                f" and name = '{name}'")
        return f"cache = {self.id} and hash = '\\x{digest}'"

    def path(self, name):
        return f"/nix/store/{samples.hash_part(name)}-{name}"

    def test_a_whole_cache(self):
        by_kind, summary = self.check("--nars", "--hashes")
        self.assertEqual(by_kind, {})
        self.assertEqual((summary["narinfos"], summary["nars"], summary["nar_bytes_read"]), (6, 6, 6000))
        self.assertEqual(summary["without_signature"], 6)
        done = support.narthex("check", "--data-dir", self.data_dir, "--cache", self.cache)
        self.assertRegex(done.stdout, rf"\Achecked 6 narinfos of cache {self.cache} in \d+\.\d s\n"
                                      r"  6 have no signature\n  nothing is wrong\n\Z")

    def test_a_sample_is_of_the_cache(self):
        _, summary = self.check("--sample", "50")
        self.assertLessEqual(summary["narinfos"], 6)
        self.assertGreater(summary["narinfos"], 0)

    def test_a_text_that_is_broken(self):
        self.sql.rows(f"update narinfo set text = 'StorePath: x' where {self.at(NAMES[0])}")
        self.assertIn("newline", self.found("text")["detail"])

    def test_a_column_that_is_not_the_texts(self):
        self.sql.rows(f"update narinfo set nar_size = 7 where {self.at(NAMES[1])}")
        finding = self.found("text")
        self.assertEqual(finding["what"], self.path(NAMES[1]))
        self.assertEqual(finding["detail"], "the database has its NarSize as 7")

    def test_a_key_that_none_was_signed_with(self):
        key = f"one:{'A' * 43}="
        support.narthex("cache", "set", self.cache, "--data-dir", self.data_dir, "--trusted-key", key)
        by_kind, _ = self.check(code=1)
        self.assertEqual({kind: len(found) for kind, found in by_kind.items()}, {"signature": 6})

    def test_a_path_that_the_graph_lacks(self):
        self.sql.rows(f"delete from graph where id = (select id from path where {self.at(NAMES[2])})")
        self.assertEqual(self.found("graph")["what"], self.path(NAMES[2]))

    def test_a_path_with_other_references_in_the_graph(self):
        self.sql.rows(f"update graph set refs = array[id] where id = "
                      f"(select id from path where {self.at(NAMES[2])})")
        self.assertEqual(self.found("graph")["what"], self.path(NAMES[2]))

    def test_references_that_are_not_there(self):
        self.import_texts([samples.narinfo("gap", 2)])
        by_kind, _ = self.check(code=1)
        self.assertEqual([found["what"] for found in by_kind["dangling"]], [self.path("gap")] * 2)
        self.assertIn(samples.hash_part(("gap", 0)), by_kind["dangling"][0]["detail"])
        self.assertEqual([found["what"] for found in by_kind["nar-nowhere"]], [self.path("gap")])

    def hide(self, name):
        batch = self.sql.value("insert into hide_batch (active, reason) values (true, 'test') returning id")
        self.sql.rows(f"insert into hidden select cache, hash, {batch} from narinfo where {self.at(name)}")

    def test_a_reference_that_is_hidden_and_a_referrer_that_is(self):
        referrer = samples.narinfo("referrer", nar=("nar/r.nar", b"r"))
        word = f"{samples.hash_part(NAMES[3])}-{NAMES[3]}"
        self.import_texts([referrer.replace("References: ", f"References: {word}")])
        (self.nars / "nar/r.nar").write_bytes(b"r")
        self.import_texts([referrer.replace("References: ", f"References: {word}")], "--nar-dir", self.nars)
        self.check()
        self.hide(NAMES[3])
        self.assertEqual(self.found("dangling")["what"], self.path("referrer"))
        self.hide("referrer")
        _, summary = self.check()
        self.assertEqual(summary["hidden"], 2)

    def test_a_nar_that_is_not_linked(self):
        self.sql.rows(f"delete from narinfo_nar where {self.at(NAMES[4])}")
        by_kind, _ = self.check(code=1)
        self.assertEqual(set(by_kind), {"nar-unlinked", "nar-unnamed"})

    def test_an_upload_whose_narinfo_is_on_its_way(self):
        nar = self.sql.value(f"insert into nar (cache, url) values ({self.id}, 'nar/early.nar') returning id")
        self.sql.rows(f"insert into nar_location select {nar}, id, 'early.nar' from site"
                      f" where base = '{self.nars}'")
        self.assertEqual(self.found("nar-unnamed")["what"], "nar/early.nar")
        self.sql.rows(f"insert into upload (site, path, nar) select site, path, nar from nar_location"
                      f" where nar = {nar}")
        self.check()

    def test_files_that_are_gone_cut_changed_and_odd(self):
        self.file(NAMES[0]).unlink()
        self.file(NAMES[1]).write_bytes(b"short")
        self.file(NAMES[2]).write_bytes(b"x" * 1000)
        self.file(NAMES[3]).unlink()
        self.file(NAMES[3]).symlink_to("/etc/passwd")
        self.file(NAMES[4]).unlink()
        os.mkfifo(self.file(NAMES[4]))
        self.check()  # nobody looked
        by_kind, _ = self.check("--nars", code=1)
        self.assertEqual({found["what"] for found in by_kind.pop("nar-missing")},
                         {self.path(NAMES[0]), self.path(NAMES[3]), self.path(NAMES[4])})
        self.assertEqual([found["what"] for found in by_kind.pop("nar-size")], [self.path(NAMES[1])])
        self.assertEqual(by_kind, {})
        by_kind, _ = self.check("--nars", "--hashes", code=1)
        self.assertEqual([found["what"] for found in by_kind["nar-hash"]], [self.path(NAMES[2])])

    def test_repair_forgets_only_what_stands_for_nothing(self):
        self.file(NAMES[0]).unlink()
        self.file(NAMES[1]).write_bytes(b"short")
        self.sql.rows(f"insert into nar (cache, url, compression) values ({self.id}, 'nar/none.nar', 'none')")
        by_kind, summary = self.check("--nars", "--repair", code=1)  # the short one is left
        self.assertEqual([found["repaired"] for found in by_kind["nar-missing"]], [True])
        self.assertEqual([found["repaired"] for found in by_kind["nar-unnamed"]], [True])
        self.assertEqual([found["repaired"] for found in by_kind["nar-size"]], [False])
        self.assertEqual(summary["repaired"]["nar-missing"], 1)
        self.assertEqual(self.count("narinfo"), 6)
        self.assertTrue(self.file(NAMES[1]).exists())
        by_kind, _ = self.check("--nars", "--repair", code=1)
        self.assertEqual(set(by_kind), {"nar-nowhere", "nar-size"})
        self.import_texts(self.texts[2:], "--nar-dir", self.nars)

    def test_repair_keeps_a_nar_whose_file_is_there(self):
        self.sql.rows(f"delete from narinfo_nar where {self.at(NAMES[4])}")
        self.check("--nars", "--repair", code=1)
        by_kind, _ = self.check("--nars", code=1)
        self.assertEqual(set(by_kind), {"nar-unlinked", "nar-unnamed"})

    def test_only_some_of_each_kind_are_shown(self):
        support.narthex("cache", "set", self.cache, "--data-dir", self.data_dir,
                        "--trusted-key", f"one:{'A' * 43}=")
        done = support.narthex("check", "--data-dir", self.data_dir, "--cache", self.cache, "--show", 2,
                               check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.count("signature     /nix/store/"), 2, done.stdout)
        self.assertRegex(done.stdout, r"\n  signature +6\n")

    def test_a_cache_that_is_not_there(self):
        done = support.narthex("check", "--data-dir", self.data_dir, "--cache", "nobody", check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("there is no cache nobody", done.stderr)

    def test_stats(self):
        self.import_texts(self.texts[:2], "--tag", "job=x")
        done = support.narthex("stats", "--data-dir", self.data_dir, "--cache", self.cache, "--json",
                               "--top", 3)
        stats, = json.loads(done.stdout)
        self.assertEqual((stats["narinfos"], stats["nar_bytes"], stats["hidden"]), (6, 6000, 0))
        self.assertEqual(stats["compressions"],
                         [{"compression": "none", "nars": 6, "file_bytes": 6000, "stored": 6}])
        self.assertEqual(len(stats["largest"]), 3)
        self.assertEqual(stats["tags"], [{"key": "job", "value": "x", "paths": 2}])
        self.assertIn(stats["newest"][0]["path"], {self.path(name) for name in NAMES})
        text = support.narthex("stats", "--data-dir", self.data_dir, "--cache", self.cache).stdout
        self.assertRegex(text, r"narinfos +6, \d\.\d KiB of text\nNARs, unpacked +5\.9 KiB\n")

    def test_stats_of_an_empty_cache(self):
        support.narthex("cache", "create", "empty", "--data-dir", self.data_dir)
        done = support.narthex("stats", "--data-dir", self.data_dir, "--cache", "empty", "--json")
        stats, = json.loads(done.stdout)
        self.assertEqual((stats["narinfos"], stats["first"], stats["largest"]), (0, None, []))
        support.narthex("check", "--data-dir", self.data_dir, "--cache", "empty", "--nars")


if __name__ == "__main__":
    support.main()
