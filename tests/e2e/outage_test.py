#!/usr/bin/env python3
"""What clients are told while the database is away, hangs, or comes back."""

import os
import signal
import threading
import time
import unittest

import samples
import support
from postgres import Postgres
from raw_http import assert_well_formed, guix_get, pipelined, wait_closed
from support import Connection, get

KNOWN = [f"known-{i}" for i in range(50)]
ABSENT = "absent"
TIMEOUT = 2  # seconds for a lookup
SLACK = 10  # that a busy machine may need in addition
TAKES_503 = ("GNU Guile", "curl/8.14.1 Nix/2.34.8", "curl/8.14.1 Nix/2.32.0", "curl/7.88.1",
             "", "Lix/2.90.0")
TAKES_404 = ("curl/7.88.1 Nix/2.8.0", "Nix/2.26.3", "curl/8.5.0 Nix/2.31.1pre20250901_abcdef")


def setUpModule():
    global PG, TEXTS
    PG = Postgres()
    support.narthex("migrate", "--database", PG.uri)
    directory = support.temp_dir("cache")
    (directory / "nar").mkdir()
    nars = {name: samples.nar_bytes(100, seed=i) for i, name in enumerate(KNOWN)}
    for name, data in nars.items():
        (directory / "nar" / f"{name}.nar").write_bytes(data)
    TEXTS = {name: samples.narinfo(name, i, nar=(f"nar/{name}.nar", nars[name])).encode()
             for i, name in enumerate(KNOWN)}
    support.narthex("import", "--database", PG.uri, "--nar-dir", directory, samples.write_records(
        directory / "records", [text.decode() for text in TEXTS.values()]))


def tearDownModule():
    PG.close()


def serve(*args, cache_bytes=0):
    """Without answers in memory, unless a test is about them."""
    return support.Server("--database", PG.uri, "--lookup-timeout-ms", TIMEOUT * 1000,
                          "--cache-bytes", cache_bytes, *args)


def agent(name):
    return [f"User-Agent: {name}"] if name else []


class Reader(threading.Thread):
    """A client that asks for known paths, one after the other, on one connection."""

    def __init__(self, port, user_agent):
        super().__init__(daemon=True)
        self.port = port
        self.user_agent = user_agent
        self.answers = []  # of (name of the path, Response)
        self.error = None
        self.ended = False

    def run(self):
        try:
            with Connection(self.port) as connection:
                while not self.ended:
                    name = KNOWN[len(self.answers) % len(KNOWN)]
                    connection.request(samples.target(name), headers=agent(self.user_agent))
                    self.answers.append((name, connection.read_response()))
        except Exception as error:  # the test looks at it
            self.error = error

    def count(self, *statuses):
        return sum(answer.status in statuses for _, answer in list(self.answers))


class Case(unittest.TestCase):
    def setUp(self):
        self.addCleanup(self.bring_back)

    def bring_back(self):
        """Whatever the test has done to it, PostgreSQL answers the next one."""
        if (PG.data / "postmaster.pid").exists():
            PG.go_on()
        else:
            PG.start()

    def serve(self, *args, **options):
        server = serve(*args, **options).start()
        self.addCleanup(server.stop)
        return server

    def assert_503(self, answer):
        assert_well_formed(self, answer)
        self.assertEqual((answer.status, answer.reason), (503, "Service Unavailable"))
        self.assertGreaterEqual(int(answer.header("Retry-After")), 1)
        self.assertIsNotNone(answer.header("Content-Length"))

    def assert_doubtful_404(self, answer):
        assert_well_formed(self, answer)
        self.assertEqual((answer.status, answer.reason), (404, "Not Found"))
        self.assertEqual(answer.header("Cache-Control"), "no-store")

    def wait_ready(self, server, status):
        support.wait_until(lambda: get(server.port, "/readyz").status == status,
                           f"/readyz says {status}")


