#!/usr/bin/env python3
"""Bulk requests whose bodies or readers are slow, whose clients vanish, or whose database does."""

import contextlib
import json
import os
import socket
import time
import unittest

import narinfos
import support
from bulk import (ATTIC, CACHIX, KERNEL_BYTES, LINES, MIB, NDJSON, QUERY, SLACK, Case, absent, ask,
                  large_closure, post, slow_connection)
from postgres import Postgres
from raw_http import (assert_well_formed, guix_get, is_closed, is_sanitized, pipelined, read_to_end,
                      resident_bytes, unread_bytes, wait_closed)
from support import Connection, get


def setUpModule():
    global SERVER, ALL, LARGE
    # Freed memory that the address sanitizer keeps would hide what a connection holds.
    os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [
        os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=1",
        "thread_local_quarantine_size_kb=64"]))
    SERVER = support.Server().start()
    ALL = narinfos.closure(3000, seed=7)
    LARGE = large_closure()
    for name, records in (("all", ALL), ("large", LARGE)):
        support.narthex("import", "--data-dir", SERVER.data_dir, narinfos.write(records, name))


def tearDownModule():
    SERVER.stop()


class Bodies(Case):
    def test_in_single_bytes(self):
        with Connection(SERVER.port) as connection:
            for byte in post(LINES, ALL[0].hash) + guix_get("/healthz", 1):
                connection.send(bytes([byte]))
            self.assertEqual(json.loads(connection.read_response().body)["version"], 2)
            self.assertEqual(connection.read_response().body, b"ok\n")

    def test_requests_of_all_kinds_keep_their_order(self):
        part = ALL[0].hash
        kinds = [(guix_get(f"/{part}.narinfo", 1), b"StorePath"), (post(LINES, part), b'{"ver'),
                 (post(CACHIX, json.dumps([absent(1)])), b'["'), (guix_get("/healthz", 1), b"ok\n"),
                 (post(LINES, "x"), b"400: line 1"), (guix_get(f"/api/v1/closure/{part}", 1), b"Sto"),
                 (post(QUERY, "\n".join(each.hash for each in ALL), method="QUERY"), b'{"ver'),
                 (guix_get("/nowhere", 1), b"404")] * 10
        for extra in ((), ("--max-pipeline", 1)):
            with support.Server(*extra, data_dir=SERVER.data_dir) as server:
                for (_, start), answer in zip(
                        kinds, pipelined(server.port, [request for request, _ in kinds])):
                    assert_well_formed(self, answer)
                    self.assertTrue(answer.body.startswith(start), (start, answer.body[:40]))

    def test_a_client_that_waits_to_be_told(self):
        body = "\n".join(each.hash for each in ALL).encode()
        head = post(LINES, b"", "Expect: 100-continue", length=len(body))
        with Connection(SERVER.port) as connection:
            for before in (b"", guix_get(f"/{ALL[0].hash}.narinfo", 1) * 3):
                connection.send(before + head)
                for _ in range(before.count(b"\r\n\r\n")):
                    self.assertEqual(connection.read_response().status, 200)
                told = connection.read_response()
                self.assertEqual((told.status, told.reason, told.headers), (100, "Continue", []))
                connection.send(body)
                self.assertEqual(connection.read_response().body.count(b"\n"), len(ALL))

    def test_a_client_that_need_not_send_its_body(self):
        for request in (post(LINES, b"", "Expect: 100-continue", length=5 * MIB),
                        post(LINES, b"", "Expect: 100-continue", "Content-Type: x/y", length=9)):
            with Connection(SERVER.port) as connection:
                connection.send(request)
                self.assertIn(connection.read_response().status, (413, 415))
                self.assertTrue(connection.at_end())

    def test_one_that_ends_early(self):
        for part in (b"", ALL[0].hash.encode(), ALL[0].hash.encode() + b"\n"):
            with Connection(SERVER.port) as connection:
                connection.send(guix_get("/healthz", 1) + post(LINES, part, length=1000))
                connection.socket.shutdown(socket.SHUT_WR)
                self.assertEqual(connection.read_response().body, b"ok\n")
                self.assert_refused(connection.read_response(), 400, "shorter", close=True)
                self.assertTrue(connection.at_end())

    def test_one_that_takes_too_long(self):
        with support.Server("--header-timeout-seconds", 2, data_dir=SERVER.data_dir) as server, \
                Connection(server.port) as silent, Connection(server.port) as dripping:
            silent.send(post(LINES, b"", "Expect: 100-continue", length=1000))
            self.assertEqual(silent.read_response().status, 100)
            dripping.send(post(LINES, b"0", length=1000))
            start = time.monotonic()
            while not is_closed(dripping, 0.1):
                self.assertLess(time.monotonic() - start, 2 + SLACK, "dripped for ever")
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    dripping.send(b"0")
            self.assertGreater(time.monotonic() - start, 1.5)
            wait_closed(silent, SLACK)
            self.assertEqual(read_to_end(silent), 0)

    def test_connection_close_is_obeyed(self):
        with Connection(SERVER.port) as connection:
            connection.send(post(LINES, ALL[0].hash, "Connection: close") * 2)
            answer = connection.read_response()
            self.assertEqual((answer.status, answer.header("Connection")), (200, "close"))
            self.assertTrue(connection.at_end())

    def test_a_server_that_stops_leaves_half_a_body_unanswered(self):
        server = support.Server(data_dir=SERVER.data_dir).start()
        with Connection(server.port) as half:
            half.send(post(LINES, b"x", length=1000))
            get(server.port, "/healthz")
            server.stop()
            self.assertEqual(read_to_end(half), 0)


