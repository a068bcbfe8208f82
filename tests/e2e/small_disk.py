"""A file system of some MiB, to be filled: a tmpfs that only this test and its processes see."""

import ctypes
import os
import unittest

import support

_libc = ctypes.CDLL(None, use_errno=True)
NEW_USERS, NEW_MOUNTS = 0x10000000, 0x00020000
PRIVATE = 1 << 18 | 1 << 14  # of all that is mounted
DETACH = 2


def enter():
    """For setUpModule, before there are threads: mounts of its own, as root or whoever else it is."""
    user, group = os.getuid(), os.getgid()
    if user == 0:
        return _check(_libc.unshare(NEW_MOUNTS), "unshare") or _make_private()
    _check(_libc.unshare(NEW_USERS | NEW_MOUNTS), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    _make_private()


def _make_private():
    _check(_libc.mount(None, b"/", None, PRIVATE, None), "mount")


def _check(result, what):
    if result != 0:
        raise unittest.SkipTest(f"no file system can be mounted here: {what}: {os.strerror(ctypes.get_errno())}")


class SmallDisk:
    def __init__(self, mib):
        self.directory = support.temp_dir("disk")
        self._mount = str(self.directory).encode()
        _check(_libc.mount(b"none", self._mount, b"tmpfs", 0, f"size={mib}m,mode=0777".encode()), "mount")
        self._filler = self.directory / "filler"

    def fill(self):
        """To the last byte: what is there may still be written over."""
        with open(self._filler, "ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
            except OSError:
                pass  # it is full

    def make_room(self):
        self._filler.unlink()

    def close(self):
        _libc.umount2(self._mount, DETACH)
