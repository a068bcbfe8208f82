"""A raw HTTP/1.1 client: what it sends is what it is told, what it reads it reads strictly."""

import re
import socket
from dataclasses import dataclass

TIMEOUT = 60  # seconds without a byte


@dataclass
class Response:
    status: int
    reason: str
    headers: list  # of (name in lower case, value), in the order received
    body: bytes
    head: bytes  # status line and headers as they came, with the blank line

    def header(self, name):
        values = [value for key, value in self.headers if key == name.lower()]
        return values[0] if values else None


class Connection:
    """One TCP connection: bytes out, strictly parsed responses in."""

    def __init__(self, port, timeout=TIMEOUT):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pending = b""

    def send(self, data):
        self.socket.sendall(data)

    def request(self, target, method="GET", headers=()):
        lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]
        self.send("\r\n".join(lines).encode())

    def read_response(self, method="GET"):
        """The next response. ValueError when it is malformed, EOFError when there is none."""
        while b"\r\n\r\n" not in self._pending:
            self._receive()
        head, _, self._pending = self._pending.partition(b"\r\n\r\n")
        status, reason, headers = parse_head(head)
        lengths = [value for name, value in headers if name == "content-length"]
        if any(name == "transfer-encoding" for name, _ in headers):
            raise ValueError(f"Transfer-Encoding in {head!r}")
        if len(lengths) > 1 or (not lengths and status not in (100, 204, 304)):
            raise ValueError(f"{len(lengths)} Content-Length in {head!r}")
        if lengths and not re.fullmatch("[0-9]+", lengths[0]):
            raise ValueError(f"Content-Length of {head!r}")
        has_body = method != "HEAD" and status not in (100, 204, 304)
        length = int(lengths[0]) if lengths and has_body else 0
        while len(self._pending) < length:
            self._receive()
        body, self._pending = self._pending[:length], self._pending[length:]
        return Response(status, reason, headers, body, head + b"\r\n\r\n")

    def at_end(self):
        """True when the server has closed and no byte is left; waits for either."""
        try:
            self._receive()
        except EOFError:
            return not self._pending
        return False

    def _receive(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError(f"closed after {self._pending[:200]!r}")
        self._pending += data

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def parse_head(head):
    """(status, reason, [(name, value)]) of a response head without its blank line."""
    lines = head.split(b"\r\n")
    status_line = re.fullmatch(rb"HTTP/1\.1 ([1-5][0-9]{2}) ([ -~]+)", lines[0])
    if not status_line:
        raise ValueError(f"status line {lines[0]!r}")
    headers = []
    for line in lines[1:]:
        field = re.fullmatch(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([ -~]*)", line)
        if not field:
            raise ValueError(f"header {line!r}")
        headers.append((field[1].decode().lower(), field[2].decode().strip()))
    return int(status_line[1]), status_line[2].decode(), headers


def get(port, target, method="GET", headers=()):
    """One request on a connection of its own."""
    with Connection(port) as connection:
        connection.request(target, method, [*headers, "Connection: close"])
        return connection.read_response(method)
