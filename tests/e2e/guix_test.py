#!/usr/bin/env python3
"""A Guix cache: whose signatures it takes, that signed bytes stay as they are, and what it serves."""

import base64
import json
import re
import unittest

import guix_keys
import guix_narinfos
import narinfos
import samples
import support
from raw_http import assert_well_formed
from support import get

OURS = guix_keys.Key("ours")
SPARE = guix_keys.Key("spare")
STRANGER = guix_keys.Key("stranger")
SAMPLES = support.ROOT / "tests" / "core" / "guix"  # signed by Guix's own binding of libgcrypt


def setUpModule():
    global SERVER, SQL, HOLDER
    SERVER = support.Server().start()
    HOLDER = narinfos.Import(SERVER.data_dir)
    SQL = HOLDER.sql
    cache("create", "guix", "--store-dir", "/gnu/store", "--authorized-key", key_file(OURS))
    support.wait_until(lambda: fetch("nix-cache-info").status == 200, "the cache is served")


def tearDownModule():
    HOLDER.finish()
    SERVER.stop()


def write(text, name):
    path = support.temp_dir("guix") / name
    path.write_text(text)
    return path


def key_file(*keys):
    return write(keys[0].public() if len(keys) == 1 else guix_keys.acl(*keys), "keys")


def cache(*args, code=0):
    done = support.narthex("cache", *args, "--data-dir", SERVER.data_dir, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def run_import(file, *args, code=0, into="guix"):
    done = support.narthex("import", "--data-dir", SERVER.data_dir, "--cache", into, *args, file,
                           check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def fetch(path, into="guix", **options):
    return get(SERVER.port, f"/{into}/{path}", **options)


def served(name, into="guix"):
    """The body of its narinfo, None for a 404."""
    answer = fetch(f"{samples.hash_part(name)}.narinfo", into)
    assert answer.status in (200, 404), answer
    return answer.body.decode() if answer.status == 200 else None


class Import(unittest.TestCase):
    def take(self, name, text, *args, into="guix"):
        run_import(write(text, name), *args, into=into)
        self.assertEqual(served(name, into), text)

    def refuse(self, name, text, reason, *args):
        file = write(text, name)
        done = run_import(file, *args, code=1)
        self.assertEqual(done.stderr, f"{file}:1: {reason}\n")
        self.assertIsNone(served(name))

    def test_takes_what_an_authorised_key_signed(self):
        name = "hello-2.12"
        self.take(name, OURS.signed(guix_narinfos.unsigned(name, ["glibc-2.39", name])))

    def test_takes_a_key_of_the_command_line_beside_the_cache_s_own(self):
        text = SPARE.signed(guix_narinfos.unsigned("spare"))
        self.take("spare", text, "--authorized-key", key_file(STRANGER, SPARE))
        ours = OURS.signed(guix_narinfos.unsigned("ours"))
        self.take("ours", ours, "--authorized-key", key_file(SPARE))

    def test_takes_what_guix_s_own_binding_of_libgcrypt_signed(self):
        for kind in ("ed25519", "rsa"):
            cache("create", kind, "--store-dir", "/gnu/store", "--authorized-key",
                  SAMPLES / f"{kind}.pub")
            done = run_import(SAMPLES / f"{kind}.narinfo", into=kind)
            self.assertIn("  new                     1\n", done.stdout)
            other = "rsa" if kind == "ed25519" else "ed25519"
            done = run_import(SAMPLES / f"{other}.narinfo", into=kind, code=1)
            self.assertIn("which isn't authorised", done.stderr)

    def test_refuses_a_stranger_by_name(self):
        shown = f"Ed25519 key #{STRANGER.point[:16]}..."
        self.refuse("theirs", STRANGER.signed(guix_narinfos.unsigned("theirs")),
                    f"is signed by the {shown}, which isn't authorised: give its file with "
                    "--authorized-key if you trust it")

    def test_refuses_a_text_that_was_changed(self):
        good = OURS.signed(guix_narinfos.unsigned("changed", ["one"]))
        for what, other in (("NarSize: 1007", "NarSize: 1008"), ("-one\n", "-two\n"),
                            ("Deriver: ", "Sig: x:" + "A" * 86 + "==\nDeriver: ")):
            self.assertIn(what, good)
            self.refuse("changed", good.replace(what, other),
                        f"was changed after the Ed25519 key #{OURS.point[:16]}... signed it: take "
                        "the lines down to its Signature from the publisher, byte for byte")
        self.take("changed", good.replace("FileSize: 700", "FileSize: 699"))

    def test_refuses_a_signature_that_was_changed(self):
        good = OURS.signed(guix_narinfos.unsigned("forged"))
        line = re.search("Signature: (1;[^;]*;)(.*)", good)
        sexp = base64.b64decode(line[2]).decode()
        r = re.search("\\(r #(.*?)#\\)", sexp)[1]

        def with_sexp(text):
            return good.replace(line[2], base64.b64encode(text.encode()).decode())
        genuine = f"has a Signature that the Ed25519 key #{OURS.point[:16]}... didn't make: take " \
                  "the narinfo from its publisher again"
        self.refuse("forged", with_sexp(sexp.replace(r, "0" * 63 + "1")), genuine)
        stranger = STRANGER.signed(guix_narinfos.unsigned("forged"))
        theirs = base64.b64decode(re.search("Signature: 1;[^;]*;(.*)", stranger)[1]).decode()
        self.refuse("forged", with_sexp(theirs.replace(STRANGER.point, OURS.point)), genuine)
        self.refuse("forged", with_sexp("(" * 10000),
                    "its Signature isn't 1;HOST;BASE64 of an s-expression (signature ...)")
        self.refuse("forged", with_sexp(sexp.replace("Ed25519", "NIST P-256")),
                    "the public-key of its Signature is not a Guix key that narthex can verify "
                    "with: that is (public-key (ecc (curve Ed25519) (q #...#))) or (public-key "
                    "(rsa (n #...#) (e #...#)))")

    def test_refuses_what_nobody_signed_unless_nobody_has_to(self):
        text = guix_narinfos.unsigned("unsigned")
        done = run_import(write(text, "unsigned"), code=1)
        self.assertIn(":1: has no signature: a Signature line of Guix's", done.stderr)
        cache("create", "lax", "--store-dir", "/gnu/store")
        self.take("unsigned", text, into="lax")

    def test_is_repeatable_and_two_kinds_of_layout_are_the_same_path(self):
        text = OURS.signed(guix_narinfos.unsigned("twice"))
        file = write(text, "twice")
        run_import(file)
        self.assertIn("  already there           1\n", run_import(file).stdout)


class SignedBytes(unittest.TestCase):
    def test_lines_that_come_later_go_after_the_signature(self):
        name = "later-1.0"
        text = OURS.signed(guix_narinfos.unsigned(name))
        run_import(write(text, name))
        later = f"Sig: later-1:{'A' * 86}=="
        SQL.rows(f"insert into narinfo_line select cache, hash, '{later}' from narinfo"
                 f" where name = '{name}'")
        support.wait_until(lambda: served(name) != text, "the line is served")
        self.assertEqual(served(name), text + later + "\n")
        cache("create", "copy", "--store-dir", "/gnu/store", "--authorized-key", key_file(OURS))
        done = run_import(write(served(name), name), into="copy")
        self.assertIn("  new                     1\n", done.stdout)


class Keys(unittest.TestCase):
    def shown(self, name):
        return json.loads(cache("show", name, "--json").stdout)["authorized_keys"]

    @staticmethod
    def line(key):
        return f"(public-key (ecc (curve Ed25519) (q #{key.point}#)))"

    def test_are_properties_of_a_cache(self):
        cache("create", "keys", "--authorized-key", key_file(OURS, SPARE),
              "--authorized-key", key_file(STRANGER), "--authorized-key", key_file(OURS))
        self.assertEqual(self.shown("keys"), [self.line(key) for key in (OURS, SPARE, STRANGER)])
        cache("set", "keys", "--priority", "7")
        self.assertEqual(len(self.shown("keys")), 3)
        cache("set", "keys", "--authorized-key", key_file(SPARE))
        self.assertEqual(self.shown("keys"), [self.line(SPARE)])
        self.assertIn(f"authorized key   {self.line(SPARE)}\n", cache("show", "keys").stdout)
        cache("set", "keys", "--no-authorized-keys")
        self.assertEqual(self.shown("keys"), [])
        listed = json.loads(cache("list", "--json").stdout)
        self.assertTrue(all("authorized_keys" in each for each in listed))

    def test_are_files_of_public_keys(self):
        secret = f"(key-data {OURS.public()} (private-key (ecc (curve Ed25519) (d #5EC2E7#))))"
        for text, words in (("", "is no s-expression"), ("x" * (2 << 20), "is larger than 1 MiB"),
                            (secret, "holds a private key"), ("(acl)", "is an access-control list without a key"),
                            (OURS.public().replace("Ed25519", "Ed448"), "is not a Guix key")):
            file = write(text, "bad")
            for done in (cache("create", "bad", "--authorized-key", file, code=2),
                         cache("set", "guix", "--authorized-key", file, code=2),
                         run_import(file, "--authorized-key", file, code=2)):
                self.assertTrue(done.stderr.startswith(f"narthex: --authorized-key: {file} {words}"),
                                done.stderr)
                self.assertNotIn("5EC2E7", done.stderr + done.stdout)
        done = cache("set", "guix", "--authorized-key", "/nonexistent/key", code=2)
        self.assertEqual(done.stderr, "narthex: --authorized-key: /nonexistent/key: "
                                      "No such file or directory\n")
        self.assertEqual(self.shown("guix"), [self.line(OURS)])

    def test_the_first_is_what_guix_archive_authorize_reads(self):
        answer = fetch("signing-key.pub")
        assert_well_formed(self, answer)
        self.assertEqual((answer.status, answer.body.decode()), (200, self.line(OURS) + "\n"))
        head = fetch("signing-key.pub", method="HEAD")
        self.assertEqual((head.status, head.body), (200, b""))
        # Read again it is the same key.
        cache("create", "reread", "--authorized-key", write(answer.body.decode(), "served"))
        self.assertEqual(self.shown("reread"), [self.line(OURS)])

    def test_there_may_be_none(self):
        answer = get(SERVER.port, "/signing-key.pub")
        assert_well_formed(self, answer)
        self.assertEqual(answer.status, 404)

    def test_are_on_the_front_page(self):
        page = fetch("").body.decode()
        self.assertIn(self.line(OURS), page)
        self.assertIn("/guix/signing-key.pub | guix archive --authorize", page)

    def test_of_a_private_cache_are_for_those_who_may_enter(self):
        cache("create", "closed", "--visibility", "private", "--authorized-key", key_file(OURS))
        support.wait_until(lambda: fetch("", "closed").status == 401, "the cache is served")
        self.assertEqual(fetch("signing-key.pub", "closed").status, 401)


class Nars(unittest.TestCase):
    def test_are_at_the_urls_that_publish_writes_however_encoded(self):
        directory = support.temp_dir("nars")
        name = "gtk+-3.24"
        guix_narinfos.write_nars(directory, name, guix_narinfos.COMPRESSIONS)
        text = OURS.signed(guix_narinfos.unsigned(name, compressions=guix_narinfos.COMPRESSIONS))
        run_import(write(text, name), "--nar-dir", directory)
        for compression in guix_narinfos.COMPRESSIONS:
            url = guix_narinfos.url_of(name, compression)
            self.assertIn("%2B", url)
            for each in (url, url.replace("%2B", "%2b"), url.replace("%2B", "+"),
                         url.replace("gtk", "%67tk")):
                answer = fetch(each)
                assert_well_formed(self, answer)
                self.assertEqual(answer.status, 200, each)
                self.assertEqual(answer.body, guix_narinfos.file_of(name, compression))
        self.assertEqual(fetch(guix_narinfos.url_of("absent", "gzip")).status, 404)

    def test_what_weather_asks_for_beside_narinfos_is_a_plain_404(self):
        for path in ("api/queue?nr=1000", "api/latestbuilds?nr=1000", "api", "api/", "api/v1",
                     f"file/hello-2.12.tar.gz/sha256/{samples.nix32(bytes(32))}",
                     "log/" + guix_narinfos.item_of("x"), "index.html"):
            for target in (f"/{path}", f"/guix/{path}"):
                answer = get(SERVER.port, target)
                assert_well_formed(self, answer)
                self.assertEqual(answer.status, 404, target)
                self.assertNotIn(b"<", answer.body)


if __name__ == "__main__":
    support.main()
