#!/usr/bin/env python3
"""How `narthex serve` stops: what has been asked is answered, within five seconds, with code 0."""

import re
import signal
import socket
import time
import unittest

import samples
import support
from raw_http import guix_get, read_to_end, wait_closed
from support import Connection, get

LIMIT = 5  # seconds from SIGTERM to the end
NAR = samples.nar_bytes(24 << 20)
KNOWN = [f"known-{i}" for i in range(200)]
KERNEL_BYTES = 256 * 1024


def setUpModule():
    global HOLDER, TEXTS
    HOLDER = support.Server().start()  # keeps PostgreSQL up for the servers of the tests
    directory = support.temp_dir("cache")
    (directory / "nar").mkdir()
    (directory / "nar" / "large.nar").write_bytes(NAR)
    TEXTS = {name: samples.narinfo(name, references=100).encode() for name in KNOWN}
    support.narthex("import", "--data-dir", HOLDER.data_dir, samples.write_records(
        directory / "records", [text.decode() for text in TEXTS.values()]))
    support.narthex("import", "--data-dir", HOLDER.data_dir, "--nar-dir", directory,
                    samples.write_records(directory / "with-nar", [
                        samples.narinfo("large", nar=("nar/large.nar", NAR))]))


def tearDownModule():
    HOLDER.stop()


class Stopping(unittest.TestCase):
    def start(self, **options):
        self.server = support.Server(**options).start()
        self.addCleanup(self.server.kill)

    def signal(self, number=signal.SIGTERM):
        self.signalled = time.monotonic()
        self.server.process.send_signal(number)

    def assert_ends(self, limit=LIMIT):
        code = self.server.process.wait(support.DEADLINE)
        took = time.monotonic() - self.signalled
        self.assertEqual(code, 0, self.server.log())
        self.assertLess(took, limit)
        self.assertIsNone(re.search("Sanitizer|runtime error:", self.server.log()))

    def slow_connection(self):
        connection = Connection(self.server.port)
        self.addCleanup(connection.close)
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
        return connection


class Stop(Stopping):
    def setUp(self):
        self.start(data_dir=HOLDER.data_dir)

    def test_requests_and_a_download_under_way_are_finished(self):
        pipelined, download = self.slow_connection(), self.slow_connection()
        # Few enough to be read at once: what is read counts as asked.
        pipelined.send(b"".join(guix_get(samples.target(name), self.server.port)
                                for name in KNOWN))
        self.assertEqual(pipelined.read_response().body, TEXTS[KNOWN[0]])
        download.request("/nar/large.nar")
        start = download.socket.recv(1000)
        self.signal()
        support.wait_until(lambda: "event=stopping" in self.server.log(), "it stops")
        for name in KNOWN[1:]:
            answer = pipelined.read_response()
            self.assertEqual(answer.body, TEXTS[name])
        self.assertTrue(pipelined.at_end())
        head, _, body = start.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 OK\r\n"))
        body = bytearray(body)
        while data := download.socket.recv(1 << 16):
            body += data
        self.assertEqual(body, NAR)
        self.assert_ends()

    def test_the_last_answer_says_that_the_connection_closes(self):
        """A client that asks on would run into a reset."""
        with Connection(self.server.port) as connection:
            connection.request("/nar/large.nar")
            connection.request(samples.target(KNOWN[0]))
            connection.socket.recv(1, socket.MSG_PEEK)
            self.signal()
            support.wait_until(lambda: "event=stopping" in self.server.log(), "it stops")
            self.assertEqual(len(connection.read_response().body), len(NAR))
            answer = connection.read_response()
            self.assertEqual(answer.body, TEXTS[KNOWN[0]])
            self.assertEqual(answer.header("Connection"), "close")
            self.assertTrue(connection.at_end())
        self.assert_ends()

    def test_no_new_connection_is_taken_while_it_drains(self):
        download = self.slow_connection()
        download.request("/nar/large.nar")
        self.assertTrue(download.socket.recv(1))
        self.signal()

        def refused():
            try:
                Connection(self.server.port).close()
                return False
            except ConnectionRefusedError:
                return True

        support.wait_until(refused, "the port is closed")
        self.assertIsNone(self.server.process.poll())
        self.assertGreater(read_to_end(download), len(NAR) - 1)
        self.assert_ends()

    def test_a_client_that_takes_nothing_holds_nobody_up(self):
        lazy = self.slow_connection()
        lazy.request("/nar/large.nar")
        self.assertTrue(lazy.socket.recv(1))
        self.signal()
        self.assert_ends()

    def test_idle_connections_and_half_a_request_hold_nobody_up(self):
        idle = [Connection(self.server.port) for _ in range(200)]
        for connection in idle[:100]:
            connection.request("/healthz")
            self.assertEqual(connection.read_response().status, 200)
        idle[199].send(b"GET /healthz HT")
        self.assertEqual(get(self.server.port, samples.target(KNOWN[0])).status, 200)
        self.signal()
        for connection in idle:
            wait_closed(connection)
            connection.close()
        self.assert_ends(LIMIT / 2)

    def test_ctrl_c_is_the_same(self):
        self.signal(signal.SIGINT)
        self.assert_ends(LIMIT / 2)

    def test_signals_while_it_stops_change_nothing(self):
        lazy = self.slow_connection()
        lazy.request("/nar/large.nar")
        self.assertTrue(lazy.socket.recv(1))
        self.signal()
        for _ in range(20):
            self.server.process.send_signal(signal.SIGTERM)
        self.assert_ends()


class LastOneOut(Stopping):
    def test_it_stops_postgresql_too(self):
        self.start()
        with Connection(self.server.port) as idle:
            self.signal()
            wait_closed(idle)
            self.assert_ends()
        self.assertFalse((self.server.data_dir / "postgres" / "postmaster.pid").exists())


if __name__ == "__main__":
    support.main()
