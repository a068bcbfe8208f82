#!/usr/bin/env python3
"""NARs from a directory: whole, in parts, unchanged, gone; and nothing but NARs."""

import hashlib
import os
import socket
import struct
import unittest

import samples
import support
from raw_http import assert_well_formed, guix_get, without_date
from support import Connection, get

SMALL = samples.nar_bytes(10_000, seed=1)
LARGE = samples.nar_bytes(6 << 20, seed=2)
HUGE = samples.nar_bytes(24 << 20, seed=3)  # more than the kernel keeps for a client
KERNEL_BYTES = 256 * 1024  # with less than some packets of the loopback device it crawls
SECRET = b"nobody may read this"


def setUpModule():
    global SERVER, DIRECTORY
    SERVER = support.Server().start()
    outer = support.temp_dir("outer")
    (outer / "secret").write_bytes(SECRET)
    DIRECTORY = outer / "cache"
    (DIRECTORY / "nar" / "zstd").mkdir(parents=True)
    (DIRECTORY / "secret").write_bytes(SECRET)
    (DIRECTORY / "nar" / "unknown").write_bytes(SECRET)  # there, but no narinfo names it
    nars = [add("small.nar", SMALL), add("large.nar", LARGE), add("huge.nar", HUGE),
            add("gtk+-3.nar", SMALL), add("zstd/gtkmm%2B-4", SMALL, "zstd/gtkmm+-4"),
            add("gone.nar", SMALL), add("locked.nar", SMALL), add("shrinks.nar", HUGE),
            add("empty.nar", b"")]
    support.narthex("import", "--data-dir", SERVER.data_dir, "--nar-dir", DIRECTORY,
                    samples.write_records(outer / "records", nars))


def tearDownModule():
    SERVER.stop()


def add(url, data, file=None):
    (DIRECTORY / "nar" / (file or url)).write_bytes(data)
    # A NAR is never empty, but a file may turn out so: the narinfo tells of another.
    name = url.partition("%")[0].replace("/", "-")
    text = samples.narinfo(name, nar=(f"nar/{url}", data or SMALL))
    if not data:
        text = "".join(line + "\n" for line in text.splitlines() if not line.startswith("File"))
    return text


def fetch(target, *headers, method="GET"):
    return get(SERVER.port, target, method, headers)


class Whole(unittest.TestCase):
    def test_get_gives_the_file(self):
        for name, data in (("small", SMALL), ("large", LARGE), ("huge", HUGE), ("empty", b"")):
            answer = fetch(f"/nar/{name}.nar", "Accept-Encoding: gzip, br, zstd")
            assert_well_formed(self, answer)  # which knows of no Content-Encoding
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.header("Content-Type"), "application/x-nix-nar")
            self.assertEqual(answer.header("Accept-Ranges"), "bytes")
            self.assertEqual(hashlib.sha256(answer.body).digest(), hashlib.sha256(data).digest())

    def test_head_has_the_headers_of_get(self):
        for headers in ((), ("If-None-Match: *",)):
            whole = fetch("/nar/small.nar", *headers)
            head = fetch("/nar/small.nar", *headers, method="HEAD")
            self.assertEqual(head.status, whole.status)
            self.assertEqual(without_date(head), without_date(whole))

    def test_head_ignores_ranges(self):
        """RFC 9110 14.2: they are GET's alone."""
        whole = without_date(fetch("/nar/small.nar", method="HEAD"))
        for value in ("bytes=5-", "bytes=10000-"):
            head = fetch("/nar/small.nar", f"Range: {value}", method="HEAD")
            self.assertEqual((head.status, without_date(head)), (200, whole))

    def test_an_escaped_name_is_the_same_file(self):
        for target in ("/nar/gtk+-3.nar", "/nar/gtk%2B-3.nar", "/nar/gtk%2b-3.nar",
                       "/nar/%67tk+-3.nar", "/nar/gtk+-3.nar?hash=x", "/nar/zstd/gtkmm+-4",
                       "/nar/zstd/gtkmm%2B-4"):
            answer = fetch(target)
            self.assertEqual((answer.status, answer.body), (200, SMALL), target)

    def test_nars_and_narinfos_pipelined_come_in_order(self):
        with Connection(SERVER.port) as connection:
            connection.send(b"".join([
                guix_get("/nar/large.nar", SERVER.port), guix_get("/healthz", SERVER.port),
                guix_get("/nar/small.nar", SERVER.port, "Range: bytes=1-2"),
                guix_get("/nar/gone-for-ever.nar", SERVER.port),
                guix_get("/nar/large.nar", SERVER.port),
                guix_get(samples.target("small.nar"), SERVER.port)]))
            answers = [connection.read_response() for _ in range(6)]
        self.assertEqual([answer.status for answer in answers], [200, 200, 206, 404, 200, 200])
        self.assertEqual([answer.body for answer in answers[:3]], [LARGE, b"ok\n", SMALL[1:3]])
        self.assertEqual(answers[4].body, LARGE)
        self.assertIn(b"URL: nar/small.nar\n", answers[5].body)

    def test_a_slow_reader_gets_all_of_it_while_others_are_served(self):
        with Connection(SERVER.port) as slow:
            slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
            slow.request("/nar/huge.nar")
            received = b""
            while b"\r\n\r\n" not in received:
                received += slow.socket.recv(1)
            digest, left, turn = hashlib.sha256(), len(HUGE), 0
            while left:
                data = slow.socket.recv(min(left, 16 * 1024))
                self.assertTrue(data)
                digest.update(data)
                left -= len(data)
                turn += 1
                if turn % 100 == 0:
                    self.assertEqual(fetch("/nar/small.nar").body, SMALL)
            self.assertEqual(digest.digest(), hashlib.sha256(HUGE).digest())
            slow.request("/healthz")
            self.assertEqual(slow.read_response().status, 200)


