#!/usr/bin/env python3
"""Clients that take too much of a server: slow, silent, flooding, and ten thousand at once."""

import os
import resource
import select
import socket
import struct
import time
import unittest

import samples
import support
from raw_http import guix_get, is_sanitized, read_to_end, resident_bytes, wait_closed
from support import Connection, get

MIB = 1 << 20
KNOWN = [f"known-{i}" for i in range(20)]
REFERENCES = 100  # a narinfo of 5 KB
READ_BYTES = 64 * 1024
SLACK = 15  # seconds that a busy machine may need beyond a time limit
CONNECTIONS = 10_000
CONNECTIONS_AT_LEAST = 4_000
BYTES_PER_CONNECTION = 24 * 1024  # design.md 8, for a release build
BYTES_PER_SANITIZED_CONNECTION = 64 * 1024
NAR_BYTES = 32 * MIB  # far more than the kernel takes without a reader
KERNEL_BYTES = 256 * 1024  # with less than some packets of the loopback device it crawls


def setUpModule():
    global HOLDER, TEXT, NAR
    # Freed memory that the address sanitizer keeps would hide what a connection holds.
    os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [
        os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=1",
        "thread_local_quarantine_size_kb=64"]))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    HOLDER = support.Server().start()  # keeps PostgreSQL up for the servers of the tests
    directory = support.temp_dir("cache")
    NAR = samples.nar_bytes(NAR_BYTES)
    (directory / "nar").mkdir()
    (directory / "nar" / "large.nar").write_bytes(NAR)
    records = [samples.narinfo(name, REFERENCES) for name in KNOWN]
    records.append(samples.narinfo("wide", 6000))
    TEXT = records[0].encode()
    support.narthex("import", "--data-dir", HOLDER.data_dir,
                    samples.write_records(directory / "records", records))
    support.narthex("import", "--data-dir", HOLDER.data_dir, "--nar-dir", directory,
                    samples.write_records(directory / "with-nar", [
                        samples.narinfo("large", nar=("nar/large.nar", NAR))]))


def tearDownModule():
    HOLDER.stop()


def serve(*args):
    return support.Server(*args, data_dir=HOLDER.data_dir)


def narinfo_requests(server, count):
    return b"".join(guix_get(samples.target(KNOWN[i % len(KNOWN)]), server.port)
                    for i in range(count))


def slow_connection(port):
    """One whose kernel takes only so many bytes that nobody has read."""
    connection = Connection(port)
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
    return connection


