#!/usr/bin/env python3
"""S29 under load: a public cache of /nix/store and a private one of /gnu/store on one server, used at
once by real Nix clients and by clients that ask as Guix does. Nothing of one shows in the other, not
even where both have a narinfo of the same hash part and a NAR of the same URL."""

import json
import threading
import unittest

import guix_keys
import guix_narinfos
import samples
import support
from nix_client import NixClient, Proxy
from raw_http import guix_get, pipelined
from support import get
from uploads import make_token, narinfo_target

NIX_CLIENTS = 3
GUIX_CLIENTS = 2
SHARED = [f"shared-{i}" for i in range(20)]  # both caches have it, each another
KEY = guix_keys.Key("farm")


def guix_nar(name):
    return guix_narinfos.url_of(name, "gzip")


def public_bytes(name):
    return f"the public one of {name}".encode()


def setUpModule():
    global SERVER, CLOSURE, TOKEN, GUIX_TEXTS
    CLOSURE = support.closure()
    SERVER = support.Server().start()
    support.import_closure(SERVER, CLOSURE)
    import_public()
    GUIX_TEXTS = {name: KEY.signed(guix_narinfos.unsigned(name)).encode() for name in SHARED}
    import_private()
    support.wait_until(lambda: get(SERVER.port, "/guix/").status == 401, "the cache is served")
    TOKEN = make_token(SERVER, "guix-reader", "--scope", "read", "--cache", "guix")


def tearDownModule():
    SERVER.stop()


def import_public():
    directory = support.temp_dir("public")
    for name in SHARED:
        file = directory / guix_nar(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(public_bytes(name))
    records = samples.write_records(directory / "records", [
        samples.narinfo(name, nar=(guix_nar(name), public_bytes(name))) for name in SHARED])
    support.narthex("import", "--data-dir", SERVER.data_dir, "--nar-dir", directory, records)


def import_private():
    directory = support.temp_dir("private")
    key = directory / "key"
    key.write_text(KEY.public())
    support.narthex("cache", "create", "guix", "--store-dir", "/gnu/store", "--visibility", "private",
                    "--authorized-key", key, "--data-dir", SERVER.data_dir)
    for name in SHARED:
        guix_narinfos.write_nars(directory, name)
    records = directory / "records"
    records.write_bytes(b"\n".join(GUIX_TEXTS.values()))
    support.narthex("import", "--data-dir", SERVER.data_dir, "--cache", "guix", "--nar-dir", directory,
                    records)


class Client(threading.Thread):
    """Runs `once` again and again until `ended` is set, and at least one time."""

    def __init__(self, once, ended):
        super().__init__(daemon=True)
        self._once = once
        self._ended = ended
        self.rounds = 0
        self.error = None
        self.start()

    def run(self):
        try:
            while self.rounds == 0 or not self._ended.is_set():
                self._once()
                self.rounds += 1
        except Exception as error:  # the test looks at it
            self.error = error


class TwoCaches(unittest.TestCase):
    def ask_private(self):
        """All of the private cache in one pipeline, what the public one alone has, and the public one."""
        mine = [f"Authorization: Bearer {TOKEN}"]
        targets = [each for name in SHARED for each in
                   (f"/guix{samples.target(name)}", f"/guix/{guix_nar(name)}", samples.target(name),
                    f"/{guix_nar(name)}")]
        targets += [narinfo_target(path, "/guix/") for path in CLOSURE.paths]
        answers = iter(pipelined(SERVER.port, [guix_get(target, SERVER.port, *mine)
                                               for target in targets]))
        for name in SHARED:
            private, private_nar, public, public_nar = (next(answers) for _ in range(4))
            self.assertEqual((private.status, private.body), (200, GUIX_TEXTS[name]))
            self.assertRegex(private.header("Cache-Control"), "^private")
            self.assertEqual(private_nar.body, guix_narinfos.file_of(name, "gzip"))
            self.assertIn(b"StorePath: /nix/store/", public.body)
            self.assertEqual(public_nar.body, public_bytes(name))
        self.assertEqual({answer.status for answer in answers}, {404})

    def ask_without_token(self):
        targets = [f"/guix{samples.target(name)}" for name in SHARED]
        targets += [f"/guix/{guix_nar(name)}" for name in SHARED]
        targets.append(f"/guix{samples.target('nobody has it')}")
        for answer in pipelined(SERVER.port, [guix_get(each, SERVER.port) for each in targets]):
            self.assertEqual(answer.status, 401)
            self.assertNotIn(b"/gnu/store", answer.body)

    def pull(self, errors):
        """A new Nix substitutes the whole closure, through a proxy that sees all it gets."""
        try:
            client = NixClient()
            with Proxy(SERVER.port) as proxy:
                client.pull(CLOSURE.top, CLOSURE.public_key, proxy.url)
                self.assertNotIn(b"/gnu/store", b"".join(proxy.received()))
            self.assertEqual(client.valid_paths(), set(CLOSURE.paths))
            client.verify()
        except Exception as error:  # the test looks at it
            errors.append(error)

    def test_real_clients_of_both_at_once(self):
        ended, errors = threading.Event(), []
        others = [Client(self.ask_private, ended) for _ in range(GUIX_CLIENTS)]
        others.append(Client(self.ask_without_token, ended))
        pulls = [threading.Thread(target=self.pull, args=(errors,)) for _ in range(NIX_CLIENTS)]
        for thread in pulls:
            thread.start()
        for thread in pulls:
            thread.join()
        ended.set()
        for thread in others:
            thread.join()
        self.assertEqual(errors + [each.error for each in others if each.error], [])
        print(f"{[each.rounds for each in others]} rounds beside {NIX_CLIENTS} pulls ", end="")

    def test_bulk_lookups_stay_in_their_cache(self):
        body = "\n".join(samples.hash_part(name) for name in SHARED).encode()
        body += b"\n" + samples.hash_part("nobody has it").encode()
        head = f"Host: x\r\nContent-Length: {len(body)}\r\n"

        def ask(prefix, *headers):
            with support.Connection(SERVER.port) as connection:
                more = "".join(f"{header}\r\n" for header in headers)
                connection.send(f"POST {prefix}/api/v1/narinfos HTTP/1.1\r\n{head}{more}\r\n".encode()
                                + body)
                return connection.read_response()

        self.assertEqual(ask("/guix").status, 401)
        for prefix, store_dir, headers in (("", "/nix/store", []),
                                           ("/guix", "/gnu/store", [f"Authorization: Bearer {TOKEN}"])):
            lines = [json.loads(line) for line in ask(prefix, *headers).body.splitlines()]
            self.assertEqual(len(lines), len(SHARED))
            self.assertEqual({line["storeDir"] for line in lines}, {store_dir})


if __name__ == "__main__":
    support.main()
