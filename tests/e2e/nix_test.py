#!/usr/bin/env python3
"""Scenarios with the real nix of Debian as the client, each on a cold cache of its own.

The names are those of the list they come from: S3 pull, S4 copy, S5 path-info, S6 wrong key,
S8 verify, S9 ls and cat, S26 a broken download, S29 two store directories on one server.
"""

import json
import random
import re
import unittest

import support
from nix_client import NixClient, Proxy

BLOB_BYTES = 4 << 20


def setUpModule():
    global SERVER, CLOSURE, OTHER_KEY
    CLOSURE = support.closure()
    SERVER = support.Server().start()
    support.import_closure(SERVER, CLOSURE)
    secret = support.temp_dir("key") / "secret"
    client = NixClient()
    secret.write_text(client.run("nix", "key", "generate-secret", "--key-name", "other-1").stdout)
    OTHER_KEY = client.run("sh", "-c", f"nix key convert-secret-to-public < {secret}").stdout


def tearDownModule():
    SERVER.stop()


def export(client, path, *, store_dir="/nix/store"):
    """A directory with the narinfo and the uncompressed NAR of the client's path."""
    directory = support.temp_dir("export")
    client.run("nix", "copy", "--to",
               f"file://{directory}?compression=none&secret-key={CLOSURE.secret_key}"
               f"&store={store_dir}", path)
    return directory


def serve_export(directory, *args):
    support.narthex("import", "--data-dir", SERVER.data_dir, "--nar-dir", directory, *args,
                    directory)


def narinfo_target(path, prefix="/"):
    return prefix + re.search("/store/([a-z0-9]{32})-", path)[1] + ".narinfo"