class Slow(Case):
    def test_a_client_has_one_body_at_a_time(self):
        """Three would be more than the memory that there is for them."""
        body = b"\n" * (2 * MIB) + ALL[0].hash.encode()
        with support.Server("--bulk-memory-bytes", 5 * MIB, data_dir=SERVER.data_dir) as server:
            for answer in pipelined(server.port, [post(LINES, body)] * 8):
                self.assert_answer(answer, NDJSON)

    def test_clients_that_do_not_read_hold_little(self):
        clients, target = 8, f"/api/v1/closure/{LARGE[-1].hash}"
        whole = sum(len(each.text) + 1 for each in LARGE)
        with support.Server("--send-timeout-seconds", 2, data_dir=SERVER.data_dir) as server:
            get(server.port, target)
            before = resident_bytes(server)
            slow = []
            for _ in range(clients):
                connection = slow_connection(server.port)
                connection.send(guix_get(target, 1) * 10)
                slow.append(connection)
            most, start = before, time.monotonic()
            while not all(is_closed(connection) for connection in slow):
                self.assertLess(time.monotonic() - start, 2 + SLACK)
                self.assertEqual(get(server.port, f"/{ALL[0].hash}.narinfo").status, 200)
                most = max(most, resident_bytes(server))
            print(f"{clients} clients were owed {clients * whole // MIB} MiB, which took "
                  f"{(most - before) // MIB} MiB ", end="", flush=True)
            self.assertLess(most - before, clients * (10 if is_sanitized() else 5) * MIB)
            for connection in slow:
                self.assertLess(read_to_end(connection), whole)
                connection.close()


class Outage(Case):
    @classmethod
    def setUpClass(cls):
        cls.pg = Postgres()
        support.narthex("migrate", "--database", cls.pg.uri)
        support.narthex("import", "--database", cls.pg.uri, narinfos.write(LARGE, "large"))

    @classmethod
    def tearDownClass(cls):
        cls.pg.close()

    def serve(self, *args):
        server = support.Server("--database", self.pg.uri, *args).start()
        self.addCleanup(server.stop)
        return server

    def test_a_database_that_is_away(self):
        server = self.serve()
        part = LARGE[0].hash
        questions = [post(LINES, part), post(CACHIX, json.dumps([part])),
                     post(ATTIC, json.dumps({"cache": "default", "store_path_hashes": [part]})),
                     guix_get(f"/api/v1/closure/{part}", 1)]
        for question in questions:
            self.assertEqual(ask(server.port, question).status, 200)
        self.pg.stop()
        for question in questions:
            answer = ask(server.port, question)
            self.assert_refused(answer, 503, "database")
            self.assertEqual(answer.header("Retry-After"), "5")
        self.pg.start()
        for question in questions:
            self.assertEqual(ask(server.port, question).status, 200)

    def test_a_database_that_hangs(self):
        server = self.serve("--bulk-timeout-ms", 2000)
        self.assertEqual(ask(server.port, post(LINES, LARGE[0].hash)).status, 200)
        self.pg.hang()
        self.addCleanup(self.pg.go_on)
        start = time.monotonic()
        self.assert_refused(ask(server.port, post(LINES, LARGE[0].hash)), 503)
        self.assertLess(time.monotonic() - start, 2 + SLACK)
        self.pg.go_on()

    def cut(self, change):
        """What comes of a closure when something happens in the middle of it."""
        server = self.serve()
        with slow_connection(server.port) as connection:
            connection.send(guix_get(f"/api/v1/closure/{LARGE[-1].hash}", 1))
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.socket.recv(1)
            self.assertTrue(head.startswith(b"HTTP/1.1 200 OK\r\n"))
            support.wait_until(lambda: unread_bytes(connection) >= KERNEL_BYTES // 2,
                               "the kernel has taken what it takes")
            change()
            promised = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
            return promised, read_to_end(connection)

    def test_a_database_that_goes_away_in_the_middle(self):
        promised, came = self.cut(self.pg.stop)
        self.pg.start()
        self.assertGreater(came, 0)
        self.assertLess(came, promised)

    def test_a_path_that_is_hidden_in_the_middle(self):
        part = self.pg.psql("select '\\x' || encode(hash, 'hex') from path order by id desc limit 1")
        batch = self.pg.psql("insert into hide_batch (reason) values ('test') returning id")
        self.pg.psql(f"insert into hidden values (1, '{part}', {batch})")
        try:
            promised, came = self.cut(lambda: self.pg.psql("update hide_batch set active = true"))
            self.assertLess(came, promised)
        finally:
            self.pg.psql("delete from hidden; delete from hide_batch")


if __name__ == "__main__":
    support.main()
