#!/usr/bin/env python3
"""What operators see on the admin listener: every metric there, parsed strictly, and counted right."""

import re
import socket
import threading
import time
import unittest

import samples
import support
from postgres import Postgres
from raw_http import guix_get, pipelined, wait_closed
from support import Connection, get

KNOWN = [f"known-{i}" for i in range(20)]
ABSENT = "absent"
NIX = "curl/8.14.1 Nix/2.26.3"
NAR = samples.nar_bytes(1000)
SAMPLE = re.compile(r'([a-z_]+)(?:\{([a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*)\})?'
                    r" ([0-9.e+-]+)")
SUFFIXES = ("", "_bucket", "_sum", "_count")


def setUpModule():
    global PG
    PG = Postgres()
    support.narthex("migrate", "--database", PG.uri)
    directory = support.temp_dir("cache")
    (directory / "nar").mkdir()
    (directory / "nar" / "one.nar").write_bytes(NAR)
    support.narthex("import", "--database", PG.uri, samples.write_records(
        directory / "records", [samples.narinfo(name, 100) for name in KNOWN]))
    support.narthex("import", "--database", PG.uri, "--nar-dir", directory, samples.write_records(
        directory / "with-nar", [samples.narinfo("one", nar=("nar/one.nar", NAR))]))


def tearDownModule():
    PG.close()


def parse(text):
    """Name with labels -> value. Every line must be as Prometheus's text format has it: each family
    once, with its help and its type before its samples, which have the family's name."""
    values, types, family, helped = {}, {}, None, None
    assert text.endswith("\n"), text[-100:]
    for line in text[:-1].split("\n"):
        words = line.split(" ", 3)
        if line.startswith("# HELP "):
            assert words[2] not in types and words[3], line
            helped = words[2]
        elif line.startswith("# TYPE "):
            assert words[2] == helped and words[3] in ("counter", "gauge", "histogram"), line
            family, types[helped] = helped, words[3]
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample and sample[1] in [family + suffix for suffix in SUFFIXES], line
            key = f"{sample[1]}{{{sample[2]}}}" if sample[2] else sample[1]
            assert key not in values, line
            values[key] = float(sample[3])
            assert types[family] == "gauge" or values[key] >= 0, line
    for name, kind in types.items():
        assert (kind == "counter") == name.endswith("_total"), name
        if kind == "histogram":
            check_histogram(name, values)
    return values


def check_histogram(name, values):
    series = {}  # by what stands before le
    for key, value in values.items():
        if bucket := re.fullmatch(rf'{name}_bucket{{(.*,)?le="(.*)"}}', key):
            series.setdefault(bucket[1] or "", []).append((float(bucket[2]), value))
    assert series, name
    for labels, buckets in series.items():
        assert buckets == sorted(buckets) and buckets[-1][0] == float("inf"), buckets
        counts = [count for _, count in buckets]
        total = values[f"{name}_count{{{labels[:-1]}}}" if labels else f"{name}_count"]
        assert counts == sorted(counts) and counts[-1] == total, (name, labels, counts)


class Case(unittest.TestCase):
    def serve(self, *args):
        server = support.Server("--database", PG.uri, *args, admin=True).start()
        self.addCleanup(server.stop)
        return server

    def scrape(self, server):
        answer = get(server.admin_port, "/metrics")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8")
        return parse(answer.body.decode())


def requests(kind, status):
    return f'narthex_http_requests_total{{kind="{kind}",status="{status}"}}'


