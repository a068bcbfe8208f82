"""Certificates of a CA of the test's own."""

import ssl
import subprocess

import support

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    def __init__(self, name):
        self.directory = support.temp_dir(name)
        self.file = self.directory / "ca.crt"
        self._openssl("req", "-x509", *KEY, "-subj", f"/CN={name}", "-keyout", self.directory / "ca.key",
                      "-out", self.file)

    def server(self, names):
        """What a server at `names` (as IP:127.0.0.1,DNS:localhost) needs to answer by TLS."""
        key, crt, request, extensions = (self.directory / f"server.{kind}" for kind in ("key", "crt", "csr", "ext"))
        extensions.write_text(f"subjectAltName={names}\n")
        self._openssl("req", *KEY, "-subj", "/CN=server", "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.directory / "ca.key",
                      "-CAcreateserial", "-extfile", extensions, "-out", crt)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(crt, key)
        return context

    def _openssl(self, *args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)
