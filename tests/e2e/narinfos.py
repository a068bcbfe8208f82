"""Closures made up for import tests, and what the database must say about them afterwards."""

import base64
import hashlib
import os
import random
import re
import signal
import subprocess
import unittest
from dataclasses import dataclass

import postgres
import samples
import support

# As tests/run has it: throw-away clusters needn't survive a power cut.
os.environ.setdefault("NARTHEX_TEST_FAST_POSTGRES", "1")


@dataclass(frozen=True)
class Narinfo:
    hash: str  # of its store path, in Nix base 32
    references: tuple  # hashes, in the order of the text
    text: str


def narinfo(name, references=(), nar=None):
    """A path by its name, which refers to others by theirs. `nar` names another NAR's contents."""
    def digest(what):
        return samples.nix32(hashlib.sha256(what.encode()).digest())
    part = samples.hash_part(name)
    file = digest(f"file {name}")
    words = [f"{samples.hash_part(reference)}-{reference}" for reference in references]
    signature = base64.b64encode(hashlib.sha512(name.encode()).digest()).decode()
    text = (f"StorePath: /nix/store/{part}-{name}\n"
            f"URL: nar/{file}.nar.xz\n"
            "Compression: xz\n"
            f"FileHash: sha256:{file}\n"
            f"FileSize: {len(name) + 100}\n"
            f"NarHash: sha256:{digest(nar or f'nar {name}')}\n"
            f"NarSize: {len(name) + 1000}\n"
            f"References: {' '.join(words)}\n"
            f"Deriver: {samples.hash_part(name + '.drv')}-{name}.drv\n"
            f"Sig: made-up-1:{signature}\n")
    return Narinfo(part, tuple(word[:32] for word in words), text)


def closure(count, seed):
    """`count` narinfos in a shuffled order, each with some of those made before it, sometimes
    itself, and now and then a path that isn't there as references."""
    rng = random.Random(seed)
    out = []
    for i in range(count):
        near = range(max(0, i - 200), i)
        chosen = set(rng.sample(near, min(len(near), rng.randrange(9))))
        chosen |= {rng.randrange(min(i, 20)) for _ in range(3) if i}
        names = [f"path-{number}" for number in chosen]
        if rng.random() < 0.3:
            names.append(f"path-{i}")
        if rng.random() < 0.05:
            names.append(f"absent-{rng.randrange(count // 20 + 1)}")
        rng.shuffle(names)
        out.append(narinfo(f"path-{i}", names))
    rng.shuffle(out)
    return out


def dangling(narinfos):
    """The hashes that these refer to and that are not among them, in order of their bytes."""
    have = {each.hash for each in narinfos}
    return {reference for each in narinfos for reference in each.references} - have


def join(narinfos):
    return "\n".join(each.text for each in narinfos)


def write(narinfos, name):
    path = support.temp_dir("narinfos") / name
    path.write_text(join(narinfos))
    return path


def postmaster(data_dir):
    """The process that PostgreSQL's pid file names, None when there is none."""
    try:
        return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None


