#!/usr/bin/env python3
"""Builds by the real nix of Debian: S12 a cache as the store that remote builds go to, S13 a
content-addressed build whose realisation another client takes instead of building."""

import json
import unittest

import support
from nix_client import NixClient
from uploads import Publisher, hash_part, make_token, narinfo_target

CA = ("--option", "experimental-features", "nix-command ca-derivations")
# What /bin/sh needs in Nix's sandbox, without which no build goes to a store in another directory.
SANDBOX = "/bin /lib /lib64 /usr"


def setUpModule():
    global SERVER, CLOSURE, TOKEN
    CLOSURE = support.closure()
    SERVER = support.Server("--trusted-key", CLOSURE.public_key).start()
    TOKEN = make_token(SERVER, "ci")


def tearDownModule():
    SERVER.stop()


def configure(client, **settings):
    """Adds lines to its nix.conf, and gives it a state directory, where a build hook has its locks."""
    with open(client.root.parent / "nix.conf", "a") as file:
        for name, value in settings.items():
            file.write(f"{name.replace('_', '-')} = {value}\n")
    state = support.temp_dir("state")
    (state / "current-load").mkdir()
    client.env["NIX_STATE_DIR"] = str(state)
    return client


def expression(text):
    """A file with it, in which `make NAME SCRIPT` is a derivation by /bin/sh."""
    file = support.temp_dir("nix") / "default.nix"
    file.write_text("let make = name: script: more: derivation ({ inherit name; builder = \"/bin/sh\";"
                    " system = builtins.currentSystem; args = [ \"-c\" script ]; } // more); in "
                    + text)
    return file


class Build(unittest.TestCase):
    def setUp(self):
        self.client = configure(Publisher(TOKEN), sandbox_paths=SANDBOX,
                                secret_key_files=CLOSURE.secret_key)
        plain = expression('make "plain" "echo > $out" {}')
        done = self.client.run("nix-build", "--no-out-link", plain, check=False)
        if done.returncode != 0:
            self.skipTest(f"nix can't build in its sandbox here: {done.stderr.splitlines()[-1]}")

    def build(self, file, *args, client=None, check=True):
        return (client or self.client).run("timeout", 60, "nix-build", "--no-out-link", file, "-j0",
                                           *args, check=check)

    def test_s12_a_cache_is_where_remote_builds_go(self):
        file = expression('make "s12" "echo ${make "s12-dep" "echo dep > $out" {}} > $out" {}')
        to_cache = ("--store", f"{SERVER.url}?secret-key={CLOSURE.secret_key}",
                    # Else it believes the 404 that it got before the build, as from every HTTP cache.
                    "--option", "narinfo-cache-negative-ttl", 0)
        self.assertNotEqual(self.build(file, *to_cache, check=False).returncode, 0)
        path = self.build(file, *to_cache, "--builders", "auto - - 1 1").stdout.strip()
        self.assertEqual(support.get(SERVER.port, narinfo_target(path)).status, 200)
        # It is there: nothing has to be built any more.
        self.assertEqual(self.build(file, *to_cache).stdout.strip(), path)
        reader = NixClient()
        reader.pull(path, CLOSURE.public_key, SERVER.url)
        self.assertEqual({each.partition("-")[2] for each in reader.valid_paths()}, {"s12", "s12-dep"})
        reader.verify()

    def test_s13_a_content_addressed_build_is_substituted(self):
        file = expression('make "s13" "echo by its contents > $out" { __contentAddressed = true;'
                          ' outputHashMode = "recursive"; outputHashAlgo = "sha256"; }')
        path = self.client.run("nix-build", "--no-out-link", file, *CA).stdout.strip()
        self.client.publish(SERVER.url, "-f", file, *CA, secret_key=CLOSURE.secret_key)
        told = self.client.run("nix", "realisation", "info", "--json", *CA, "-f", file).stdout
        name = json.loads(told)[0]["id"]
        for spelling in (name, name.replace("!", "%21")):
            answer = support.get(SERVER.port, f"/realisations/{spelling}.doi")
            self.assertEqual(answer.status, 200)
            self.assertEqual(json.loads(answer.body)["outPath"], path.rpartition("/")[2])
        text = support.get(SERVER.port, narinfo_target(path)).body.decode()
        self.assertIn("\nCA: fixed:r:sha256:", text)

        other = configure(NixClient(), sandbox_paths=SANDBOX)
        from_cache = ("--option", "substituters", SERVER.url, "--option", "trusted-public-keys",
                      CLOSURE.public_key)
        done = self.build(file, *CA, *from_cache, client=other)  # -j0: it may build nothing
        self.assertEqual(done.stdout.strip(), path)
        self.assertIn(hash_part(path), " ".join(other.valid_paths()))
        other.verify()


if __name__ == "__main__":
    support.main()
