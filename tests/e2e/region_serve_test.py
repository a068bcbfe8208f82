#!/usr/bin/env python3
"""A region that serves: what its primary publishes appears, a lost network ends no read and makes no
404, counts come home once, and a primary that was replaced knows it."""

import http.server
import json
import threading
import time
import unittest

import bulk
import samples
import support
import tokens
import uploads
from metrics_test import parse
from region_by_sql import Primary, Region
from support import get

OLD_NIX = ["User-Agent: curl/8.5.0 Nix/2.18.1"]
FLUSH = ("--count-flush-seconds", 1)


def setUpModule():
    global PRIMARY, REGION
    PRIMARY = Primary()
    REGION = Region(PRIMARY)


def tearDownModule():
    REGION.close()
    PRIMARY.close()


def publish(*names):
    support.narthex("import", "--database", PRIMARY.uri, samples.write_records(
        support.temp_dir("records") / "all", [samples.narinfo(name) for name in names]))


def hide(name):
    PRIMARY.sql(f"""
        insert into hide_batch (active, reason) values (true, 'test');
        insert into hidden select cache, hash, (select max(id) from hide_batch)
        from narinfo where name = '{name}'""")


def status(server, name, headers=()):
    return get(server.port, samples.target(name), headers=list(headers)).status


class Case(unittest.TestCase):
    def setUp(self):
        REGION.proxy.delay = 0
        REGION.proxy.heal()
        # A region's database says who it is; the primary's server writes the heartbeat.
        self.primary = self.serve(PRIMARY.uri)

    def serve(self, uri, *args):
        server = support.Server("--database", uri, *(args or FLUSH), admin=True).start()
        self.addCleanup(server.kill)
        return server

    def serve_region(self, *args):
        server = self.serve(REGION.uri, *args)
        self.wait_up_to_date(server)
        support.wait_until(lambda: self.metrics(server)["narthex_cache_trusted"], "changes are heard")
        return server

    def metrics(self, server):
        return parse(get(server.admin_port, "/metrics").body.decode())

    def wait_up_to_date(self, server, yes=1):
        support.wait_until(lambda: self.metrics(server)["narthex_up_to_date"] == yes,
                           f"up to date: {yes}")


