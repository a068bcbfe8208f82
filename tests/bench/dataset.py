"""The data set: narinfos made by bench_generate, imported into a data directory of narthex's.

Both are kept and used again until the generator or the schema changes.
"""

import hashlib
import json
import os
import pwd
import random
import resource
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ALPHABET = "0123456789abcdfghijklmnpqrsvwxyz"
MOST_SAMPLES = 20_000


class BenchError(Exception):
    """Something failed; the text says what."""


@dataclass
class Dataset:
    directory: Path
    narinfos: int
    seed: int
    import_seconds: float = 0.0
    hits: list = None  # hash parts that nginx has as files, too
    misses: list = None  # hash parts that nobody has

    @property
    def text(self):
        return self.directory / "narinfos.txt"

    @property
    def sample(self):
        return self.directory / "sample"

    @property
    def data_dir(self):
        return self.directory / "data"

    def expected(self, hash_part):
        return (self.sample / f"{hash_part}.narinfo").read_bytes()


def state_dir():
    """build/bench-data, or where PostgreSQL's own user can't get there, a directory of /var/tmp."""
    here = ROOT / "build" / "bench-data"
    here.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return here
    owner = server_user()
    done = subprocess.run(["test", "-x", here], user=owner.pw_uid, group=owner.pw_gid, extra_groups=[])
    return here if done.returncode == 0 else Path("/var/tmp/narthex-bench")


def server_user():
    """Whom narthex, started by root, runs PostgreSQL as."""
    for name in ("narthex", "postgres"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise BenchError("there is no user narthex or postgres to run PostgreSQL as")


def prepare(state, narinfos, seed, binary, generator, say):
    """The data set, made where it isn't there yet."""
    data = Dataset(state / f"{narinfos}-{seed}", narinfos, seed)
    make_directories(data.directory)
    texts = digest(ROOT / "tests/bench/generate")
    schema = texts + digest(ROOT / "migrations")
    if stamp(data, "texts").get("key") != texts:
        generate(data, generator, say)
        write_stamp(data, "texts", {"key": texts})
    if stamp(data, "database").get("key") != schema:
        seconds = load(data, binary, say)
        write_stamp(data, "database", {"key": schema, "seconds": seconds})
    data.import_seconds = stamp(data, "database")["seconds"]
    # nginx keeps all of them open, beside its connections.
    data.hits = sorted(path.stem for path in data.sample.iterdir())[:max(most_files() - 1000, 1)]
    data.misses = make_misses(len(data.hits), seed)
    return data


def make_directories(path):
    """Parents that PostgreSQL's and nginx's users may pass, whatever the umask."""
    for parent in reversed([path, *path.parents]):
        if not parent.exists():
            parent.mkdir()
            parent.chmod(0o755)


def digest(directory):
    sum_ = hashlib.sha256()
    for path in sorted(path for path in directory.iterdir() if path.is_file()):
        sum_.update(path.name.encode() + b"\0" + path.read_bytes())
    return sum_.hexdigest()


def stamp(data, name):
    path = data.directory / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def write_stamp(data, name, content):
    (data.directory / f"{name}.json").write_text(json.dumps(content))


def generate(data, generator, say):
    shutil.rmtree(data.sample, ignore_errors=True)
    data.sample.mkdir()
    data.sample.chmod(0o755)
    say(f"making {data.narinfos} narinfos")
    run([generator, "--narinfos", data.narinfos, "--seed", data.seed, "--output", data.text,
         "--sample-dir", data.sample, "--samples", min(MOST_SAMPLES, data.narinfos)])
    for path in data.sample.iterdir():
        path.chmod(0o644)


def load(data, binary, say):
    """Imports the texts into a fresh database; returns the seconds that took."""
    for name in ("database", "settled"):
        (data.directory / f"{name}.json").unlink(missing_ok=True)
    shutil.rmtree(data.data_dir, ignore_errors=True)
    # The cluster's own creation is no part of an import's time.
    run([binary, "cache", "list", "--data-dir", data.data_dir], keep=True)
    say(f"importing {data.text.stat().st_size >> 20} MiB")
    start = time.monotonic()
    out = run([binary, "import", "--json", "--data-dir", data.data_dir, data.text], keep=True)
    seconds = time.monotonic() - start
    report = json.loads(out)
    if report["new"] != data.narinfos:
        raise BenchError(f"the import took {report['new']} of {data.narinfos} narinfos")
    say(f"imported in {seconds:.1f} s: {data.narinfos / seconds:.0f} narinfos/s")
    return seconds


def run(command, keep=False):
    """Runs it to its end; interrupted, waits for it to clear up: an import stops its PostgreSQL."""
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE if keep else None,
                          text=True, start_new_session=True) as process:
        try:
            out, _ = process.communicate()
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        raise BenchError(f"{' '.join(map(str, command[:2]))} failed ({process.returncode})")
    return out


def most_files():
    """How many nginx can hold open: it can't where root may not raise its limits either."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 65_536 if most == resource.RLIM_INFINITY else min(most, 65_536)


def make_misses(count, seed):
    """Well-formed hash parts; that one is there after all has a chance of 2^-120."""
    numbers = random.Random(f"misses {seed}")
    return ["".join(numbers.choices(ALPHABET, k=32)) for _ in range(count)]
