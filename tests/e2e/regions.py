"""A primary and its regions for tests: data directories with a PostgreSQL each, made by the real
commands, and a TCP proxy between them that delays, holds or cuts."""

import asyncio
import json
import threading

import narinfos
import support


class Instance:
    """A narthex with a data directory of its own. Its PostgreSQL runs while a command does: between
    up() and down(), or while it serves."""

    made = []

    def __init__(self, name, *serve_args, data_dir=None):
        self.name = name
        self.data_dir = data_dir or support.temp_dir(name) / "data"
        self.server = support.Server(*serve_args, data_dir=self.data_dir)
        self._holder = None
        self._sql = None
        Instance.made.append(self)

    @property
    def url(self):
        return self.server.url

    def command(self, *args, check=True, **options):
        return support.narthex(*args, "--data-dir", self.data_dir, check=check, **options)

    def json(self, *args):
        return json.loads(self.command(*args, "--json").stdout)

    def serve(self):
        self.server.start()
        return self

    def up(self):
        """PostgreSQL alone."""
        self._holder = narinfos.Import(self.data_dir)
        return self

    def down(self):
        self._forget_session()
        if self._holder:
            self._holder.finish()
        self._holder = None
        if self.server.process and self.server.process.poll() is None:
            self.server.stop()

    @property
    def sql(self):
        """A session with its PostgreSQL, as superuser."""
        self._sql = self._sql or narinfos.Psql(self.data_dir)
        return self._sql

    def _forget_session(self):
        if self._sql:
            self._sql.close()
        self._sql = None

    def restarted(self):
        """To be called when PostgreSQL was: the next session is a new one."""
        self._forget_session()

    def import_narinfos(self, made, *args):
        return self.command("import", *args, narinfos.write(made, "narinfos"))

    def hashes(self):
        return {row[0] for row in self.sql.rows("select encode(hash, 'hex') from narinfo")}


class Primary(Instance):
    """One whose PostgreSQL listens for regions on a port of 127.0.0.1, from its first serve() on."""

    def __init__(self, *serve_args, name="primary"):
        self.port = support.free_port()
        super().__init__(name, "--region-listen", f"127.0.0.1:{self.port}", *serve_args)

    def invite(self, name, *args, proxy=None):
        """The URI; by way of `proxy`, if there is one."""
        if proxy:
            args += ("--address", f"127.0.0.1:{proxy.port}")
        return self.json("replica", "invite", name, "--url", self.url, *args)["uri"]

    def roles(self):
        return {row[0] for row in self.sql.rows(
            "select rolname from pg_roles where rolname ~ 'narthex_region_'")}

    def slots(self):
        return {row[0] for row in self.sql.rows("select slot_name from pg_replication_slots")}


class Region(Instance):
    def join(self, uri, *args, check=True):
        return self.command("replica", "join", "--primary", uri, "--name", self.name, *args, check=check)

    def tables(self):
        return self.json("replica", "status")["tables"]


def same_rows(one, other, *tables):
    """Whether these tables of two instances have the same rows."""
    def digest(instance, table):
        return instance.sql.value(
            f"select md5(coalesce(string_agg(t::text, ' ' order by t::text), '')) from {table} t")
    return all(digest(one, table) == digest(other, table) for table in tables)


class Proxy:
    """From a port of its own on 127.0.0.1 to another one there. `delay`: seconds each way. `tls`: an SSLContext, by
    which whoever comes is answered."""

    def __init__(self, target, delay=0, tls=None):
        self.port = support.free_port()
        self.delay = delay
        self._tls = tls
        self._target = target
        self._refuses = False
        self._writers = set()
        self._loop = asyncio.new_event_loop()
        self._open = self._listener = None
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait(support.DEADLINE)

    def cut(self):
        """Ends every connection, takes no more."""
        self._call(self._cut)

    def hold(self):
        """As a network that loses everything: nothing passes, nobody is told."""
        self._call(self._open.clear)

    def mend(self):
        self._call(self._mend)

    def close(self):
        if self._loop.is_closed():
            return
        self._call(self._cut)
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(support.DEADLINE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(support.DEADLINE)
        self._loop.close()

    async def _end(self):
        self._listener.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _call(self, what):
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (what(), done.set()))
        done.wait(support.DEADLINE)

    def _run(self, ready):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        ready.set()
        self._loop.run_forever()

    async def _listen(self):
        self._open = asyncio.Event()
        self._open.set()
        self._listener = await asyncio.start_server(self._relay, "127.0.0.1", self.port, ssl=self._tls)

    def _cut(self):
        self._refuses = True
        for writer in list(self._writers):
            writer.transport.abort()

    def _mend(self):
        self._refuses = False
        self._open.set()

    async def _relay(self, reader, writer):
        if self._refuses:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer),
                             return_exceptions=True)
        self._writers -= {writer, far_writer}

    async def _pump(self, reader, writer):
        try:
            while data := await reader.read(65536):
                await self._open.wait()
                self._loop.call_later(self.delay, writer.write, data)
        finally:
            self._loop.call_later(self.delay, writer.close)
