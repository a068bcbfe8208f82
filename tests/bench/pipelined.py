"""Asking for many paths at once, so that the asking itself takes little of the machine."""

import re
import socket

from dataset import BenchError

DEPTH = 50
HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r]*\r\n(?:[^\r]+\r\n)*?Content-Length: (\d+)\r\n(?:[^\r]+\r\n)*\r\n")


def ask_all(server, keys):
    """Hash part -> status of its narinfo."""
    statuses = {}
    with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
        for start in range(0, len(keys), DEPTH):
            part = keys[start:start + DEPTH]
            connection.sendall(b"".join(b"GET /%s.narinfo HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % key.encode()
                                        for key in part))
            statuses.update(zip(part, read_statuses(connection, len(part))))
    return statuses


def read_statuses(connection, count):
    statuses, pending = [], b""
    while len(statuses) < count:
        data = connection.recv(1 << 18)
        if not data:
            raise BenchError("the server closed a connection")
        pending += data
        while (head := HEAD.match(pending)) and len(pending) >= head.end() + int(head[2]):
            statuses.append(int(head[1]))
            pending = pending[head.end() + int(head[2]):]
    return statuses