class Outage(Case):
    def test_clients_that_read_through_a_crash_and_a_restart(self):
        server = self.serve()
        readers = [Reader(server.port, name) for name in TAKES_503 + TAKES_404]
        for reader in readers:
            reader.start()
            self.addCleanup(reader.join)
            self.addCleanup(setattr, reader, "ended", True)

        def all_have(before, more, *statuses):
            return all(reader.error or reader.count(*statuses) >= start + more
                       for reader, start in zip(readers, before))

        none = [0] * len(readers)
        support.wait_until(lambda: all_have(none, 20, 200), "all have read")
        PG.stop()
        support.wait_until(lambda: all_have(none, 20, 404, 503), "all have seen the outage")
        self.wait_ready(server, 503)
        PG.start()
        self.wait_ready(server, 200)
        before = [reader.count(200) for reader in readers]
        support.wait_until(lambda: all_have(before, 20, 200), "all have read again")
        for reader in readers:
            reader.ended = True
            reader.join()

        for reader in readers:
            with self.subTest(reader.user_agent):
                self.assertIsNone(reader.error)
                away = self.assert_503 if reader.user_agent in TAKES_503 else \
                    self.assert_doubtful_404
                for name, answer in reader.answers:
                    if answer.status == 200:
                        self.assertEqual(answer.body, TEXTS[name])
                    else:
                        away(answer)
                self.assertEqual(reader.answers[-1][1].status, 200)

    def test_what_needs_no_database_goes_on(self):
        server = self.serve()
        PG.stop()
        self.wait_ready(server, 503)
        self.assertEqual(get(server.port, "/nix-cache-info").status, 200)
        self.assertEqual(get(server.port, "/healthz").status, 200)
        self.assertEqual(get(server.port, "/").status, 200)
        self.assertEqual(get(server.port, "/nowhere").status, 404)
        self.assertEqual(get(server.port, samples.target(ABSENT), "DELETE").status, 405)
        self.assert_503(get(server.port, "/readyz"))

    def test_readiness_changes_although_nobody_asks_for_a_path(self):
        server = self.serve()
        for _ in range(2):
            self.wait_ready(server, 200)
            PG.stop()
            self.wait_ready(server, 503)
            PG.start()
        self.wait_ready(server, 200)

    def test_policies(self):
        doubtful = {"auto": TAKES_404, "503": (), "404": TAKES_503 + TAKES_404}
        servers = {policy: self.serve("--unavailable", policy) for policy in doubtful}
        PG.stop()
        for policy, server in servers.items():
            for name in TAKES_503 + TAKES_404:
                for path in (KNOWN[0], ABSENT):
                    for method in ("GET", "HEAD"):
                        with self.subTest((policy, name, path, method)):
                            answer = get(server.port, samples.target(path), method, agent(name))
                            check = self.assert_doubtful_404 if name in doubtful[policy] \
                                else self.assert_503
                            check(answer)

    def test_a_nar_is_503_for_everyone(self):
        """To Nix of any version a NAR's 404 is the end, its 503 is not."""
        server = self.serve()
        target = f"/nar/{KNOWN[0]}.nar"
        self.assertEqual(get(server.port, target).status, 200)
        PG.stop()
        for name in TAKES_503 + TAKES_404:
            self.assert_503(get(server.port, target, headers=agent(name)))

    def test_an_absent_path_is_404_only_when_the_database_says_so(self):
        server = self.serve()
        for _ in range(2):
            self.wait_ready(server, 200)
            answer = get(server.port, samples.target(ABSENT))
            self.assertEqual((answer.status, answer.header("Cache-Control")), (404, "public, max-age=60"))
            PG.stop()
            self.assert_503(get(server.port, samples.target(ABSENT)))
            PG.start()

    def test_a_restart_that_nobody_was_asking_during_costs_no_answer(self):
        server = self.serve()
        names = KNOWN * 4
        requests = [guix_get(samples.target(name), server.port) for name in names]
        self.assertEqual(pipelined(server.port, requests)[-1].status, 200)
        PG.stop()
        PG.start()
        self.assertEqual([answer.body for answer in pipelined(server.port, requests)],
                         [TEXTS[name] for name in names])

    def test_when_some_connections_are_refused_the_others_answer_all(self):
        PG.psql("CREATE ROLE few LOGIN CONNECTION LIMIT 4; "
                "GRANT SELECT ON ALL TABLES IN SCHEMA public TO few")
        uri = PG.uri.replace("user=narthex", "user=few")
        with support.Server("--database", uri, "--database-connections", 4,
                            "--lookup-timeout-ms", TIMEOUT * 1000) as server:
            for name in KNOWN * 10:
                start = time.monotonic()
                self.assertEqual(get(server.port, samples.target(name)).body, TEXTS[name])
                self.assertLess(time.monotonic() - start, SLACK)


class Memory(Case):
    """What is known when the database goes away goes on being said, but never that a path is absent:
    it may have come since."""

    def check(self, take_away, bring_back):
        server = self.serve(cache_bytes=1 << 26)
        support.wait_until(lambda: "event=changes_heard" in server.log(), "answers are kept")
        for name in KNOWN[:10]:
            self.assertEqual(get(server.port, samples.target(name)).body, TEXTS[name])
        self.assertEqual(get(server.port, samples.target(ABSENT)).status, 404)
        take_away()
        self.wait_ready(server, 503)
        for name in KNOWN[:10]:
            self.assertEqual(get(server.port, samples.target(name)).body, TEXTS[name])
        for name in (KNOWN[20], ABSENT):
            self.assert_503(get(server.port, samples.target(name)))
        bring_back()
        # Connections that hung are given up one by one.
        support.wait_until(lambda: all(get(server.port, samples.target(name)).body == TEXTS[name]
                                       for name in KNOWN), "all are answered again")
        support.wait_until(lambda: get(server.port, samples.target(ABSENT)).status == 404, "so is this")
        self.assertEqual(server.log().count("event=changes_lost"), 1, server.log())
        support.wait_until(lambda: server.log().count("event=changes_heard") == 2, "back")

    def test_a_database_that_stopped(self):
        self.check(PG.stop, PG.start)

    def test_a_database_that_hangs(self):
        self.check(PG.hang, PG.go_on)


