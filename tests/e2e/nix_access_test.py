#!/usr/bin/env python3
"""S17 with the real nix of Debian: a private cache is read with a token in netrc, and not without.

Each case is a client of its own: Nix remembers for an hour what it was refused.
"""

import json
import unittest

import support
from nix_client import NixClient, Proxy


def setUpModule():
    global SERVER, CLOSURE
    CLOSURE = support.closure()
    SERVER = support.Server("--access-log").start()
    support.narthex("cache", "create", "secret", "--data-dir", SERVER.data_dir, "--visibility",
                    "private")
    support.import_closure(SERVER, CLOSURE, "--cache", "secret")
    support.wait_until(lambda: support.get(SERVER.port, "/secret/").status == 401, "it is known")


def tearDownModule():
    SERVER.stop()
    assert "ntx_" not in SERVER.log()


def make_token(name, *args):
    """Known to the server when its refusals change from "no token of this server"."""
    done = support.narthex("token", "create", "--name", name, *args, "--json", "--data-dir",
                           SERVER.data_dir)
    token = json.loads(done.stdout)["token"]
    show = [f"Authorization: Bearer {token}"]
    support.wait_until(lambda: b"no token of" not in support.get(SERVER.port, "/secret/", "GET",
                                                                 show).body, "the token is known")
    return token


class PrivateCache(unittest.TestCase):
    def pull(self, token, url=None, check=True):
        """A new client's attempt, and the client."""
        client = NixClient()
        netrc = support.temp_dir("netrc") / "netrc"
        if token:
            netrc.write_text(f"machine 127.0.0.1 login anybody password {token}\n")
            client.env["NIX_CONFIG"] = f"netrc-file = {netrc}"
        done = client.pull(CLOSURE.top, CLOSURE.public_key, url or f"{SERVER.url}/secret",
                           check=check)
        self.assertNotIn("ntx_", done.stdout + done.stderr)
        return done, client

    def assert_refused(self, token):
        done, client = self.pull(token, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(client.valid_paths(), set())

    def test_with_a_token_in_netrc(self):
        token = make_token("reader", "--scope", "read", "--cache", "secret")
        with Proxy(SERVER.port) as proxy:
            _, client = self.pull(token, f"{proxy.url}/secret")
            self.assertEqual(client.valid_paths(), set(CLOSURE.paths))
            client.verify()
            # At once, not only when it is asked to: it is a round trip less for each connection.
            for _, _, head in proxy.requests():
                self.assertIn("\r\nAuthorization: Basic ", head)
            self.assertNotIn(b" 401 ", b"".join(proxy.received()))

    def test_with_a_token_to_publish(self):
        self.pull(make_token("ci", "--scope", "publish"))

    def test_without_or_with_another_token(self):
        self.assert_refused(None)
        self.assert_refused("hunter2")
        self.assert_refused(make_token("collector", "--scope", "gc"))
        self.assert_refused(make_token("elsewhere", "--scope", "read", "--cache", "default"))

    def test_a_public_cache_does_not_mind_a_netrc(self):
        support.import_closure(SERVER, CLOSURE)
        _, client = self.pull("hunter2", SERVER.url)
        self.assertEqual(client.valid_paths(), set(CLOSURE.paths))


if __name__ == "__main__":
    support.main()
