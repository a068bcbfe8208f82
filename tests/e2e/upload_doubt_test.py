#!/usr/bin/env python3
"""A database connection that breaks at the commit of an upload, when nobody can know whether it
happened: what the client is told is so, and what it uploaded is there once."""

import re
import select
import socket
import threading
import unittest

import samples
import support
from postgres import Postgres
from uploads import make_token, put, stored_files

# A query by itself, as it goes to PostgreSQL: its type, length and text.
COMMIT = re.compile(rb"Q\x00\x00\x00.commit;?\x00", re.IGNORECASE)
BEFORE, AFTER = "before the commit", "between the commit and its answer"


class DatabaseProxy:
    """A PostgreSQL socket in a directory of its own, before another's. Once it is told a moment, it
    breaks the first connection of a publisher that comes to it there."""

    def __init__(self, postgres):
        self.directory = support.temp_dir("proxy")
        self.directory.chmod(0o777)
        self.uri = postgres.uri.replace(str(postgres.directory), str(self.directory))
        self.broken = 0
        self._target = str(postgres.directory / ".s.PGSQL.5432")
        self._moments = []
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        path = self.directory / ".s.PGSQL.5432"
        self._listener.bind(str(path))
        path.chmod(0o777)
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def break_at(self, *moments):
        """At the next commits, one for each."""
        with self._lock:
            self._moments = list(moments)

    def _accept(self):
        while True:
            client, _ = self._listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._target)
            threading.Thread(target=self._relay, args=(client, server), daemon=True).start()

    def _relay(self, client, server):
        publishes = False
        with client, server:
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    data = ready.recv(1 << 16)
                    if not data:
                        return
                    publishes |= b"lock_publishing" in data  # the statement that others haven't
                    commits = publishes and ready is client and COMMIT.search(data)
                    moment = self._moment() if commits else None
                    if moment == BEFORE:
                        return
                    (server if ready is client else client).sendall(data)
                    if moment == AFTER:
                        server.recv(1 << 16)  # it is done
                        return

    def _moment(self):
        with self._lock:
            if not self._moments:
                return None
            self.broken += 1
            return self._moments.pop(0)


def setUpModule():
    global PG, PROXY, DIRECTORY, SERVER, TOKEN
    PG = Postgres()
    support.narthex("migrate", "--database", PG.uri)
    support.narthex("cache", "set", "default", "--database", PG.uri, "--sign-uploads", "true")
    key = support.temp_dir("key") / "secret"
    key.touch(mode=0o600)
    key.write_text(support.closure().secret_key.read_text())
    PROXY = DatabaseProxy(PG)
    DIRECTORY = support.temp_dir("uploads")
    SERVER = support.Server("--database", PROXY.uri, "--upload-dir", DIRECTORY, "--signing-key", key)
    SERVER.start()
    TOKEN = make_token(SERVER, "ci", database=PG.uri)


def tearDownModule():
    SERVER.stop()
    PG.close()


class Doubt(unittest.TestCase):
    def put(self, target, body, *moments):
        """Its answer, when a connection was broken at each of these moments."""
        before = PROXY.broken
        PROXY.break_at(*moments)
        answer = put(SERVER, target, body, TOKEN)
        self.assertEqual(PROXY.broken, before + len(moments))
        return answer

    def test_of_a_narinfo(self):
        rounds = {"one": [BEFORE], "two": [AFTER], "three": [AFTER, AFTER], "four": [BEFORE, AFTER]}
        for name, moments in rounds.items():
            with self.subTest(moments):
                url, data = f"nar/{name}.nar", name.encode()
                self.assertEqual(put(SERVER, f"/{url}", data, TOKEN).status, 201)
                text = samples.narinfo(name, 0, (url, data))
                answer = self.put(samples.target(name), text.encode(), *moments)
                # What is found when it is tried again was there already, for all that anybody knows.
                self.assertEqual(answer.status, 200 if moments[-1] == AFTER else 201, answer.body)
                served = support.get(SERVER.port, samples.target(name)).body.decode()
                self.assertTrue(served.startswith(text))
                self.assertEqual(served.count("Sig: "), 1)
                self.assertEqual(self.count("narinfo n", name), "1")
                self.assertEqual(self.count("narinfo_nar n", name), "1")
                self.assertEqual(self.count("path n join graph using (id)", name), "1")

    def test_of_a_nar(self):
        before = stored_files(DIRECTORY)[0]
        for name, moment in (("five", BEFORE), ("six", AFTER)):
            with self.subTest(moment):
                answer = self.put(f"/nar/{name}.nar", name.encode(), moment)
                self.assertIn(answer.status, (200, 201), answer.body)
                self.assertEqual(support.get(SERVER.port, f"/nar/{name}.nar").body, name.encode())
                files = PG.psql("select count(*) from nar_location l join nar n on n.id = l.nar"
                                f" where n.url = 'nar/{name}.nar'")
                self.assertEqual(files, "1")
        after, incoming = stored_files(DIRECTORY)
        self.assertEqual((len(after) - len(before), incoming), (2, []))

    def count(self, rows, name):
        hashes = f"select hash from narinfo where name = '{name}'"
        return PG.psql(f"select count(*) from {rows} where hash in ({hashes})")


if __name__ == "__main__":
    support.main()
