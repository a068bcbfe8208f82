#!/usr/bin/env python3
"""Uploads by the real nix of Debian. The names are those of the list they come from: S1 cold copy,
S2 the same again, S7 a second signature, S10 logs, S11 derivations, S13 realisations, S14
compressions, S16 debug info, S17 the half of netrc that writes, S27 a wide closure, S32 a cache
below a path (all of them are)."""

import json
import re
import unittest

import support
from nix_client import NixClient, Proxy
from uploads import Publisher, hash_part, make_token, narinfo_target, put


def setUpModule():
    global SERVER, CLOSURE, TOKEN
    CLOSURE = support.closure()
    SERVER = support.Server("--trusted-key", CLOSURE.public_key).start()
    TOKEN = make_token(SERVER, "ci")


def tearDownModule():
    SERVER.stop()


_count = 0


def new_cache(*args):
    """The URL of an empty cache, and the prefix of its paths."""
    global _count
    _count += 1
    name = f"cache-{_count}"
    support.narthex("cache", "create", name, *args, "--data-dir", SERVER.data_dir)
    support.wait_until(lambda: support.get(SERVER.port, f"/{name}/nix-cache-info").status == 200,
                       "the cache is served")
    return f"{SERVER.url}/{name}", f"/{name}/"


def sigs_of(target):
    return re.findall("^Sig: (.*)$", support.get(SERVER.port, target).body.decode(), re.M)


