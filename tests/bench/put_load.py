"""A client that PUTs by several connections at once, each kept open, and times every PUT."""

import socket
import threading
import time
from dataclasses import dataclass

from dataset import BenchError

STORED = (200, 201, 204)


@dataclass
class Timed:
    """Milliseconds of each PUT, by kind; and seconds of all."""

    nars: list
    narinfos: list
    seconds: float

    def rate(self):
        return (len(self.nars) + len(self.narinfos)) / self.seconds


class Connection:
    def __init__(self, port, headers):
        self._socket = socket.create_connection(("127.0.0.1", port), 60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._headers = "".join(f"{header}\r\n" for header in headers)

    def put(self, target, body):
        head = (f"PUT {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{self._headers}"
                f"Content-Length: {len(body)}\r\n\r\n")
        self._socket.sendall(head.encode() + body)
        self._read_answer(target)

    def _read_answer(self, target):
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._receive(target)
        length = 0
        for line in data[:end].lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line[15:])
        while len(data) < end + 4 + length:
            data += self._receive(target)
        status = int(data[9:12])
        if status not in STORED:
            raise BenchError(f"PUT {target}: {status} {data[end + 4:300].decode(errors='replace')}")

    def _receive(self, target):
        data = self._socket.recv(1 << 16)
        if not data:
            raise BenchError(f"PUT {target}: the server closed the connection")
        return data

    def close(self):
        self._socket.close()


def put_all(port, prefix, cache, connections, headers):
    """All NARs, then the narinfos, one layer after the other. Prefix: with both slashes."""
    opened = [Connection(port, headers) for _ in range(connections)]
    start = time.monotonic()
    nars = put_each(opened, prefix, cache.nars)
    narinfos = [took for layer in cache.layers for took in put_each(opened, prefix, layer)]
    seconds = time.monotonic() - start
    for connection in opened:
        connection.close()
    return Timed(nars, narinfos, seconds)


def put_each(opened, prefix, uploads):
    """Milliseconds of each, in whatever order they went."""
    left, took, errors, lock = iter(uploads), [], [], threading.Lock()

    def work(connection):
        try:
            while True:
                with lock:
                    upload = next(left, None)
                if upload is None or errors:
                    return
                start = time.perf_counter()
                connection.put(prefix + upload.target, upload.body)
                took.append((time.perf_counter() - start) * 1000)
        except (BenchError, OSError) as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(connection,)) for connection in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise BenchError(str(errors[0]))
    return took
