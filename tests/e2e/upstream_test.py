#!/usr/bin/env python3
"""Pull-through caches: what isn't there comes from upstreams, once."""

import json
import re

import pull_through
import samples
import support
import upstreams
from nix_client import NixClient
from pull_through import PullThrough
from support import Connection

CLIENTS = 50
WAITING = "narthex_upstream_waiting_lookups"

setUpModule = pull_through.set_up
tearDownModule = pull_through.tear_down


class Hit(PullThrough):
    def test_is_stored_and_then_served_without_the_upstream(self):
        upstream = self.upstream()
        self.pull_from(upstream.url + "/")
        self.assertEqual(self.stored(), 0)
        first = self.get(self.target())
        self.assertEqual((first.status, first.body), (200, self.text()))
        upstream.close()
        for method in ("GET", "HEAD", "GET"):
            again = self.get(self.target(), method)
            self.assertEqual((again.status, again.header("ETag")), (200, first.header("ETag")))
        self.assertEqual(upstream.requests, [self.target()])
        version = support.narthex("--version").stdout.split()[-1]
        self.assertEqual(upstream.agents, {f"narthex/{version}"})
        self.assertEqual(self.stored(), 1)

    def test_by_head_is_pulled_like_by_get(self):
        upstream = self.upstream()
        self.pull_from(upstream.url)
        self.assertEqual(self.get(self.target(), "HEAD").status, 200)
        self.assertEqual(self.get(self.target()).body, self.text())
        self.assertEqual(upstream.requests, [self.target()])

    def test_of_many_clients_at_once_costs_one_fetch(self):
        upstream = self.upstream()
        # The upstream waits for the clients: for longer, perhaps, than it usually may take.
        with support.Server("--upstream-timeout-ms", 60_000, "--lookup-timeout-ms", 60_000,
                            data_dir=self.server.data_dir, admin=True) as server:
            upstream.special[self.target()] = lambda _, client: (
                support.wait_until(lambda: self.metric(WAITING, server) == CLIENTS, "all clients wait"),
                upstreams.send(client, 200, self.text()))
            self.pull_from(upstream.url, server=server)
            clients = [Connection(server.port) for _ in range(CLIENTS)]
            for client in clients:
                client.request(f"/{self.cache}{self.target()}")
            for client in clients:
                answer = client.read_response()
                self.assertEqual((answer.status, answer.body), (200, self.text()))
                client.close()
        self.assertEqual(upstream.requests, [self.target()])

    def test_of_a_whole_closure_in_one_go(self):
        upstream = self.upstream()
        self.pull_from(upstream.url)
        with Connection(self.server.port) as connection:
            for path in self.closure.paths:
                connection.request(f"/{self.cache}{self.target(path)}")
            bodies = [connection.read_response().body for _ in self.closure.paths]
        self.assertEqual(bodies, [self.text(path) for path in self.closure.paths])
        self.assertEqual(sorted(upstream.requests), sorted(map(self.target, self.closure.paths)))
        self.assertEqual(self.stored(), len(self.closure.paths))

    def test_through_a_redirect(self):
        upstream = self.upstream()
        upstream.special[self.target()] = upstreams.says(307, b"", "Location: /elsewhere")
        upstream.special["/elsewhere"] = upstreams.says(200, self.text())
        self.pull_from(upstream.url)
        self.assertEqual(self.get(self.target()).body, self.text())

    def test_leads_to_its_nar_at_the_upstream(self):
        upstream = self.upstream()
        self.pull_from(upstream.url)
        self.get(self.target())
        nar = re.search(r"(?m)^URL: (.*)$", self.text().decode())[1]
        for method in ("GET", "HEAD"):
            answer = self.get(f"/{nar}", method)
            self.assertEqual((answer.status, answer.body), (302, b""))
            self.assertEqual(answer.header("Location"), f"{upstream.url}/{nar}")
            self.assertEqual(answer.header("Content-Length"), "0")
        self.assertEqual(self.get("/nar/none.nar.xz").status, 404)
        self.assertEqual(upstream.requests, [self.target()])


