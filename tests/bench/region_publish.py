"""What a publisher waits for a NAR and a narinfo, through a region and at the primary itself."""

import json
import time
from statistics import median

from dataset import BenchError
from made_cache import make_cache
from put_load import Connection
from region_pair import say

CACHE = "bench"
PATIENCE = 30  # seconds for a cache to be known


def measure(pair, count):
    """Milliseconds of each PUT, by turns: (server, kind) -> {p50, p99}."""
    pair.command("cache", "create", CACHE, "--sign-uploads", "true")
    token = json.loads(pair.command("token", "create", "--name", "bench", "--scope", "publish", "--json"))["token"]
    servers = {"primary": pair.server, "region": pair.region_server}
    for server in servers.values():
        wait_for_cache(server, token)
    say(f"publishing {count} paths through the region, and as many at the primary")
    made = {name: make_cache(pair.directory / f"made-{name}", count, f"{pair.seed} {name}") for name in servers}
    opened = {name: connect(server, token) for name, server in servers.items()}
    took = {}
    paths = {name: list(zip(cache.nars, cache.narinfos())) for name, cache in made.items()}
    for number in range(count):
        for name in servers:
            for kind, upload in zip(("NAR", "narinfo"), paths[name][number]):
                start = time.perf_counter()
                opened[name].put(f"/{CACHE}/{upload.target}", upload.body)
                took.setdefault((name, kind), []).append((time.perf_counter() - start) * 1000)
    for connection in opened.values():
        connection.close()
    return [{"server": name, "kind": kind, "p50": median(times), "p99": sorted(times)[int(len(times) * 0.99)]}
            for (name, kind), times in took.items()]


def connect(server, token):
    return Connection(server.port, [f"Authorization: Bearer {token}"])


def wait_for_cache(server, token):
    """Until it knows the cache and the token: the primary's answer to what changes nothing comes back."""
    end = time.monotonic() + PATIENCE
    while True:
        connection = connect(server, token)
        try:
            return connection.put(f"/{CACHE}/nix-cache-info", b"StoreDir: /nix/store\n")
        except BenchError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        finally:
            connection.close()
