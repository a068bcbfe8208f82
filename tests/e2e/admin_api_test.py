#!/usr/bin/env python3
"""The admin API: the server against docs/openapi.json, roots and channels, following the changes."""

import concurrent.futures
import json
import re
import select
import subprocess
import time
import unittest
import urllib.parse

import narinfos
import samples
import support
import tokens
from narinfos import narinfo
from postgres import Postgres

DOCUMENT = json.loads((support.ROOT / "docs" / "openapi.json").read_text())
METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "QUERY", "OPTIONS"]


def store_path(name):
    return f"/nix/store/{samples.hash_part(name)}-{name}"


def setUpModule():
    global PG, SERVER, ADMIN
    PG = Postgres()
    support.narthex("migrate", "--database", PG.uri)
    file = narinfos.write([narinfo(name) for name in ("one", "two", "three")], "some")
    support.narthex("import", "--database", PG.uri, file)
    SERVER = support.Server("--database", PG.uri, admin=True).start()
    ADMIN = tokens.bearer(tokens.make(PG, "operator", ["admin"]))
    support.wait_until(lambda: call("GET", "roots").status == 200, "the token is known")


def tearDownModule():
    SERVER.stop()
    PG.close()


def send(method, target, body=None, headers=()):
    """One request on the admin listener."""
    with support.Connection(SERVER.admin_port) as connection:
        head = [f"{method} {target} HTTP/1.1", "Host: x", *headers]
        if body is not None:
            head.append(f"Content-Length: {len(body)}")
        connection.send(("\r\n".join(head) + "\r\n\r\n").encode() + (body or b""))
        return connection.read_response(method)


def call(method, path, body=None, headers=(), **query):
    words = urllib.parse.urlencode(query)
    data = None if body is None else json.dumps(body).encode()
    return send(method, f"/api/v1/{path}" + (f"?{words}" if words else ""), data,
                [ADMIN, *headers])


# --- a small part of JSON Schema ---

def resolve(part):
    while "$ref" in part:
        found = DOCUMENT
        for word in part["$ref"].removeprefix("#/").split("/"):
            found = found[word]
        part = found
    return part


TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
         "null": type(None)}


def faults(value, schema, where="$"):
    schema = resolve(schema)
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} isn't one of {schema['enum']}"
    wanted = schema.get("type", [])
    wanted = wanted if isinstance(wanted, list) else [wanted]
    if wanted and not any(type(value) is TYPES[name] for name in wanted):
        yield f"{where}: {value!r} is no {wanted}"
        return
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{where}: {value!r} doesn't match"
    if isinstance(value, str) and schema.get("format") == "date-time" and not re.fullmatch(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value):
        yield f"{where}: {value!r} is no time"
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from faults(item, schema.get("items", {}), f"{where}[{number}]")
    if isinstance(value, dict) and "properties" in schema:
        for name in schema.get("required", []):
            if name not in value:
                yield f"{where}: {name} is missing"
        for name, item in value.items():
            if name not in schema["properties"]:
                yield f"{where}: {name} isn't described"
            else:
                yield from faults(item, schema["properties"][name], f"{where}.{name}")


def operation_of(method, path):
    """The description of a call to api/v1/`path`."""
    for template, operations in DOCUMENT["paths"].items():
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, f"/api/v1/{path}"):
            return operations.get(method.lower())
    return None


class Api(unittest.TestCase):
    def call(self, method, path, body=None, status=200, **query):
        """The answer's JSON, or its text; both as they are described."""
        answer = call(method, path, body, **query)
        self.assertEqual(answer.status, status, answer.body)
        return self.as_described(method, path, answer)

    def as_described(self, method, path, answer):
        described = operation_of(method, path)["responses"].get(str(answer.status))
        self.assertIsNotNone(described, f"{method} {path} isn't to answer with {answer.status}")
        [(kind, content)] = resolve(described)["content"].items()
        self.assertEqual(answer.header("Content-Type").split(";")[0], kind)
        if kind == "text/plain":
            self.assertRegex(answer.body.decode(), rf"\A{answer.status}: [ -~]+\n\Z")
            return answer.body.decode()
        value = json.loads(answer.body)
        self.assertEqual(list(faults(value, content["schema"])), [])
        return value

    def tearDown(self):
        PG.psql("delete from root; delete from channel; delete from audit")


