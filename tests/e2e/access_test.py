#!/usr/bin/env python3
"""Who may do what: every route with every kind of token, on a real server.

A new route is a line of ROUTES. Two caches hold the same: `secret` is private, `open` is public.
The admin API's routes are those of docs/openapi.json (admin_api_test.py).
"""

import itertools
import time
import unittest
from dataclasses import dataclass

import samples
import support
import tokens
from bulk import ask
from postgres import Postgres
from raw_http import assert_well_formed

NAR = ("nar/one.nar", b"the contents")
HASH = samples.hash_part("one")

# The scopes that allow what a route asks for.
GRANTED_BY = {"read": {"read", "publish", "replica", "admin"}, "publish": {"publish", "admin"},
              "roots": {"roots", "admin"}, "roots or gc": {"roots", "gc", "admin"}, "gc": {"gc", "admin"},
              "read or gc": {"read", "publish", "replica", "gc", "admin"}}


@dataclass(frozen=True)
class Route:
    method: str
    target: str  # {cache} is the cache's name
    status: int  # for who may
    scope: str = "read"
    body: str = None
    headers: tuple = ()
    public: bool = True  # in a public cache nobody needs a token
    admin: bool = False  # on the admin listener

    def request(self, cache, *headers):
        lines = [f"{self.method} {self.target.replace('{cache}', cache)} HTTP/1.1", "Host: x",
                 *self.headers, *headers]
        body = self.body.replace("{cache}", cache) if self.body is not None else ""
        if self.body is not None:
            lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


ROUTES = [
    Route("GET", "/{cache}/", 200),
    Route("GET", f"/{{cache}}/{HASH}.narinfo", 200),
    Route("HEAD", f"/{{cache}}/{HASH}.narinfo", 200),
    Route("GET", f"/{{cache}}/{samples.hash_part('absent')}.narinfo", 404),
    Route("GET", "/{cache}/nar/one.nar", 200),
    Route("HEAD", "/{cache}/nar/one.nar", 200),
    Route("GET", "/{cache}/nar/one.nar", 206, headers=("Range: bytes=0-3",)),
    Route("GET", "/{cache}/nar/absent.nar", 404),
    Route("GET", f"/{{cache}}/api/v1/closure/{HASH}", 200),
    Route("HEAD", f"/{{cache}}/api/v1/closure/{HASH}", 200),
    Route("POST", "/{cache}/api/v1/narinfos", 200, body=HASH),
    Route("POST", "/{cache}/get-narinfos-v1", 200, body=HASH),
    Route("QUERY", "/{cache}/get-narinfos-v1", 200, body=HASH),
    Route("POST", "/api/v1/cache/{cache}/narinfo", 200, body=f'["{HASH}"]'),
    Route("POST", "/_api/v1/get-missing-paths", 200,
          body=f'{{"cache": "{{cache}}", "store_path_hashes": ["{HASH}"]}}'),
    Route("GET", f"/{{cache}}/{HASH}.ls", 404),
    Route("HEAD", f"/{{cache}}/log/{HASH}-one.drv", 404),
    Route("GET", f"/{{cache}}/debuginfo/{'ab' * 20}.debug", 404),
    Route("GET", f"/{{cache}}/realisations/sha256:{'ab' * 32}!out.doi", 404),
    Route("PUT", "/{cache}/nar/one.nar", 200, "publish", NAR[1].decode(), public=False),
    Route("PUT", f"/{{cache}}/{HASH}.narinfo", 200, "publish", samples.narinfo("one", nar=NAR),
          public=False),
    Route("PUT", "/{cache}/nix-cache-info", 204, "publish", "StoreDir: /nix/store\n", public=False),
]


def api(method, path, status, scope="roots", **fields):
    """A call of the admin API: a token is needed whatever the cache is."""
    body = fields.pop("body", None)
    query = "&".join(["cache={cache}", *(f"{name}={value}" for name, value in fields.items())])
    return Route(method, f"/api/v1/{path}?{query}", status, scope, body=body, public=False,
                 admin=True)


