"""What tests of pull-through caches share: a server, a cache for each test, upstreams for it."""

import json
import re
import unittest

import narinfos
import support
from raw_http import assert_well_formed
from support import get
from upstreams import Upstream

TIMEOUT = 2  # seconds for one upstream
# To this one a narinfo that nobody knows of is a 404 that nobody may keep.
OLD_NIX = ["User-Agent: curl/7.88.1 Nix/2.8.0"]


def set_up():
    PullThrough.closure = support.closure()
    PullThrough.server = support.Server("--upstream-timeout-ms", 1000 * TIMEOUT,
                                        "--lookup-timeout-ms", 30_000, admin=True).start()
    PullThrough.sql = narinfos.Psql(PullThrough.server.data_dir)


def tear_down():
    PullThrough.sql.close()
    PullThrough.server.stop()


class PullThrough(unittest.TestCase):
    """Each test with a cache and upstreams of its own."""

    def setUp(self):
        self.cache = self._testMethodName.removeprefix("test_")[:60]

    def target(self, path=None):
        """Where the narinfo of a path of the closure is, the topmost by default."""
        return "/" + re.search("/store/([a-z0-9]{32})-", path or self.closure.top)[1] + ".narinfo"

    def text(self, path=None):
        return (self.closure.cache / self.target(path)[1:]).read_bytes()

    def metric(self, name, server=None, **labels):
        """The sum of the samples that have these labels."""
        body = get((server or self.server).admin_port, "/metrics").body.decode()
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        return sum(float(value) for sample, value in
                   re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", body, re.M)
                   if wanted <= set(sample.split(",")))

    def upstream(self, tls=None):
        made = Upstream(self.closure.cache, tls)
        self.addCleanup(made.close)
        return made

    def pull_from(self, *urls, args=(), server=None):
        flags = [word for url in urls for word in ("--upstream", url)]
        support.narthex("cache", "create", self.cache, "--trusted-key", self.closure.public_key, *flags,
                        *args, "--data-dir", self.server.data_dir)
        self.wait_for_cache(server or self.server)

    def wait_for_cache(self, server):
        support.wait_until(
            lambda: get(server.port, f"/{self.cache}/nix-cache-info").status == 200, "it is served")

    def get(self, path, method="GET", headers=(), server=None):
        answer = get((server or self.server).port, f"/{self.cache}{path}", method, headers)
        assert_well_formed(self, answer)
        return answer

    def assert_unknown(self, path):
        """Nobody is told that it isn't there."""
        answer = self.get(path)
        self.assertEqual(answer.status, 503, answer.body)
        self.assertTrue(answer.header("Retry-After"))
        self.assertIn(b"an upstream or the database is away", answer.body)

    def stored(self):
        shown = support.narthex("cache", "show", self.cache, "--json", "--data-dir", self.server.data_dir)
        return json.loads(shown.stdout)["narinfos"]