class Document(Api):
    def test_every_path_and_method_of_it_is_served_and_no_other(self):
        for template, operations in DOCUMENT["paths"].items():
            path = template.removeprefix("/api/v1/").replace("{name}", "something")
            described = {name.upper() for name in operations if name != "parameters"}
            if "GET" in described:
                described.add("HEAD")
            for method in METHODS:
                with self.subTest(path=path, method=method):
                    answer = call(method, path, {} if method in ("PUT", "POST") else None)
                    if method in described:
                        self.assertIn(answer.status, (200, 400, 404))
                        if method != "HEAD":
                            self.as_described(method, path, answer)
                    else:
                        self.assertEqual(answer.status, 405, answer.body)
                        self.assertEqual(set(answer.header("Allow").split(", ")), described)

    def test_each_call_says_who_may(self):
        for template, operations in DOCUMENT["paths"].items():
            for method, operation in operations.items():
                if method == "parameters":
                    continue
                path = template.removeprefix("/api/v1/").replace("{name}", "x")
                scopes = {way["bearer"][0] for way in operation["security"] if "bearer" in way}
                for scope in ("read", "publish", "roots", "gc"):
                    header = tokens.bearer(self.token(scope))
                    answer = send(method.upper(), f"/api/v1/{path}", b"x", [header])
                    allowed = scope in scopes or (scope == "publish" and "read" in scopes)
                    self.assertEqual(answer.status != 403, allowed, (method, path, scope))

    made = {}

    def token(self, scope):
        if scope not in self.made:
            token = tokens.make(PG, f"only-{scope}", [scope])
            support.wait_until(lambda: send("GET", "/api/v1/roots", None, [tokens.bearer(token)])
                               .status != 401, "the token is known")
            self.made[scope] = token
        return self.made[scope]

    def test_what_it_does_not_have_is_not_there(self):
        for target in ("/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/roots", "/api/v1/x",
                       "/api/v1/roots/", "/api/v1/roots/a/b", "/api/v1/roots/%zz"):
            self.assertEqual(send("GET", target, None, [ADMIN]).status, 404, target)
        self.assertEqual(support.get(SERVER.port, "/api/v1/roots", headers=[ADMIN]).status, 404)

    def test_errors_name_what_is_wrong(self):
        for words, query in (("no parameter 'limits'", {"limits": 1}), ("true or false", {"all": 7})):
            self.assertIn(words, self.call("GET", "roots", status=400, **query))
        self.assertIn("no such cache", self.call("GET", "roots", status=404, cache="none"))
        self.assertIn("from 1 to 10000", self.call("GET", "audit", status=400, limit=0))
        self.assertIn("is no time", self.call("GET", "audit", status=400, since="soon"))

    def test_bodies_are_limited(self):
        put = "PUT", "/api/v1/roots/x"
        for status, headers in ((411, ["Transfer-Encoding: chunked"]),
                                (413, [f"Content-Length: {33 * 1024 * 1024}"]),
                                (413, [f"Content-Length: {10 ** 18}"]),
                                (415, ["Content-Type: text/plain", "Content-Length: 2"]),
                                (415, ["Content-Encoding: gzip", "Content-Length: 2"])):
            answer = send(*put, None, [ADMIN, *headers])
            self.assertEqual(answer.status, status)
            self.as_described("PUT", "roots/x", answer)
        # Who may not is told so before the body comes.
        self.assertEqual(send(*put, None, ["Content-Length: 1000000"]).status, 401)
        for body in (b"", b"{", b"[]", b'{"path": "\xff"}', b"[" * 100_000):
            self.assertEqual(send(*put, body, [ADMIN]).status, 400, body[:20])