PATH = f"/nix/store/{HASH}-one"
ROUTES += [
    api("GET", "roots", 200),
    api("HEAD", "roots", 200),
    api("GET", "roots/pin", 200, paths="true"),
    api("PUT", "roots/pin", 200, body=f'{{"path": "{PATH}"}}'),
    api("PUT", "roots/pin", 400, body="{}"),
    api("DELETE", "roots/none", 404),
    api("GET", "channels", 200),
    api("PUT", "channels/nixos", 200, body='{"status": "supported"}'),
    api("DELETE", "channels/nixos", 409),
    api("POST", "channels/nixos/bumps", 200, body=f'{{"paths": ["{PATH}"], "at": "2026-01-01"}}'),
    api("GET", "audit", 200, "roots or gc"),
    api("GET", "plans", 200, "gc"),
    api("GET", "plans/1000000", 404, "gc"),
    api("GET", "changes", 200, "read or gc", limit=1),
    api("GET", "changes", 400, "read or gc", limit=0),
]
OPEN = ["/secret/nix-cache-info", "/nix-cache-info", "/healthz", "/readyz"]
GARBAGE = [
    "Authorization: Bearer hunter2-geheim", "Authorization: Basic hunter2-geheim",
    "Authorization: geheim", "Authorization: Bearer", "Authorization: Basic OnB3",
    "Authorization: Digest username=geheim", "Authorization: Bearer " + "geheim" * 2000,
    "Authorization: Bearer ntx_geheim",
]


def setUpModule():
    global PG, SERVER
    PG = Postgres()
    support.narthex("migrate", "--database", PG.uri)
    directory = support.temp_dir("cache")
    (directory / "nar").mkdir()
    (directory / NAR[0]).write_bytes(NAR[1])
    file = samples.write_records(directory / "all", [samples.narinfo("one", nar=NAR)])
    for cache, visibility in (("secret", "private"), ("open", "public"), ("other", "private")):
        support.narthex("cache", "create", cache, "--database", PG.uri, "--visibility", visibility)
        support.narthex("import", "--database", PG.uri, "--cache", cache, "--nar-dir", directory, file)
        put_roots(cache, directory)
    SERVER = support.Server("--database", PG.uri, "--access-log", "--log-level", "debug",
                            "--upload-dir", support.temp_dir("uploads"), admin=True).start()


def put_roots(cache, directory):
    """What the admin API's routes put there, so that doing it again changes nothing."""
    (directory / "list").write_text(PATH)
    for command in (["root", "add", PATH, "--name", "pin"],
                    ["channel", "set", "nixos", "--status", "supported"],
                    ["channel", "bump", "nixos", "--list", directory / "list", "--at", "2026-01-01"]):
        support.narthex(*command, "--database", PG.uri, "--cache", cache)


def tearDownModule():
    SERVER.stop()
    log = SERVER.log()
    PG.close()
    # Whatever was shown, good or bad, plain or in base 64, is in no line of the log.
    for word in ("ntx_", "geheim", "Authorization", "Bearer", "Basic"):
        assert word not in log, f"{word} in the log:\n{log[:5000]}"


_count = itertools.count()


def make(scopes, **options):
    return tokens.make(PG, f"token-{next(_count)}", scopes, **options)


def asked(route, cache, *headers, server=None):
    server = server or SERVER
    with support.Connection(server.admin_port if route.admin else server.port) as connection:
        connection.send(route.request(cache, *headers))
        return connection.read_response(route.method)


