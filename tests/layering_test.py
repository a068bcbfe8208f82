#!/usr/bin/env python3
"""The layers: app -> http -> service -> db -> core, and what each may see.

- An include goes down or stays; never up.
- libpqxx and libpq are seen by db only; CLI11 by app/command_line, and spdlog by service/log and
  app/logging, since they take seconds to compile.
- core and db know neither JSON nor Beast.
- SQL text stands in sql/ and migrations/ only.
"""

import pathlib
import re
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAYERS = ["core", "db", "service", "http", "app"]

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
OURS = re.compile(r"(?:(?:\.\./)+|narthex/)?(core|db|service|http|app)/")
POSTGRES = re.compile(r"(.*/)?pqxx(/|\.hpp|$)|libpq-fe\.h$|libpq/|postgresql/")
JSON_OR_BEAST = re.compile(r"nlohmann/|boost/beast")
# A string literal that opens like a statement. Prose opens otherwise ("insert failed: ...").
SQL = re.compile(
    r'"(?:sql\()?\s*(?:select\s+(?:\d|[\w*(].*(?:\bfrom\b|\())|insert\s+into\s|update\s+\w+\s+set\s|'
    r'delete\s+from\s|with\s+\w+\s+as\s|copy\s+\w+\s|(?:create|alter|drop)\s+(?:table|database|role)\s)',
    re.IGNORECASE)
# core: no I/O, clock, log or thread.
IMPURE = re.compile(r"(fstream|iostream|thread|mutex|chrono|unistd\.h|fcntl\.h|filesystem)$|spdlog/|sys/")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)

SLOW_TO_COMPILE = {"CLI/": ("app/command_line.",), "spdlog/": ("service/log.", "app/logging.")}

MAY_HOLD_SQL = {
    # Talks to a cluster that it has just made, before there is a schema to prepare statements on.
    "db/cluster": "initdb, databases, pg_ident",
    # The one function that quotes utility statements, which take no parameters.
    "db/quote": "CREATE SUBSCRIPTION and its like",
}


def violations(root):
    """Lines "path: what is wrong" for the tree at root, which has src/ and include/narthex/."""
    found = []
    for top in ("src", "include/narthex"):
        for layer in LAYERS:
            for path in sorted((root / top / layer).rglob("*.[ch]pp")):
                text = path.read_text(encoding="utf-8")
                name = path.relative_to(root).as_posix()
                within = path.relative_to(root / top).as_posix()
                found += [f"{name}: {what}" for what in file_violations(layer, within, text)]
    return found


def file_violations(layer, within, text):
    for include in INCLUDE.findall(text):
        ours = OURS.match(include)
        if ours and LAYERS.index(ours[1]) > LAYERS.index(layer):
            yield f"{layer} includes {include}, which is above it"
        if layer != "db" and POSTGRES.match(include):
            yield f"includes {include}; only db may"
        if layer == "core" and IMPURE.match(include):
            yield f"core includes {include}; it has no I/O, clock, log or thread"
        if layer in ("core", "db") and JSON_OR_BEAST.match(include):
            yield f"{layer} includes {include}"
        for library, seen_by in SLOW_TO_COMPILE.items():
            told_above = layer == "core" and IMPURE.match(include)
            if include.startswith(library) and not told_above and not within.startswith(seen_by):
                yield f"includes {include}; only {' and '.join(seen_by)}* may: it takes seconds to compile"
    if not any(within.startswith(exempt) for exempt in MAY_HOLD_SQL):
        for literal in SQL.finditer(COMMENT.sub("", text)):
            yield f"holds SQL: {literal[0].strip()}...; it belongs in sql/"


class Tree(unittest.TestCase):
    def test_the_tree_keeps_to_its_layers(self):
        self.assertEqual(violations(ROOT), [])

    def test_there_is_a_tree(self):
        self.assertTrue(list((ROOT / "src" / "core").glob("*.cpp")))


class Rule(unittest.TestCase):
    """The rule itself, on made-up trees: it is known that it can fail."""

    def check(self, path, text):
        with tempfile.TemporaryDirectory() as temp:
            file = pathlib.Path(temp, path)
            file.parent.mkdir(parents=True)
            file.write_text(text)
            return violations(pathlib.Path(temp))

    def test_refused(self):
        for path, text in [
            ("src/core/a.cpp", '#include "narthex/db/tx.hpp"'),
            ("src/db/a.cpp", "#  include <narthex/service/a.hpp>"),
            ("src/service/a.cpp", '#include "http/a.hpp"'),
            ("src/service/a.cpp", '#include "../http/a.hpp"'),
            ("include/narthex/http/a.hpp", '#pragma once\n#include "narthex/app/app.hpp"\n'),
            ("src/service/a.cpp", "#include <pqxx/pqxx>"),
            ("src/service/a.cpp", '#include "../db/pqxx.hpp"'),
            ("include/narthex/app/a.hpp", "#include <libpq-fe.h>"),
            ("src/http/a.cpp", "#include <postgresql/libpq-fe.h>"),
            ("src/core/a.cpp", "#include <nlohmann/json.hpp>"),
            ("src/db/a.cpp", "#include <boost/beast/http.hpp>"),
            ("src/db/a.cpp", 'run("SELECT 1");'),
            ("src/app/a.cpp", 'auto q = R"sql(\n  DELETE FROM t)sql";'),
            ("src/service/deep/a.cpp", 'run(" UPDATE t SET a = 1");'),
            ("src/app/a.cpp", 'run("select id from t");'),
            ("src/app/a.cpp", 'run("select pg_notify($1)");'),
            ("src/http/a.cpp", 'run("create table t (a int)");'),
            ("src/core/a.cpp", "#include <thread>"),
            ("src/core/a.cpp", "#include <spdlog/spdlog.h>"),
            ("include/narthex/app/commands.hpp", "#include <CLI/CLI.hpp>"),
            ("src/http/a.cpp", "#include <spdlog/spdlog.h>"),
        ]:
            with self.subTest(path=path, text=text):
                self.assertEqual(len(self.check(path, text)), 1)

    def test_allowed(self):
        for path, text in [
            ("src/app/a.cpp", '#include "narthex/core/hash.hpp"\n#include "narthex/http/a.hpp"'),
            ("src/db/a.cpp", '#include <pqxx/pqxx>\n#include "narthex/db/sql.hpp"'),
            ("src/http/a.cpp", "#include <boost/beast/http.hpp>\n#include <nlohmann/json.hpp>"),
            ("src/db/a.cpp", '// "SELECT 1" is what a ping would be\nlog("delete failed");'),
            ("src/app/a.cpp", 'log("select a cache, or update the settings with it");'),
            ("src/db/cluster_start.cpp", 'run("SELECT 1");'),
            ("src/app/command_line.cpp", "#include <CLI/CLI.hpp>"),
            ("tests/db/a.cpp", 'run("SELECT 1");'),
        ]:
            with self.subTest(path=path, text=text):
                self.assertEqual(self.check(path, text), [])


if __name__ == "__main__":
    unittest.main()