class Psql:
    """A session with the PostgreSQL of a data directory, which somebody else keeps running."""

    def __init__(self, data_dir):
        lines = (data_dir / "postgres" / "postmaster.pid").read_text().splitlines()
        self._process = subprocess.Popen(
            [postgres.binaries() / "psql", "-XAtq", "-F", "\t",
             f"host={lines[4]} port={lines[3]} dbname=narthex user=narthex"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def rows(self, statement):
        """What it says, a list of columns for each row. OSError when there is no session."""
        self._process.stdin.write(f"{statement};\n\\echo end-of-answer\n")
        self._process.stdin.flush()
        out = []
        while (line := self._process.stdout.readline()) != "end-of-answer\n":
            if not line:
                raise ConnectionError(f"psql has ended: {out}")
            out.append(line.rstrip("\n").split("\t"))
        return out

    def value(self, statement):
        return self.rows(statement)[0][0]

    def close(self):
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                pipe.close()
            except OSError:
                pass  # what it didn't read any more


class Import(subprocess.Popen):
    """`narthex import` that reads what it is given by stdin, until finish() or kill -9.

    It keeps the data directory's PostgreSQL running meanwhile; when the constructor returns, it has
    its connection, and `sql` is another.
    """

    def __init__(self, data_dir, *args):
        super().__init__([support.NARTHEX, "import", "--data-dir", str(data_dir), "--json", *args, "-"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.sql = None
        support.wait_until(lambda: self._is_connected(data_dir), "the import's connection")

    def _is_connected(self, data_dir):
        if self.poll() is not None:
            raise AssertionError(f"import: exit {self.returncode} {self.stderr.read()}")
        try:
            self.sql = self.sql or Psql(data_dir)
            return self.sql.value("select count(*) from pg_stat_activity"
                                  " where application_name = 'narthex'") != "0"
        except (OSError, IndexError):
            if self.sql:
                self.sql.close()
            self.sql = None
            return False

    def kill_hard(self):
        self.send_signal(signal.SIGKILL)
        return self.finish()

    def finish(self):
        """Its output and its messages, when it has ended or does so at the end of its input."""
        out, messages = self.communicate(timeout=10 * support.DEADLINE)
        self.sql.close()
        return out.decode(), messages.decode()


class ImportTest(unittest.TestCase):
    """Tests with an empty cache each, in a data directory that they share."""

    @classmethod
    def setUpClass(cls):
        cls.data_dir = support.temp_dir("import") / "data"
        cls.holder = Import(cls.data_dir)  # so that no command has to start PostgreSQL
        cls.sql = cls.holder.sql

    @classmethod
    def tearDownClass(cls):
        cls.holder.finish()

    def setUp(self):
        self.cache = f"c{self._testMethodName.removeprefix('test')}"[:60]
        support.narthex("cache", "create", self.cache, "--data-dir", self.data_dir)
        self.id = self.sql.value(f"select id from cache where name = '{self.cache}'")

    def command(self, *args):
        return ["import", "--data-dir", self.data_dir, "--cache", self.cache, *args]

    def run_import(self, *args, code=0):
        done = support.narthex(*self.command(*args), check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def count(self, table):
        return int(self.sql.value(f"select count(*) from {table} where cache = {self.id}"))


def complaints(sql, narinfos, cache=1):
    """What is wrong in the database: every narinfo there is has its text, its references in the
    graph in the text's order, and its NAR; and the cache has just `narinfos`."""
    expected = {each.hash: each for each in narinfos}
    found = sql.rows(f"""
        select
            encode(n.hash, 'hex'), md5(n.text),
            (
                select string_agg(coalesce(encode(p.hash, 'hex'), 'unknown'), ' ' order by r.ord)
                from unnest(g.refs) with ordinality r (id, ord)
                left join path p on p.id = r.id and p.cache = n.cache
            ),
            g.id is not null,
            (
                select count(*) from narinfo_nar l join nar on nar.id = l.nar and nar.cache = n.cache
                where l.cache = n.cache and l.hash = n.hash
            )
        from narinfo n
        left join path s on s.cache = n.cache and s.hash = n.hash
        left join graph g on g.id = s.id
        where n.cache = {cache}""")
    out = []
    for part, digest, references, in_graph, nars in found:
        each = expected.pop(samples.nix32(bytes.fromhex(part)), None)
        stored = tuple(samples.nix32(bytes.fromhex(word)) for word in references.split())
        if each is None:
            out.append(f"{part}: nobody imported it, or it is there twice")
        elif hashlib.md5(each.text.encode()).hexdigest() != digest:
            out.append(f"{each.hash}: another text")
        elif in_graph != "t" or stored != each.references:
            out.append(f"{each.hash}: {in_graph} {stored} instead of {each.references}")
        elif nars != "1":
            out.append(f"{each.hash}: {nars} NARs")
    out += [f"{part}: missing" for part in expected]
    return out + [f"{count} {what}" for what, count in sql.rows("""
        select 'graph rows without a narinfo', count(*) from graph g
        where not exists (select from path join narinfo using (cache, hash) where path.id = g.id)
        union all
        select 'NARs without a narinfo', count(*) from nar
        where not exists (select from narinfo_nar l where l.nar = nar.id)
        union all
        select 'paths that nobody names', count(*) from (
            select id from path
            except select id from graph
            except select unnest(refs) from graph) unnamed""") if count != "0"]


def alarms(data_dir):
    """The lines of PostgreSQL's log that no kill explains."""
    text = (data_dir / "postgres.log").read_text(errors="replace")
    return [line for line in text.splitlines()
            if re.search("(PANIC|ERROR): |invalid page", line)
            and "unexpected EOF on client connection" not in line]