class Serving(Case):
    def test_what_is_published_ends_a_404_that_is_in_memory(self):
        region = self.serve_region()
        for turn in range(3):
            name = f"fresh-{turn}"
            for _ in range(3):
                self.assertEqual(status(region, name), 404)
            publish(name)
            begun = time.monotonic()
            support.wait_until(lambda: status(region, name) == 200, "it is there")
            self.assertLess(time.monotonic() - begun, 1)
        self.assertGreater(self.metrics(region)["narthex_cache_hits_total"], 0)

    def test_what_is_hidden_is_gone_within_a_second(self):
        publish("to-hide")
        region = self.serve_region()
        support.wait_until(lambda: status(region, "to-hide") == 200, "it is there")
        hide("to-hide")
        begun = time.monotonic()
        support.wait_until(lambda: status(region, "to-hide") == 404, "it is hidden")
        self.assertLess(time.monotonic() - begun, 1)
        PRIMARY.sql("update hide_batch set active = false")
        support.wait_until(lambda: status(region, "to-hide") == 200, "it is back")

    def test_a_cut_ends_no_read_and_makes_no_404(self):
        publish("stays", "asked-never")
        region = self.serve_region()
        support.wait_until(lambda: status(region, "asked-never") == 200, "they are there")
        self.assertEqual(status(region, "late"), 404)
        self.assertEqual(status(region, "never"), 404)
        REGION.proxy.cut()
        self.wait_up_to_date(region, 0)
        publish("late")
        for name in ("late", "never"):
            answer = get(region.port, samples.target(name))
            self.assertEqual(answer.status, 503)
            self.assertTrue(answer.header("Retry-After"))
            # Whose builds a 503 ends gets what nobody may keep.
            answer = get(region.port, samples.target(name), headers=OLD_NIX)
            self.assertEqual((answer.status, answer.header("Cache-Control")), (404, "no-store"))
        self.assertEqual(status(region, "stays"), 200)
        self.assertEqual(status(region, "asked-never"), 200)
        self.assertEqual(get(region.port, "/nix-cache-info").status, 200)
        REGION.proxy.heal()
        seen = set()

        def is_there():
            seen.add(status(region, "late"))
            return 200 in seen
        support.wait_until(is_there, "it heals by itself")
        self.assertLessEqual(seen, {200, 503})
        self.wait_up_to_date(region)
        support.wait_until(lambda: status(region, "never") == 404, "its absence counts again")
        region.stop()

    def test_a_primary_that_is_silent_costs_a_miss_some_seconds_and_a_hit_nothing(self):
        publish("stays")
        region = self.serve_region()
        support.wait_until(lambda: status(region, "stays") == 200, "it is there")
        REGION.proxy.silence()
        self.wait_up_to_date(region, 0)
        begun = time.monotonic()
        self.assertEqual(status(region, "silent-miss"), 503)
        self.assertLess(time.monotonic() - begun, 6)
        begun = time.monotonic()
        self.assertEqual(status(region, "stays"), 200)
        self.assertLess(time.monotonic() - begun, 1)
        begun = time.monotonic()
        region.stop()
        self.assertLess(time.monotonic() - begun, 5)
        self.assertNotIn("event=stop_forced", region.log())
        REGION.proxy.cut()

    def test_a_region_that_lags_asks_its_primary(self):
        publish("known", "known-hidden")
        region = self.serve_region()
        support.wait_until(lambda: status(region, "known-hidden") == 200, "they are there")
        self.assertEqual(status(region, "lagging"), 404)
        REGION.sql("alter subscription narthex disable")
        self.addCleanup(REGION.sql, "alter subscription narthex enable")
        self.wait_up_to_date(region, 0)
        publish("lagging", "lagging-hidden")
        hide("lagging-hidden")
        asked = self.metrics(region)["narthex_confirmations_total"]
        self.assertEqual(get(region.port, samples.target("lagging")).body.decode(),
                         samples.narinfo("lagging"))
        answer = get(region.port, samples.target("lagging-hidden"))
        self.assertEqual((answer.status, answer.header("Narthex-Hidden")), (404, "1"))
        # Believed, and asked again the next time.
        for _ in range(2):
            self.assertEqual(status(region, "nowhere"), 404)
        self.assertEqual(self.metrics(region)["narthex_confirmations_total"], asked + 4)
        publish("nowhere")
        self.assertEqual(status(region, "nowhere"), 200)
        reports = ("select trouble from region_report where name = 'eu1'")
        support.wait_until(lambda: "is switched off" in PRIMARY.sql(reports), "it says so")

    def test_many_at_once_are_refused_when_one_of_them_is_in_doubt(self):
        publish("bulk")
        region = self.serve_region()
        support.wait_until(lambda: status(region, "bulk") == 200, "it is there")
        both = "\n".join(samples.hash_part(name) for name in ("bulk", "bulk-absent"))

        def ask(target, body):
            return bulk.ask(region.port, bulk.post(target, body)).status
        questions = [(bulk.LINES, both), (bulk.CACHIX, json.dumps(both.split())),
                     (bulk.ATTIC, json.dumps(
                         {"cache": "default", "store_path_hashes": both.split()}))]
        listing = f"/{samples.hash_part('bulk')}.ls"
        for question in questions:
            self.assertEqual(ask(*question), 200, question)
        self.assertEqual(get(region.port, listing).status, 404)
        REGION.proxy.cut()
        self.wait_up_to_date(region, 0)
        for question in questions:
            self.assertEqual(ask(*question), 503, question)
        self.assertEqual(get(region.port, listing).status, 503)
        self.assertEqual(ask(bulk.LINES, samples.hash_part("bulk")), 200)

    def test_closures_are_the_primarys(self):
        region = self.serve_region()
        target = f"/api/v1/closure/{samples.hash_part('any')}"
        answer = get(region.port, target)
        self.assertEqual((answer.status, answer.header("Location")),
                         (302, "http://primary.example" + target))

    def test_nothing_is_said_before_the_first_copy_is_complete(self):
        publish("joining")
        region = self.serve_region()
        support.wait_until(lambda: status(region, "joining") == 200, "it is there")
        REGION.sql("update instance set role = 'joining'")
        self.addCleanup(REGION.sql, "update instance set role = 'region'")
        support.wait_until(lambda: get(region.port, "/readyz").status == 503, "it isn't ready")
        for name in ("joining", "joining-absent"):
            self.assertEqual(status(region, name), 503)
        self.assertEqual(json.loads(get(region.port, "/api/v1/instance").body)["role"], "joining")
        REGION.sql("update instance set role = 'region'")
        support.wait_until(lambda: status(region, "joining") == 200, "it is there again")