class Hang(Case):
    """A database that is there and says nothing: only time can tell."""

    def test_lookups_are_given_up_after_their_time(self):
        server = self.serve()
        self.assertEqual(get(server.port, samples.target(KNOWN[0])).status, 200)
        PG.hang()
        start = time.monotonic()
        for name in (TAKES_503[0], TAKES_404[0]):
            answer = get(server.port, samples.target(KNOWN[0]), headers=agent(name))
            (self.assert_503 if name in TAKES_503 else self.assert_doubtful_404)(answer)
        took = time.monotonic() - start
        self.assertGreater(took, TIMEOUT)
        self.assertLess(took, 2 * TIMEOUT + SLACK)
        self.assertEqual(get(server.port, "/nix-cache-info").status, 200)
        self.wait_ready(server, 503)
        PG.go_on()
        self.wait_ready(server, 200)
        self.assertEqual(get(server.port, samples.target(KNOWN[0])).body, TEXTS[KNOWN[0]])

    def test_a_thousand_pipelined_lookups_do_not_add_up_their_times(self):
        server = self.serve()
        requests = [guix_get(samples.target(KNOWN[i % 50]), server.port) for i in range(4000)]
        PG.hang()
        start = time.monotonic()
        for answer in pipelined(server.port, requests):
            self.assert_503(answer)
        self.assertLess(time.monotonic() - start, 2 * TIMEOUT + SLACK / 2)
        PG.go_on()
        support.wait_until(lambda: pipelined(server.port, requests)[-1].status == 200,
                           "lookups are answered again")

    def test_sigterm_while_lookups_hang(self):
        server = serve().start()
        with Connection(server.port) as waiting, Connection(server.port) as idle:
            PG.hang()
            waiting.send(guix_get(samples.target(KNOWN[0]), server.port) * 100)
            wait_until_hung = time.monotonic() + 0.5
            while time.monotonic() < wait_until_hung:
                self.assertEqual(get(server.port, "/healthz").status, 200)
            start = time.monotonic()
            server.process.terminate()
            wait_closed(idle)
            for _ in range(100):
                self.assert_503(waiting.read_response())
            waiting.close()
            self.assertEqual(server.process.wait(support.DEADLINE), 0)
            self.assertLess(time.monotonic() - start, 5)

    def test_sigterm_while_connecting_hangs(self):
        server = serve().start()
        PG.stop()
        self.wait_ready(server, 503)
        PG.start()
        PG.hang()
        # Whatever it has been trying since, it gets no answer any more.
        get(server.port, samples.target(KNOWN[0]))
        start = time.monotonic()
        server.stop()
        self.assertLess(time.monotonic() - start, 5)


class Embedded(unittest.TestCase):
    def test_a_killed_postgresql_is_revived(self):
        with support.Server() as server:
            records = samples.write_records(support.temp_dir("records") / "all",
                                            [text.decode() for text in TEXTS.values()])
            support.narthex("import", "--data-dir", server.data_dir, records)
            readers = [Reader(server.port, name) for name in TAKES_503]
            for reader in readers:
                reader.start()

            def postmaster():
                file = server.data_dir / "postgres" / "postmaster.pid"
                return int(file.read_text().splitlines()[0]) if file.exists() else 0

            for _ in range(2):
                before, counts = postmaster(), [reader.count(200) for reader in readers]
                os.kill(before, signal.SIGKILL)
                support.wait_until(lambda: postmaster() not in (0, before), "it is revived")
                support.wait_until(lambda: get(server.port, "/readyz").status == 200, "ready")
                support.wait_until(lambda: all(reader.count(200) > count + 50 for reader, count
                                               in zip(readers, counts)), "all read again")
            for reader in readers:
                reader.ended = True
                reader.join()
                self.assertIsNone(reader.error)
                self.assertLessEqual({answer.status for _, answer in reader.answers}, {200, 503})
                for name, answer in reader.answers:
                    if answer.status == 200:
                        self.assertEqual(answer.body, TEXTS[name])


if __name__ == "__main__":
    support.main()
