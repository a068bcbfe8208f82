#!/usr/bin/env python3
"""A collection as a real Nix sees it: two generations are published, one is rooted, the other is
hidden, taken back, and in the end purged. Both hold files of the same contents, so one NAR."""

import json
import unittest

import support
from nix_client import NixClient
from uploads import Publisher, hash_part, make_token, narinfo_target

# Whoever tries this out has neither old paths nor any that an operator would call a source.
NOTHING_BUT_ROOTS = ("--min-age", "0", "--requested-within", "0", "--keep-reference-free=false",
                     "--keep-content-addressed=false")

GENERATION = """
let shared = builtins.toFile "shared" "in both generations";
    only = builtins.toFile "only-{n}" "in generation {n}";
    data = builtins.toFile "data-{n}" "the same contents under another name";
in builtins.toFile "generation-{n}" "${{shared}} ${{only}} ${{data}}"
"""


def setUpModule():
    global CLOSURE, SERVER, TOKEN
    CLOSURE = support.closure()
    SERVER = support.Server("--trusted-key", CLOSURE.public_key).start()
    TOKEN = make_token(SERVER, "ci")


def tearDownModule():
    SERVER.stop()


def narthex(*args, check=True):
    return support.narthex(*args, "--data-dir", SERVER.data_dir, check=check)


def narinfo(path):
    return support.get(SERVER.port, narinfo_target(path))


def nar_target(path):
    lines = narinfo(path).body.decode().splitlines()
    return "/" + next(line for line in lines if line.startswith("URL: "))[5:]


class Generation:
    """Published: its top, and the other paths by their names."""

    def __init__(self, number):
        client = Publisher(TOKEN)
        text = GENERATION.format(n=number)
        made = client.run("nix-instantiate", "--eval", "--read-write-mode", "--expr", text)
        self.top = made.stdout.strip().strip("\"")
        closure = client.run("nix-store", "--query", "--requisites", self.top).stdout.split()
        self.paths = {path.partition("-")[2]: path for path in closure}
        client.publish(SERVER.url, self.top, secret_key=CLOSURE.secret_key)


class Collection(unittest.TestCase):
    def test_from_the_plan_to_the_purge(self):
        old, new = Generation(1), Generation(2)
        self.assertEqual(old.paths["shared"], new.paths["shared"])
        self.assertEqual(nar_target(old.paths["data-1"]), nar_target(new.paths["data-2"]))
        narthex("root", "add", new.top, "--name", "generation-2")

        plan = self.plan()
        gone = {old.top, old.paths["only-1"], old.paths["data-1"]}
        self.assertEqual({path["store_path"] for path in self.show(plan)["paths"]}, gone)
        self.assert_substitutes(old)  # a plan changes nothing

        narthex("gc", "hide", plan)
        self.assert_substitutes(new)
        self.assert_missed_cleanly(old)
        self.assertEqual(narinfo(old.top).header("narthex-hidden"), "1")

        narthex("gc", "restore", plan)
        support.wait_until(lambda: narinfo(old.top).status == 200, "it is back")
        self.assert_substitutes(old)

        shared_nar, lost_nar = nar_target(new.paths["data-2"]), nar_target(old.paths["only-1"])
        again = self.plan()
        narthex("gc", "hide", again)
        early = narthex("gc", "purge", again, check=False)  # it was hidden a moment ago
        self.assertEqual(support.get(SERVER.port, lost_nar).status, 200, early.stderr)
        narthex("gc", "purge", again, "--after", "0", "--force-early")
        self.assertEqual(support.get(SERVER.port, lost_nar).status, 404)
        self.assertEqual(support.get(SERVER.port, shared_nar).status, 200)
        self.assert_missed_cleanly(old)
        self.assert_substitutes(new)

        again = Generation(1)  # what was purged and is published again is simply there
        self.assertEqual(again.top, old.top)
        self.assert_substitutes(again)
        self.assertEqual(narthex("check", "--nars").returncode, 0)

    def plan(self):
        return json.loads(narthex("gc", "plan", *NOTHING_BUT_ROOTS, "--json").stdout)["plan"]

    def show(self, plan):
        return json.loads(narthex("gc", "show", plan, "--json").stdout)

    def pull(self, generation, check=True):
        client = NixClient()
        done = client.pull(generation.top, CLOSURE.public_key, SERVER.url, check=check)
        return client, done

    def assert_substitutes(self, generation):
        client, _ = self.pull(generation)
        self.assertEqual(client.valid_paths(), set(generation.paths.values()))
        client.verify()

    def assert_missed_cleanly(self, generation):
        support.wait_until(lambda: narinfo(generation.top).status == 404, "it is hidden")
        client, done = self.pull(generation, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("HTTP error", done.stderr)
        self.assertEqual(client.valid_paths(), set())
        self.assertEqual(len(hash_part(generation.top)), 32)


if __name__ == "__main__":
    support.main()
