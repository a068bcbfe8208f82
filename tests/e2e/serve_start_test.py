#!/usr/bin/env python3
"""How `narthex serve` starts, or says in one line why it doesn't."""

import os
import socket
import subprocess
import threading
import unittest

import support
from postgres import Postgres

PASSWORD = "geheim"


def setUpModule():
    global DATA_DIR
    DATA_DIR = support.temp_dir("data") / "none"  # nothing here may ever come to be


def serve(*args, env=()):
    """Runs it to its end, which must come soon."""
    return subprocess.run([support.NARTHEX, "serve", "--data-dir", DATA_DIR, *map(str, args)],
                          env={**os.environ, **dict(env)}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=support.DEADLINE)


class Start(unittest.TestCase):
    def assert_fails(self, done, code, *parts):
        """With one line on standard error that has these parts, and without the password."""
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("narthex: "), done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)
        self.assertNotIn(PASSWORD, done.stderr)
        self.assertFalse(DATA_DIR.exists())


class Configuration(Start):
    def config(self, text):
        file = support.temp_dir("config") / "narthex.toml"
        file.write_text(text)
        return file

    def test_check_config_tells_each_value_and_its_origin(self):
        file = self.config('# a comment\nmax-connections = 77\nunavailable = "503"\n'
                           "access-log = true\n")
        done = serve("--check-config", "--config", file, "--listen", "127.0.0.1:81",
                     "--database", f"postgresql://u:{PASSWORD}@db.example:1234/cache",
                     env={"NARTHEX_IDLE_TIMEOUT_SECONDS": "9", "NARTHEX_UNAVAILABLE": "404"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
        for line in ('database = "db.example:1234 (database cache)" # --database',
                     'listen = "127.0.0.1:81" # --listen',
                     f"max-connections = 77 # {file}:2",
                     f"access-log = true # {file}:4",
                     "unavailable = 404 # NARTHEX_UNAVAILABLE",
                     "idle-timeout-seconds = 9 # NARTHEX_IDLE_TIMEOUT_SECONDS",
                     "send-timeout-seconds = 60 # default"):
            self.assertIn(line, lines)
        self.assertNotIn(PASSWORD, done.stdout)
        self.assertFalse(DATA_DIR.exists())

    def test_what_check_config_prints_is_a_configuration(self):
        first = serve("--check-config", "--unavailable", "404", "--max-pipeline", 5)
        again = serve("--check-config", "--config", self.config(first.stdout))
        values = [[line.partition("#")[0] for line in done.stdout.splitlines()]
                  for done in (first, again)]
        self.assertEqual(*values)

    def test_an_unknown_key_is_refused_with_its_place(self):
        file = self.config('listen = "127.0.0.1:0"\n\nmax-conections = 3\n')
        self.assert_fails(serve("--config", file), 2, f"{file}:3: ", "max-conections")

    def test_a_bad_value_in_the_file_is_refused_with_its_place(self):
        for line in ('listen = "nowhere"', "max-connections = 0", 'max-connections = "many"',
                     "unavailable = 500", "access-log = 1", "lookup-timeout-ms = 1.5",
                     'log-level = "loud"', 'public-url = "ftp://x"', "listen = [1]",
                     "header-limit-bytes = 99999999999999999999", "max-connections = -1",
                     "[limits]\nidle = 3", 'listen = "x', "listen = "):
            with self.subTest(line):
                file = self.config("# one\n" + line + "\n")
                self.assert_fails(serve("--config", file), 2, f"{file}:2: ")

    def test_a_bad_flag_or_variable_is_refused_by_name(self):
        self.assert_fails(serve("--max-connections", "0"), 2, "--max-connections")
        self.assert_fails(serve("--unavailable", "500"), 2, "--unavailable")
        self.assert_fails(serve(env={"NARTHEX_LISTEN": "x"}), 2, "NARTHEX_LISTEN")

    def test_a_file_that_is_not_there_is_refused(self):
        self.assert_fails(serve("--config", "/nonexistent/narthex.toml"), 2,
                          "/nonexistent/narthex.toml")


class Unreachable(Start):
    def test_a_database_that_refuses_is_named_without_its_password(self):
        port = support.free_port()
        self.assert_fails(serve("--database", f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/cache"),
                          1, f"127.0.0.1:{port}", "cache", "--wait")
        self.assert_fails(serve("--database",
                                f"host=127.0.0.1 port={port} user=u password={PASSWORD}"),
                          1, f"127.0.0.1:{port}")
        self.assert_fails(serve(env={"NARTHEX_DATABASE":
                                     f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/cache"}),
                          1, f"127.0.0.1:{port}")

    def test_a_socket_that_is_not_there_is_named(self):
        self.assert_fails(serve("--database",
                                f"postgresql:///cache?host=/nonexistent&password={PASSWORD}"),
                          1, "/nonexistent")

    def test_a_host_without_an_address_is_named(self):
        self.assert_fails(serve("--database", f"postgresql://u:{PASSWORD}@db.invalid/cache"),
                          1, "db.invalid")

    def test_a_malformed_uri_is_not_repeated(self):
        for uri in (f"postgresql://u:{PASSWORD}@[/x", f"password={PASSWORD} nonsense",
                    f"{PASSWORD}", f"postgresql://u:p@{PASSWORD}@127.0.0.1:1/x",
                    f"postgresql://u:p/{PASSWORD}@127.0.0.1:1/x",
                    f"postgresql://u:p:{PASSWORD}/@127.0.0.1:1/x"):
            self.assert_fails(serve("--wait", "--database", uri), 2, "--database: is malformed")

    def test_a_host_that_accepts_and_says_nothing_takes_some_seconds(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            self.assert_fails(serve("--database", f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/c"),
                              1, f"127.0.0.1:{port}")

    def test_an_address_in_use_is_named(self):
        with support.Server() as server:
            done = support.narthex("serve", "--data-dir", server.data_dir, "--listen",
                                   f"127.0.0.1:{server.port}", check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"narthex: can't listen on 127.0.0.1:{server.port}: ", done.stderr)
            self.assertEqual(support.get(server.port, "/readyz").status, 200)


class OwnPostgres(Start):
    @classmethod
    def setUpClass(cls):
        cls.pg = Postgres()
        cls.addClassCleanup(cls.pg.close)

    def database(self, name):
        """A new migrated one; returns its URI."""
        self.pg.psql(f"CREATE DATABASE {name}")
        uri = self.pg.uri.replace("/narthex?", f"/{name}?")
        support.narthex("migrate", "--database", uri)
        return uri

    def test_with_wait_it_serves_once_the_database_is_there(self):
        uri = self.database("late")
        self.pg.stop()
        server = support.Server("--database", uri, "--wait")
        starting = threading.Thread(target=server.start)
        starting.start()
        support.wait_until(lambda: server.log().count("event=waiting_for_database") >= 2,
                           "it has tried twice")
        self.assertIsNone(server.process.poll())
        self.pg.start()
        starting.join()
        server.stop()
        self.assertRegex(server.log(), rf"retry_ms=\d+ reason=.*{self.pg.directory}")
        self.assertNotIn(PASSWORD, server.log())

    def test_a_database_that_was_never_migrated(self):
        self.pg.psql("CREATE DATABASE empty")
        uri = self.pg.uri.replace("/narthex?", "/empty?")
        self.assert_fails(serve("--database", uri), 1, "schema version 0", "narthex migrate")

    def test_a_database_that_is_not_there(self):
        uri = self.pg.uri.replace("/narthex?", "/nowhere?")
        self.assert_fails(serve("--database", uri), 1, "nowhere")

    def test_an_older_schema(self):
        uri = self.database("older")
        self.pg.psql("DELETE FROM schema_migration WHERE version = "
                     "(SELECT max(version) FROM schema_migration)", "older")
        self.assert_fails(serve("--database", uri), 1, "schema version", "run 'narthex migrate'")

    def test_a_newer_schema(self):
        uri = self.database("newer")
        self.make_newer("newer")
        self.assert_fails(serve("--database", uri), 1, "use a newer narthex")
        done = support.narthex("migrate", "--database", uri, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("use a newer narthex", done.stderr)

    def test_a_schema_of_another_release(self):
        uri = self.database("other")
        self.pg.psql(r"UPDATE schema_migration SET checksum = '\x00'", "other")
        self.assert_fails(serve("--database", uri), 1, "different releases")

    def test_a_schema_that_changes_while_it_serves(self):
        uri = self.database("changing")
        server = support.Server("--database", uri).start()
        self.make_newer("changing")
        self.pg.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                     "WHERE datname = 'changing'")
        support.get(server.port, "/" + "0" * 32 + ".narinfo")
        self.assertEqual(server.process.wait(support.DEADLINE), 1)
        self.assertRegex(server.log(), "event=schema_mismatch reason=.*use a newer narthex")

    def make_newer(self, name):
        self.pg.psql("INSERT INTO schema_migration (version, name, checksum) SELECT "
                     r"max(version) + 1, 'from_the_future', '\x00' FROM schema_migration", name)


class CommandLine(unittest.TestCase):
    def test_an_unknown_command_is_named(self):
        done = support.narthex("frobnicate", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"\Anarthex: there is no command frobnicate; [^\n]+\n\Z")

    def test_without_a_command_there_is_help(self):
        done = support.narthex(check=False)
        self.assertEqual(done.returncode, 2)
        for command in ("serve", "import", "cache", "migrate"):
            self.assertIn(f"  {command} ", done.stdout)


if __name__ == "__main__":
    support.main()
