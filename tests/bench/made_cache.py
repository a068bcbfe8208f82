"""A binary cache to upload: NARs that Nix can unpack, narinfos without signatures, a top that needs all."""

import hashlib
import math
import random
from dataclasses import dataclass
from pathlib import Path

from dataset import ALPHABET

LAYERS = 10
MOST_REFERENCES = 15
MEDIAN_BYTES = 12 * 1024  # of a NAR; the mean is three times that
SPREAD = 1.5  # sigma of their logarithm
MOST_BYTES = 4 * 1024 * 1024


@dataclass
class Upload:
    target: str  # below the cache's URL
    body: bytes


@dataclass
class MadeCache:
    directory: Path
    nars: list
    layers: list  # of narinfos, each of which refers to earlier layers alone
    top: str  # its store path

    def bytes(self):
        return sum(len(each.body) for each in self.nars)

    def narinfos(self):
        return [each for layer in self.layers for each in layer]


def make_cache(directory, count, seed):
    """`count` paths; also as files, in the layout of a binary cache."""
    numbers = random.Random(f"upload {seed}")
    cache = MadeCache(directory, [], [], "")
    (directory / "nar").mkdir(parents=True)
    (directory / "nix-cache-info").write_text("StoreDir: /nix/store\n")
    below = []  # names of the layers before
    for size in layer_sizes(count):
        names, layer = [], []
        for _ in range(size):
            # The top refers to all, so that its closure is the whole.
            most = len(below) if size == 1 else min(len(below), numbers.randrange(MOST_REFERENCES))
            names.append(add_path(cache, layer, numbers.sample(below, most), numbers))
        below += names
        cache.layers.append(layer)
    cache.top = f"/nix/store/{below[-1]}"
    for each in [*cache.nars, *cache.narinfos()]:
        (directory / each.target).write_bytes(each.body)
    return cache


def layer_sizes(count):
    each = max((count - 1) // LAYERS, 2)
    sizes = [each] * ((count - 1) // each)
    if rest := count - 1 - sum(sizes):
        sizes[0] += rest
    return [*sizes, 1]


def add_path(cache, layer, references, numbers):
    name = f"{''.join(numbers.choices(ALPHABET, k=32))}-upload-{len(cache.nars)}"
    size = min(int(numbers.lognormvariate(math.log(MEDIAN_BYTES), SPREAD)), MOST_BYTES)
    nar = nar_of(numbers.randbytes(size))
    digest = hashlib.sha256(nar).hexdigest()
    cache.nars.append(Upload(f"nar/{digest}.nar", nar))
    layer.append(Upload(f"{name[:32]}.narinfo", (
        f"StorePath: /nix/store/{name}\nURL: nar/{digest}.nar\nCompression: none\n"
        f"FileHash: sha256:{digest}\nFileSize: {len(nar)}\nNarHash: sha256:{digest}\nNarSize: {len(nar)}\n"
        f"References: {' '.join(references)}\n").encode()))
    return name


def nar_of(contents):
    """A regular file's: each word with its length before it, padded to eight bytes."""
    words = [b"nix-archive-1", b"(", b"type", b"regular", b"contents", contents, b")"]
    return b"".join(len(word).to_bytes(8, "little") + word + bytes(-len(word) % 8) for word in words)