class Matrix(unittest.TestCase):
    """Every route x every scope x every state of a token."""

    @classmethod
    def setUpClass(cls):
        past = "now() - interval '1 hour'"
        cls.shown = []  # (what, header, scope or None, status of the refusal or None)
        cls.shown.append(("none", "X-None: x", None, 401))
        cls.shown += [(f"garbage {value[:40]}", value, None, 401) for value in GARBAGE]
        cls.shown.append(("unknown", tokens.bearer(tokens.fresh()[0]), None, 401))
        for scope in tokens.SCOPES:
            for what, refusal, options in (
                    ("all caches", None, {}), ("this cache", None, {"cache": "secret"}),
                    ("another cache's", 403, {"cache": "other"}),
                    ("expired", 401, {"expires": past}), ("revoked", 401, {"revoked": past})):
                token = make([scope], **options)
                for show in (tokens.bearer, tokens.basic):
                    cls.shown.append((f"{scope}, {what}", show(token), scope, refusal))
        # They are known when the last one is.
        last = make(["read"])
        route = Route("GET", "/{cache}/", 200)
        support.wait_until(lambda: asked(route, "secret", tokens.bearer(last)).status == 200,
                           "the tokens are known")

    def expected(self, route, scope, refusal):
        if refusal:
            return refusal
        return route.status if scope in GRANTED_BY[route.scope] else 403

    def test_private_cache(self):
        for route in ROUTES:
            for what, header, scope, refusal in self.shown:
                with self.subTest(route=f"{route.method} {route.target}", token=what):
                    answer = asked(route, "secret", header)
                    self.assertEqual(answer.status, self.expected(route, scope, refusal),
                                     answer.body)
                    self.check(route, answer)

    def check(self, route, answer):
        assert_well_formed(self, answer)
        challenge = 'Basic realm="narthex"' if answer.status == 401 else None
        self.assertEqual(answer.header("WWW-Authenticate"), challenge)
        if route.admin:
            self.assertEqual(answer.header("Cache-Control"),
                             "no-store" if answer.status == 200 else None)
        if route.admin and answer.status == route.status:
            return
        if answer.status == route.status and route.method == "PUT":
            self.assertIsNone(answer.header("Cache-Control"))
        elif answer.status == route.status:
            self.assertRegex(answer.header("Cache-Control"), r"\A(private(, max-age=\d+)?|no-store)\Z")
        elif route.method == "HEAD":
            self.assertEqual(answer.body, b"")
        else:
            self.assertRegex(answer.body, rb"\A40[13]: [ -~]{20,150}\n\Z")

    def test_public_cache_is_written_with_a_token_only(self):
        for route in (route for route in ROUTES if not route.public):
            for what, header, scope, refusal in self.shown:
                with self.subTest(route=f"{route.method} {route.target}", token=what):
                    answer = asked(route, "open", header)
                    elsewhere = 403 if "this cache" in what else refusal
                    self.assertEqual(answer.status, self.expected(route, scope, elsewhere))
                    self.check(route, answer)

    def test_public_cache_asks_for_nothing(self):
        for route in ROUTES:
            if not route.public:
                continue
            for what, header, _, _ in self.shown:
                with self.subTest(route=f"{route.method} {route.target}", token=what):
                    answer = asked(route, "open", header)
                    self.assertEqual(answer.status, route.status)
                    self.assertNotIn("private", answer.header("Cache-Control") or "")

    def test_what_is_open_stays_so_whatever_is_shown(self):
        for target in OPEN:
            for what, header, _, _ in self.shown:
                with self.subTest(target=target, token=what):
                    self.assertEqual(support.get(SERVER.port, target, "GET", [header]).status, 200)

    def test_reasons_are_told(self):
        route = Route("GET", f"/{{cache}}/{HASH}.narinfo", 200)
        for what, words in (("none", b"netrc"), ("unknown", b"no token of this server"),
                            ("read, expired", b"expired"), ("read, revoked", b"revoked"),
                            ("gc, all caches", b"lacks the scope read"),
                            ("read, another cache's", b"other caches")):
            header = next(header for name, header, _, _ in self.shown if name == what)
            self.assertIn(words, asked(route, "secret", header).body)

    def test_pipelined_requests_are_judged_one_by_one(self):
        route = Route("GET", f"/{{cache}}/{HASH}.narinfo", 200)
        good = next(each for each in self.shown if each[0] == "read, all caches")
        bad = next(each for each in self.shown if each[0] == "gc, all caches")
        with support.Connection(SERVER.port) as connection:
            connection.send(b"".join(route.request("secret", header) for _, header, _, _ in
                                     [good, bad, self.shown[0]] * 100))
            statuses = [connection.read_response().status for _ in range(300)]
        self.assertEqual(statuses, [200, 403, 401] * 100)

    def test_a_refused_body_is_not_read(self):
        answer = ask(SERVER.port, b"POST /secret/api/v1/narinfos HTTP/1.1\r\nHost: x\r\n"
                     b"Expect: 100-continue\r\nContent-Length: 3000000\r\n\r\n")
        self.assertEqual((answer.status, answer.header("Connection")), (401, "close"))

    def test_a_client_that_has_it_hears_304(self):
        route = Route("GET", f"/{{cache}}/{HASH}.narinfo", 200)
        header = next(header for what, header, _, _ in self.shown if what == "read, this cache")
        etag = asked(route, "secret", header).header("ETag")
        answer = asked(route, "secret", header, f"If-None-Match: {etag}")
        self.assertEqual(answer.status, 304)
        self.assertTrue(answer.header("Cache-Control").startswith("private, max-age="))
        self.assertEqual(asked(route, "secret", f"If-None-Match: {etag}").status, 401)


