"""Guix's keys and signatures, written anew from their description: ECDSA over Ed25519's curve.

Nothing here is narthex's or libgcrypt's, so that the tests have a second opinion. Slow and not
constant in time: for tests alone.
"""

import base64
import hashlib

P = 2 ** 255 - 19
ORDER = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (15112221349535400772501151409588531511454012693041857206046113283949847762202, BASE_Y)
SIGNATURE = "Signature: "


def add(one, two):
    (x1, y1), (x2, y2) = one, two
    product = D * x1 * x2 * y1 * y2 % P
    return ((x1 * y2 + x2 * y1) * pow(1 + product, P - 2, P) % P,
            (y1 * y2 + x1 * x2) * pow(1 - product, P - 2, P) % P)


def times(number, point):
    out = (0, 1)
    for bit in bin(number)[2:]:
        out = add(out, out)
        if bit == "1":
            out = add(out, point)
    return out


class Key:
    """The key that follows from a name."""

    def __init__(self, name):
        self.secret = int.from_bytes(hashlib.sha512(name.encode()).digest()) % ORDER
        x, y = times(self.secret, BASE)
        self.point = (y | (x & 1) << 255).to_bytes(32, "little").hex().upper()

    def public(self):
        """As `guix archive --generate-key` writes it to signing-key.pub."""
        return f"(public-key \n (ecc \n  (curve Ed25519)\n  (q #{self.point}#)\n  )\n )\n"

    def sign(self, data):
        """The value of a Signature line over these bytes."""
        digest = hashlib.sha256(data).digest()
        number = int.from_bytes(digest) >> 3  # as many bits as the order has
        once = int.from_bytes(hashlib.sha512(b"once" + digest).digest()) % ORDER
        r = times(once, BASE)[0] % ORDER
        s = pow(once, -1, ORDER) * (number + r * self.secret) % ORDER
        text = (f"(signature (data (flags rfc6979) (hash sha256 #{digest.hex().upper()}#)) "
                f"(sig-val (ecdsa (r #{r:064X}#) (s #{s:064X}#))) {self.public()})")
        return "1;guix.example.org;" + base64.b64encode(text.encode()).decode()

    def signed(self, text):
        """A narinfo that begins with what is signed and goes on with its URL lines."""
        start = text.index("URL: ")
        return text[:start] + SIGNATURE + self.sign(text[:start].encode()) + "\n" + text[start:]


def acl(*keys):
    """As /etc/guix/acl has it."""
    return "(acl \n" + "".join(
        f" (entry \n  {key.public()}  (tag \n   (guix import)\n   )\n  )\n" for key in keys) + " )\n"
