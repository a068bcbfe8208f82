"""A stock Nix client with nothing of its machine's: own store, settings, home and caches."""

import os
import re
import socket
import subprocess
import threading

import support


class NixClient:
    """Its store lies in a directory of its own (/nix/store/x is at root/nix/store/x), named by
    NIX_REMOTE, so that no command ever opens, or makes, the machine's /nix."""

    def __init__(self, store_dir="/nix/store"):
        home = support.temp_dir("nix-client")
        self.root = home / "root"
        self.cache = home / "cache"
        self.store = f"local?root={self.root}&store={store_dir}"
        (home / "nix.conf").write_text(
            "build-users-group =\n"
            "experimental-features = nix-command\n"
            "sandbox-fallback = false\n"
            "substituters =\n"
            "trusted-public-keys =\n")
        self.env = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_CACHE_HOME": str(self.cache),
                    "NIX_CONF_DIR": str(home), "NIX_USER_CONF_FILES": "/dev/null",
                    "NIX_REMOTE": self.store, "NO_COLOR": "1"}

    def run(self, *command, check=True):
        done = subprocess.run([*map(str, command)], env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=2 * support.DEADLINE)
        if check and done.returncode != 0:
            raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def pull(self, path, key, *substituters, check=True):
        """Substitutes the path's closure as nix-env, nix-build and nixos-rebuild would."""
        return self.run("nix-store", "--realise", path, "--option", "substituters",
                        " ".join(substituters), "--option", "trusted-public-keys", key,
                        check=check)

    def valid_paths(self):
        return set(self.run("nix", "path-info", "--all").stdout.split())

    def verify(self):
        """Every path's contents against the hash that its narinfo promised."""
        self.run("nix-store", "--verify", "--check-contents")


class Proxy:
    """A TCP proxy that remembers what went by, and can break one download.

    With break_at=N, the first connection that has carried N bytes from the server is cut off.
    """

    def __init__(self, port, break_at=None):
        self._upstream = port
        self._break_at = break_at
        self._lock = threading.Lock()
        self._streams = []  # of (bytearray from the client, bytearray from the server)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def requests(self):
        """(method, target, head) of each request seen. The clients here send no bodies."""
        return [(line[1].decode(), line[2].decode(), head.decode())
                for sent, _ in self._streams for head in bytes(sent).split(b"\r\n\r\n")
                if (line := re.match(rb"([A-Z]+) (\S+) HTTP/1\.1\r\n", head))]

    def received(self):
        """What the server sent, one bytes object for each connection."""
        return [bytes(answer) for _, answer in self._streams]

    def close(self):
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
            server = socket.create_connection(("127.0.0.1", self._upstream))
            sent, answer = bytearray(), bytearray()
            self._streams.append((sent, answer))
            for source, target, seen, breaks in ((client, server, sent, False),
                                                 (server, client, answer, True)):
                threading.Thread(target=self._pump, args=(source, target, seen, breaks),
                                 daemon=True).start()

    def _pump(self, source, target, seen, breaks):
        try:
            while data := source.recv(1 << 16):
                seen += data
                target.sendall(data)
                if breaks and self._is_time_to_break(len(seen)):
                    break
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        source.close()

    def _is_time_to_break(self, count):
        with self._lock:
            if self._break_at is None or count < self._break_at:
                return False
            self._break_at = None
            return True