class Miss(PullThrough):
    def test_is_remembered_for_a_short_time(self):
        upstream = self.upstream()
        missing = samples.target("missing")
        with support.Server("--upstream-miss-seconds", 2, data_dir=self.server.data_dir) as server:
            self.pull_from(upstream.url, server=server)
            for _ in range(3):
                answer = self.get(missing, server=server)
                self.assertEqual((answer.status, answer.header("Cache-Control")),
                                 (404, "public, max-age=60"))
            self.assertLessEqual(upstream.count(missing), 2)
            asked = upstream.count(missing)
            support.wait_until(lambda: self.get(missing, server=server).status == 404
                               and upstream.count(missing) > asked, "it is asked for again")

    def test_is_what_buckets_call_forbidden_or_gone(self):
        upstream = self.upstream()
        self.pull_from(upstream.url)
        for status in (403, 404, 410):
            upstream.special[samples.target(status)] = upstreams.says(status)
            self.assertEqual(self.get(samples.target(status)).status, 404)
            self.assertEqual(self.get(samples.target(status)).status, 404)
            self.assertEqual(upstream.count(samples.target(status)), 1)

    def test_ends_when_the_upstreams_change(self):
        upstream, other = self.upstream(), self.upstream()
        upstream.special[self.target()] = upstreams.says(404)
        self.pull_from(upstream.url)
        self.assertEqual(self.get(self.target()).status, 404)
        support.narthex("cache", "set", self.cache, "--upstream", other.url, "--data-dir",
                        self.server.data_dir)
        support.wait_until(lambda: self.get(self.target()).status == 200, "the other one is asked")

    def test_of_what_is_hidden_here_asks_nobody(self):
        upstream = self.upstream()
        self.pull_from(upstream.url)
        self.assertEqual(self.get(self.target()).status, 200)
        self.sql.rows(f"""
            with batch as (insert into hide_batch (reason, active) values ('test', true) returning id)
            insert into hidden
            select cache, hash, batch.id from narinfo join cache on cache.id = narinfo.cache, batch
            where cache.name = '{self.cache}'""")
        support.wait_until(lambda: self.get(self.target()).status == 404, "it is hidden")
        for _ in range(3):
            self.assertEqual(self.get(self.target()).status, 404)
        self.assertEqual(upstream.requests, [self.target()])


class Kind(PullThrough):
    def test_nothing_is_published_into_it(self):
        self.pull_from(self.upstream().url)
        done = support.narthex("import", "--data-dir", self.server.data_dir, "--cache", self.cache,
                               self.closure.cache, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"cache {self.cache} holds only what it pulls from its upstreams", done.stderr)
        self.assertEqual(self.stored(), 0)

    def test_it_sends_nobody_to_bulk_requests(self):
        self.pull_from(self.upstream().url)
        self.assertNotIn(b"GetNarInfosV1", self.get("/nix-cache-info").body)

    def test_private_ones_ask_nobody_for_whoever_may_not_read(self):
        upstream = self.upstream()
        self.pull_from(upstream.url, args=["--visibility", "private"])
        self.assertEqual(self.get(self.target()).status, 401)
        made = support.narthex("token", "create", "--name", self.cache, "--scope", "read", "--json",
                               "--data-dir", self.server.data_dir).stdout
        token = json.loads(made)["token"]
        self.assertEqual(upstream.requests, [])
        answer = support.wait_until(
            lambda: (answer := self.get(self.target(), headers=[f"Authorization: Bearer {token}"])).status
            == 200 and answer, "the token is known")
        self.assertEqual(answer.body, self.text())
        self.assertRegex(answer.header("Cache-Control"), "^private")


class Nix(PullThrough):
    def test_substitutes_a_closure_through_it_from_another_narthex(self):
        with support.Server() as origin:
            support.import_closure(origin, self.closure)
            self.pull_from(origin.url)
            client = NixClient()
            client.pull(self.closure.top, self.closure.public_key, f"{self.server.url}/{self.cache}")
            self.assertEqual(client.valid_paths(), set(self.closure.paths))
            client.verify()
        self.assertEqual(self.stored(), len(self.closure.paths))
        for path in self.closure.paths:
            self.assertEqual(self.get(self.target(path)).body, self.text(path))


if __name__ == "__main__":
    support.main()
