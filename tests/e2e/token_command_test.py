#!/usr/bin/env python3
"""`narthex token` at a shell, and that a server takes what it made."""

import json
import re
import time
import unittest

import samples
import support
import tokens

TARGET = f"/secret/{samples.hash_part('absent')}.narinfo"


def setUpModule():
    global SERVER
    SERVER = support.Server().start()
    for name in ("secret", "other"):
        support.narthex("cache", "create", name, "--data-dir", SERVER.data_dir, "--visibility",
                        "private")
    support.wait_until(lambda: status(None) == 401, "the cache is known")


def tearDownModule():
    SERVER.stop()


def status(token):
    headers = [tokens.basic(token)] if token else []
    return support.get(SERVER.port, TARGET, "GET", headers).status


class Token(unittest.TestCase):
    def token(self, *args, code=0):
        done = support.narthex("token", *args, "--data-dir", SERVER.data_dir, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual(done.stdout == "", code != 0)
        self.assertEqual(done.stderr == "", code == 0)
        return done

    def create(self, name, *args):
        return json.loads(self.token("create", "--name", name, "--json", *args).stdout)

    def listed(self, *args):
        return {each["name"]: each for each in json.loads(self.token("list", "--json", *args).stdout)}

    def test_create_prints_the_token_once(self):
        made = self.token("create", "--name", "ci", "--scope", "publish", "--scope", "roots",
                          "--cache", "secret", "--cache", "default", "--expires", "2199-01-31").stdout
        token = re.search(r"^token    (ntx_[0-9a-z]{52})$", made, re.MULTILINE)[1]
        self.assertEqual(made, "name     ci\n"
                               "scopes   publish,roots\n"
                               "caches   secret,default\n"
                               "expires  2199-01-31T00:00:00Z\n"
                               f"token    {token}\n\n"
                               "The token is shown this once. For Nix, a line in the netrc file:\n"
                               f"machine HOST login ci password {token}\n")
        support.wait_until(lambda: status(token) == 404, "the token is known")
        self.assertEqual(self.token("create", "--name", "ci", "--scope", "read", code=1).stderr,
                         "narthex: there is a token ci already; 'narthex token revoke ci' ends it "
                         "and frees the name\n")
        for output in (self.token("list"), self.token("list", "--json"), self.token("list", "--all")):
            self.assertIn("ci", output.stdout)
            self.assertNotIn("ntx_", output.stdout)

    def test_json_has_what_was_made(self):
        made = self.create("json", "--scope", "read", "--expires", "never")
        self.assertRegex(made.pop("token"), r"\Antx_[0-9a-z]{52}\Z")
        self.assertEqual(made, {"name": "json", "scopes": ["read"], "caches": None,
                                "expires_at": None})

    def test_ninety_days_unless_something_else_is_said(self):
        def days(made):
            end = time.strptime(made["expires_at"], "%Y-%m-%dT%H:%M:%SZ")
            return (time.mktime(end) - time.mktime(time.gmtime())) / 86400
        self.assertAlmostEqual(days(self.create("standard", "--scope", "read")), 90, delta=0.1)
        self.assertAlmostEqual(days(self.create("hours", "--scope", "read", "--expires", "12h")), 0.5,
                               delta=0.1)

    def test_list_has_all_but_the_revoked(self):
        self.create("listed", "--scope", "gc", "--scope", "read", "--cache", "other")
        listed = self.listed()["listed"]
        self.assertRegex(listed.pop("created_at"), r"\A20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
        self.assertRegex(listed.pop("expires_at"), r"\A20\d\d-")
        self.assertEqual(listed, {"name": "listed", "scopes": ["read", "gc"], "caches": ["other"],
                                  "last_used_at": None, "revoked_at": None, "state": "valid"})
        lines = self.token("list").stdout.splitlines()
        self.assertEqual(lines[0].split(),
                         ["NAME", "SCOPES", "CACHES", "CREATED", "EXPIRES", "USED", "STATE"])
        line = next(line.split() for line in lines if line.startswith("listed "))
        self.assertEqual(line[1:3] + line[5:], ["read,gc", "other", "never", "valid"])
        self.token("revoke", "listed")
        self.assertNotIn("listed", self.listed())
        self.assertEqual(self.listed("--all")["listed"]["state"], "revoked")

    def test_revoke_ends_it_at_once_and_can_be_repeated(self):
        token = self.create("leaked", "--scope", "read")["token"]
        support.wait_until(lambda: status(token) == 404, "the token is known")
        self.assertEqual(self.token("revoke", "leaked").stdout,
                         "revoked leaked: every server refuses it within a second\n")
        start = time.monotonic()
        support.wait_until(lambda: status(token) == 401, "refused", 1.0)
        print(f"{1000 * (time.monotonic() - start):.0f} ms ", end="", flush=True)
        self.assertEqual(self.token("revoke", "leaked").stdout, "leaked was revoked already\n")
        self.assertEqual(json.loads(self.token("revoke", "leaked", "--json").stdout),
                         {"name": "leaked", "revoked_now": False})
        fresh = self.create("leaked", "--scope", "read")["token"]
        support.wait_until(lambda: status(fresh) == 404, "the name's next token is known")
        self.assertEqual(status(token), 401)

    def test_what_is_not_there_is_said_to_be(self):
        self.assertEqual(self.token("revoke", "nobody", code=1).stderr,
                         "narthex: there is no token nobody; 'narthex token list' shows all\n")
        self.assertEqual(self.token("create", "--name", "x", "--scope", "read", "--cache", "none",
                                    code=1).stderr,
                         "narthex: there is no cache none; 'narthex cache list' shows all\n")

    def test_bad_values_make_nothing(self):
        for args in (["--scope", "read"], ["--name", "bad"], ["--name", "", "--scope", "read"],
                     ["--name", "a b", "--scope", "read"], ["--name", "x" * 64, "--scope", "read"],
                     ["--name", "bad", "--scope", "write"], ["--name", "bad", "--scope", ""],
                     ["--name", "bad", "--scope", "read", "--expires", "soon"],
                     ["--name", "bad", "--scope", "read", "--expires", "2020-01-01"],
                     ["--name", "bad", "--scope", "read", "--expires", ""]):
            with self.subTest(args=args):
                self.token("create", *args, code=2)
        self.assertNotIn("bad", self.listed("--all"))


if __name__ == "__main__":
    support.main()
