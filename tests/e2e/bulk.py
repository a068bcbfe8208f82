"""What the tests of bulk requests share: questions, and what answers must be like."""

import socket
import unittest

import narinfos
import samples
from raw_http import assert_well_formed
from support import Connection

MIB = 1 << 20
KERNEL_BYTES = 256 * 1024  # with less than some packets of the loopback device it crawls
SLACK = 15  # seconds that a busy machine may need beyond a time limit
NDJSON = "application/x-ndjson"
TEXT = "text/x-nix-narinfo"
LINES = "/api/v1/narinfos"
QUERY = "/get-narinfos-v1"
CACHIX = "/api/v1/cache/default/narinfo"
ATTIC = "/_api/v1/get-missing-paths"


def large_closure():
    """4001 narinfos, 18 MB; the last one needs all others."""
    leaves = [narinfos.narinfo(f"leaf-{i}", [f"leaf-{j}" for j in range(max(0, i - 100), i)])
              for i in range(4000)]
    return [*leaves, narinfos.narinfo("top", [f"leaf-{i}" for i in range(4000)])]


def slow_connection(port):
    """One whose kernel takes only so many bytes that nobody has read."""
    connection = Connection(port)
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
    return connection


def absent(i):
    return samples.hash_part(f"nobody has {i}")


def post(target, body, *headers, method="POST", length=None):
    body = body.encode() if isinstance(body, str) else body
    lines = [f"{method} {target} HTTP/1.1", "Host: x",
             f"Content-Length: {len(body) if length is None else length}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def ask(port, data):
    """The answer to a request on a connection of its own."""
    with Connection(port) as connection:
        connection.send(data)
        return connection.read_response()


class Case(unittest.TestCase):
    def assert_answer(self, answer, content_type):
        assert_well_formed(self, answer)
        self.assertEqual((answer.status, answer.header("Content-Type")), (200, content_type),
                         answer.body[:200])

    def assert_refused(self, answer, status, text="", close=False):
        assert_well_formed(self, answer)
        self.assertEqual(answer.status, status, answer.body)
        self.assertRegex(answer.body, rb"\A[ -~]{1,700}\n\Z")
        self.assertIn(text, answer.body.decode())
        self.assertEqual(answer.header("Connection"), "close" if close else None)