class Upload(unittest.TestCase):
    def setUp(self):
        self.url, self.prefix = new_cache()
        self.client = Publisher(TOKEN)
        self.source = f"file://{CLOSURE.cache}"

    def assert_can_be_pulled(self, url=None, key=None):
        reader = NixClient()
        reader.pull(CLOSURE.top, key or CLOSURE.public_key, url or self.url)
        self.assertEqual(reader.valid_paths(), set(CLOSURE.paths))
        reader.verify()

    def copy(self, **options):
        return self.client.publish(self.url, CLOSURE.top, source=self.source, **options)

    def test_s1_s2_a_copy_and_the_same_again(self):
        self.copy(write_nar_listing=1)
        for path in CLOSURE.paths:
            narinfo = support.get(SERVER.port, narinfo_target(path, self.prefix))
            self.assertEqual(narinfo.status, 200)
            self.assertIn(f"StorePath: {path}\n".encode(), narinfo.body)
            listing = support.get(SERVER.port, f"{self.prefix}{hash_part(path)}.ls")
            self.assertEqual((listing.status, listing.header("content-type")),
                             (200, "application/json"))
            self.assertEqual(json.loads(listing.body)["version"], 1)
        self.assert_can_be_pulled()
        with Proxy(SERVER.port) as proxy:  # another client, with an empty cache of its own
            Publisher(TOKEN).publish(proxy.url + self.prefix.rstrip("/"), CLOSURE.top,
                                     source=self.source)
            self.assertNotIn("PUT", {method for method, _, _ in proxy.requests()})

    def test_s7_a_second_signature_is_added(self):
        self.copy()
        secret = support.temp_dir("key") / "secret"
        secret.write_text(
            self.client.run("nix", "key", "generate-secret", "--key-name", "second-1").stdout)
        public = self.client.run("sh", "-c", f"nix key convert-secret-to-public < {secret}").stdout
        self.client.run("nix", "store", "sign", "--store", self.url, "-k", secret, "-r", CLOSURE.top)
        for path in CLOSURE.paths:
            names = [sig.split(":")[0] for sig in sigs_of(narinfo_target(path, self.prefix))]
            self.assertIn("second-1", names)
        self.assert_can_be_pulled()
        self.assert_can_be_pulled(key=public.strip())

    def test_s14_compressions(self):
        for compression in ("xz", "bzip2", "zstd", "br", "none", "gzip", "lz4"):
            with self.subTest(compression):
                url, prefix = new_cache()
                NixClient.run(self.client, "nix", "copy", "--from", self.source, CLOSURE.top,
                              "--no-check-sigs")
                self.client.publish(url, CLOSURE.top, compression=compression,
                                    secret_key=CLOSURE.secret_key)
                text = support.get(SERVER.port, narinfo_target(CLOSURE.top, prefix)).body.decode()
                self.assertIn(f"Compression: {compression}\n", text)
                self.assert_can_be_pulled(url)

    def test_s17_without_the_right_it_is_one_clear_line(self):
        reader = make_token(SERVER, "reader", "--scope", "read")
        elsewhere = make_token(SERVER, "elsewhere", "--scope", "publish", "--cache", "default")
        for token, status, why in (("hunter2", 401, "this is no token of this server"),
                                   (reader, 403, "lacks the scope publish"),
                                   (elsewhere, 403, "is for other caches")):
            done = Publisher(token).publish(self.url, CLOSURE.top, source=self.source, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(f"HTTP error {status}", done.stderr)
            self.assertIn(why, done.stderr)
        for path in CLOSURE.paths:
            self.assertEqual(support.get(SERVER.port, narinfo_target(path, self.prefix)).status, 404)

    def test_s10_logs(self):
        derivation = self.add_derivation("with+log?1=2")
        logs = self.client.root / "nix/var/log/nix/drvs"
        name = derivation.rpartition("/")[2]
        (logs / name[:2]).mkdir(parents=True)
        (logs / name[:2] / name[2:]).write_text("it was built\n")
        self.client.run("nix", "store", "copy-log", "--to", self.url, derivation)
        self.publish_derivation(derivation)
        log = NixClient().run("nix", "log", "--store", self.url, derivation).stdout
        self.assertEqual(log, "it was built\n")

    def add_derivation(self, name, **more):
        text = support.temp_dir("nix") / "default.nix"
        fields = "".join(f" {key} = {value};" for key, value in more.items())
        text.write_text(f'derivation {{ name = "{name}"; system = "x86_64-linux"; builder = "/bin/sh";'
                        f' args = [ "-c" "echo > $out" ];{fields} }}')
        return self.client.run("nix-instantiate", text).stdout.strip()

    def publish_derivation(self, derivation):
        self.client.publish(self.url, "--derivation", derivation, secret_key=CLOSURE.secret_key)

    def test_s11_derivations(self):
        derivation = self.add_derivation("s11")
        self.publish_derivation(derivation)
        target = narinfo_target(derivation, self.prefix)
        self.assertEqual(len(sigs_of(target)), 1)
        # Another client without a key uploads it again: its signature survives.
        self.client = Publisher(TOKEN)
        self.assertEqual(self.add_derivation("s11"), derivation)
        self.client.env["XDG_CACHE_HOME"] += "-2"
        done = self.client.publish(self.url, "--derivation", derivation)
        self.assertEqual(len(sigs_of(target)), 1, done.stderr)

    def test_s13_realisations(self):
        ca = ("--option", "experimental-features", "nix-command ca-derivations")
        body = {"id": "sha256:" + "d" * 64 + "!out", "outPath": hash_part(CLOSURE.top) + "-x",
                "signatures": [], "dependentRealisations": {}}
        raw = self.prefix + "realisations/sha256:" + "d" * 64 + "!out.doi"
        self.assertEqual(put(SERVER, raw, json.dumps(body).encode(), TOKEN).status, 201)
        done = NixClient().run("nix", "realisation", "info", *ca, "--json", "--store", self.url,
                               CLOSURE.top, check=False)
        self.assertIn(done.returncode, (0, 1))  # that it is asked at all is Nix's business

    def test_s16_debug_info(self):
        tree = support.temp_dir("debug") / "tree"
        (tree / "lib/debug/.build-id/ab").mkdir(parents=True)
        (tree / "lib/debug/.build-id/ab" / ("cd" * 19 + ".debug")).write_text("debug info")
        added = self.client.run("nix-store", "--add", tree).stdout.strip()
        self.client.publish(self.url, added, index_debug_info=1, secret_key=CLOSURE.secret_key)
        info = support.get(SERVER.port, f"{self.prefix}debuginfo/ab{'cd' * 19}.debug")
        self.assertEqual(info.status, 200)
        self.assertRegex(json.loads(info.body)["archive"], r"\A\.\./nar/")

    def test_s27_a_wide_closure(self):
        directory = support.temp_dir("wide")
        for i in range(200):
            (directory / str(i)).write_text(f"leaf {i}\n")
        leaves = self.client.run("sh", "-c", f"nix-store --add {directory}/*").stdout.split()
        self.assertEqual(len(leaves), 200)
        self.client.publish(self.url, *leaves, secret_key=CLOSURE.secret_key)
        for path in leaves:
            self.assertEqual(support.get(SERVER.port, narinfo_target(path, self.prefix)).status, 200)

    def test_unsigned_paths_are_refused(self):
        # Nix keeps signatures that come along: what it makes itself has none.
        made = self.client.run("nix-store", "--add", support.ROOT / "README.md").stdout.strip()
        done = self.client.publish(self.url, made, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("this path has no signature", done.stderr)


if __name__ == "__main__":
    support.main()