class Roots(Api):
    def test_live_by_the_api_as_by_the_command(self):
        added = self.call("PUT", "roots/team%2Fpin", {"path": store_path("one"), "reason": "why"},
                          status=201)
        self.assertEqual((added["root"], added["outcome"]), ("team/pin", "added"))
        again = self.call("PUT", "roots/team%2Fpin", {"path": store_path("one")})
        self.assertEqual(again["outcome"], "unchanged")
        refusal = self.call("PUT", "roots/team%2Fpin", {"path": store_path("two")}, status=409)
        self.assertIn("other contents", refusal)
        self.call("PUT", "roots/team%2Fpin", {"path": store_path("two"), "replace": True})
        listed = json.loads(support.narthex("root", "list", "--json", "--database", PG.uri).stdout)
        self.assertEqual(self.call("GET", "roots")["roots"], listed)
        shown = self.call("GET", "roots/team%2Fpin", paths="true")
        self.assertEqual([path["store_path"] for path in shown["path_list"]], [store_path("two")])
        log = self.call("GET", "audit")["audit"]
        self.assertEqual([(row["who"], row["action"], row["reason"]) for row in log],
                         [("token operator", "root replaced", ""),
                          ("token operator", "root add", "why")])
        self.assertEqual(self.call("GET", "audit", before=log[0]["id"])["audit"], log[1:])
        self.assertEqual(self.call("DELETE", "roots/team%2Fpin", reason="gone"),
                         {"root": "team/pin", "paths": 1})
        self.call("DELETE", "roots/team%2Fpin", status=404)
        self.assertEqual(self.call("GET", "audit", limit=1)["audit"][0]["reason"], "gone")

    def test_lists_are_paged(self):
        names = [f"path-{number}" for number in range(250)]
        body = {"paths": [store_path(name) for name in [*names, "one"]], "expires": "90d"}
        added = self.call("PUT", "roots/list", body, status=201)
        self.assertEqual((added["paths"], added["missing"], len(added["missing_paths"])),
                         (251, 250, 20))
        found = []
        for start in range(0, 300, 100):
            page = self.call("GET", "roots/list", paths="true", limit=100, **{"from": start})
            found += [path["hash"] for path in page["path_list"]]
        self.assertEqual(sorted(found), sorted(map(samples.hash_part, [*names, "one"])))

    def test_large_lists_fit(self):
        paths = [store_path(number % 1000) for number in range(400_000)]
        started = time.monotonic()
        added = self.call("PUT", "roots/large", {"paths": paths}, status=201)
        print(f"{len(json.dumps(paths)) >> 20} MiB: {time.monotonic() - started:.1f} s ", end="")
        self.assertEqual(added["paths"], 1000)

    def test_bad_ones_are_refused(self):
        good = store_path("one")
        for body, words in (({}, "one of path"), ({"path": "x"}, "a store path of /nix/store"),
                            ({"paths": [good, good.replace("nix", "gnu")]}, "number 2"),
                            ({"pattern": "["}, "has no ']'"),
                            ({"path": good, "never_delete": True, "expires": "1d"}, "doesn't expire"),
                            ({"path": good, "expires": "2020-01-01"}, "expires"),
                            ({"path": good, "reason": "a\nb"}, "reason"),
                            ({"path": good, "nmae": "x"}, "no field 'nmae'")):
            self.assertIn(words, self.call("PUT", "roots/x", body, status=400))
        self.assertIn("can't be a name", self.call("PUT", "roots/-x", {"path": good}, status=400))
        self.assertEqual(self.call("GET", "roots", all="true"), {"roots": []})
        self.call("PUT", "roots/x", {"pattern": "glibc-*", "never_delete": True}, status=201)
        self.call("DELETE", "roots/x", status=409)
        self.call("DELETE", "roots/x", force_never_delete="true")

    def test_channels_and_bumps(self):
        bump = {"paths": [store_path("one")], "at": "2026-01-01"}
        self.call("POST", "channels/nixos/bumps", bump, status=404)
        self.call("PUT", "channels/nixos", {"status": "rolling"}, status=400)
        self.call("PUT", "channels/nixos", {"status": "rolling", "keep_last": 1}, status=201)
        self.call("PUT", "channels/nixos", {"status": "rolling", "keep_last": 1})
        added = self.call("POST", "channels/nixos/bumps", bump, status=201)
        self.assertEqual(added["root"], "nixos@2026-01-01")
        self.call("POST", "channels/nixos/bumps", bump)
        self.call("POST", "channels/nixos/bumps", {**bump, "at": "2026-02-01T00:00:00Z"}, status=201)
        [channel] = self.call("GET", "channels")["channels"]
        self.assertEqual({each["root"]: each["kept"] for each in channel["bumps"]},
                         {"nixos@2026-01-01": False, "nixos@2026-02-01": True})
        self.assertEqual(len(self.call("GET", "roots")["roots"]), 1)
        self.assertEqual(len(self.call("GET", "roots", all="true")["roots"]), 2)
        self.call("DELETE", "channels/nixos", status=409)
        self.assertEqual(self.call("DELETE", "channels/nixos", with_bumps="true"),
                         {"channel": "nixos", "bumps": 2})

    def test_what_was_hidden_is_served_once_it_is_rooted(self):
        batch = PG.psql("insert into hide_batch (active, reason) values (true, 'x') returning id")
        digest = PG.psql("select hash from narinfo where name = 'three'")
        PG.psql(f"insert into hidden values (1, '{digest}', {batch})")
        target = samples.target("three")
        support.wait_until(lambda: support.get(SERVER.port, target).status == 404, "hidden")
        added = self.call("PUT", "roots/three", {"path": store_path("three")}, status=201)
        self.assertEqual((added["restored"], added["missing"]), (1, 0))
        support.wait_until(lambda: support.get(SERVER.port, target).status == 200, "served", 2)

    def test_without_a_database_nothing_is_promised(self):
        PG.stop()
        try:
            answer = call("PUT", "roots/x", {"path": store_path("one")})
            self.assertEqual(answer.status, 503)
        finally:
            PG.start()
        support.wait_until(lambda: call("GET", "roots").status == 200, "back")


