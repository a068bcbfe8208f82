"""Access tokens for tests: made in the database as `narthex token create` does, and what shows them."""

import base64
import hashlib
import secrets

import samples

SCOPES = ["read", "publish", "roots", "gc", "admin", "replica"]
PREFIX = "ntx_"


def fresh():
    """A token and the hash that a server keeps of it: BLAKE2b of its 32 bytes."""
    data = secrets.token_bytes(32)
    return PREFIX + samples.nix32(data), hashlib.blake2b(data, digest_size=32).hexdigest()


def make(postgres, name, scopes, cache=None, expires="null", revoked="null"):
    """Of one cache by its name, or of all. `expires` and `revoked` are SQL."""
    token, digest = fresh()
    caches = f"(select array[id] from cache where name = '{cache}')" if cache else "null"
    postgres.psql("insert into token (name, hash, scopes, caches, expires_at, revoked_at) values"
                  f" ('{name}', '\\x{digest}', '{{{','.join(scopes)}}}', {caches}, {expires}, {revoked})")
    return token


def bearer(token):
    return f"Authorization: Bearer {token}"


def basic(token, user="anybody"):
    """As Nix makes it of a line in netrc."""
    return f"Authorization: Basic {base64.b64encode(f'{user}:{token}'.encode()).decode()}"
