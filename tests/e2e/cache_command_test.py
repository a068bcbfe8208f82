#!/usr/bin/env python3
"""`narthex cache` and `narthex migrate` at a shell, the latter on a PostgreSQL of somebody else's."""

import json
import unittest

import narinfos
import postgres
import support

KEYS = ["one-1:" + "A" * 43 + "=", "two-1:" + "B" * 42 + "A="]


class Cache(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data_dir = support.temp_dir("cache") / "data"
        cls.holder = narinfos.Import(cls.data_dir)  # so that no command has to start PostgreSQL

    @classmethod
    def tearDownClass(cls):
        cls.holder.finish()

    def cache(self, *args, code=0):
        done = support.narthex("cache", *args, "--data-dir", self.data_dir, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual(done.stdout == "", code != 0)
        self.assertEqual(done.stderr == "", code == 0)
        return done

    def shown(self, name):
        return json.loads(self.cache("show", name, "--json").stdout)

    def test_default_is_there_from_the_start(self):
        self.assertEqual(self.shown("default"), {
            "name": "default", "store_dir": "/nix/store", "priority": 40, "want_mass_query": True,
            "visibility": "public", "trusted_keys": [], "authorized_keys": [], "sign_uploads": False,
            "allow_gaps": False, "upstreams": [], "narinfos": 0, "nar_bytes": 0})

    def test_create_takes_every_property_and_set_changes_what_is_given(self):
        made = self.cache("create", "full", "--store-dir", "/gnu/store", "--priority", "7",
                          "--want-mass-query", "false", "--visibility", "private",
                          "--trusted-key", KEYS[0], "--trusted-key", KEYS[1]).stdout
        self.assertEqual(made, "name             full\n"
                               "served at        /full/\n"
                               "store directory  /gnu/store\n"
                               "priority         7\n"
                               "mass queries     not wanted\n"
                               "visibility       private\n"
                               "uploads          signed by the client\n"
                               "references       have to be there first\n"
                               f"trusted key      {KEYS[0]}\n"
                               f"trusted key      {KEYS[1]}\n")
        everything = {"name": "full", "store_dir": "/gnu/store", "priority": 7,
                      "want_mass_query": False, "visibility": "private", "trusted_keys": KEYS,
                      "authorized_keys": [], "sign_uploads": False, "allow_gaps": False,
                      "upstreams": [], "narinfos": 0, "nar_bytes": 0}
        self.assertEqual(self.shown("full"), everything)
        self.cache("set", "full")
        self.assertEqual(self.shown("full"), everything)
        for flags, change in (
                (["--priority", "0"], {"priority": 0}),
                (["--visibility", "public"], {"visibility": "public"}),
                (["--want-mass-query", "true"], {"want_mass_query": True}),
                (["--trusted-key", KEYS[1]], {"trusted_keys": [KEYS[1]]}),
                (["--no-trusted-keys"], {"trusted_keys": []}),
                (["--sign-uploads", "true"], {"sign_uploads": True}),
                (["--allow-gaps", "true"], {"allow_gaps": True}),
                (["--store-dir", "/nix/store"], {"store_dir": "/nix/store"})):
            self.cache("set", "full", *flags)
            everything.update(change)
            self.assertEqual(self.shown("full"), everything)

    def test_list_has_all_of_them(self):
        self.cache("create", "listed", "--priority", "41")
        listed = {each["name"]: each for each in json.loads(self.cache("list", "--json").stdout)}
        self.assertLessEqual({"default", "listed"}, set(listed))
        self.assertEqual(listed["listed"]["priority"], 41)
        lines = self.cache("list").stdout.splitlines()
        self.assertEqual(lines[0].split(), ["NAME", "STORE", "PRIORITY", "VISIBILITY"])
        self.assertEqual(lines[1].split()[0], "default")
        self.assertIn(["listed", "/nix/store", "41", "public"], [line.split() for line in lines])

    def test_show_counts_what_is_in_it(self):
        self.cache("create", "counted")
        file = narinfos.write([narinfos.narinfo("a"), narinfos.narinfo("bb")], "two")
        support.narthex("import", "--data-dir", self.data_dir, "--cache", "counted", file)
        self.assertTrue(self.cache("show", "counted").stdout.endswith(
            "trusted keys     none: signatures aren't required\n"
            "narinfos         2\n"
            "NARs, unpacked   2003 bytes\n"))
        done = self.cache("set", "counted", "--store-dir", "/gnu/store", code=1)
        self.assertIn("holds narinfos of /nix/store", done.stderr)
        self.assertEqual(self.shown("counted")["store_dir"], "/nix/store")

    def test_upstreams_need_keys_and_are_replaced_as_a_whole(self):
        pull = ["--upstream", "https://a.example.org/", "--upstream", "http://b.example.org/x"]
        done = self.cache("create", "pulls", *pull, code=1)
        self.assertIn("--trusted-key", done.stderr)
        made = self.cache("create", "pulls", *pull, "--trusted-key", KEYS[0]).stdout
        self.assertTrue(made.endswith("pulls from       https://a.example.org\n"
                                      "pulls from       http://b.example.org/x\n"), made)
        self.assertIn("--trusted-key", self.cache("set", "pulls", "--no-trusted-keys", code=1).stderr)
        self.assertEqual(self.shown("pulls")["upstreams"],
                         ["https://a.example.org", "http://b.example.org/x"])
        self.cache("set", "pulls", "--upstream", "https://c.example.org")
        self.assertEqual(self.shown("pulls")["upstreams"], ["https://c.example.org"])
        self.cache("set", "pulls", "--no-upstreams", "--no-trusted-keys")
        self.assertEqual(self.shown("pulls")["upstreams"], [])
        for url in ("ftp://a", "a.example.org", "https://u:geheim@a", "https://a?x", ""):
            with self.subTest(url=url):
                done = self.cache("set", "pulls", "--upstream", url, code=2)
                self.assertNotIn("geheim", done.stderr)

    def test_a_cache_with_narinfos_stays_of_its_kind(self):
        self.cache("create", "published", "--trusted-key", KEYS[0])
        self.holder.sql.rows("""
            insert into narinfo (cache, hash, name, text, nar_hash, nar_size)
            select id, substring(sha256('x') for 20), 'x', 'x', sha256('x'), 1 from cache
            where name = 'published'""")
        done = self.cache("set", "published", "--upstream", "https://a.example.org", code=1)
        self.assertIn("holds what was published into it", done.stderr)
        self.holder.sql.rows("""update cache set upstreams = '{https://a.example.org}'
                                where name = 'published'""")
        done = self.cache("set", "published", "--no-upstreams", code=1)
        self.assertIn("holds what it has pulled from its upstreams", done.stderr)
        self.cache("set", "published", "--upstream", "https://b.example.org")

    def test_names_are_taken_once_and_must_be_fit_for_urls(self):
        self.cache("create", "taken")
        self.assertEqual(self.cache("create", "taken", code=1).stderr,
                         "narthex: there is a cache taken already; 'narthex cache set' changes it\n")
        for name in ("nar", "log", "nix-cache-info", "A", "a/b", "..", "", "x" * 64, "a b"):
            with self.subTest(name=name):
                self.cache("create", name, code=2)
        before = json.loads(self.cache("list", "--json").stdout)
        self.assertNotIn("nar", [each["name"] for each in before])

    def test_unknown_caches_are_said_to_be(self):
        for command in ("show", "set"):
            self.assertEqual(self.cache(command, "none", code=1).stderr,
                             "narthex: there is no cache none; 'narthex cache list' shows all, "
                             "'narthex cache create' makes one\n")

    def test_bad_values_change_nothing(self):
        self.cache("create", "good")
        before = self.shown("good")
        for flags in (["--store-dir", "nix/store"], ["--store-dir", "/nix/store/"],
                      ["--priority", "-1"], ["--priority", "x"], ["--visibility", "secret"],
                      ["--trusted-key", "one:short"], ["--want-mass-query", "perhaps"],
                      ["--nonsense", "1"]):
            with self.subTest(flags=flags):
                self.cache("set", "good", *flags, code=2)
                self.cache("create", "bad", *flags, code=2)
        self.assertEqual(self.shown("good"), before)
        self.cache("show", "bad", code=1)


class Migrate(unittest.TestCase):
    """`--database`: nothing is migrated unless somebody says so."""

    @classmethod
    def setUpClass(cls):
        cls.postgres = postgres.Postgres()

    @classmethod
    def tearDownClass(cls):
        cls.postgres.close()

    def narthex(self, *args, code=0):
        done = support.narthex(*args, "--database", self.postgres.uri, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertNotIn("geheim", done.stdout + done.stderr)
        return done

    def versions(self):
        return self.postgres.psql("select string_agg(version || ' ' || name, ', ' order by version)"
                                  " from schema_migration")

    def test_is_asked_for_done_once_and_refuses_what_it_does_not_know(self):
        file = narinfos.write([narinfos.narinfo("a")], "a")
        for command in (["import", file], ["cache", "list"], ["cache", "create", "x"]):
            done = self.narthex(*command, code=1)
            self.assertRegex(done.stderr, r"\Anarthex: the database has schema version 0, this "
                             r"narthex needs \d+: run 'narthex migrate' first\n\Z")
        self.assertEqual(self.postgres.psql("select count(*) from pg_tables"
                                            " where schemaname = 'public'"), "0")

        first = self.narthex("migrate").stdout.splitlines()
        newest = len(first) - 1
        self.assertEqual(first[0], "applied 0001_schema")
        self.assertEqual(first[-1], f"the schema is at version {newest}")
        self.assertEqual(self.narthex("migrate").stdout, f"the schema is at version {newest}\n")
        self.assertEqual(json.loads(self.narthex("migrate", "--json").stdout),
                         {"from_version": newest, "to_version": newest, "applied": []})
        self.assertTrue(self.versions().startswith("1 0001_schema"))

        self.assertIn("  new                     1\n", self.narthex("import", file).stdout)
        self.assertEqual(json.loads(self.narthex("cache", "show", "default", "--json").stdout)
                         ["narinfos"], 1)

        self.postgres.psql(f"insert into schema_migration values ({newest + 1}, 'later', '')")
        for command in (["migrate"], ["import", file], ["cache", "list"]):
            done = self.narthex(*command, code=1)
            self.assertEqual(done.stderr, f"narthex: the database has schema version {newest + 1}, "
                             f"this narthex knows {newest}: use a newer narthex\n")
        self.postgres.psql("delete from schema_migration where name = 'later'")
        self.postgres.psql("update schema_migration set checksum = '\\x00' where version = 1")
        self.assertIn("another text", self.narthex("migrate", code=1).stderr)

    def test_names_the_address_of_a_database_that_is_away_and_never_the_password(self):
        for uri, words, code in (
                ("postgresql://u:geheim@127.0.0.1:1/narthex", "127.0.0.1:1 ", 1),
                ("host=/nonexistent password=geheim", "/nonexistent", 1),
                ("postgresql://u:geheim@[bad/narthex", "is malformed", 2),
                ("postgresql://u:p@geheim@127.0.0.1:1/narthex", "is malformed", 2),
                ("postgresql://u:p/geheim@127.0.0.1:1/narthex", "is malformed", 2)):
            for command in (["migrate"], ["import", "x"], ["cache", "list"]):
                done = support.narthex(*command, "--database", uri, check=False)
                self.assertEqual(done.returncode, code)
                self.assertNotIn("geheim", done.stdout + done.stderr)
                self.assertRegex(done.stderr, r"\Anarthex: [^\n]+\n\Z")
                self.assertIn(words, done.stderr)


if __name__ == "__main__":
    support.main()