class Counting(Case):
    def test_every_answer_is_counted_once(self):
        server = self.serve("--network-threads", 2)
        support.wait_until(lambda: self.scrape(server)["narthex_cache_trusted"], "changes are heard")
        before = self.scrape(server)
        nix = [f"User-Agent: {NIX}"]
        body_bytes = 0
        for _ in range(3):
            for name in KNOWN:
                body_bytes += len(get(server.port, samples.target(name), headers=nix).body)
        for _ in range(2):
            self.assertEqual(get(server.port, samples.target(ABSENT)).status, 404)
        self.assertEqual(get(server.port, samples.target(KNOWN[0]), "HEAD").status, 200)
        etag = get(server.port, samples.target(KNOWN[0])).header("ETag")
        self.assertEqual(get(server.port, samples.target(KNOWN[0]),
                             headers=[f"If-None-Match: {etag}"]).status, 304)
        self.assertEqual(get(server.port, "/nix-cache-info", headers=nix).status, 200)
        self.assertEqual(get(server.port, "/nar/one.nar").body, NAR)
        self.assertEqual(get(server.port, "/nar/none.nar").status, 404)
        self.assertEqual(get(server.port, "/metrics").status, 404)
        self.assertEqual(get(server.port, "/nowhere").status, 404)
        self.assertEqual(get(server.port, samples.target(ABSENT), "DELETE").status, 405)
        with Connection(server.port) as connection:
            connection.send(b"nonsense\r\n\r\n")
            self.assertEqual(connection.read_response().status, 400)
        piped = pipelined(server.port, [guix_get(samples.target(name), server.port)
                                        for name in KNOWN * 5])
        self.assertEqual({answer.status for answer in piped}, {200})

        def none_left():
            return self.scrape(server)["narthex_connections"] == 0
        support.wait_until(none_left, "all have gone")
        after = self.scrape(server)
        more = {key: value - before.get(key, 0) for key, value in after.items()}
        for key, count in {requests("narinfo", 200): 60 + 2 + 100, requests("narinfo", 304): 1,
                           requests("narinfo", 404): 2, requests("cache_info", 200): 1,
                           requests("nar", 200): 1, requests("nar", 404): 1,
                           requests("unknown", 404): 2, requests("unknown", 405): 1,
                           requests("unknown", 400): 1}.items():
            self.assertEqual(more[key], count, key)
        # readyz, which support asks, was before.
        answered = sum(value for key, value in more.items() if key.startswith("narthex_http_requests"))
        self.assertEqual(answered, 172)
        # What is no request has no duration and no client.
        self.assertEqual(more["narthex_http_request_duration_seconds_count"], answered - 1)
        self.assertEqual(more['narthex_clients_total{family="Nix 2.26"}'], 61)
        self.assertEqual(more['narthex_clients_total{family="Guix"}'], 100)
        self.assertEqual(more['narthex_clients_total{family="other"}'], 10)
        self.assertEqual(more["narthex_connections_total"], 60 + 2 + 10 + 1)
        self.assertEqual(more["narthex_cache_hits_total"] + more["narthex_cache_misses_total"],
                         60 + 2 + 3 + 100)
        self.assertEqual(more["narthex_cache_misses_total"], len(KNOWN) + 1)
        self.assertEqual(after["narthex_cache_entries"], len(KNOWN) + 1)
        self.assertGreater(after["narthex_cache_bytes"], body_bytes / 3)
        self.assertEqual(more["narthex_lookup_batch_keys_count"], len(KNOWN) + 1 + 2)
        self.assertEqual(more["narthex_lookup_batch_keys_sum"], len(KNOWN) + 1 + 2)
        self.assertGreater(more["narthex_sent_bytes_total"], body_bytes)

    def test_each_metric_is_in_the_operators_table(self):
        text = (support.ROOT / "docs/operations.md").read_text()
        text = text.partition("## Metrics")[2].partition("## ")[0]
        body = get(self.serve().admin_port, "/metrics").body.decode()
        names = set(re.findall(r"^# TYPE ([^ ]+)", body, re.M))
        self.assertEqual(set(re.findall(r"^\| `([a-z_]+)", text, re.M)), names)

    def test_batches_of_what_is_asked_together(self):
        server = self.serve("--cache-bytes", 0, "--database-connections", 1,
                            "--largest-batch", 50)
        before = self.scrape(server)
        PG.hang()
        try:
            with Connection(server.port) as connection:
                connection.send(b"".join(guix_get(samples.target(name), server.port)
                                         for name in KNOWN * 10))

                support.wait_until(lambda: self.scrape(server)["narthex_lookup_queue_depth"] > 0,
                                   "lookups wait")
                PG.go_on()
                for _ in range(len(KNOWN) * 10):
                    self.assertEqual(connection.read_response().status, 200)
        finally:
            PG.go_on()
        after = self.scrape(server)
        self.assertEqual(after["narthex_lookup_queue_depth"], 0)
        self.assertEqual(after["narthex_lookup_batch_keys_sum"] - before["narthex_lookup_batch_keys_sum"],
                         len(KNOWN) * 10)
        self.assertLess(after["narthex_lookup_batch_keys_count"], 50)
        self.assertEqual(after["narthex_cache_hits_total"], 0)

    def test_evictions(self):
        server = self.serve("--cache-bytes", 200_000)
        support.wait_until(lambda: self.scrape(server)["narthex_cache_trusted"], "changes are heard")
        for i in range(200):
            get(server.port, samples.target(f"no-{i}"))
        values = self.scrape(server)
        self.assertGreater(values["narthex_cache_evictions_total"], 50)
        self.assertEqual(values["narthex_cache_entries"],
                         200 - values["narthex_cache_evictions_total"])
        self.assertLessEqual(values["narthex_cache_bytes"], 200_000)

    def test_a_scrape_while_traffic_goes_on(self):
        server = self.serve("--network-threads", 2)
        batch = [guix_get(samples.target(name), server.port) for name in KNOWN * 50]
        ended, errors = threading.Event(), []

        def read():
            try:
                while not ended.is_set():
                    pipelined(server.port, batch)
            except Exception as error:  # the test looks at it
                errors.append(error)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        last, end = {}, time.monotonic() + 2
        try:
            while time.monotonic() < end:
                values = self.scrape(server)
                for key, value in values.items():
                    if "_total" in key or "_bucket" in key or key.endswith("_count"):
                        self.assertGreaterEqual(value, last.get(key, 0), key)
                self.assertGreaterEqual(values["narthex_connections"], 0)
                last = values
        finally:
            ended.set()
            for reader in readers:
                reader.join()
        self.assertEqual(errors, [])
        self.assertGreater(last[requests("narinfo", 200)], 1000)