class Plans(Api):
    def test_are_shown_as_they_were_stored(self):
        one = PG.psql("insert into plan (cache, created_by, engine, policy, roots, summary) values"
                      " (1, 'me', 'sql', '{\"min_age\": 3}', '{}', '{\"paths\": 7}') returning id")
        [listed] = self.call("GET", "plans")["plans"]
        self.assertEqual(listed, self.call("GET", f"plans/{one}"))
        self.assertEqual((listed["plan"], listed["policy"], listed["summary"], listed["state"]),
                         (int(one), {"min_age": 3}, {"paths": 7}, "planned"))
        for name in ("0", "-1", "x", "99999999999", f"{one}x"):
            self.call("GET", f"plans/{name}", status=404)


class Changes(Api):
    def follow(self, after, **query):
        return self.call("GET", "changes", after=after, **query)

    def end(self):
        return self.follow("now")["cursor"]

    @staticmethod
    def add(kind, *names):
        hashes = ",".join(f"sha256('{name}')" for name in names)
        PG.psql(f"insert into change (kind, cache, hashes) select '{kind}', 1,"
                f" array(select substr(h, 1, 20) from unnest(array[{hashes}]) h)")

    @staticmethod
    def seen(page):
        return [(change["kind"], set(change["hashes"])) for change in page["changes"]]

    def test_are_told_from_where_one_was(self):
        start = self.end()
        self.assertEqual(self.follow(start)["changes"], [])
        self.add("published", "a", "b")
        self.add("hidden", "a")
        page = self.follow(start)
        parts = {name: samples.hash_part(name) for name in "ab"}
        self.assertEqual(self.seen(page), [("published", set(parts.values())),
                                           ("hidden", {parts["a"]})])
        self.assertEqual(self.follow(page["cursor"])["changes"], [])
        first = self.follow(start, limit=1)
        self.assertEqual(self.seen(first), self.seen(page)[:1])
        self.assertTrue(first["more"])
        self.assertEqual(self.seen(self.follow(first["cursor"])), self.seen(page)[1:])
        for cursor in ("x", "1", "1.1", "1.1.", "1..1", "1.1.2.x", "1.-1.0", "1.1.2.3.4", "1.99999999999999999999.0"):
            self.assertIn("is no place", self.call("GET", "changes", status=400, after=cursor))

    def test_of_a_batch_are_told_page_by_page(self):
        batch = PG.psql("insert into hide_batch (active, reason) values (false, 'x') returning id")
        PG.psql("insert into hidden select 1, substr(sha256(i::text::bytea), 1, 20),"
                f" {batch} from generate_series(1, 250) i")
        start = self.end()
        PG.psql(f"insert into change (kind, cache, batch) values ('hidden', 1, {batch})")
        self.add("restored", "a")
        found, cursor = [], start
        for _ in range(10):
            page = self.follow(cursor, limit=100)
            cursor = page["cursor"]
            found += [(change["kind"], part) for change in page["changes"]
                      for part in change["hashes"]]
            if not page["more"]:
                break
        wanted = [("hidden", samples.hash_part(i)) for i in range(1, 251)]
        self.assertEqual(sorted(found[:-1]), sorted(wanted))
        self.assertEqual(found[-1], ("restored", samples.hash_part("a")))
        PG.psql("delete from change; delete from hidden")

    def test_that_commit_late_are_not_lost(self):
        start = self.end()
        late = self.session()
        self.addCleanup(late.stdout.close)
        late.stdin.write("begin; insert into change (kind, cache, hashes) values"
                         " ('published', 1, array[substr(sha256('late'), 1, 20)]);\n"
                         "select 'open';\n")
        late.stdin.flush()
        self.assertEqual(late.stdout.readline(), "open\n")
        self.add("published", "early")
        page = self.follow(start)
        self.assertEqual(page["changes"], [])
        late.stdin.write("commit;\n")
        late.stdin.close()
        late.wait(support.DEADLINE)
        page = self.follow(page["cursor"], wait=10)
        self.assertEqual([part for _, part in self.seen(page)],
                         [{samples.hash_part("late")}, {samples.hash_part("early")}])

    @staticmethod
    def session():
        return subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", "-h", PG.directory, "-U", "narthex", "-d", "narthex"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def test_are_waited_for(self):
        start = self.end()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = [pool.submit(self.follow, start, wait=30) for _ in range(5)]
            began = time.monotonic()
            self.add("published", "awaited")
            for each in waiting:
                self.assertEqual(self.seen(each.result()),
                                 [("published", {samples.hash_part("awaited")})])
            self.assertLess(time.monotonic() - began, 10)
        began = time.monotonic()
        page = self.follow(self.end(), wait=1)
        self.assertEqual(page["changes"], [])
        self.assertGreaterEqual(time.monotonic() - began, 0.9)

    def test_of_other_caches_are_not_told(self):
        support.narthex("cache", "create", "other", "--database", PG.uri)
        start = self.end()
        PG.psql("insert into change (kind, cache, hashes) select 'published', id,"
                " array[substr(sha256('x'), 1, 20)] from cache where name = 'other'")
        page = self.follow(start)
        self.assertEqual(page["changes"], [])
        self.assertNotEqual(page["cursor"], start)
        support.wait_until(lambda: call("GET", "roots", cache="other").status == 200, "known")
        self.assertEqual(len(self.follow(start, cache="other")["changes"]), 1)

    def test_so_many_may_wait_and_who_is_revoked_waits_no_longer(self):
        start = self.end()
        header = tokens.bearer(tokens.make(PG, "follower", ["read"]))
        target = f"/api/v1/changes?after={start}&wait=60"
        support.wait_until(lambda: send("GET", "/api/v1/changes", None, [header]).status == 200,
                           "the token is known")
        connections = []
        for _ in range(40):
            connections.append(support.Connection(SERVER.admin_port))
            self.addCleanup(connections[-1].close)
            connections[-1].request(target, headers=[header])
        refused = support.wait_until(
            lambda: len(found := self.readable(connections)) == 8 and found, "eight are refused")
        for connection in refused:
            answer = connection.read_response()
            self.assertEqual(answer.status, 503)
            self.assertIn(b"too many", answer.body)
            connections.remove(connection)
        self.assertEqual(support.get(SERVER.admin_port, "/metrics").status, 200)
        PG.psql("update token set revoked_at = now() where name = 'follower'")
        support.wait_until(lambda: send("GET", target, None, [header]).status == 401, "revoked")
        self.add("published", "secret")
        for connection in connections:
            self.assertEqual(connection.read_response().status, 401)

    @staticmethod
    def readable(connections):
        ready, _, _ = select.select([each.socket for each in connections], [], [], 0)
        return [each for each in connections if each.socket in ready]

    def test_nobody_holds_up_a_server_that_stops(self):
        with support.Server("--database", PG.uri, admin=True) as server:
            with support.Connection(server.admin_port) as connection:
                connection.request(f"/api/v1/changes?after={self.end()}&wait=60", headers=[ADMIN])
                support.wait_until(
                    lambda: support.get(server.admin_port, "/healthz").status == 200, "it runs")
                began = time.monotonic()
                server.stop()
                self.assertLess(time.monotonic() - began, 30)


if __name__ == "__main__":
    support.main()
