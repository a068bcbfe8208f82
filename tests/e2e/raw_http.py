"""Requests byte by byte as clients write them, and what every answer must be like."""

import email.utils
import fcntl
import mmap
import pathlib
import re
import select
import sys
import termios
import time

import support
from support import Connection

CLOSED = select.POLLHUP | select.POLLERR | select.POLLRDHUP

# What malformed known headers do to Guix: it reconnects for ever (guix.md 1.2).
HEADER_FORMS = {
    "content-type": r"[a-z]+/[a-z-]+(; charset=utf-8)?",
    "content-length": r"0|[1-9][0-9]*",
    "cache-control": r"no-store|private|((public|private), )?max-age=[0-9]+",
    "retry-after": r"[0-9]+",
    "connection": r"close|keep-alive",
    "etag": r'"[!#-~]+"',
    "location": r"https?://[!-~]+",
    "accept-ranges": r"bytes",
    "content-range": r"bytes ([0-9]+-[0-9]+|\*)/[0-9]+",
    "allow": r"GET, HEAD(, PUT)?|POST(, QUERY)?",
    "narthex-hidden": r"1",
    "narthex-kept": "hidden|purged",
    "narthex-region": r"behind",
    "www-authenticate": r'Basic realm="[a-z]+"',
}
DATES = {"date", "last-modified"}


def guix_get(target, port, *headers):
    """One request, exactly as Guix writes it."""
    lines = [f"GET {target} HTTP/1.1", f"Host: 127.0.0.1:{port}", "User-Agent: GNU Guile", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def pipelined(port, requests):
    """The answers to requests that are all written before a byte is read; strictly parsed."""
    with Connection(port) as connection:
        connection.send(b"".join(requests))
        return [connection.read_response() for _ in requests]


def assert_well_formed(test, answer):
    """No header twice, none unknown, every one of a form that all clients can parse."""
    names = [name for name, _ in answer.headers]
    test.assertEqual(len(names), len(set(names)), answer.head)
    for name, value in answer.headers:
        if name in DATES:
            date = email.utils.parsedate_to_datetime(value)
            test.assertEqual(email.utils.format_datetime(date, usegmt=True), value)
        else:
            test.assertIn(name, HEADER_FORMS, answer.head)
            test.assertRegex(value, f"^(?:{HEADER_FORMS[name]})$", answer.head)
    empty = answer.status in (204, 304)
    if empty:
        test.assertNotIn("content-length", names, answer.head)  # some parsers would wait for a body
    for wanted in ("date",) if empty else ("content-type", "content-length", "date"):
        test.assertIn(wanted, names, answer.head)


def without_date(answer):
    return [header for header in answer.headers if header[0] != "date"]


def is_closed(connection, seconds=0):
    """Has the server ended this connection, or does it so within this time? Reads nothing."""
    poll = select.poll()
    poll.register(connection.socket, select.POLLRDHUP)
    events = poll.poll(seconds * 1000)
    return bool(events and events[0][1] & CLOSED)


def wait_closed(connection, seconds=support.DEADLINE):
    """Seconds until the server has ended this connection, without reading what it sent."""
    start = time.monotonic()
    if not is_closed(connection, seconds):
        raise TimeoutError(f"the connection still stands after {seconds} s")
    return time.monotonic() - start


def unread_bytes(connection):
    """How many bytes the kernel holds that this side hasn't read."""
    count = fcntl.ioctl(connection.socket, termios.FIONREAD, bytes(4))
    return int.from_bytes(count, sys.byteorder)


def read_to_end(connection):
    """How many bytes still come until the connection ends, orderly or reset."""
    count = 0
    try:
        while data := connection.socket.recv(1 << 16):
            count += len(data)
    except ConnectionResetError:
        pass
    return count


def resident_bytes(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


def is_sanitized():
    """Is the program under test built with the address sanitizer, which takes memory of its own?"""
    with open(support.NARTHEX, "rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return data.find(b"__asan_init") >= 0
