#!/usr/bin/env python3
"""Pull-through caches: upstreams that are down, slow or lie, and a database that is away."""

import re
import time

import pull_through
import samples
import support
import upstreams
from pull_through import OLD_NIX, TIMEOUT, PullThrough
from support import Connection
from upstreams import Upstream

setUpModule = pull_through.set_up
tearDownModule = pull_through.tear_down


class Several(PullThrough):
    def test_are_asked_in_their_order(self):
        first, second = self.upstream(), self.upstream()
        first.special[self.target(self.closure.paths[1])] = upstreams.says(404)
        self.pull_from(first.url, second.url)
        self.assertEqual(self.get(self.target(self.closure.paths[0])).status, 200)
        self.assertEqual(self.get(self.target(self.closure.paths[1])).status, 200)
        self.assertEqual(first.requests, [self.target(path) for path in self.closure.paths[:2]])
        self.assertEqual(second.requests, [self.target(self.closure.paths[1])])

    def test_make_up_for_one_that_is_down(self):
        down, second = self.upstream(), self.upstream()
        down.close()
        self.pull_from(down.url, second.url)
        for path in self.closure.paths[:5]:
            self.assertEqual(self.get(self.target(path)).status, 200)

    def test_can_not_deny_what_one_of_them_might_have(self):
        down, second = self.upstream(), self.upstream()
        down.close()
        self.pull_from(down.url, second.url)
        missing = samples.target("missing")
        self.assert_unknown(missing)
        answer = self.get(missing, headers=OLD_NIX)
        self.assertEqual((answer.status, answer.header("Cache-Control")), (404, "no-store"))


class Down(PullThrough):
    def test_costs_one_time_limit_and_comes_back(self):
        upstream = self.upstream()
        upstream.always = upstreams.silence
        self.pull_from(upstream.url)
        self.assert_unknown(self.target())
        start = time.monotonic()
        for path in self.closure.paths[:20]:
            self.assert_unknown(self.target(path))
        took = time.monotonic() - start
        # But for the probes, one a second at first, then fewer.
        self.assertLessEqual(len(upstream.requests), 2 + took / TIMEOUT)
        self.assertLess(took, 5 * TIMEOUT)
        self.assertEqual(self.metric("narthex_upstream_paused", upstream=upstream.url), 1)
        self.assertEqual(self.server.log().count(f'event=upstream_paused upstream="{upstream.url}"'), 1)
        upstream.always = None
        support.wait_until(lambda: self.get(self.target()).status == 200, "it is asked again")
        self.assertEqual(self.metric("narthex_upstream_paused", upstream=upstream.url), 0)
        self.assertEqual(self.server.log().count(f'event=upstream_back upstream="{upstream.url}"'), 1)

    def test_server_that_waits_for_it_stops_in_time(self):
        upstream = self.upstream()
        upstream.always = upstreams.silence
        with support.Server("--upstream-timeout-ms", 60_000, "--lookup-timeout-ms", 60_000,
                            data_dir=self.server.data_dir) as server:
            self.pull_from(upstream.url, server=server)
            with Connection(server.port) as client:
                client.request(f"/{self.cache}{self.target()}")
                support.wait_until(lambda: upstream.requests, "it is asked")
                start = time.monotonic()
                server.stop()
                self.assertLess(time.monotonic() - start, 6)


class Database(PullThrough):
    def test_connection_that_broke_unused_costs_nobody_an_answer(self):
        upstream = self.upstream()
        self.pull_from(upstream.url)
        for path in self.closure.paths[:2]:
            self.assertEqual(self.get(self.target(path)).status, 200)
            self.sql.rows("select pg_terminate_backend(pid) from pg_stat_activity"
                     " where application_name = 'narthex' and pid <> pg_backend_pid()")

    def test_that_takes_nothing_makes_it_a_doubt(self):
        upstream = self.upstream()
        self.pull_from(upstream.url)
        self.sql.rows("alter table narinfo add constraint nothing_new check (name <> 'narthex-hello')"
                 " not valid")
        self.addCleanup(self.sql.rows, "alter table narinfo drop constraint if exists nothing_new")
        self.assert_unknown(self.target())
        self.assertIn("event=pull_failed", self.server.log())
        self.sql.rows("alter table narinfo drop constraint nothing_new")
        self.assertEqual(self.get(self.target()).status, 200)


class Bad(PullThrough):
    """What an upstream says that is no good is neither stored nor taken for an absence."""

    def test_answers(self):
        path = self.closure.top
        good = self.text(path)
        size = re.search(rb"NarSize: (\d+)", good)
        forged = good.replace(size[0], b"NarSize: %d" % (int(size[1]) + 1))
        unsigned = re.sub(rb"(?m)^Sig: .*\n", b"", good)
        other = self.text(next(each for each in self.closure.paths if each != path))
        loop = upstreams.says(302, b"", f"Location: {self.target(path)}")
        for name, behaviour, outcome in (
                ("forged", upstreams.says(200, forged), "refused"),
                ("unsigned", upstreams.says(200, unsigned), "refused"),
                ("of another path", upstreams.says(200, other), "refused"),
                ("a page", upstreams.says(200, b"<html>moved</html>\n"), "refused"),
                ("empty", upstreams.says(200), "refused"),
                ("too large", upstreams.endless, "refused"),
                ("cut off", upstreams.truncated(good), "refused"),
                ("redirected in a circle", loop, "refused"),
                ("redirected to a file", upstreams.says(302, b"", "Location: file:///etc/passwd"),
                 "refused"),
                ("not allowed", upstreams.says(401), "refused"),
                ("slow", upstreams.dripping(good), "failed"),
                ("silent", upstreams.silence, "failed"),
                ("hanging up", upstreams.hang_up, "failed"),
                ("no HTTP", lambda _, client: client.sendall(b"hello\n" * 100), "refused"),
                ("broken", upstreams.says(500, b"oh\n"), "failed"),
                ("overloaded", upstreams.says(429), "failed")):
            with self.subTest(name):
                self.cache = "bad-" + name.lower().replace(" ", "-")
                with Upstream() as upstream:
                    upstream.special[self.target(path)] = behaviour
                    self.pull_from(upstream.url)
                    self.assert_unknown(self.target(path))
                    self.assertEqual(self.stored(), 0)
                    self.assertEqual(self.metric("narthex_upstream_fetches_total", upstream=upstream.url,
                                            outcome=outcome), 1)
                    self.assertEqual(self.metric("narthex_upstream_fetches_total",
                                            upstream=upstream.url), 1)

    def test_certificate_is_no_upstream(self):
        upstream = self.upstream(upstreams.self_signed())
        self.pull_from(upstream.url)
        self.assert_unknown(self.target())
        self.assertEqual(upstream.requests, [])
        self.assertRegex(self.server.log(),
                         f'event=upstream_paused upstream="{upstream.url}" reason=.*certificate')

    def test_answer_of_the_first_is_made_up_for_by_the_second(self):
        first, second = self.upstream(), self.upstream()
        first.special[self.target()] = upstreams.says(200, b"StorePath: nonsense\n")
        self.pull_from(first.url, second.url)
        self.assertEqual(self.get(self.target()).body, self.text())


if __name__ == "__main__":
    support.main()
