#!/usr/bin/env python3
"""What a server says to requests of every shape, byte by byte on raw sockets."""

import html.parser
import socket
import unittest

import samples
import support
from raw_http import assert_well_formed, guix_get, pipelined, without_date
from support import Connection, get

KNOWN = [f"known-{i}" for i in range(300)]
KEY = "test-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="


def setUpModule():
    global SERVER, TEXTS
    SERVER = support.Server().start()
    TEXTS = {name: samples.narinfo(name, references=i % 40).encode()
             for i, name in enumerate(KNOWN)}
    records = samples.write_records(support.temp_dir("records") / "all",
                                    [text.decode() for text in TEXTS.values()])
    data_dir = ("--data-dir", SERVER.data_dir)
    support.narthex("import", *data_dir, records)
    support.narthex("cache", "set", "default", *data_dir, "--trusted-key", KEY)
    support.narthex("cache", "create", "secret", *data_dir, "--visibility", "private")
    support.narthex("import", *data_dir, "--cache", "secret", records)
    support.wait_until(lambda: get(SERVER.port, "/secret/nix-cache-info").status == 200,
                       "the new cache is served")


def tearDownModule():
    SERVER.stop()


def send(data):
    """The one answer to these bytes, after which the server closes."""
    with Connection(SERVER.port) as connection:
        connection.send(data)
        answer = connection.read_response()
        if not connection.at_end():
            raise AssertionError(f"more than one answer to {data[:200]!r}")
        return answer


class Pipelining(unittest.TestCase):
    def assert_in_order(self, count):
        """Hits and misses, a miss being every third; answers are told apart by their text."""
        names = [f"absent-{i}" if i % 3 == 0 else KNOWN[i * 7 % len(KNOWN)] for i in range(count)]
        answers = pipelined(SERVER.port,
                            [guix_get(samples.target(name), SERVER.port) for name in names])
        for name, answer in zip(names, answers):
            assert_well_formed(self, answer)
            if name in TEXTS:
                self.assertEqual((answer.status, answer.reason), (200, "OK"))
                self.assertEqual(answer.body, TEXTS[name])
                self.assertEqual(answer.header("Content-Type"), "text/x-nix-narinfo")
            else:
                self.assertEqual((answer.status, answer.reason), (404, "Not Found"))

    def test_1000_requests_written_before_a_byte_is_read(self):
        self.assert_in_order(1000)

    def test_2500_requests_written_before_a_byte_is_read(self):
        self.assert_in_order(2500)

    def test_answers_of_all_kinds_keep_their_order(self):
        kinds = [("/healthz", 200), (samples.target(KNOWN[0]), 200), ("/nowhere", 404),
                 (samples.target("absent"), 404), ("/nar/absent.nar", 404), ("/", 200),
                 ("/nix-cache-info", 200), ("/secret/", 401)] * 50
        answers = pipelined(SERVER.port,
                            [guix_get(target, SERVER.port) for target, _ in kinds])
        for (target, status), answer in zip(kinds, answers):
            self.assertEqual(answer.status, status, target)
            assert_well_formed(self, answer)

    def test_more_requests_than_the_server_holds_unanswered(self):
        """Half-closed as well: what lies in the server's buffers is not forgotten."""
        count = 20_000
        with Connection(SERVER.port) as connection:
            connection.send(guix_get(samples.target(KNOWN[0]), SERVER.port) * count)
            connection.socket.shutdown(socket.SHUT_WR)
            for _ in range(count):
                self.assertEqual(connection.read_response().body, TEXTS[KNOWN[0]])
            self.assertTrue(connection.at_end())

    def test_a_server_that_holds_one_request_at_a_time_answers_all(self):
        with support.Server("--max-pipeline", 1, data_dir=SERVER.data_dir) as server:
            answers = pipelined(server.port,
                                [guix_get(samples.target(name), server.port) for name in KNOWN])
            self.assertEqual([answer.body for answer in answers], list(TEXTS.values()))

    def test_a_half_closed_client_gets_all_answers_and_then_the_end(self):
        with Connection(SERVER.port) as connection:
            connection.send(b"".join(guix_get(samples.target(name), SERVER.port)
                                     for name in KNOWN))
            connection.socket.shutdown(socket.SHUT_WR)
            for name in KNOWN:
                self.assertEqual(connection.read_response().body, TEXTS[name])
            self.assertTrue(connection.at_end())

    def test_garbage_after_requests_comes_after_their_answers(self):
        with Connection(SERVER.port) as connection:
            connection.send(guix_get(samples.target(KNOWN[1]), SERVER.port) * 20
                            + b"what is this?\r\n\r\n" + guix_get("/healthz", SERVER.port))
            for _ in range(20):
                self.assertEqual(connection.read_response().body, TEXTS[KNOWN[1]])
            answer = connection.read_response()
            self.assertEqual(answer.status, 400)
            self.assertEqual(answer.header("Connection"), "close")
            self.assertTrue(connection.at_end())


