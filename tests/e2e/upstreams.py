"""An upstream made for tests: it serves a binary cache from a directory, counts what is asked, and
misbehaves where it is told to."""

import re
import socket
import ssl
import subprocess
import threading

import support

DRIP_SECONDS = 0.05  # between two bytes


class Upstream:
    """`special` says what is to be done with a target instead: a function of this and the socket."""

    def __init__(self, directory=None, tls=None):
        self._directory = directory
        self._tls = tls
        self.special = {}
        self.always = None  # instead of all that isn't special
        self.requests = []  # targets, in the order in which they came
        self.agents = set()
        self.closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def count(self, target):
        return self.requests.count(target)

    def close(self):
        if self.closing.is_set():
            return
        self.closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() alone doesn't
        self._listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        pending = b""
        try:
            if self._tls:
                client = self._tls.wrap_socket(client, server_side=True)
            with client:
                while not self.closing.is_set():
                    while b"\r\n\r\n" not in pending:
                        if not (data := client.recv(1 << 16)):
                            return
                        pending += data
                    head, _, pending = pending.partition(b"\r\n\r\n")
                    self._answer(client, head.decode())
        except OSError:
            pass  # the client has gone

    def _answer(self, client, head):
        target = head.split(" ")[1]
        self.agents.add(re.search(r"(?im)^user-agent: (.*?)\r?$", head)[1])
        self.requests.append(target)
        behaviour = self.special.get(target, self.always)
        if behaviour:
            return behaviour(self, client)
        file = self._directory and self._directory / target.lstrip("/")
        if file and file.is_file():
            send(client, 200, file.read_bytes())
        else:
            send(client, 404, b"no\n")


def self_signed():
    """A server's side of TLS whose certificate nobody vouches for."""
    directory = support.temp_dir("certificate")
    key, certificate = directory / "key", directory / "certificate"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def send(client, status, body=b"", *headers, length=None):
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body) if length is None else length}",
             *headers, "", ""]
    client.sendall("\r\n".join(lines).encode() + body)


def says(status, body=b"", *headers):
    return lambda _, client: send(client, status, body, *headers)


def silence(upstream, _):
    """The request is taken and never answered."""
    upstream.closing.wait()


def hang_up(_, client):
    client.shutdown(socket.SHUT_RDWR)


def truncated(body):
    """Half of the body, then the end."""
    def answer(_, client):
        send(client, 200, body[:len(body) // 2], length=len(body))
        client.shutdown(socket.SHUT_RDWR)
    return answer


def dripping(body):
    """A byte now and then."""
    def answer(upstream, client):
        send(client, 200, length=len(body))
        for byte in body:
            if upstream.closing.wait(DRIP_SECONDS):
                return
            client.sendall(bytes([byte]))
    return answer


def endless(_, client):
    """More than any narinfo may have, and no end in sight."""
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        client.sendall(b"References: " * 8192)