class Revocation(unittest.TestCase):
    """Within a second of its commit, on every server."""

    route = Route("GET", f"/{{cache}}/{HASH}.narinfo", 200)

    def setUp(self):
        self.servers = [SERVER, support.Server("--database", PG.uri).start()]
        self.addCleanup(self.servers[1].stop)

    def good(self, name):
        token = tokens.make(PG, name, ["read"])
        header = tokens.bearer(token)
        for server in self.servers:
            support.wait_until(
                lambda: asked(self.route, "secret", header, server=server).status == 200, "known")
        return header

    def expect_end(self, header, since, what):
        """No request that is sent a second after `since` is granted."""
        for number, server in enumerate(self.servers):
            while True:
                sent = time.monotonic()
                answer = asked(self.route, "secret", header, server=server)
                if answer.status != 200:
                    break
                self.assertLess(sent - since, 1.0, f"server {number}")
            print(f"{what}, server {number}: {1000 * (sent - since):.0f} ms ", end="", flush=True)
            support.wait_until(
                lambda: asked(self.route, "secret", header, server=server).status == 401, "401")

    def test_by_the_command(self):
        header = self.good("leaked")
        support.narthex("token", "revoke", "leaked", "--database", PG.uri)
        self.expect_end(header, time.monotonic(), "revoked")

    def test_of_a_cache_that_becomes_private(self):
        for server in self.servers:
            self.assertEqual(asked(self.route, "open", server=server).status, 200)
        support.narthex("cache", "set", "open", "--visibility", "private", "--database", PG.uri)
        self.addCleanup(lambda: support.narthex("cache", "set", "open", "--visibility", "public",
                                                "--database", PG.uri))
        for server in self.servers:
            support.wait_until(lambda: asked(self.route, "open", server=server).status == 401,
                               "private")

    def test_while_every_connection_that_listens_is_lost(self):
        header = self.good("leaked-unheard")
        PG.psql("do $$ declare until timestamptz = clock_timestamp() + interval '200 ms'; begin"
                " while clock_timestamp() < until loop"
                " perform pg_stat_clear_snapshot();"
                " perform pg_terminate_backend(pid) from pg_stat_activity"
                " where (query like 'listen %' or query like '%pg_notify(%')"
                " and pid <> pg_backend_pid(); end loop;"
                " update token set revoked_at = now() where name = 'leaked-unheard'; end $$")
        self.expect_end(header, time.monotonic(), "revoked unheard")
        self.assertIn("event=changes_lost", SERVER.log())

    def test_a_silent_database_confirms_nothing(self):
        header = self.good("unconfirmed")
        agents = {"User-Agent: Nix/2.26.4": (404, "no-store"), "User-Agent: x": (503, None)}
        PG.hang()
        try:
            hung = time.monotonic()
            for server in self.servers:
                for agent, (status, control) in agents.items():
                    while (answer := asked(self.route, "secret", header, agent,
                                           server=server)).status == 200:
                        self.assertLess(time.monotonic() - hung, 10)
                    self.assertEqual((answer.status, answer.header("Cache-Control")),
                                     (status, control))
                # Who has no right anyway is told so, and public caches go on from memory.
                self.assertEqual(asked(self.route, "secret", server=server).status, 401)
            self.assertEqual(support.get(SERVER.port, "/secret/nix-cache-info").status, 200)
        finally:
            PG.go_on()
        for server in self.servers:
            support.wait_until(
                lambda: asked(self.route, "secret", header, server=server).status == 200, "back")

    def test_a_database_that_comes_back(self):
        header = self.good("restarted")
        PG.stop()
        try:
            for server in self.servers:
                support.wait_until(lambda: asked(self.route, "secret", header, server=server).status
                                   == 503, "unconfirmed", 10)
        finally:
            PG.start()
        for server in self.servers:
            support.wait_until(
                lambda: asked(self.route, "secret", header, server=server).status == 200, "back")


class LastUse(unittest.TestCase):
    def test_is_stored_at_the_latest_when_the_server_stops(self):
        used = tokens.make(PG, "used", ["read"])
        tokens.make(PG, "unused", ["read"])
        route = Route("GET", f"/{{cache}}/{HASH}.narinfo", 200)
        with support.Server("--database", PG.uri) as server:
            self.assertEqual(asked(route, "secret", tokens.basic(used), server=server).status, 200)
        self.assertEqual(PG.psql("select name, now() - used_at < interval '1 minute' from token_use"
                                 " join token on id = token where name like '%used'"), "used|t")


if __name__ == "__main__":
    support.main()
