#!/usr/bin/env python3
"""deploy/: the proxies and the name server of its files really run, in front of real servers.

Only names, ports and paths are changed in the files; each change must find what it replaces.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import unittest

import samples
import support
from http_client import Connection, get
from postgres import Postgres

DEPLOY = support.ROOT / "deploy"
NARINFOS = [f"deployed-{number}" for number in range(20)]
PIPELINED = 3000  # three times what nginx takes of a connection by default


def certificate():
    """A file with a certificate of 127.0.0.1 that nobody vouches for, and its key."""
    directory = support.temp_dir("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", directory / "key",
                    "-out", directory / "crt"], check=True, capture_output=True)
    (directory / "pem").write_text((directory / "crt").read_text() + (directory / "key").read_text())
    return directory


def changed(path, changes):
    text = path.read_text()
    for old, new in changes.items():
        if old not in text:
            raise AssertionError(f"{path} has no {old!r}")
        text = text.replace(old, new)
    return text


class TlsConnection(Connection):
    def __init__(self, port):
        super().__init__(port)
        context = ssl._create_unverified_context()
        context.set_alpn_protocols(["http/1.1"])
        self.socket = context.wrap_socket(self.socket)


class Program:
    """A process of the test's own, ended by its id."""

    def __init__(self, *command):
        self.log_path = support.temp_dir("log") / "log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)

    def wait_for(self, port):
        def is_there():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.process.args}: {self.log_path.read_text()}")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        support.wait_until(is_there, f"{self.process.args[0]} listens")
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(support.DEADLINE)


