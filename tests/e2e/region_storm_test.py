#!/usr/bin/env python3
"""A primary and two regions, three clusters, and all that may happen to them: links that are cut, lose everything or
are slow, kill -9 of each narthex and each PostgreSQL, one after the other. Narinfos are published all the time, and
stock Nix clients substitute from each region.

No build fails, since there is always an instance that can be reached; no region denies what the primary served seconds
ago; in the end all have the same rows. tests/soak/regions does it for longer.
"""

import argparse
import os
import random
import signal
import sys
import threading
import time
import unittest

import narinfos
import regions
import samples
import support
from nix_client import NixClient
from support import get

SECONDS = 25
SEED = random.SystemRandom().randrange(1 << 32)
BATCH = 50
LASTS = (1.5, 4)  # seconds of a fault, from and to
# A region says that a path is absent while what it has is at most two seconds old; the third is for the asking.
FRESH = 3
PATIENT = ("--option", "fallback", "true", "--option", "connect-timeout", "2", "--option", "stalled-download-timeout",
           "5")


class Link:
    """What a region reaches its primary by: PostgreSQL's protocol and HTTP."""

    def __init__(self, primary):
        self.postgres = regions.Proxy(primary.port)
        self.http = regions.Proxy(primary.server.port)
        self.both = (self.postgres, self.http)

    def cut(self):
        for proxy in self.both:
            proxy.cut()

    def hold(self):
        for proxy in self.both:
            proxy.hold()

    def slow(self):
        for proxy in self.both:
            proxy.delay = 0.2

    def mend(self):
        for proxy in self.both:
            proxy.delay = 0
            proxy.mend()

    def close(self):
        for proxy in self.both:
            proxy.close()


class Worker(threading.Thread):
    """Calls `turn` until it is told to stop; remembers what that threw."""

    def __init__(self, turn):
        super().__init__(daemon=True)
        self._turn = turn
        self._ends = threading.Event()
        self.turns = 0
        self.error = None

    def run(self):
        try:
            while not self._ends.is_set():
                self._turn()
                self.turns += 1
        except BaseException as error:  # told by stop()
            self.error = error

    def stop(self):
        self._ends.set()
        self.join(10 * support.DEADLINE)
        if self.error:
            raise self.error
        return self.turns


class Storm(unittest.TestCase):
    def setUp(self):
        print(f"seed {SEED}, {SECONDS} s", file=sys.stderr)
        self.random = random.Random(SEED)
        self.closed = support.closure()
        self.primary = regions.Primary().serve()
        support.import_closure(self.primary.server, self.closed)
        self.links = [Link(self.primary) for _ in range(2)]
        self.regions = [self.join(name, link, *args)
                        for name, link, args in zip(("eu1", "us1"), self.links, (("--full",), ()))]
        self.instances = [self.primary, *self.regions]
        self.published = []  # (name, when its import had returned)

    def tearDown(self):
        for link in self.links:
            link.mend()
        for instance in reversed(self.instances):
            instance.down()
        for link in self.links:
            link.close()

    def join(self, name, link, *args):
        uri = self.primary.json("replica", "invite", name, "--url", f"http://127.0.0.1:{link.http.port}",
                                "--address", f"127.0.0.1:{link.postgres.port}")["uri"]
        region = regions.Region(name)
        region.join(uri, *args)
        return region.serve()

    # What goes on all the time.

    def publish(self):
        names = [f"storm-{len(self.published) + i}" for i in range(BATCH)]
        file = samples.write_records(support.temp_dir("records") / "all", [samples.narinfo(name) for name in names])
        # Its database may be killed meanwhile: the same again is the way out.
        support.wait_until(lambda: self.primary.command("import", file, check=False).returncode == 0, "it is imported")
        self.published += [(name, time.monotonic()) for name in names]

    def read(self, region):
        now = time.monotonic()
        known = self.published[-20 * BATCH:]
        name, since = random.choice(known) if known else (None, now)
        if not name or now - since < FRESH:
            time.sleep(0.01)
            return
        try:
            answer = get(region.server.port, samples.target(name))
        except (OSError, EOFError):
            return  # it was killed
        self.assertIn(answer.status, (200, 503), (region.name, name))
        if answer.status == 200:
            self.assertEqual(answer.body.decode(), samples.narinfo(name))

    def substitute(self, region):
        client = NixClient()
        order = [region, *(other for other in self.instances[::-1] if other is not region)]
        client.pull(self.closed.top, self.closed.public_key, *(each.url for each in order), *PATIENT)
        client.verify()

    # What happens to them.

    def kill_postgres(self, instance):
        # Its narthex starts it again.
        os.kill(narinfos.postmaster(instance.data_dir), signal.SIGKILL)
        instance.restarted()

    def kill_narthex(self, instance):
        instance.server.kill()
        instance.server.start()

    def during(self, begin, end):
        begin()
        time.sleep(self.random.uniform(*LASTS))
        end()

    def faults(self):
        kills = [(kill, (instance,)) for instance in self.instances
                 for kill in (self.kill_postgres, self.kill_narthex)]
        cuts = [(self.during, (begin, link.mend)) for link in self.links
                for begin in (link.cut, link.hold, link.slow)]
        return kills + cuts

    def all_are_ready(self):
        def ready(instance):
            try:
                return get(instance.server.port, "/readyz").status == 200
            except (OSError, EOFError):
                return False
        support.wait_until(lambda: all(map(ready, self.instances)), "all are ready")

    def blow(self):
        """Each fault as often as the time allows, in a random order; the next comes when all are well again."""
        end = time.monotonic() + SECONDS
        happened = 0
        while time.monotonic() < end:
            for fault, args in self.random.sample(self.faults(), len(self.faults())):
                fault(*args)
                self.all_are_ready()
                happened += 1
                if time.monotonic() > end:
                    break
        return happened

    def test_no_build_fails_and_nothing_is_denied_or_lost(self):
        workers = {"batches published": Worker(self.publish)}
        for region in self.regions:
            workers[f"narinfos read from {region.name}"] = Worker(lambda region=region: self.read(region))
            workers[f"closures substituted from {region.name}"] = Worker(lambda region=region: self.substitute(region))
        for worker in workers.values():
            worker.start()
        try:
            happened = self.blow()
        finally:
            turns = {what: worker.stop() for what, worker in workers.items()}
        print(f"{happened} faults; " + ", ".join(f"{turns[what]} {what}" for what in turns), file=sys.stderr)
        for what, count in turns.items():
            self.assertGreater(count, 0, what)
        self.assert_all_have_all()

    def assert_all_have_all(self):
        for instance in self.instances:
            instance.restarted()
        for region in self.regions:
            support.wait_until(lambda: regions.same_rows(self.primary, region, "narinfo", "narinfo_nar", "nar"),
                               f"{region.name} has caught up")
            for name, _ in self.published[::10]:
                self.assertEqual(get(region.server.port, samples.target(name)).status, 200, name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--seed", type=int, default=SEED)
    options, sys.argv[1:] = parser.parse_known_args()
    SECONDS, SEED = options.seconds, options.seed
    support.main()
