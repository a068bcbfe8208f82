"""What the tests of uploads share: a token that may publish, PUTs byte by byte, and what a server
has, seen from its disk and its database."""

import json
import pathlib

import support
from nix_client import NixClient


def make_token(server, name, *args, database=None):
    """A new token, once the server knows it."""
    where = ("--database", database) if database else ("--data-dir", server.data_dir)
    done = support.narthex("token", "create", "--name", name, *(args or ("--scope", "publish")),
                           "--json", *where)
    token = json.loads(done.stdout)["token"]
    support.wait_until(lambda: b"no token of" not in put(server, "/nix-cache-info", b"x", token).body,
                       "the token is known")
    return token


def head_of(target, length, token=None, headers=()):
    lines = [f"PUT {target} HTTP/1.1", "Host: 127.0.0.1"]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return ("\r\n".join([*lines, *headers]) + "\r\n\r\n").encode()


def put(server, target, body, token=None, headers=()):
    """One PUT on a connection of its own."""
    with support.Connection(server.port) as connection:
        connection.send(head_of(target, len(body), token, headers))
        try:
            connection.send(body)
        except (ConnectionResetError, BrokenPipeError):
            pass  # refused before the body: the answer may be there all the same
        return connection.read_response("PUT")


class Publisher(NixClient):
    """A Nix with a token in its netrc, and, where it is given one, a key to sign with."""

    def __init__(self, token):
        super().__init__()
        netrc = support.temp_dir("netrc") / "netrc"
        netrc.write_text(f"machine 127.0.0.1 login ci password {token}\n")
        self.env["NIX_CONFIG"] = f"netrc-file = {netrc}"

    def publish(self, url, *paths, source=None, check=True, limit=100, **options):
        """nix copy --to, with the store's options in its URL; killed after `limit` seconds."""
        query = "&".join(f"{key.replace('_', '-')}={value}" for key, value in options.items())
        return self.run("timeout", limit, "nix", "copy", *(("--from", source) if source else ()), "--to",
                        f"{url}?{query}" if query else url, "--no-check-sigs", *paths, check=check)


def hash_part(path):
    return pathlib.Path(path).name[:32]


def narinfo_target(path, prefix="/"):
    return f"{prefix}{hash_part(path)}.narinfo"


def stored_files(directory):
    """Below an upload directory: the NARs, and what is coming in."""
    files = [str(file.relative_to(directory)) for file in directory.rglob("*") if file.is_file()]
    return (sorted(file for file in files if not file.startswith("incoming/")),
            sorted(file for file in files if file.startswith("incoming/")))
