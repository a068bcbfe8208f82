"""How long after its primary a region serves what is published, at a fixed rate of publishing."""

import subprocess
import time
from statistics import median

from dataset import BenchError
from pipelined import ask_all
from region_pair import say

ASKED = 20  # a second
PATIENCE = 30  # seconds for one to be served


def measure(pair, rate, seconds):
    count = rate * seconds
    file = pair.make_records(count)
    keys = [hash_part(record) for record in file.read_text().strip("\n").split("\n\n")]
    say(f"publishing {count} narinfos, {rate} a second")
    start = time.monotonic()
    importing = subprocess.Popen(
        [str(pair.binary), "import", "--data-dir", str(pair.primary.data_dir), "--rate", str(rate), str(file)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        lags, published = watch(pair, keys[::max(1, rate // ASKED)], start + seconds + PATIENCE)
    finally:
        code = importing.wait()
    if code != 0:
        raise BenchError("the import failed")
    lags.sort()
    return {"rate": rate, "reached": count / (published - start), "asked": len(lags), "p50": median(lags),
            "p99": lags[int(len(lags) * 0.99)], "max": lags[-1]}


def watch(pair, keys, end):
    """(seconds from when the primary served each until the region did, when it served the last)."""
    waiting, since, lags, last = set(keys), {}, [], 0
    while waiting or since:
        asked = {key for key, status in ask_all(pair.server, sorted(waiting)).items() if status == 200}
        now = time.monotonic()
        since.update({key: now for key in asked})
        waiting -= asked
        last = now if asked else last
        there = {key for key, status in ask_all(pair.region_server, sorted(since)).items() if status == 200}
        now = time.monotonic()
        lags += [now - since.pop(key) for key in there]
        if now > end:
            raise BenchError(f"{len(waiting)} narinfos weren't served by the primary, {len(since)} not by the region")
        time.sleep(0.005)
    return lags, last


def hash_part(record):
    line = next(line for line in record.split("\n") if line.startswith("StorePath: "))
    return line.rpartition("/")[2][:32]
