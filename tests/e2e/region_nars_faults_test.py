#!/usr/bin/env python3
"""NARs in a region whose primary lies, dies, drips or is away: never told as whole when they aren't. And many clients
of one."""

import select
import threading
import time

import region_nars
import samples
import support
from raw_http import assert_well_formed
from region_nars import MIB, TIMEOUT, Case
from support import Connection, get

setUpModule = region_nars.set_up
tearDownModule = region_nars.tear_down


def head(size):
    return f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nContent-Type: x/y\r\n\r\n".encode()


class Faults(Case):
    def test_other_bytes_are_never_completed_nor_kept(self):
        for size in (1, 1000, 3 * MIB):
            with self.subTest(size=size):
                data = samples.nar_bytes(size, seed=9)
                target = self.publish(data, name=f"{self.name}-{size}")
                wrong = data[:-1] + bytes([data[-1] ^ 1])
                self.use(lambda client, wrong=wrong: client.sendall(head(len(wrong)) + wrong))
                region = self.serve()
                self.assert_cut_off(region, target, data)
                self.assertEqual(self.metric(region, 'narthex_nar_fetches_total{outcome="refused"}'), 1)
                support.wait_until(lambda: self.kept() == {}, "nothing is kept")
                region.stop()
                # The same where nothing can be kept.
                region = support.Server("--database", self.region_pg.uri)
                self.addCleanup(region.kill)
                self.assert_cut_off(region.start(), target, data)
                region.stop()

    def test_another_size_is_refused_at_once(self):
        data = samples.nar_bytes(1000, seed=10)
        target = self.publish(data)
        self.use(lambda client: client.sendall(head(999) + data[:-1]))
        region = self.serve()
        self.assertEqual(get(region.port, target).status, 503)
        support.wait_until(lambda: self.kept() == {}, "nothing is kept")
        region.stop()

    def test_the_primary_dies_in_the_middle_and_returns(self):
        data = samples.nar_bytes(3 * MIB, seed=11)
        target = self.publish(data)
        self.use(lambda client: client.sendall(head(len(data)) + data[:2 * MIB]))
        region = self.serve()
        self.assert_cut_off(region, target, data)
        support.wait_until(lambda: self.kept() == {}, "nothing is kept")
        self.use_real()
        support.wait_until(lambda: get(region.port, target, "HEAD") and self.fetched(target),
                           "the region asks the real one")
        self.assertEqual(get(region.port, target).body, data)
        region.stop()

    def test_a_primary_that_hangs(self):
        closing = threading.Event()
        self.addCleanup(closing.set)
        data = samples.nar_bytes(MIB, seed=12)
        target = self.publish(data)
        self.use(lambda client: closing.wait(60))
        region = self.serve()
        since = time.monotonic()
        answer = get(region.port, target)
        self.assertEqual((answer.status, answer.header("Retry-After")), (503, "5"))
        self.assertGreater(time.monotonic() - since, TIMEOUT - 0.5)
        region.stop()

    def test_a_primary_that_drips(self):
        data = samples.nar_bytes(600, seed=31)
        target = self.publish(data)

        def drip(client):
            client.sendall(head(len(data)))
            for at in range(len(data)):
                client.sendall(data[at:at + 1])
                if select.select([client], [], [], 0.1)[0]:
                    return  # the region has gone
        self.use(drip)
        region = self.serve()
        self.assert_cut_off(region, target, data)
        self.assertEqual(self.metric(region, 'narthex_nar_fetches_total{outcome="failed"}'), 1)
        support.wait_until(lambda: self.kept() == {}, "nothing is kept")
        region.stop()
        # The same where nothing can be kept.
        region = support.Server("--database", self.region_pg.uri, "--primary-timeout-ms", 1000 * TIMEOUT)
        self.addCleanup(region.kill)
        self.assert_cut_off(region.start(), target, data)
        region.stop()

    def test_two_lengths_are_none(self):
        """Whoever believes the wrong one takes the rest for the next answer."""
        data = samples.nar_bytes(1000, seed=32)
        target = self.publish(data)
        self.use(lambda client: client.sendall(
            head(len(data)).replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n") +
            b"800\r\n" + bytes(0x800) + b"\r\n0\r\n\r\n"))
        for region in (self.serve(), support.Server("--database", self.region_pg.uri).start()):
            self.addCleanup(region.kill)
            self.assertEqual(get(region.port, target).status, 503)
            support.wait_until(lambda: self.kept() == {}, "nothing is kept")
            region.stop()

    def test_a_region_that_is_its_own_primary(self):
        target = self.publish(samples.nar_bytes(1000, seed=20))
        region = self.serve()
        self.addCleanup(self.use_real)
        self.region_pg.sql(f"update instance set primary_url = '{region.url}'")
        support.wait_until(lambda: get(region.port, target, "HEAD").status == 503, "it asks itself")
        for headers in ((), ("Range: bytes=1-",)):
            self.assertEqual(get(region.port, target, headers=headers).status, 503)
        support.wait_until(lambda: self.kept() == {}, "nothing is kept")
        region.stop()

    def test_no_primary(self):
        kept, other = (samples.nar_bytes(1000, seed=seed) for seed in (13, 14))
        here = self.publish(kept, name="here")
        elsewhere = self.publish(other, name="elsewhere")
        region = self.serve()
        self.assertEqual(get(region.port, here).body, kept)
        fake = self.use(lambda client: None)
        fake.close()
        support.wait_until(lambda: get(region.port, elsewhere, "HEAD").status == 503, "it is away")
        for headers in ((), ("Range: bytes=1-",)):
            answer = get(region.port, elsewhere, headers=headers)
            assert_well_formed(self, answer)
            self.assertEqual((answer.status, answer.header("Retry-After")), (503, "5"))
        self.assertEqual(get(region.port, here).body, kept)
        region.stop()


