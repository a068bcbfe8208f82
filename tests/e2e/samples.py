"""Narinfos and NARs made up for tests: unsigned, valid, the same on every run."""

import hashlib
import random

ALPHABET = "0123456789abcdfghijklmnpqrsvwxyz"


def nix32(data):
    """Nix's base-32 of bytes: the last digit's bits come first."""
    count = (len(data) * 8 + 4) // 5
    number = int.from_bytes(data, "little")
    return "".join(ALPHABET[(number >> (5 * i)) & 31] for i in reversed(range(count)))


def hash_part(name):
    return nix32(hashlib.sha256(str(name).encode()).digest()[:20])


def target(name):
    """Where the narinfo of the made-up path `name` is served."""
    return f"/{hash_part(name)}.narinfo"


def narinfo(name, references=0, nar=None):
    """The narinfo of a made-up path, whose NAR is (URL, bytes) if it is to be there."""
    url, data = nar or (f"nar/{hash_part(name)}.nar", str(name).encode())
    digest = "sha256:" + nix32(hashlib.sha256(data).digest())
    return (f"StorePath: /nix/store/{hash_part(name)}-{name}\n"
            f"URL: {url}\n"
            "Compression: none\n"
            f"FileHash: {digest}\n"
            f"FileSize: {len(data)}\n"
            f"NarHash: {digest}\n"
            f"NarSize: {len(data)}\n"
            "References: "
            + " ".join(f"{hash_part((name, i))}-reference-{i}" for i in range(references)) + "\n")


def write_records(file, narinfos):
    file.write_text("\n".join(narinfos))
    return file


def nar_bytes(count, seed=1):
    return random.Random(seed).randbytes(count)