class Deployed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = [support.Server().start() for _ in range(2)]
        for server in cls.servers:
            directory = support.temp_dir("narinfos")
            for name in NARINFOS:
                (directory / f"{samples.hash_part(name)}.narinfo").write_text(samples.narinfo(name))
            support.narthex("import", "--data-dir", server.data_dir, directory)
        cls.tls = certificate()

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers:
            if server.process.poll() is None:
                server.stop()

    def setUp(self):
        self.here, self.next = self.servers
        self.port = support.free_port()

    def check_proxy(self):
        """What every proxy must do: pipelining on one connection, HTTP/2, another instance."""
        self.check_pipelining()
        self.check_http2()
        self.here.stop()
        try:
            support.wait_until(lambda: self.status() == 200, "the other instance answers")
            self.check_http2()
        finally:
            self.here.start()
        support.wait_until(lambda: self.status() == 200, "the first answers again")

    def status(self):
        try:
            connection = TlsConnection(self.port)
            connection.request(samples.target(NARINFOS[0]))
            return connection.read_response().status
        except (OSError, EOFError):
            return None

    def check_pipelining(self):
        connection = TlsConnection(self.port)
        requests = b"".join(
            f"GET {samples.target(NARINFOS[i % len(NARINFOS)])} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
            for i in range(PIPELINED))
        # Guix reads nothing before it has sent a thousand; here something may wait on either side.
        sender = threading.Thread(target=connection.send, args=(requests,), daemon=True)
        sender.start()
        for i in range(PIPELINED):
            response = connection.read_response()
            self.assertEqual((response.status, response.body.decode()),
                             (200, samples.narinfo(NARINFOS[i % len(NARINFOS)])), i)
        sender.join(support.DEADLINE)

    def check_http2(self):
        done = subprocess.run(
            ["curl", "-sSk", "--http2", "--noproxy", "*", "--max-time", "30", "-w", "%{http_version} %{http_code}",
             f"https://127.0.0.1:{self.port}{samples.target(NARINFOS[1])}"],
            capture_output=True, text=True, timeout=support.DEADLINE)
        self.assertEqual(done.stdout, samples.narinfo(NARINFOS[1]) + "2 200", done.stderr)

    def test_haproxy(self):
        config = support.temp_dir("haproxy") / "haproxy.cfg"
        next_line = ("server next us1.cache.example.org:443 ssl verify required ca-file @system-ca"
                     " sni str(us1.cache.example.org) alpn http/1.1 check-alpn http/1.1"
                     " check-sni us1.cache.example.org inter 5s backup")
        config.write_text(changed(DEPLOY / "haproxy" / "haproxy.cfg", {
            "maxconn 20000": "maxconn 1000",  # within what tests may open
            "bind :443": f"bind 127.0.0.1:{self.port}",
            "/etc/haproxy/cache.pem": str(self.tls / "pem"),
            "127.0.0.1:8080": f"127.0.0.1:{self.here.port}",
            "abns@narthex-h2": f"abns@narthex-h2-{os.getpid()}",
        }))
        # As it is, with names that don't exist here: what HAProxy itself says of it.
        done = subprocess.run(["haproxy", "-c", "-f", config], capture_output=True, text=True)
        self.assertIn("could not resolve address 'us1.cache.example.org'", done.stdout + done.stderr)
        config.write_text(changed(config, {
            next_line: f"server next 127.0.0.1:{self.next.port} inter 1s backup"}))
        subprocess.run(["haproxy", "-c", "-f", config], check=True, capture_output=True)
        proxy = Program("haproxy", "-db", "-f", config).wait_for(self.port)
        try:
            self.check_proxy()
        finally:
            proxy.stop()

    def test_nginx(self):
        directory = support.temp_dir("nginx")
        directory.chmod(0o777)
        narthex = changed(DEPLOY / "nginx" / "narthex.conf", {
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            "    listen [::]:443 ssl http2;\n": "",
            "/etc/nginx/cache.crt": str(self.tls / "crt"),
            "/etc/nginx/cache.key": str(self.tls / "key"),
            "127.0.0.1:8080": f"127.0.0.1:{self.here.port}",
            "10.8.0.2:8080": f"127.0.0.1:{self.next.port}",
        })
        temporary = "".join(f"{kind}_temp_path {directory}/{kind};\n"
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = directory / "nginx.conf"
        config.write_text(f"daemon off;\npid {directory}/pid;\nerror_log stderr;\nevents {{}}\n"
                          f"http {{\naccess_log off;\n{temporary}{narthex}}}\n")
        proxy = Program("nginx", "-e", "stderr", "-c", config).wait_for(self.port)
        try:
            self.check_proxy()
        finally:
            proxy.stop()

    def test_knot_answers_with_what_is_ready(self):
        directory = support.temp_dir("knot")
        directory.chmod(0o777)
        config, areas = self.knot_files(directory)
        knot = Program("knotd", "-c", config)
        try:
            health = [DEPLOY / "knot" / "geo-health", areas, "--knotc", self.knotc(directory, config)]
            support.wait_until(lambda: self.ask("127.0.0.1") is not None, "knotd answers")
            self.assertIn("ready: eu1, us1: ", self.run_(health))
            # The zone itself has the other one.
            support.wait_until(lambda: self.ask("127.0.0.2") == ["198.51.100.1"], "the nearest")
            self.assertEqual(self.ask("127.0.0.1"), ["192.0.2.1"])
            self.assertEqual(self.run_(health), "")
            self.here.stop()
            self.assertIn("ready: us1: ", self.run_(health))
            support.wait_until(lambda: self.ask("127.0.0.1") == ["198.51.100.1"], "the one that is ready")
            self.assertEqual(self.ask("127.0.0.2"), ["198.51.100.1"])
            self.here.start()
            self.assertIn("ready: eu1, us1: ", self.run_(health))
            support.wait_until(lambda: self.ask("127.0.0.1") == ["192.0.2.1"], "the nearest again")
        finally:
            knot.stop()

    def knot_files(self, directory):
        config = directory / "knot.conf"
        shutil.copy(DEPLOY / "knot" / "example.org.zone", directory)
        # Before geo-health has run for the first time.
        (directory / "cache.geo").write_text("cache.example.org:\n")
        config.write_text(changed(DEPLOY / "knot" / "knot.conf", {
            'listen: [ "0.0.0.0@53", "::@53" ]': f"listen: 127.0.0.1@{self.port}\n    rundir: {directory}",
            "target: syslog": "target: stderr",
            "/var/lib/knot": str(directory),
        }))
        areas = directory / "areas.toml"
        areas.write_text(changed(DEPLOY / "knot" / "areas.toml", {
            "https://eu1.cache.example.org": self.here.url,
            "https://us1.cache.example.org": self.next.url,
            "/var/lib/knot": str(directory),
            "192.0.2.0/24": "127.0.0.1/32",
        }))
        return config, areas

    def knotc(self, directory, config):
        script = directory / "knotc"
        script.write_text(f"#!/bin/sh\nexec knotc -c {config} -s {directory}/knot.sock \"$@\"\n")
        script.chmod(0o755)
        return script

    def run_(self, command):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True,
                              timeout=support.DEADLINE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def ask(self, source):
        """The IPv4 addresses that a resolver at `source` is told; None without an answer."""
        done = subprocess.run(["kdig", "@127.0.0.1", "-p", str(self.port), "-b", source, "+short", "+timeout=2",
                               "+retry=0", "cache.example.org", "A"], capture_output=True, text=True)
        return done.stdout.split() if done.returncode == 0 and "WARNING" not in done.stdout else None

    def test_geo_health_names_what_is_wrong(self):
        directory = support.temp_dir("areas")
        areas = directory / "areas.toml"
        good = (DEPLOY / "knot" / "areas.toml").read_text()
        for old, new, why in (('order = ["eu1", "us1"]', 'order = ["eu9"]', "no region eu9"),
                              ('"192.0.2.1"', '"nowhere"', "'nowhere' does not appear to be an IPv4"),
                              ("[[area]]", "[[nothing]]", "'area' is missing"),
                              ("zone =", "zone", "areas.toml: ")):
            with self.subTest(new):
                self.assertIn(old, good)
                areas.write_text(good.replace(old, new))
                done = subprocess.run([DEPLOY / "knot" / "geo-health", areas], capture_output=True, text=True)
                self.assertEqual(done.returncode, 1)
                self.assertIn(why, done.stderr)


class PostgresFiles(unittest.TestCase):
    """deploy/postgresql: PostgreSQL itself takes them, and they allow what they say."""

    def test_every_setting_is_one(self):
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        for file in ("primary.conf", "region.conf"):
            for line in (DEPLOY / "postgresql" / file).read_text().splitlines():
                if line and not line.startswith("#"):
                    name = line.split(" = ")[0]
                    done = subprocess.run([programs[-1], "--describe-config"], capture_output=True, text=True)
                    self.assertIn(f"\n{name}\t", "\n" + done.stdout, file)

    def test_the_owner_of_roles_sql_may_do_what_it_says(self):
        primary, region = Postgres("wal_level=logical", bare=True), Postgres()
        for each in primary, region:
            self.addCleanup(each.close)
        primary.run_script(DEPLOY / "postgresql" / "roles.sql", password="'geheim'")
        support.narthex("migrate", "--database", primary.uri)
        self.publish(primary, "before")
        with support.Server("--database", primary.uri) as server:
            self.assertEqual(get(server.port, samples.target("before")).status, 200)
            if int(primary.psql("show server_version_num")) < 160000:
                done = self.invite(primary, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertIn("PostgreSQL 15 lets only a superuser", done.stderr)
                primary.psql("alter role narthex superuser")
            uri = json.loads(self.invite(primary).stdout)["uri"]
            support.narthex("replica", "join", "--primary", uri, "--name", "eu1", "--database", region.uri)
            self.publish(primary, "after")
            support.wait_until(lambda: region.psql("select count(*) from narinfo") == "2", "it follows")
            support.narthex("replica", "leave", "--database", region.uri)
            support.wait_until(lambda: primary.psql("select count(*) from region") == "0", "serve removes it")
            self.assertEqual(primary.psql("select count(*) from pg_roles where rolname = 'narthex_region_eu1'"), "0")
            self.assertNotIn("event=region", server.log())

    def publish(self, primary, name):
        support.narthex("import", "--database", primary.uri, samples.write_records(
            support.temp_dir("records") / "all", [samples.narinfo(name)]))

    def invite(self, primary, **options):
        return support.narthex("replica", "invite", "eu1", "--url", "http://p", "--json",
                               "--database", primary.uri, **options)


if __name__ == "__main__":
    support.main()