class Status(Case):
    def test_it_says_what_it_is_and_how_it_is(self):
        region = self.serve_region()
        self.assertEqual(json.loads(get(region.port, "/api/v1/instance").body),
                         {"role": "region", "name": "eu1", "epoch": 1, "kind": "serving"})
        answer = get(self.primary.port, "/api/v1/instance")
        self.assertEqual(json.loads(answer.body),
                         {"role": "primary", "name": "", "epoch": 1, "kind": None})
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        self.assertEqual(get(region.port, "/api/v1/instance", "PUT").status, 405)
        self.assertEqual(get(region.port, "/api/v1/instance", "HEAD").status, 200)
        figures = self.metrics(region)
        self.assertEqual(figures['narthex_instance_role{role="region"}'], 1)
        self.assertEqual(figures["narthex_uplink_connected"], 1)
        self.assertLess(figures["narthex_heartbeat_age_seconds"], 2)

        def known():
            figures = self.metrics(self.primary)
            return figures.get('narthex_region_slot_active{region="eu1"}') == 1 \
                and figures.get('narthex_region_behind_seconds{region="eu1"}', 100) < 10
        support.wait_until(known, "the primary knows how its region is")

    def test_it_is_ready_until_it_is_too_far_behind(self):
        region = self.serve_region("--ready-lag-seconds", 3)
        self.assertEqual(get(region.port, "/readyz").status, 200)
        REGION.proxy.cut()
        begun = time.monotonic()
        support.wait_until(lambda: get(region.port, "/readyz").status == 503, "it isn't ready")
        self.assertGreater(time.monotonic() - begun, 1)
        self.assertIn(b"behind its primary", get(region.port, "/readyz").body)
        self.assertEqual(self.metrics(region)["narthex_ready"], 0)
        REGION.proxy.heal()
        support.wait_until(lambda: get(region.port, "/readyz").status == 200, "it is ready again")

    def test_operators_see_all_regions_at_the_primary(self):
        token = tokens.make(PRIMARY.postgres, f"operator-{time.time_ns()}", ["replica"])
        region = self.serve_region()

        def reported():
            answer = get(self.primary.admin_port, "/api/v1/regions", headers=[tokens.bearer(token)])
            self.assertEqual(answer.status, 200, answer.body)
            (self.found,) = json.loads(answer.body)["regions"]
            report = self.found["report"]
            return report and report["trouble"] == "" and report["behind_ms"] is not None
        support.wait_until(reported, "it has reported")
        self.assertEqual((self.found["region"], self.found["kind"]), ("eu1", "serving"))
        self.assertTrue(self.found["slot"]["active"])
        self.assertLess(self.found["report"]["behind_ms"], 10_000)
        region.stop()


