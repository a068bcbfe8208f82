"""A TCP proxy of the test's own, between two that should be far apart: it cuts and delays."""

import select
import socket
import threading
import time

import support


class TcpProxy:
    """Listens on a port of its own. `delay`: seconds for each piece, each way. Cut, it refuses who
    comes and resets who is there; silent, it takes everything and passes nothing on."""

    def __init__(self, to_port):
        self.to_port = to_port
        self.delay = 0
        self.is_silent = False
        self.passed = 0  # bytes to the other side
        self.port = support.free_port()
        self._lock = threading.Lock()
        self._pairs = set()
        self._listener = None
        self._ending = False
        self.heal()

    def heal(self):
        self.is_silent = False
        if self._listener:
            return
        listener = socket.create_server(("127.0.0.1", self.port))
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self):
        listener, self._listener = self._listener, None
        if listener:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._end_all()

    def silence(self):
        self.is_silent = True

    def close(self):
        self._ending = True
        self.cut()

    def _end_all(self):
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it has ended already

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.to_port))
        except OSError:
            client.close()
            return
        pair = (client, server)
        with self._lock:
            self._pairs.add(pair)
        if self._listener is None:
            self._end_all()
        try:
            self._copy(client, server)
        except OSError:
            pass
        with self._lock:
            self._pairs.discard(pair)
        client.close()
        server.close()

    def _copy(self, client, server):
        while True:
            ready, _, _ = select.select([client, server], [], [], 0.1)
            if self.is_silent:
                time.sleep(0.05)
                continue
            for end in ready:
                data = end.recv(1 << 16)
                if not data:
                    return
                if self.delay:
                    time.sleep(self.delay)
                (server if end is client else client).sendall(data)
                if end is client:
                    self.passed += len(data)
