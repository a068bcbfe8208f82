"""A PostgreSQL that the test itself runs, for `--database`: on a unix socket, stopped at will."""

import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess

import support

class Postgres:
    """A cluster of its own in a temporary directory; as root it runs as an unprivileged user.
    `settings`: PostgreSQL's, as NAME=VALUE. `port`: on 127.0.0.1, too; else on a unix socket only.
    `bare`: with a superuser postgres, and neither role nor database narthex."""

    def __init__(self, *settings, port=None, bare=False):
        self.settings = settings
        self.superuser = "postgres" if bare else "narthex"
        self.port = port or 5432
        self.address = "127.0.0.1" if port else ""
        self.directory = support.temp_dir("pg")
        self.data = self.directory / "data"
        self._user = []
        if os.geteuid() == 0:
            user = next(user for user in pwd.getpwall() if user.pw_name in ("postgres", "nobody"))
            os.chown(self.directory, user.pw_uid, user.pw_gid)
            self._user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}",
                          "--clear-groups"]
        self._run("initdb", "-D", self.data, "-U", self.superuser, "-A", "trust", "-E", "UTF8",
                  "--locale=C", "--no-sync")
        self.start()
        if not bare:
            self.psql("CREATE DATABASE narthex", database="postgres")

    @property
    def uri(self):
        """A password is in it although none is asked for: nobody may ever print it."""
        return (f"postgresql:///narthex?host={self.directory}&port={self.port}&user=narthex"
                "&password=geheim")

    def start(self):
        settings = [f"listen_addresses={self.address}", f"port={self.port}",
                    f"unix_socket_directories={self.directory}", "fsync=off", *self.settings]
        self._run("pg_ctl", "-D", self.data, "-l", self.directory / "log", "-w", "-o",
                  " ".join(f"-c {setting}" for setting in settings), "start")

    def stop(self):
        """As a crash would."""
        self._run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def close(self):
        """Whatever state it is in."""
        if (self.data / "postmaster.pid").exists():
            self.go_on()
            self.stop()

    def hang(self):
        for pid in self._processes():
            os.kill(pid, signal.SIGSTOP)

    def go_on(self):
        for pid in self._processes():
            os.kill(pid, signal.SIGCONT)

    def psql(self, statement, database="narthex"):
        return self._run("psql", "-X", "-q", "-A", "-t", "-h", self.directory, "-p", str(self.port),
                         "-U", self.superuser, "-d", database, "-v", "ON_ERROR_STOP=1", "-c",
                         statement).stdout.strip()

    def run_script(self, path, **variables):
        """By psql, as superuser, in database postgres."""
        script = self.directory / path.name
        shutil.copy(path, script)
        script.chmod(0o644)
        given = [f"--set={name}={value}" for name, value in variables.items()]
        self._run("psql", "-X", "-q", "-h", self.directory, "-p", str(self.port), "-U", self.superuser,
                  "-d", "postgres", "-v", "ON_ERROR_STOP=1", *given, "-f", script)

    def _processes(self):
        """The postmaster first, so that it starts nothing new; then its children."""
        postmaster = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        yield postmaster
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(stat.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it has just ended
            if parent == postmaster:
                yield int(stat.parent.name)

    def _run(self, program, *args):
        # Its own output goes to a file: a server that is started keeps what it inherits open.
        output = self.directory / "output"
        with open(output, "w+") as file:
            done = subprocess.run([*self._user, binaries() / program, *args], cwd="/",
                                  stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                  timeout=support.DEADLINE)
        done.stdout = output.read_text(errors="replace")
        if done.returncode != 0:
            raise AssertionError(f"{program}: exit {done.returncode}\n{done.stdout}")
        return done


def binaries():
    """Of the newest server that is installed as Debian does."""
    found = [path.parent for path in pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda path: int(re.search(r"/(\d+)/bin", str(path))[1]))
