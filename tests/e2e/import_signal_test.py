#!/usr/bin/env python3
"""`narthex import` while it takes its time: signals, and what it shows of its progress."""

import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import termios
import time

import narinfos
import support
from narinfos import narinfo


class Waiting(narinfos.ImportTest):
    """Imports that take a while because the test holds the lock that every batch waits for."""

    def start(self, count, *args, **options):
        self.sql.rows("begin; select pg_advisory_xact_lock(28280, 2)")
        self.addCleanup(self.sql.rows, "rollback")
        file = narinfos.write(narinfos.closure(count, 1), "many")
        process = subprocess.Popen([support.NARTHEX, *map(str, self.command(*args, file))],
                                   text=True, stdout=subprocess.PIPE, **options)
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        support.wait_until(lambda: self.sql.value(waiting) == "1", "the first batch waits")
        return process

    def test_ends_after_its_batch_at_a_first_signal(self):
        for already_there, stop in ((0, signal.SIGINT), (2000, signal.SIGTERM)):
            process = self.start(6000, "--json", stderr=subprocess.PIPE)
            process.send_signal(stop)
            self.sql.rows("commit")
            out, errors = process.communicate(timeout=support.DEADLINE)
            self.assertEqual(process.returncode, 1)
            self.assertEqual(errors, "\nnarthex: ending; once more to end at once\n")
            done = json.loads(out)
            self.assertTrue(done["interrupted"])
            self.assertEqual((done["new"], done["already_there"]), (2000, already_there))
            self.assertEqual(self.count("narinfo"), already_there + 2000)

    def test_stores_nothing_at_a_signal_while_it_waits_for_more_input(self):
        process = narinfos.Import(self.data_dir, "--cache", self.cache)
        process.stdin.write((narinfo("whole").text + "\n" + narinfo("unfinished").text[:-1]).encode())
        process.stdin.flush()
        stat = pathlib.Path(f"/proc/{process.pid}/stat")
        support.wait_until(lambda: self.unread(process.stdin) == 0
                           and ") S " in stat.read_text(), "it waits for more")
        process.send_signal(signal.SIGTERM)
        process.wait(support.DEADLINE)
        done = json.loads(process.finish()[0])
        self.assertEqual((process.returncode, done["interrupted"], done["new"]), (1, True, 0))

    def unread(self, pipe):
        return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]

    def test_ends_at_once_at_a_second_signal(self):
        process = self.start(1000, stderr=subprocess.PIPE)
        process.send_signal(signal.SIGINT)
        status = pathlib.Path(f"/proc/{process.pid}/status")
        support.wait_until(lambda: not int(re.search("SigCgt:\t(.*)", status.read_text())[1], 16)
                           & 1 << signal.SIGINT - 1, "the first signal is handled")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=support.DEADLINE)
        self.assertEqual(process.returncode, -signal.SIGINT)
        self.sql.rows("commit")
        self.assertEqual(self.count("narinfo"), 0)

    def test_shows_progress_on_a_terminal_after_two_seconds(self):
        terminal, end = pty.openpty()
        process = self.start(4500, stderr=end)
        started = time.monotonic()
        os.close(end)
        support.wait_until(lambda: time.monotonic() > started + 2.5, "two seconds have passed")
        self.sql.rows("commit")
        out, _ = process.communicate(timeout=support.DEADLINE)
        shown = os.read(terminal, 1 << 16).decode()
        os.close(terminal)
        self.assertRegex(shown, r"\A\r\x1b\[Kstoring: \d000 narinfos, \d+/s, \d\d %, 0:0\d left")
        self.assertTrue(shown.endswith("\r\x1b[K"), shown)
        self.assertNotIn("\x1b", out)

    def test_shows_none_elsewhere(self):
        process = self.start(2500, stderr=subprocess.PIPE)
        started = time.monotonic()
        support.wait_until(lambda: time.monotonic() > started + 2.5, "two seconds have passed")
        self.sql.rows("commit")
        self.assertEqual(process.communicate(timeout=support.DEADLINE)[1], "")
        self.assertEqual(process.returncode, 0)


class Throttled(narinfos.ImportTest):
    def start(self, count, rate, **options):
        file = narinfos.write(narinfos.closure(count, 1), "many")
        return subprocess.Popen([support.NARTHEX, *self.command("--json", "--rate", str(rate), file)],
                                text=True, stdout=subprocess.PIPE, **options)

    def test_keeps_its_rate_and_brings_in_everything(self):
        started = time.monotonic()
        process = self.start(200, 100)
        done = json.loads(process.communicate(timeout=support.DEADLINE)[0])
        self.assertGreater(time.monotonic() - started, 1.5)
        self.assertGreater(done["seconds"], 1.5)
        self.assertEqual((process.returncode, done["new"]), (0, 200))
        self.assertEqual(self.count("narinfo"), 200)

    def test_small_batches_are_transactions_of_their_own(self):
        process = self.start(1000, 50)
        counts = set()

        def has_some():
            counts.add(self.count("narinfo"))
            return max(counts) >= 40
        support.wait_until(has_some, "some are stored")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=support.DEADLINE)
        self.assertEqual({count % 5 for count in counts}, {0}, counts)

    def test_ends_promptly_at_a_signal_while_it_waits(self):
        process = self.start(50, 1, stderr=subprocess.PIPE)
        support.wait_until(lambda: self.count("narinfo") == 1, "the first is stored")
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        done = json.loads(process.communicate(timeout=support.DEADLINE)[0])
        self.assertLess(time.monotonic() - started, 5)
        self.assertEqual((process.returncode, done["interrupted"]), (1, True))
        self.assertEqual(done["new"], self.count("narinfo"))
        self.assertLess(done["new"], 5)

    def test_shows_its_progress(self):
        terminal, end = pty.openpty()
        process = self.start(250, 100, stderr=end)
        os.close(end)
        process.communicate(timeout=support.DEADLINE)
        shown = os.read(terminal, 1 << 16).decode()
        os.close(terminal)
        self.assertRegex(shown, r"\A\r\x1b\[Kstoring: \d{3} narinfos, \d{2,3}/s, \d+ %, 0:0\d left")

    def test_refuses_rates_that_are_none(self):
        for rate in ("0", "-1", "many", "1.5", ""):
            done = self.run_import("--rate", rate, "/dev/null", code=2)
            self.assertIn("--rate", done.stderr)


if __name__ == "__main__":
    support.main()