class Together(Case):
    def test_many_clients_share_one_fetch(self):
        data = samples.nar_bytes(4 * MIB, seed=15)
        target = self.publish(data)
        go_on = threading.Event()
        self.addCleanup(go_on.set)

        def half_first(client):
            client.sendall(head(len(data)) + data[:2 * MIB])
            go_on.wait(60)
            client.sendall(data[2 * MIB:])
        fake = self.use(half_first)
        region = self.serve()
        connections = [Connection(region.port) for _ in range(20)]
        bodies = []
        for connection in connections:
            connection.request(target)
        for connection in connections:  # each has a part of it
            while len(connection._pending) < MIB:
                connection._receive()
        threads = [threading.Thread(target=lambda connection=connection: bodies.append(
            connection.read_response().body)) for connection in connections]
        for thread in threads:
            thread.start()
        go_on.set()
        for thread in threads:
            thread.join()
        self.assertEqual(len(bodies), len(connections))
        self.assertTrue(all(body == data for body in bodies))
        self.assertEqual(fake.count(target), 1)
        self.assertEqual(self.kept(), {f"default{target}": data})
        for connection in connections:
            connection.close()
        region.stop()

    def test_what_nobody_wants_any_more_is_broken_off(self):
        data = samples.nar_bytes(4 * MIB, seed=16)
        target = self.publish(data)
        gone = threading.Event()

        def wait_for_the_end(client):
            client.sendall(head(len(data)) + data[:2 * MIB])
            try:
                client.recv(1)
            except ConnectionResetError:
                pass  # there was more for it to read
            gone.set()
        self.use(wait_for_the_end)
        region = self.serve()
        with Connection(region.port) as connection:
            connection.request(target)
            connection._receive()
        self.assertTrue(gone.wait(TIMEOUT + 15))
        support.wait_until(lambda: self.kept() == {}, "nothing is kept")
        region.stop()


if __name__ == "__main__":
    support.main()