class Database(Case):
    def test_terminated_connections_are_counted_and_replaced(self):
        server = self.serve("--cache-bytes", 0, "--database-connections", 2)
        values = self.scrape(server)
        self.assertEqual(values["narthex_database_failures_total"], 0)
        self.assertEqual(values["narthex_database_reconnects_total"], 0)
        support.wait_until(lambda: self.scrape(server)["narthex_database_connections"] == 2, "both")
        PG.psql("SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity"
                " WHERE application_name LIKE 'narthex%'")

        def reconnected():
            self.assertEqual(get(server.port, samples.target(KNOWN[0])).status, 200)
            return self.scrape(server)["narthex_database_reconnects_total"] == 2
        support.wait_until(reconnected, "both connections are replaced")
        values = self.scrape(server)
        self.assertEqual(values["narthex_database_failures_total"], 2)
        self.assertEqual(values["narthex_database_connections"], 2)

    def test_an_outage_shows(self):
        server = self.serve()
        support.wait_until(lambda: self.scrape(server)["narthex_cache_trusted"] == 1, "trusted")
        self.assertEqual(get(server.admin_port, "/readyz").status, 200)
        PG.stop()
        try:
            support.wait_until(lambda: self.scrape(server)["narthex_cache_trusted"] == 0, "not")
            support.wait_until(lambda: get(server.admin_port, "/readyz").status == 503, "not ready")
            self.assertEqual(get(server.port, samples.target(ABSENT)).status, 503)
            self.assertEqual(get(server.admin_port, "/healthz").status, 200)
            values = self.scrape(server)
            self.assertEqual(values[requests("narinfo", 503)], 1)
            self.assertEqual(values["narthex_ready"], 0)

            def all_lost():
                self.assertEqual(get(server.port, samples.target(ABSENT)).status, 503)
                return self.scrape(server)["narthex_database_connections"] == 0
            support.wait_until(all_lost, "both connections are known to be lost")
        finally:
            PG.start()
        support.wait_until(lambda: self.scrape(server)["narthex_cache_trusted"] == 1, "again")