class Read(unittest.TestCase):
    def setUp(self):
        self.client = NixClient()

    def assert_has_closure(self):
        self.assertEqual(self.client.valid_paths(), set(CLOSURE.paths))
        self.client.verify()

    def test_s3_pull_delete_and_pull_again(self):
        self.client.pull(CLOSURE.top, CLOSURE.public_key, SERVER.url)
        self.assert_has_closure()
        self.client.run("nix-store", "--delete", "--ignore-liveness", *CLOSURE.paths)
        self.assertEqual(self.client.valid_paths(), set())
        self.client.pull(CLOSURE.top, CLOSURE.public_key, SERVER.url)
        self.assert_has_closure()

    def test_s4_copy_from(self):
        self.client.run("nix", "copy", "--from", SERVER.url, CLOSURE.top,
                        "--option", "trusted-public-keys", CLOSURE.public_key)
        self.assert_has_closure()

    def test_s5_path_info_is_what_nix_exported(self):
        def info(store):
            listed = json.loads(self.client.run(
                "nix", "path-info", "-r", "--json", "--store", store, CLOSURE.top).stdout)
            # Where a NAR is may differ; what it is may not.
            return {path["path"]: {key: path.get(key) for key in
                                   ("narHash", "narSize", "references", "deriver", "ca",
                                    "signatures", "downloadHash", "downloadSize")}
                    for path in listed}

        served = info(SERVER.url)
        self.assertEqual(set(served), set(CLOSURE.paths))
        self.assertEqual(served, info(f"file://{CLOSURE.cache}"))

    def test_s5_a_missing_path_costs_one_head(self):
        missing = "/nix/store/" + "0" * 32 + "-nothing"
        with Proxy(SERVER.port) as proxy:
            done = self.client.run("nix", "path-info", "--store", proxy.url, missing, check=False)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertEqual([(method, target) for method, target, _ in proxy.requests()],
                             [("GET", "/nix-cache-info"), ("HEAD", narinfo_target(missing))])

    def test_s6_a_key_that_is_not_trusted(self):
        done = self.client.pull(CLOSURE.top, OTHER_KEY, SERVER.url, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("is not signed by any of the keys in 'trusted-public-keys'", done.stderr)
        done = self.client.run("nix", "copy", "--from", SERVER.url, CLOSURE.top,
                               "--option", "trusted-public-keys", OTHER_KEY, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, "lacks a (valid signature|signature by a trusted key)")
        # What is content-addressed needs no signature, and is all that may have come.
        self.assertLessEqual({path.partition("-")[2] for path in self.client.valid_paths()},
                             {"hello-tree"})

    def test_s8_verify(self):
        def verify(key):
            return self.client.run("nix", "store", "verify", "--store", SERVER.url, "-r",
                                   "--trusted-public-keys", key, CLOSURE.top, check=False)

        self.assertEqual(verify(CLOSURE.public_key).returncode, 0)
        refused = verify(OTHER_KEY)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("is untrusted", refused.stderr)

    def test_s9_ls_and_cat(self):
        tree = next(path for path in CLOSURE.paths if path.endswith("-hello-tree"))
        store = ("--store", SERVER.url)
        listed = self.client.run("nix", "store", "ls", *store, "-R", tree).stdout.split()
        self.assertIn("./bin/hello", listed)
        text = self.client.run("nix", "store", "cat", *store, f"{tree}/bin/hello").stdout
        self.assertEqual(text, (support.ROOT / "deploy/closure/tree/bin/hello").read_text())
        link = self.client.run("nix", "store", "ls", *store, "-l", f"{CLOSURE.top}/bin").stdout
        self.assertIn(f"-> {tree}/bin", link)

    def test_s26_a_download_broken_at_1_mb_resumes(self):
        blob = support.temp_dir("blob") / "blob"
        blob.write_bytes(random.Random(26).randbytes(BLOB_BYTES))
        builder = NixClient()
        added = builder.run("nix-store", "--add", blob).stdout.strip()
        serve_export(export(builder, added), "--trusted-key", CLOSURE.public_key)

        with Proxy(SERVER.port, break_at=1 << 20) as proxy:
            self.client.pull(added, CLOSURE.public_key, proxy.url)
            downloads = [head for _, target, head in proxy.requests() if "/nar/" in target]
            self.assertEqual(len(downloads), 2)
            self.assertNotIn("\r\nrange:", downloads[0].lower())
            start = re.search(r"\r\nRange: bytes=(\d+)-\r?", downloads[1])
            self.assertTrue(start, downloads[1])
            self.assertGreater(int(start[1]), 1 << 19)
            partial = [text for text in proxy.received() if b"HTTP/1.1 206 Partial Content" in text]
            self.assertEqual(len(partial), 1)
            self.assertRegex(partial[0].decode("latin-1"),
                             rf"(?i)\r\nContent-Range: bytes {start[1]}-\d+/\d+\r\n")
        self.assertEqual((self.client.root / added[1:]).read_bytes(), blob.read_bytes())
        self.client.verify()

    def test_s29_two_store_directories_on_one_server(self):
        guix_url = SERVER.url + "/guix"
        source = support.temp_dir("gnu") / "item"
        source.write_text("an item of another store directory\n")
        gnu = NixClient(store_dir="/gnu/store")
        item = gnu.run("nix-store", "--add", source).stdout.strip()
        self.assertTrue(item.startswith("/gnu/store/"))
        support.narthex("cache", "create", "guix", "--store-dir", "/gnu/store", "--priority", "5",
                        "--trusted-key", CLOSURE.public_key, "--data-dir", SERVER.data_dir)
        serve_export(export(gnu, item, store_dir="/gnu/store"), "--cache", "guix",
                     "--trusted-key", CLOSURE.public_key)

        info = support.wait_until(
            lambda: (answer := support.get(SERVER.port, "/guix/nix-cache-info")).status == 200
            and answer, "/guix/ is served")
        self.assertIn(b"StoreDir: /gnu/store\n", info.body)
        self.assertIn(b"StoreDir: /nix/store\n",
                      support.get(SERVER.port, "/nix-cache-info").body)
        # Each narinfo is in its own cache only.
        for path, here, there in [(item, "/guix/", "/"), (CLOSURE.top, "/", "/guix/")]:
            self.assertEqual(support.get(SERVER.port, narinfo_target(path, here)).status, 200)
            self.assertEqual(support.get(SERVER.port, narinfo_target(path, there)).status, 404)

        # Nix warns of the one and substitutes from the other, though it comes later.
        done = self.client.pull(CLOSURE.top, CLOSURE.public_key, guix_url, SERVER.url)
        self.assertIn(f"binary cache '{guix_url}' is for Nix stores with prefix '/gnu/store'",
                      done.stderr)
        self.assert_has_closure()
        # To a client with that store directory it is a cache like any other.
        other = NixClient(store_dir="/gnu/store")
        other.run("nix", "copy", "--from", f"{guix_url}?store=/gnu/store", item,
                  "--option", "trusted-public-keys", CLOSURE.public_key)
        other.verify()


if __name__ == "__main__":
    support.main()
