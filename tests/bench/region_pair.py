"""A primary with a data set, and its region: what the measurements of regions share."""

import base64
import json
import subprocess
import sys
from dataclasses import dataclass

from dataset import Dataset, generate, load, make_directories, run
from postgres import Postgres
from processes import free_port
from servers import start_narthex


def say(line):
    print(line, file=sys.stderr, flush=True)


def secret_key(directory):
    """A file with a key named bench-1, as `nix key generate-secret` makes it."""
    pem, path = directory / "key.pem", directory / "key"
    openssl("genpkey", "-algorithm", "ed25519", "-out", pem)
    # Each ends with its 32 bytes.
    private = openssl("pkey", "-in", pem, "-outform", "DER")[-32:]
    public = openssl("pkey", "-in", pem, "-pubout", "-outform", "DER")[-32:]
    path.touch(mode=0o600)
    path.write_text(f"bench-1:{base64.b64encode(private + public).decode()}")
    return path


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, check=True).stdout


@dataclass
class Pair:
    """`stack` ends what it started. The region is None until one has joined to stay."""

    directory: object
    binary: object
    tools: object  # the directory of what is built for the measurement
    narinfos: int
    seed: int
    stack: object
    primary: Dataset = None
    region: Dataset = None
    server: object = None  # the primary's
    region_server: object = None
    source: Postgres = None  # the primary's
    replica: Postgres = None
    _made: int = 0

    def start_primary(self):
        self.primary = Dataset(self.directory / "primary", self.narinfos, self.seed)
        make_directories(self.primary.directory)
        generate(self.primary, self.tools / "bench_generate", say)
        load(self.primary, self.binary, say)
        port = free_port()
        self.server = start_narthex(
            "primary", self.primary, self.binary,
            ["--region-listen", f"127.0.0.1:{port}", "--signing-key", secret_key(self.directory)], self.stack)
        self.source = Postgres(self.primary, self.server.others[0], port)
        self.source.settle()

    def join(self, name):
        """A database, migrated, that isn't of the region `name` yet, and the command that makes it so."""
        data = Dataset(self.directory / name, 0, 0)
        make_directories(data.directory)
        uri = json.loads(self.command("replica", "invite", name, "--json", "--url",
                                      f"http://127.0.0.1:{self.server.port}"))["uri"]
        run([self.binary, "migrate", "--data-dir", data.data_dir], keep=True)
        return data, [self.binary, "replica", "join", "--primary", uri, "--name", name, "--full", "--data-dir",
                      data.data_dir]

    def serve_region(self, data):
        self.region = data
        self.region_server = start_narthex("region", data, self.binary, [], self.stack)
        self.replica = Postgres(data, self.region_server.others[0])

    def command(self, *words):
        """Of the primary; what it says."""
        return run([self.binary, *words, "--data-dir", self.primary.data_dir], keep=True)

    def make_records(self, count):
        """A file of so many narinfos that nobody has."""
        self._made += 1
        file = self.directory / f"more-{self._made}.txt"
        command = [self.tools / "bench_generate", "--narinfos", count, "--seed", self.seed + self._made,
                   "--output", file]
        subprocess.run([str(word) for word in command], capture_output=True, check=True)
        return file