class Counts(Case):
    def setUp(self):
        super().setUp()
        REGION.sql("delete from own_count")
        PRIMARY.sql("delete from request_count")

    def counted(self, name):
        digest = PRIMARY.sql("select concat_ws(' ', region, served, hidden) from request_count r"
                             f" join narinfo n using (cache, hash) where n.name = '{name}'")
        return digest.split("\n")

    def test_they_come_home(self):
        publish("counted")
        region = self.serve_region()
        support.wait_until(lambda: status(region, "counted") == 200, "it is there")
        PRIMARY.sql("delete from request_count")
        for _ in range(4):
            status(region, "counted")
        support.wait_until(lambda: self.counted("counted") == ["eu1 5 0"], "they are there", 20)
        status(self.primary, "counted")
        support.wait_until(lambda: "1 0" in " ".join(sorted(self.counted("counted"))), "its own, too")
        stats = support.narthex("stats", "--database", PRIMARY.uri, "--top", "1", "--json").stdout
        self.assertIn('"served":6', stats.replace(" ", ""))
        # While the primary is away they wait.
        REGION.proxy.cut()
        for _ in range(10):
            status(region, "counted")
        support.wait_until(lambda: REGION.sql(
            "select served from own_count where not sent") == "15", "they are stored")
        REGION.proxy.heal()
        support.wait_until(lambda: "eu1 15 0" in self.counted("counted"), "they arrive", 30)

    def test_they_count_once_after_kill_9_in_the_middle_of_sending(self):
        REGION.sql("""
            insert into own_count (cache, hash, day, served, hidden)
            select 1, substring(sha256(int4send(n)) for 20), '2026-01-01', n, 1
            from generate_series(1, 20000) n""")
        wanted = "200010000|20000|20000"
        summed = "select sum(served), sum(hidden), count(*) from request_count where region = 'eu1'"
        REGION.proxy.delay = 0.05
        for turn in range(3):
            region = self.serve(REGION.uri)
            begun = int(PRIMARY.sql("select count(*) from request_count"))
            support.wait_until(
                lambda: int(PRIMARY.sql("select count(*) from request_count")) > begun, "it sends")
            region.kill()
        self.assertLess(int(PRIMARY.sql("select count(*) from request_count")), 20000)
        REGION.proxy.delay = 0
        region = self.serve(REGION.uri)
        support.wait_until(lambda: PRIMARY.sql(summed) == wanted, "all of it is there")
        support.wait_until(lambda: self.metrics(region)["narthex_counts_unsent"] == 0, "and known")
        self.assertEqual(PRIMARY.sql(summed), wanted)


class Fencing(unittest.TestCase):
    """A primary of its own: it is replaced."""

    def setUp(self):
        self.primary = Primary()
        self.addCleanup(self.primary.close)
        self.epoch = 1
        self.slow = 0
        test = self

        class Instance(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                time.sleep(test.slow)
                body = json.dumps({"role": "primary", "name": "", "epoch": test.epoch,
                                   "kind": None}).encode()
                self.send_response(200 if self.path == "/api/v1/instance" else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass
        self.region = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Instance)
        threading.Thread(target=self.region.serve_forever, daemon=True).start()
        self.addCleanup(self.region.server_close)
        self.addCleanup(self.region.shutdown)
        self.url = f"http://127.0.0.1:{self.region.server_address[1]}"
        self.primary.invite("eu1", "full", self.url + "/")
        self.token = tokens.make(self.primary.postgres, "publisher", ["publish"])

    def serve(self):
        server = support.Server("--database", self.primary.uri, "--upload-dir",
                                support.temp_dir("uploads"), admin=True).start()
        self.addCleanup(server.kill)
        return server

    def put(self, server, name="x"):
        return uploads.put(server, f"/nar/{name}.nar", b"nar", self.token)

    def role(self, server):
        return json.loads(get(server.port, "/api/v1/instance").body)["role"]

    def test_a_primary_that_was_replaced_takes_no_write(self):
        server = self.serve()
        support.wait_until(lambda: self.put(server).status in (200, 201, 204), "it takes uploads")
        self.epoch = 2
        support.wait_until(lambda: self.role(server) == "fenced", "it hears of it", 20)
        answer = self.put(server, "y")
        self.assertEqual(answer.status, 409)
        self.assertIn(self.url.encode(), answer.body)
        self.assertEqual(get(server.port, "/readyz").status, 200)
        self.assertEqual(
            parse(get(server.admin_port, "/metrics").body.decode())
            ['narthex_instance_role{role="fenced"}'], 1)
        # What it lacks the new primary may have.
        self.assertEqual(status(server, "elsewhere"), 503)

    def test_one_that_returns_asks_before_its_first_write(self):
        self.epoch = 5
        self.slow = 1
        server = self.serve()
        answers = set()

        def fenced():
            answers.add(self.put(server).status)
            return self.role(server) == "fenced"
        support.wait_until(fenced, "it hears of it")
        answers.add(self.put(server).status)
        self.assertLessEqual(answers, {503, 409})
        self.assertIn(409, answers)

    def test_regions_that_are_away_hold_nobody_up(self):
        self.slow = 30
        begun = time.monotonic()
        server = self.serve()
        self.assertEqual(self.put(server).status, 503)
        support.wait_until(lambda: self.put(server).status in (200, 201, 204), "it takes uploads")
        self.assertLess(time.monotonic() - begun, 10)


if __name__ == "__main__":
    support.main()