class Memory(unittest.TestCase):
    def assert_is_served(self, server):
        start = time.monotonic()
        self.assertEqual(get(server.port, samples.target(KNOWN[0])).body, TEXT)
        self.assertLess(time.monotonic() - start, SLACK)

    def test_clients_that_read_nothing_are_dropped_and_hold_little(self):
        clients, requests = 8, 4000
        with serve("--send-timeout-seconds", 2) as server:
            self.assert_is_served(server)
            before = resident_bytes(server)
            slow = [slow_connection(server.port) for _ in range(clients)]
            for connection in slow:
                connection.send(narinfo_requests(server, requests))
            most, start = before, time.monotonic()
            while time.monotonic() - start < 1.5:
                self.assert_is_served(server)
                most = max(most, resident_bytes(server))
            for connection in slow:
                wait_closed(connection, 2 + SLACK)
            most = max(most, resident_bytes(server))
            owed = requests * len(TEXT)
            print(f"{clients} clients were owed {clients * owed // MIB} MiB, "
                  f"which took {(most - before) // MIB} MiB ", end="", flush=True)
            # The address sanitizer's allocator needs about twice as much.
            each = 10 if is_sanitized() else 5
            self.assertLess(most - before, clients * each * MIB)
            for connection in slow:
                self.assertLess(read_to_end(connection), owed)
                connection.close()
            self.assert_is_served(server)

    def test_a_client_that_reads_slowly_but_reads_is_served(self):
        """Each pause is shorter than the limit, all together are longer."""
        with serve("--send-timeout-seconds", 2) as server, slow_connection(server.port) as slow:
            slow.send(narinfo_requests(server, 2000))
            for i in range(2000):
                self.assertIn(b"StorePath: /nix/store/", slow.read_response().body)
                if i < 1000 and i % 100 == 0:
                    wait_for(0.4)

    def flood(self, server, request, most_bytes, read_each_turn=0):
        """Writes requests for five seconds or until none are taken; reads so many bytes between."""
        data = memoryview(request * (most_bytes // len(request)))
        with slow_connection(server.port) as connection:
            connection.socket.setblocking(False)
            sent, most, start = 0, resident_bytes(server), time.monotonic()
            last = start
            while sent < len(data) and time.monotonic() < min(last + 1, start + 5):
                writable = select.select([], [connection.socket], [], 0.05)[1]
                if writable:
                    sent += connection.socket.send(data[sent:sent + (1 << 18)])
                    last = time.monotonic()
                for _ in range(read_each_turn // READ_BYTES):
                    try:
                        connection.socket.recv(READ_BYTES)
                    except BlockingIOError:
                        break
                most = max(most, resident_bytes(server))
            return sent, most

    def test_requests_with_large_heads_are_not_piled_up(self):
        with serve() as server:
            self.assert_is_served(server)
            before = resident_bytes(server)
            agent = "User-Agent: " + "x" * 15_000
            request = (f"GET {samples.target(KNOWN[0])} HTTP/1.1\r\nHost: x\r\n{agent}\r\n\r\n")
            sent, most = self.flood(server, request.encode(), 256 * MIB)
            print(f"{sent // MIB} MiB of requests took {(most - before) // MIB} MiB ", end="",
                  flush=True)
            self.assertLess(most - before, 40 * MIB)
            self.assert_is_served(server)

    def test_a_client_that_writes_faster_than_it_reads_is_slowed_down(self):
        with serve("--max-pipeline", 16) as server:
            self.assertGreater(len(get(server.port, samples.target("wide")).body), MIB // 4)
            before = resident_bytes(server)
            request = guix_get(samples.target("wide"), server.port)
            sent, most = self.flood(server, request, 128 * MIB, read_each_turn=MIB)
            print(f"{sent // MIB} MiB of requests took {(most - before) // MIB} MiB ", end="",
                  flush=True)
            self.assertLess(most - before, 40 * MIB)
            self.assert_is_served(server)


class Time(unittest.TestCase):
    LIMIT = 2

    def setUp(self):
        self.server = serve("--header-timeout-seconds", self.LIMIT, "--idle-timeout-seconds",
                            self.LIMIT + 1).start()
        self.addCleanup(self.server.stop)

    def assert_closed_after(self, connection, limit):
        """Not before; the server looks at its clocks twice a second."""
        took = wait_closed(connection, limit + SLACK)
        self.assertGreater(took, limit - 0.1)
        self.assertEqual(read_to_end(connection), 0)

    def test_a_silent_connection_ends(self):
        with Connection(self.server.port) as connection:
            self.assert_closed_after(connection, self.LIMIT + 1)

    def test_a_connection_ends_when_no_further_request_comes(self):
        with Connection(self.server.port) as connection:
            connection.request("/healthz")
            connection.read_response()
            self.assert_closed_after(connection, self.LIMIT + 1)

    def test_half_a_head_ends_the_connection(self):
        with Connection(self.server.port) as connection:
            connection.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
            self.assert_closed_after(connection, self.LIMIT)

    def test_a_head_that_comes_in_drips_ends_the_connection(self):
        """However often a byte comes, the whole head has one limit."""
        with Connection(self.server.port) as connection:
            connection.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Drip: ")
            start = time.monotonic()
            try:
                while time.monotonic() - start < self.LIMIT + SLACK:
                    connection.send(b"x")
                    wait_for(0.2)
                self.fail("dripped for ever")
            except (BrokenPipeError, ConnectionResetError):
                pass
            self.assertGreater(time.monotonic() - start, self.LIMIT - 0.1)

    def test_a_connection_that_is_used_stays(self):
        with Connection(self.server.port) as connection:
            for _ in range(6):
                wait_for(0.8)
                connection.request("/healthz")
                self.assertEqual(connection.read_response().status, 200)

    def test_a_download_longer_than_the_idle_limit_leaves_its_connection_usable(self):
        with slow_connection(self.server.port) as connection:
            connection.request("/nar/large.nar")
            start, body = time.monotonic(), b""
            while b"\r\n\r\n" not in body:
                body += connection.socket.recv(1)
            body = bytearray(body.partition(b"\r\n\r\n")[2])
            while len(body) < NAR_BYTES:
                body += connection.socket.recv(min(1 << 16, NAR_BYTES - len(body)))
                early = len(body) / NAR_BYTES * (self.LIMIT + 4) - (time.monotonic() - start)
                wait_for(max(0, early))
            self.assertEqual(body, NAR)
            wait_for(1)  # two looks at the clock, and less than the idle limit
            connection.request("/healthz")
            self.assertEqual(connection.read_response().status, 200)


class Connections(unittest.TestCase):
    def test_one_more_than_may_be_is_reset_while_the_others_work(self):
        with serve("--max-connections", 5) as server:
            def connect():
                """A connection that is served, or None: others may not have gone yet."""
                try:
                    connection = Connection(server.port)
                    self.addCleanup(connection.close)
                    connection.request("/healthz")
                    connection.read_response()
                    return connection
                except (EOFError, OSError):
                    return None

            some = [support.wait_until(connect, "there is room") for _ in range(5)]
            for _ in range(3):
                with self.assertRaises(ConnectionResetError):
                    with Connection(server.port) as further:
                        further.socket.recv(1)
            for connection in some:
                connection.request(samples.target(KNOWN[0]))
                self.assertEqual(connection.read_response().body, TEXT)
            some.pop().close()
            some.append(support.wait_until(connect, "there is room for one again"))
            self.assertIn("event=too_many_connections limit=5", server.log())

    def test_ten_thousand_idle_connections_and_one_that_asks(self):
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200
        count = min(CONNECTIONS, allowed)
        if count < CONNECTIONS:
            print(f"only {count} connections, by the hard limit of open files ", end="")
        self.assertGreaterEqual(count, CONNECTIONS_AT_LEAST, "ulimit -Hn is too low for this test")
        with serve() as server:
            self.assertEqual(get(server.port, samples.target(KNOWN[0])).status, 200)
            before = resident_bytes(server)
            idle = [Connection(server.port) for _ in range(count)]
            for connection in idle:  # each has been in use
                connection.send(guix_get(samples.target(KNOWN[0]), server.port))
            for connection in idle:
                self.assertEqual(connection.read_response().body, TEXT)
            each = (resident_bytes(server) - before) // count
            print(f"{count} connections, {each} bytes of memory each ", end="", flush=True)
            limit = BYTES_PER_SANITIZED_CONNECTION if is_sanitized() else BYTES_PER_CONNECTION
            self.assertLess(each, limit)

            start = time.monotonic()
            self.assertEqual(get(server.port, samples.target(KNOWN[1])).status, 200)
            self.assertLess(time.monotonic() - start, 5)
            for connection in idle[::count // 100]:
                connection.request("/healthz")
                self.assertEqual(connection.read_response().status, 200)

            start = time.monotonic()
            server.stop()
            self.assertLess(time.monotonic() - start, 5)
            for connection in idle:
                connection.close()

    def test_clients_that_vanish_leave_nothing_behind(self):
        with serve() as server:
            def open_files():
                return len(os.listdir(f"/proc/{server.process.pid}/fd"))

            self.assertEqual(get(server.port, samples.target(KNOWN[0])).status, 200)
            before = open_files()
            for i in range(100):
                with Connection(server.port) as connection:
                    connection.send(narinfo_requests(server, i))
                    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                 struct.pack("ii", 1, 0))  # reset on close
            support.wait_until(lambda: open_files() <= before, "their sockets are closed")
            self.assertEqual(get(server.port, samples.target(KNOWN[0])).body, TEXT)


def wait_for(seconds):
    """For what only time can show: that a limit has not struck yet, or a client that is slow."""
    select.select([], [], [], seconds)


if __name__ == "__main__":
    support.main()