class Parts(unittest.TestCase):
    def assert_part(self, answer, first, last):
        assert_well_formed(self, answer)
        self.assertEqual((answer.status, answer.reason), (206, "Partial Content"))
        self.assertEqual(answer.header("Content-Range"), f"bytes {first}-{last}/{len(SMALL)}")
        self.assertEqual(answer.body, SMALL[first:last + 1])

    def assert_whole(self, answer):
        assert_well_formed(self, answer)
        self.assertEqual((answer.status, answer.body), (200, SMALL))
        self.assertIsNone(answer.header("Content-Range"))

    def test_one_range_is_206(self):
        for text, first, last in (("0-99", 0, 99), ("0-0", 0, 0), ("100-", 100, 9999),
                                  ("-100", 9900, 9999), ("9999-", 9999, 9999),
                                  ("5000-123456789", 5000, 9999), ("-20000", 0, 9999),
                                  ("0-", 0, 9999), ("0-99999999999999999999999", 0, 9999)):
            with self.subTest(text):
                self.assert_part(fetch("/nar/small.nar", f"Range: bytes={text}"), first, last)

    def test_a_part_of_a_large_nar(self):
        answer = fetch("/nar/large.nar", "Range: bytes=1000000-")
        self.assertEqual(answer.body, LARGE[1_000_000:])

    def test_what_is_no_single_range_is_ignored(self):
        for text in ("bytes=0-1,5-6", "bytes=5-2", "bytes=", "bytes=-", "bytes=x-y", "items=0-5",
                     "0-5", "bytes 0-5"):
            with self.subTest(text):
                self.assert_whole(fetch("/nar/small.nar", f"Range: {text}"))

    def test_a_range_behind_the_end_is_416(self):
        for text in ("10000-", "10000-10001", "99999999999999999999999-", "-0"):
            answer = fetch("/nar/small.nar", f"Range: bytes={text}")
            assert_well_formed(self, answer)
            self.assertEqual((answer.status, answer.reason), (416, "Range Not Satisfiable"))
            self.assertEqual(answer.header("Content-Range"), "bytes */10000")

    def test_if_range_with_the_right_and_a_wrong_validator(self):
        whole = fetch("/nar/small.nar")
        etag, date = whole.header("ETag"), whole.header("Last-Modified")
        part = "Range: bytes=10-19"
        for validator in (etag, date):
            self.assert_part(fetch("/nar/small.nar", part, f"If-Range: {validator}"), 10, 19)
        for validator in ('"other"', "W/" + etag, etag[:-1], "Sun, 06 Nov 1994 08:49:37 GMT", "*"):
            with self.subTest(validator):
                self.assert_whole(fetch("/nar/small.nar", part, f"If-Range: {validator}"))

    def test_if_none_match(self):
        etag = fetch("/nar/small.nar").header("ETag")
        for value in (etag, "*", f'"other", {etag}', f"W/{etag}"):
            answer = fetch("/nar/small.nar", f"If-None-Match: {value}")
            assert_well_formed(self, answer)
            self.assertEqual((answer.status, answer.reason), (304, "Not Modified"))
            self.assertEqual(answer.header("ETag"), etag)
        for value in ('"other"', etag[1:-1], fetch("/nar/large.nar").header("ETag")):
            self.assert_whole(fetch("/nar/small.nar", f"If-None-Match: {value}"))

    def test_each_file_has_an_etag_of_its_own(self):
        targets = ("/nar/small.nar", "/nar/large.nar", "/nar/gtk+-3.nar")
        self.assertEqual(len({fetch(target).header("ETag") for target in targets}), len(targets))