class Requests(unittest.TestCase):
    def test_head_has_the_headers_of_get(self):
        for target in (samples.target(KNOWN[39]), samples.target("absent"), "/", "/nix-cache-info",
                       "/healthz", "/readyz", "/nowhere", "/nar/absent.nar", "/secret/",
                       "/secret/nix-cache-info"):
            with self.subTest(target), Connection(SERVER.port) as connection:
                connection.request(target)
                whole = connection.read_response()
                connection.request(target, "HEAD")
                head = connection.read_response("HEAD")
                assert_well_formed(self, head)
                self.assertEqual((head.status, head.reason), (whole.status, whole.reason))
                self.assertEqual(without_date(head), without_date(whole))
                self.assertEqual(int(head.header("Content-Length")), len(whole.body))
                connection.request("/healthz")  # and no body came with it
                self.assertEqual(connection.read_response().body, b"ok\n")

    def test_a_request_in_single_bytes(self):
        with Connection(SERVER.port) as connection:
            for byte in guix_get(samples.target(KNOWN[3]), SERVER.port):
                connection.send(bytes([byte]))
            self.assertEqual(connection.read_response().body, TEXTS[KNOWN[3]])

    def test_too_large_a_head_is_431(self):
        start = b"GET / HTTP/1.1\r\nHost: x\r\n"
        for name, data in {
                "one field": start + b"X-Long: " + b"x" * 65536 + b"\r\n\r\n",
                "many fields": start + b"X-Field: xxxxxxxx\r\n" * 3500 + b"\r\n",
                "without an end": start + b"X-Long: " + b"x" * 65536,
                "target": b"GET /" + b"x" * 65536 + b" HTTP/1.1\r\nHost: x\r\n\r\n"}.items():
            with self.subTest(name):
                answer = send(data)
                assert_well_formed(self, answer)
                self.assertEqual((answer.status, answer.reason),
                                 (431, "Request Header Fields Too Large"))
                self.assertEqual(answer.header("Connection"), "close")

    def test_a_head_just_below_the_limit_is_answered(self):
        head = guix_get("/healthz", SERVER.port, "X-Long: " + "x" * (15 * 1024))
        self.assertEqual(pipelined(SERVER.port, [head] * 20)[19].status, 200)

    def test_garbage_is_400_and_the_end(self):
        for data in (b"what is this?\r\n\r\n",
                     b"GET /healthz\r\n\r\n",
                     b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
                     b"GET /heal thz HTTP/1.1\r\nHost: x\r\n\r\n",
                     b"GET  HTTP/1.1\r\nHost: x\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: x\r\nBad\x01Name: y\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: x\r\nName : y\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: x\r\nName: \x00\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
                     b"Content-Length: 2\r\n\r\n",
                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x80" * 200 + b"\r\n\r\n",
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                     b"\x00" * 1000 + b"\r\n\r\n"):
            with self.subTest(data[:60]):
                answer = send(data)
                assert_well_formed(self, answer)
                self.assertEqual((answer.status, answer.reason), (400, "Bad Request"))
                self.assertEqual(answer.header("Connection"), "close")

    def test_no_host_or_two_of_them_is_400(self):
        for fields in (b"", b"Host: a\r\nHost: b\r\n"):
            answer = send(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n" + fields + b"\r\n")
            self.assertEqual(answer.status, 400)
            self.assertIn(b"Host", answer.body)

    def test_a_client_of_http_1_0(self):
        answer = send(b"GET /healthz HTTP/1.0\r\n\r\n")
        self.assertEqual((answer.status, answer.header("Connection")), (200, "close"))
        with Connection(SERVER.port) as connection:
            for _ in range(3):
                connection.send(b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                answer = connection.read_response()
                self.assertEqual((answer.status, answer.header("Connection")), (200, "keep-alive"))

    def test_connection_close_is_obeyed(self):
        request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: %s\r\n\r\n"
        for option in (b"close", b"Close", b"x-other, close"):
            answer = send(request % option * 3)  # what follows is not answered
            self.assertEqual((answer.status, answer.header("Connection")), (200, "close"))

    def test_the_body_of_a_get_is_not_taken_for_a_request(self):
        inner = guix_get("/nix-cache-info", SERVER.port)
        head = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
        for data in (head + b"Content-Length: %d\r\n\r\n" % len(inner) + inner,
                     head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
                     % (len(inner), inner)):
            answer = send(data)
            self.assertEqual((answer.status, answer.body), (200, b"ok\n"))
            self.assertEqual(answer.header("Connection"), "close")

    def test_a_wrong_method_is_405_with_allow(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"):
            for target in ("/", samples.target(KNOWN[0]), "/nowhere"):
                answer = get(SERVER.port, target, method)
                assert_well_formed(self, answer)
                allowed = "GET, HEAD, PUT" if target.endswith(".narinfo") else "GET, HEAD"
                if method == "PUT" and allowed.endswith("PUT"):
                    continue  # it takes uploads
                self.assertEqual((answer.status, answer.header("Allow")), (405, allowed))

    def test_unknown_paths_are_404_with_a_short_text(self):
        known = samples.hash_part(KNOWN[0])
        for target in ("/nowhere", "/api/queue?nr=1000", "/signing-key.pub", "//",
                       "/nix-cache-info/", f"/{known}", f"/{known}.narinfo/",
                       f"//{known}.narinfo", f"/{known[1:]}.narinfo", f"/{known}0.narinfo", f"/{known.upper()}.narinfo", f"/{known[:-1]}e.narinfo",
                       "/nar/", "/nar", "/healthz/x", "/.narinfo", "/nowhere/nix-cache-info",
                       "/%2e%2e/", "*"):
            with self.subTest(target):
                answer = get(SERVER.port, target)
                assert_well_formed(self, answer)
                self.assertEqual((answer.status, answer.reason), (404, "Not Found"))
                self.assertRegex(answer.body, rb"\A[ -~]{1,80}\n\Z")
                self.assertEqual(answer.header("Content-Type"), "text/plain; charset=utf-8")

    def test_a_query_and_the_absolute_form_name_the_same_things(self):
        target = samples.target(KNOWN[5])
        for form in (f"{target}?a=b", f"http://127.0.0.1:{SERVER.port}{target}"):
            self.assertEqual(get(SERVER.port, form).body, TEXTS[KNOWN[5]])


class Page(html.parser.HTMLParser):
    """Elements that are open, and the text of what has been."""

    VOID = {"meta", "link", "br"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text, self.links = [], [], "", []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise ValueError(f"</{tag}> closes nothing")

    def handle_data(self, data):
        self.text += data


class Pages(unittest.TestCase):
    def test_the_front_page_says_how_to_use_the_cache(self):
        page = self.front_page("cache.example:1234")
        self.assertEqual(page.open, [])
        self.assertLessEqual({"html", "head", "title", "body", "h1", "pre"}, set(page.tags))
        self.assertIn(KEY, page.text)
        self.assertIn("extra-substituters = http://cache.example:1234\n", page.text)
        self.assertNotIn("secret", page.text)
        self.assertNotIn("script", page.tags)

    def test_a_hostile_host_stays_text(self):
        host = "\"><script>alert(1)</script>&'"
        page = self.front_page(host)
        self.assertEqual(page.open, [])
        self.assertNotIn("script", page.tags)
        self.assertIn(f"extra-substituters = http://{host}\n", page.text)

    def front_page(self, host):
        answer = send(b"GET / HTTP/1.1\r\nConnection: close\r\nHost: %s\r\n\r\n" % host.encode())
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.header("Content-Type"), "text/html; charset=utf-8")
        text = answer.body.decode()
        self.assertTrue(text.startswith("<!doctype html>\n"))
        return Page(text)

    def test_a_private_cache_tells_only_what_it_is(self):
        self.assertEqual(get(SERVER.port, "/secret/nix-cache-info").status, 200)
        for target in (samples.target(KNOWN[0]), samples.target("absent"), "/", "/nar/x.nar"):
            for method in ("GET", "HEAD"):
                answer = get(SERVER.port, "/secret" + target, method)
                assert_well_formed(self, answer)
                self.assertEqual(answer.status, 401)
                self.assertIn("Basic", answer.header("WWW-Authenticate"))
                self.assertNotIn(b"StorePath", answer.body)

    def test_health_and_readiness(self):
        self.assertEqual(get(SERVER.port, "/healthz").body, b"ok\n")
        self.assertEqual(get(SERVER.port, "/readyz").body, b"ready\n")

    def test_nix_cache_info(self):
        answer = get(SERVER.port, "/nix-cache-info")
        assert_well_formed(self, answer)
        self.assertEqual(answer.body, b"StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n"
                                      b"GetNarInfosV1: /get-narinfos-v1\n")
        self.assertEqual(answer.header("Content-Type"), "text/x-nix-cache-info")


if __name__ == "__main__":
    support.main()