class Clients(Case):
    def test_refused_connections(self):
        server = self.serve("--max-connections", 1)
        support.wait_until(lambda: self.scrape(server)["narthex_connections"] == 0, "support's")
        refused = self.scrape(server)["narthex_connections_refused_total"]
        with Connection(server.port) as one:
            one.request("/healthz")
            one.read_response()
            for _ in range(3):
                with self.assertRaises(ConnectionResetError), Connection(server.port) as further:
                    further.socket.recv(1)
            values = self.scrape(server)
        self.assertEqual(values["narthex_connections_refused_total"], refused + 3)
        self.assertEqual(values["narthex_connections"], 1)
        self.assertEqual(server.log().count("event=too_many_connections"), 1)

    def test_slow_clients_are_counted_and_told_of_once_a_minute(self):
        server = self.serve("--send-timeout-seconds", 1, "--header-timeout-seconds", 1,
                            "--network-threads", 2)
        slow = []
        for i in range(4):
            if i == 2:  # the first ones are told of before the others come
                for connection in slow:
                    wait_closed(connection, support.DEADLINE)
            connection = Connection(server.port)
            self.addCleanup(connection.close)
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
            connection.send(guix_get(samples.target(KNOWN[0]), server.port) * 4000)
            slow.append(connection)

        def closed():
            return self.scrape(server)["narthex_slow_clients_total"]
        support.wait_until(lambda: closed() == 4, "all are closed")
        support.wait_until(lambda: "event=slow_clients" in server.log(), "the line")
        # Each thread has looked at the clock since when it has ended such a connection.
        for half in [self.half_a_head(server) for _ in range(2)]:
            wait_closed(half)
        lines = re.findall(r"event=slow_clients closed=(\d+)", server.log())
        self.assertEqual(len(lines), 1, server.log())
        self.assertIn(int(lines[0]), (1, 2))


    def half_a_head(self, server):
        connection = Connection(server.port)
        self.addCleanup(connection.close)
        connection.send(b"GET / HTTP/1.1\r\n")
        return connection


class Listener(Case):
    def test_what_it_answers(self):
        server = self.serve()
        self.assertEqual(get(server.admin_port, "/healthz").body, b"ok\n")
        self.assertEqual(get(server.admin_port, "/metrics?x=y").status, 200)
        head = get(server.admin_port, "/metrics", "HEAD")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertGreater(int(head.header("Content-Length")), 1000)
        self.assertEqual(get(server.admin_port, "/metrics", "POST").status, 405)
        for target in ("/", "/nix-cache-info", samples.target(KNOWN[0]), "/nar/one.nar", "/metrics/"):
            self.assertEqual(get(server.admin_port, target).status, 404, target)
        answers = pipelined(server.admin_port, [guix_get("/metrics", server.admin_port)] * 100)
        self.assertEqual([answer.status for answer in answers], [200] * 100)
        self.assertIn(f"event=admin_listening address=127.0.0.1:{server.admin_port}", server.log())

    def test_there_is_none_unless_it_is_asked_for(self):
        with support.Server("--database", PG.uri) as server:
            self.assertEqual(get(server.port, "/metrics").status, 404)
            self.assertNotIn("admin_listening", server.log())

    def test_settings(self):
        def shown(*args):
            text = support.narthex("serve", "--check-config", *args).stdout
            return [" ".join(line.split()) for line in text.splitlines()]
        self.assertIn('admin-listen = "" # default', shown())
        self.assertIn('admin-listen = "[::1]:9090" # --admin-listen',
                      shown("--admin-listen", "[::1]:9090"))
        for bad in ("9090", "localhost:9090", "127.0.0.1:x"):
            done = support.narthex("serve", "--admin-listen", bad, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn("admin-listen", done.stderr)

    def test_an_address_that_is_taken_ends_the_start(self):
        server = self.serve()
        done = support.narthex("serve", "--database", PG.uri, "--listen", "127.0.0.1:0",
                               "--admin-listen", f"127.0.0.1:{server.admin_port}", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"can't listen on 127.0.0.1:{server.admin_port}", done.stderr)

    def test_it_stops_while_a_scraper_stays_connected(self):
        server = support.Server("--database", PG.uri, admin=True).start()
        with Connection(server.admin_port) as scraper:
            scraper.request("/metrics")
            self.assertEqual(scraper.read_response().status, 200)
            start = time.monotonic()
            server.stop()
            self.assertLess(time.monotonic() - start, 4)
            self.assertTrue(scraper.at_end())


if __name__ == "__main__":
    support.main()
