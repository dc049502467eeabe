"""A time-stamping authority on loopback: openssl ts behind a small HTTP server."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

_CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""
_EXTENSIONS = "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\nbasicConstraints=CA:FALSE\n"


def _openssl(*arguments: str, folder: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def authority(folder: Path) -> None:
    """Make root and signer of an authority; ``ca.pem`` is what its clients trust."""
    folder.mkdir()
    (folder / "serial").write_text("01\n")
    (folder / "openssl.cnf").write_text(_CONFIG.format(folder=folder))
    (folder / "extensions").write_text(_EXTENSIONS)
    new = ("-newkey", "rsa:2048", "-nodes", "-sha256")
    _openssl(
        "req", "-x509", *new, "-days", "30", "-subj", "/CN=root", "-keyout", "ca.key", "-out", "ca.pem", folder=folder
    )
    _openssl("req", *new, "-subj", "/CN=tsa", "-keyout", "tsa.key", "-out", "tsa.csr", folder=folder)
    sign = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "extensions")
    _openssl("x509", "-req", "-in", "tsa.csr", *sign, "-out", "tsa.pem", folder=folder)


@contextmanager
def serving(folder: Path, *, status: int = 200) -> Iterator[str]:
    """Answer time-stamp requests; the URL."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Print nothing."""

        def do_POST(self) -> None:
            (folder / "request").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            reply = ("ts", "-reply", "-config", "openssl.cnf", "-queryfile", "request", "-out", "reply")
            _openssl(*reply, folder=folder)
            body = (folder / "reply").read_bytes()
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
