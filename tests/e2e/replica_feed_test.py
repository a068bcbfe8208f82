#!/usr/bin/env python3
"""Who follows the feed of changes while a region takes over: nothing is told twice or lost without a word, since a
cursor of one primary is good at no other."""

import json
import unittest

import narinfos
import regions
import support
import tokens
from support import get

MADE = [narinfos.narinfo(f"path-{i}") for i in range(30)]
MISSED = [narinfos.narinfo(f"missed-{i}") for i in range(30)]
LATER = [narinfos.narinfo(f"later-{i}") for i in range(30)]


class Promoted(unittest.TestCase):
    def setUp(self):
        self.ports = {}
        self.old, self.new = (self.instance(name) for name in ("old", "eu1"))
        self.old.serve()
        self.token = json.loads(self.old.command("token", "create", "--name", "follower", "--scope", "read",
                                                 "--json").stdout)["token"]
        self.new.command("replica", "join", "--primary", self.old.invite("eu1"), "--name", "eu1", "--full")
        self.new.serve()
        support.wait_until(lambda: {self.ask(each).status for each in (self.old, self.new)} == {200, 409},
                           "both know the token")

    def instance(self, name):
        self.ports[name] = support.free_port()
        made = regions.Primary("--admin-listen", f"127.0.0.1:{self.ports[name]}", name=name)
        self.addCleanup(made.down)
        return made

    def ask(self, instance, cursor=None):
        after = f"?after={cursor}" if cursor else ""
        return get(self.ports[instance.name], f"/api/v1/changes{after}", headers=[tokens.bearer(self.token)])

    def follow(self, instance, cursor=None):
        """(hash parts in the order in which they are told, the cursor after them)"""
        told, more = [], True
        while more:
            answer = self.ask(instance, cursor)
            self.assertEqual(answer.status, 200, answer.body)
            page = json.loads(answer.body)
            told += [part for change in page["changes"] for part in change["hashes"]]
            cursor, more = page["cursor"], page["more"]
        return told, cursor

    def told(self, instance, made, cursor=None):
        """Until all of them were, each once; the cursor then."""
        seen = []

        def all_are():
            nonlocal cursor
            parts, cursor = self.follow(instance, cursor)
            seen.extend(parts)
            return len(seen) >= len(made)
        support.wait_until(all_are, "all are told")
        self.assertEqual(sorted(seen), sorted(each.hash for each in made))
        return cursor

    def refused(self, instance, status, says, cursor=None):
        answer = self.ask(instance, cursor)
        self.assertEqual(answer.status, status, answer.body)
        self.assertIn(says, answer.body.decode())

    def test_a_cursor_is_good_at_one_primary(self):
        self.old.import_narinfos(MADE)
        cursor = self.told(self.old, MADE)
        self.refused(self.new, 409, f"follow the changes of its primary, {self.old.url}")
        self.old.import_narinfos(MISSED)
        self.new.command("replica", "promote", "--url", self.new.url)
        self.refused(self.old, 410, f"replaced by {self.new.url}", cursor)
        support.wait_until(lambda: self.ask(self.new).status == 200, "it is the primary")
        self.refused(self.new, 410, "begin again", cursor)
        cursor = self.told(self.new, MADE + MISSED)
        self.new.import_narinfos(LATER)
        self.told(self.new, LATER, cursor)


if __name__ == "__main__":
    support.main()
