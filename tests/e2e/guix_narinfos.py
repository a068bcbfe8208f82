"""Narinfos as `guix publish` and the build coordinator write them, but for their signature."""

import hashlib

import samples

# What URLs and files are called for each compression that publish.scm knows.
COMPRESSIONS = ("gzip", "lzip", "zstd", "none")


def item_of(name):
    return f"{samples.hash_part(name)}-{name}"


def url_of(name, compression):
    """publish.scm encodes what is special in URLs; the uncompressed NAR is right below nar/."""
    item = item_of(name).replace("+", "%2B")
    return f"nar/{item}" if compression == "none" else f"nar/{compression}/{item}"


def file_of(name, compression):
    """What stands for the compressed NAR: narthex doesn't unpack it."""
    return f"{compression} of {name}".encode() * 50


def unsigned(name, references=(), compressions=("gzip", "zstd")):
    """What is signed, then the files."""
    digest = samples.nix32(hashlib.sha256(name.encode()).digest())
    text = (f"StorePath: /gnu/store/{item_of(name)}\n"
            f"NarHash: sha256:{digest}\n"
            f"NarSize: {len(name) + 1000}\n"
            f"References: {' '.join(item_of(each) for each in references)}\n"
            f"Deriver: {item_of(name + '.drv')}\n")
    for compression in compressions:
        text += (f"URL: {url_of(name, compression)}\n"
                 f"Compression: {compression}\n"
                 f"FileSize: {len(file_of(name, compression))}\n")
    return text


def write_nars(directory, name, compressions=("gzip", "zstd")):
    """As a build coordinator's hook lays them out: nar/COMPRESSION/ITEM."""
    for compression in compressions:
        below = "nar" if compression == "none" else f"nar/{compression}"
        (directory / below).mkdir(parents=True, exist_ok=True)
        (directory / below / item_of(name)).write_bytes(file_of(name, compression))