class Trouble(unittest.TestCase):
    def test_nothing_but_nars_can_be_read(self):
        outer = DIRECTORY.parent
        for path in (b"../secret", b"..%2fsecret", b"%2e%2e/secret", b"%2e%2e%2fsecret",
                     b"..%252fsecret", b"%252e%252e%252fsecret", b"../../secret", b"./../secret",
                     b"zstd/../../secret", b"zstd/..%2f..%2fsecret", b"..\\secret", b"..%5csecret",
                     b"%2e%2e%5csecret", b"..%c0%afsecret", b"%c0%ae%c0%ae/secret",
                     b"small.nar/../../secret", b"..;/secret", b"small.nar%00", b"%00",
                     b"secret%00.nar",
                     b"..%00/secret", b"....//secret", b"/secret", b"//secret", b"unknown",
                     b"%2fetc%2fpasswd", b"/etc/passwd", b"../" * 20 + b"etc/passwd",
                     b"%2e%2e%2f" * 20 + b"etc%2fpasswd", str(outer).encode() + b"/secret",
                     b"small.nar/", b"small.nar/.", b"./small.nar", b"zstd//gtkmm+-4", b"zstd",
                     b".", b"..", b"%", b"%2", b"%zz", b"\\..\\..\\secret", b"?../secret",
                     b"small.nar%0a", b"file:///etc/passwd"):
            for prefix in (b"/nar/", b"/nar%2f", b"/default/nar/", b"/./nar/"):
                with self.subTest(prefix + path), Connection(SERVER.port) as connection:
                    connection.send(b"GET %s%s HTTP/1.1\r\nHost: x\r\n\r\n" % (prefix, path))
                    answer = connection.read_response()
                    assert_well_formed(self, answer)
                    self.assertEqual(answer.status, 404)
                    self.assertNotIn(SECRET, answer.body)
                    self.assertLess(len(answer.body), 100)

    def test_bytes_that_no_target_has_are_400(self):
        for path in (b"small.nar\x00", b"small.nar\x01", b"small\x7f.nar", b"..\x00/secret"):
            with self.subTest(path), Connection(SERVER.port) as connection:
                connection.send(b"GET /nar/%s HTTP/1.1\r\nHost: x\r\n\r\n" % path)
                self.assertEqual(connection.read_response().status, 400)

    def test_a_nar_that_has_gone_is_404(self):
        self.assertEqual(fetch("/nar/gone.nar").status, 200)
        (DIRECTORY / "nar" / "gone.nar").unlink()
        answer = fetch("/nar/gone.nar")
        assert_well_formed(self, answer)
        self.assertEqual(answer.status, 404)
        self.assertIn("event=nar_unreadable", SERVER.log())

    def test_a_nar_that_cannot_be_opened_is_not_404(self):
        """Too many open files, say: for a build a 404 would be the last word."""
        self.assertEqual(fetch("/nar/locked.nar").status, 200)
        (DIRECTORY / "nar" / "locked.nar").chmod(0)
        answer = fetch("/nar/locked.nar")
        assert_well_formed(self, answer)
        self.assertEqual(answer.status, 503)
        self.assertIsNotNone(answer.header("Retry-After"))

    def test_a_nar_that_shrinks_under_way_ends_the_connection(self):
        with Connection(SERVER.port) as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
            connection.request("/nar/shrinks.nar")
            connection.socket.recv(100)
            os.truncate(DIRECTORY / "nar" / "shrinks.nar", 1 << 20)
            received = 100
            while data := connection.socket.recv(1 << 16):
                received += len(data)
            self.assertLess(received, len(HUGE))
        self.assertEqual(fetch("/nar/small.nar").body, SMALL)

    def test_clients_that_vanish_under_way_leave_nothing_behind(self):
        def open_files():
            return len(os.listdir(f"/proc/{SERVER.process.pid}/fd"))

        before = open_files()
        for _ in range(30):
            with Connection(SERVER.port) as connection:
                connection.request("/nar/huge.nar")
                connection.socket.recv(1 << 16)
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                             struct.pack("ii", 1, 0))  # reset on close
        support.wait_until(lambda: open_files() <= before, "their files are closed")
        self.assertEqual(fetch("/nar/large.nar").body, LARGE)


if __name__ == "__main__":
    support.main()
