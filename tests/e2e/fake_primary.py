"""A primary of the test's own, which misbehaves as it is told."""

import re
import socket
import threading


class FakePrimary:
    """`answer` gets each connection, once its request's head has come."""

    def __init__(self, answer):
        self.heads = []
        self.answer = answer
        self._open = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def count(self, target):
        return sum(bool(re.match(rf"[A-Z]+ {re.escape(target)} ", head)) for head in self.heads)

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                byte = client.recv(1)
                if not byte:
                    return
                head += byte
            self.heads.append(head.decode())
            self.answer(client)
        except OSError:
            pass  # the region has gone
        finally:
            client.close()

    def close(self):
        """It is away: nobody answers there any more."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it was closed before
        self._listener.close()
        for client in self._open:
            client.close()
