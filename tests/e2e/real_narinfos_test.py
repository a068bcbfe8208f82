#!/usr/bin/env python3
"""489 narinfos of cache.nixos.org: taken, given back byte for byte, refused when forged."""

import re
import subprocess
import unittest

import support
from raw_http import assert_well_formed, guix_get, pipelined, without_date
from samples import ALPHABET
from support import Connection

FILE = support.ROOT.parent / "shared" / "data" / "cache.nixos.org-489.narinfos.zst"
KEY = "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="
COUNT = 489
SAMPLE = slice(None, None, 20)


def setUpModule():
    global SERVER, TEXTS, IMPORTED
    if not FILE.exists():
        raise unittest.SkipTest(f"real narinfos not there: {FILE}")  # tests/run looks for it
    data = subprocess.run(["zstd", "-dc", FILE], check=True, capture_output=True).stdout
    records = [record.rstrip(b"\n") + b"\n" for record in data.split(b"\n\n")]
    TEXTS = {target_of(record): record for record in records}
    SERVER = support.Server().start()
    IMPORTED = import_trusted(FILE)


def tearDownModule():
    SERVER.stop()


def target_of(record):
    hash_part = re.match(rb"StorePath: /nix/store/([a-z0-9]{32})-", record)[1]
    return f"/{hash_part.decode()}.narinfo"


def import_trusted(*files):
    return support.narthex("import", "--data-dir", SERVER.data_dir, "--trusted-key", KEY, *files,
                           check=False)


def count_of(done, what):
    return int(re.search(rf"^  {what} +(\d+)", done.stdout, re.M)[1])


class Real(unittest.TestCase):
    def test_all_are_imported_and_their_signatures_hold(self):
        self.assertEqual(len(TEXTS), COUNT)
        self.assertEqual(IMPORTED.returncode, 0, IMPORTED.stderr)
        self.assertEqual(count_of(IMPORTED, "new"), COUNT)
        for what in ("already there", "conflicting", "rejected"):
            self.assertEqual(count_of(IMPORTED, what), 0, IMPORTED.stdout)

    def test_importing_again_finds_all_already_there(self):
        again = import_trusted(FILE)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(count_of(again, "already there"), COUNT)
        for what in ("new", "conflicting", "rejected"):
            self.assertEqual(count_of(again, what), 0, again.stdout)

    def test_get_gives_every_byte_back_and_head_the_same_headers(self):
        with Connection(SERVER.port) as connection:
            for target, text in TEXTS.items():
                connection.request(target)
                whole = connection.read_response()
                assert_well_formed(self, whole)
                self.assertEqual((whole.status, whole.body), (200, text))
                connection.request(target, "HEAD")
                head = connection.read_response("HEAD")
                self.assertEqual(head.status, 200)
                self.assertEqual(without_date(head), without_date(whole))

    def test_2500_requests_written_before_a_byte_is_read(self):
        targets = [list(TEXTS)[i * 7 % COUNT] for i in range(2500)]
        answers = pipelined(SERVER.port, [guix_get(target, SERVER.port) for target in targets])
        for target, answer in zip(targets, answers):
            assert_well_formed(self, answer)
            self.assertEqual((answer.status, answer.body), (200, TEXTS[target]))


class Forged(unittest.TestCase):
    """One character changed to another that is as valid, so that only the signature tells."""

    def forge(self, field, character_at):
        """Each of a sample is refused with another character at `character_at(value of field)`."""
        forged, originals = [], []
        for text in list(TEXTS.values())[SAMPLE]:
            value = re.search(rf"^{field}: (.*)$".encode(), text, re.M)
            if not value or not value[1]:
                continue
            at = value.start(1) + character_at(value[1].decode())
            forged.append(text[:at] + another(text[at]) + text[at + 1:])
            originals.append(text)
        self.assertGreater(len(forged), 10)
        self.assert_refused(forged, originals)

    def assert_refused(self, forged, originals):
        file = support.temp_dir("forged") / "records"
        file.write_bytes(b"\n".join(forged))
        done = import_trusted(file)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(count_of(done, "rejected"), len(forged))
        line, wanted = 1, []
        for text in forged:
            wanted.append(f"{file}:{line}: has no valid signature by a trusted key "
                          "(signed by cache.nixos.org-1)")
            line += text.count(b"\n") + 1
        self.assertEqual(done.stderr.splitlines(), wanted)
        with Connection(SERVER.port) as connection:
            for text, original in zip(forged, originals):
                connection.request(target_of(text))
                answer = connection.read_response()
                if target_of(text) == target_of(original):
                    self.assertEqual(answer.body, original)
                else:
                    self.assertEqual(answer.status, 404)

    def test_another_hash_in_the_store_path(self):
        self.forge("StorePath", lambda value: len("/nix/store/") + 5)

    def test_another_name_in_the_store_path(self):
        self.forge("StorePath", lambda value: value.index("-") + 1)

    def test_another_nar_hash(self):
        self.forge("NarHash", lambda value: len("sha256:") + 30)

    def test_another_nar_size(self):
        self.forge("NarSize", lambda value: len(value) - 1)

    def test_another_reference(self):
        self.forge("References", lambda value: 7)

    def test_another_signature(self):
        self.forge("Sig", lambda value: len("cache.nixos.org-1:") + 20)

    def test_one_reference_less(self):
        forged, originals = [], []
        for text in list(TEXTS.values())[SAMPLE]:
            less = re.sub(rb"^(References: .*) \S+$", rb"\1", text, flags=re.M)
            if less != text:
                forged.append(less)
                originals.append(text)
        self.assertGreater(len(forged), 10)
        self.assert_refused(forged, originals)

    def test_what_nobody_has_signed(self):
        file = support.temp_dir("unsigned") / "records"
        text = next(iter(TEXTS.values()))
        file.write_bytes(re.sub(rb"^Sig: .*\n", b"", text, flags=re.M))
        done = import_trusted(file)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{file}:1: has no Sig line", done.stderr)


def another(byte):
    """Another character of Nix's base 32, which is also one of base 64 and of names; or digit."""
    text = chr(byte)
    digits = ALPHABET[1:10] if text.isdigit() else ALPHABET[10:]
    return digits[(digits.find(text.lower()) + 1) % len(digits)].encode()


if __name__ == "__main__":
    support.main()
