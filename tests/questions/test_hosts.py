"""Certificates of real TLS servers, space of a real file system, headers of real answers."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from relgate import questions
from relgate.adapters import certificates as handshakes
from relgate.policy.hosts import Cors, Headers
from relgate.ports.preflight import Heard
from relgate.preflight import hosts as judging
from tests.adapters.servers import Service, serving
from tests.questions.runs import asked, run_of, said, verdict

NOW = dt.datetime.now(dt.UTC)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


class Authority:
    """Makes certificates, as a certificate authority does; ``above`` another one that has made its own."""

    def __init__(self, name: str, days: float = 365, above: Authority | None = None) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.above = above
        issuer = above or self
        made = self._builder(issuer, self.name, self.key, NOW - DAY, NOW + days * DAY)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.certificate = made.sign(issuer.key, hashes.SHA256())

    @staticmethod
    def _builder(
        issuer: Authority,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        since: dt.datetime,
        until: dt.datetime,
    ) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder(issuer.name, name, key.public_key(), x509.random_serial_number(), since, until)
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
        return made.add_extension(above, critical=False)

    def pem(self, folder: Path) -> Path:
        """Write its own certificate."""
        path = folder / "ca.pem"
        path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def context(self, folder: Path, since: dt.timedelta, until: dt.timedelta, *hosts: str) -> ssl.SSLContext:
        """Make a host's certificate, and what serves it with the chain above."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the host's own")])
        made = self._builder(self, name, key, NOW + since, NOW + until)
        names: list[x509.GeneralName] = [
            x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host) for host in hosts
        ]
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        chain = made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        if self.above is not None:
            chain += self.certificate.public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / "host.pem").write_bytes(chain + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "host.pem")
        return context


def judged(folder: Path, context: ssl.SSLContext, ca: Path | None, host: str = "127.0.0.1") -> tuple[str, str]:
    """The verdict about the certificate of a server, and what is said."""
    with serving(context) as service:
        port = service.server_address[1]
        more = f", ca: {ca.name}" if ca is not None else ""
        found = asked(run_of(folder, f"{{certificates: {{hosts: '{host}:{port}'{more}}}}}"), "certificates")
    return verdict(found), said(found)


@pytest.mark.parametrize(
    ("since", "until", "host", "expected", "text"),
    [
        (-HOUR, 30 * DAY, "127.0.0.1", "pass", ""),
        (-2 * HOUR, -HOUR, "127.0.0.1", "fail", "expired: 127.0.0.1:"),
        (HOUR, 30 * DAY, "127.0.0.1", "fail", "not-yet-valid: 127.0.0.1:"),
        (-HOUR, 30 * DAY, "127.0.0.2", "fail", "wrong-host: 127.0.0.1:"),
        (-HOUR, 30 * DAY, "shop.example", "fail", "wrong-host: 127.0.0.1:"),
        (-HOUR, 13 * DAY, "127.0.0.1", "fail", "near-expiry: 127.0.0.1:"),
    ],
)
def test_a_certificate_is_good_or_says_what_is_wrong(
    tmp_path: Path, since: dt.timedelta, until: dt.timedelta, host: str, expected: str, text: str
) -> None:
    """Expired, not yet valid, another host's, near its end."""
    authority = Authority("root")
    context = authority.context(tmp_path, since, until, host)
    got, told = judged(tmp_path, context, authority.pem(tmp_path))
    assert got == expected, told
    assert text in told


def test_names_are_checked_as_names(tmp_path: Path) -> None:
    """Not the address behind them."""
    authority = Authority("root")
    ca = authority.pem(tmp_path)
    context = authority.context(tmp_path, -HOUR, 30 * DAY, "localhost")
    assert judged(tmp_path, context, ca, "localhost")[0] == "pass"
    assert "wrong-host" in judged(tmp_path, context, ca, "127.0.0.1")[1]


def test_an_authority_that_nobody_knows_is_a_fault(tmp_path: Path) -> None:
    """Of the certificate, not of the way there."""
    context = Authority("root").context(tmp_path, -HOUR, 30 * DAY, "127.0.0.1")
    got, told = judged(tmp_path, context, None)
    assert (got, told[:10]) == ("fail", "untrusted:")


def test_the_whole_chain_must_last(tmp_path: Path) -> None:
    """An intermediate that ends next week ends the host's certificate too."""
    root = Authority("root")
    between = Authority("between", days=7, above=root)
    got, told = judged(tmp_path, between.context(tmp_path, -HOUR, 300 * DAY, "127.0.0.1"), root.pem(tmp_path))
    assert got == "fail"
    assert "between ends" in told
    assert "the host's own" not in told


@pytest.mark.parametrize("ca", ["missing.pem", "empty.pem"])
def test_authorities_that_cannot_be_read_are_an_error(tmp_path: Path, ca: str) -> None:
    """Never those of the system instead."""
    (tmp_path / "empty.pem").write_text("nothing")
    context = Authority("root").context(tmp_path, -HOUR, 30 * DAY, "127.0.0.1")
    assert judged(tmp_path, context, tmp_path / ca)[0] == "error"


def test_a_host_that_does_not_shake_hands_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens, it speaks no TLS, it says nothing, nobody knows its name."""
    monkeypatch.setattr(handshakes, "TIMEOUT_S", 0.5)
    with socket.socket() as silent, serving() as plain:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            ports = [silent.getsockname()[1], plain.server_address[1], taken.getsockname()[1]]
            for host in [*(f"127.0.0.1:{port}" for port in ports), "no-such-host.invalid"]:
                found = asked(run_of(tmp_path, f"{{certificates: {{hosts: '{host}'}}}}"), "certificates")
                assert (verdict(found), found.checked) == ("error", 0), host
                assert host in said(found)


def test_one_host_of_two_does_not_speak_for_both(tmp_path: Path) -> None:
    """One is good, one unreachable: an error."""
    authority = Authority("root")
    authority.pem(tmp_path)
    with serving(authority.context(tmp_path, -HOUR, 30 * DAY, "127.0.0.1")) as service:
        hosts = f"['127.0.0.1:{service.server_address[1]}', '127.0.0.1:9']"
        found = asked(run_of(tmp_path, f"{{certificates: {{hosts: {hosts}, ca: ca.pem}}}}"), "certificates")
    assert (verdict(found), found.checked, found.expected) == ("error", 1, 2)


def test_space_is_measured_where_the_policy_says(tmp_path: Path) -> None:
    """Some is free here, all of it is not; a path that is not there, or has no space, is an error."""
    assert verdict(asked(run_of(tmp_path, "{disk: {.: 0.001%}}"), "disk")) == "pass"
    found = asked(run_of(tmp_path, "{disk: {/: 99.9999%}}"), "disk")
    assert verdict(found) == "fail"
    assert "too-full: /: " in said(found)
    assert verdict(asked(run_of(tmp_path, "{disk: {/: 0.001%, missing: 5%}}"), "disk")) == "error"
    assert verdict(asked(run_of(tmp_path, "{disk: {/proc: 5%}}"), "disk")) == "error"


@contextmanager
def answering(**headers: str) -> Iterator[Service]:
    """A service whose page has these headers."""
    with serving() as service:
        service.more = {name.replace("_", "-"): text for name, text in headers.items()}
        yield service


GOOD = {"Content_Security_Policy": "default-src 'self'; frame-ancestors 'none'", "X_Content_Type_Options": "nosniff"}
REQUIRED = "require: [Content-Security-Policy, X-Content-Type-Options, X-Frame-Options]"


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, ""),
        ({"X_Content_Type_Options": "sniff"}, "header-weak: GET /ok: X-Content-Type-Options is 'sniff'"),
        ({"Content_Security_Policy": "default-src 'self'"}, "header-missing: GET /ok has no X-Frame-Options"),
        (
            {"Content_Security_Policy": "script-src 'unsafe-inline'; frame-ancestors 'none'"},
            "header-weak: GET /ok: Content-Security-Policy allows any inline script",
        ),
    ],
)
def test_headers_must_be_there_and_mean_something(tmp_path: Path, headers: dict[str, str], text: str) -> None:
    """Security headers of the candidate."""
    with answering(**{**GOOD, **headers}) as service:
        found = asked(run_of(tmp_path, f"{{headers: {{get: /ok, {REQUIRED}}}}}", service.url), "headers")
    assert verdict(found) == ("fail" if text else "pass"), said(found)
    assert text in said(found)


def test_a_session_in_an_answer_is_not_kept(tmp_path: Path) -> None:
    """Only the headers that were looked at are."""
    with answering(**GOOD, Set_Cookie="session=hunter2hunter2") as service:
        run = run_of(tmp_path, f"{{headers: {{get: /ok, {REQUIRED}}}}}", service.url)
        assert run.policy.preflight is not None
        text = questions.of(run.policy.preflight, run)["preflight-headers"]().text
    assert "nosniff" in text
    assert "hunter2" not in text


def test_strict_transport_security_needs_an_age(tmp_path: Path) -> None:
    """An age of zero takes it away."""
    for value, expected in (("max-age=31536000; includeSubDomains", "pass"), ("max-age=0", "fail"), ("x", "fail")):
        with answering(Strict_Transport_Security=value) as service:
            run = run_of(tmp_path, "{headers: {get: /ok, require: Strict-Transport-Security}}", service.url)
            assert verdict(asked(run, "headers")) == expected, value


@pytest.mark.parametrize("path", ["/nothing", "/reset", "/garbage", "/truncated"])
def test_what_is_no_answer_says_nothing_about_headers(tmp_path: Path, path: str) -> None:
    """A page that is not served, an answer that breaks off: an error."""
    with answering(**GOOD) as service:
        found = asked(run_of(tmp_path, f"{{headers: {{get: [/ok, {path}], {REQUIRED}}}}}", service.url), "headers")
    assert (verdict(found), found.checked) == ("error", 1), said(found)


def test_a_candidate_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Nobody listens."""
    assert verdict(asked(run_of(tmp_path, f"{{headers: {{{REQUIRED}}}}}"), "headers")) == "error"


OURS, OTHER = "https://app.example", "https://else.example"
CORS = f"{{headers: {{get: /ok, cors: {{allow: '{OURS}', refuse: ['{OTHER}', 'null'], methods: [DELETE]}}}}}}"


@pytest.mark.parametrize(
    ("headers", "expected", "text"),
    [
        ({"Access_Control_Allow_Origin": OURS, "Access_Control_Allow_Methods": "GET, DELETE"}, "pass", ""),
        ({"Access_Control_Allow_Origin": OURS}, "fail", "cors-closed: OPTIONS /ok from https://app.example for DELETE"),
        ({}, "fail", "cors-closed: GET /ok from https://app.example is not allowed"),
        ({"Access_Control_Allow_Origin": OTHER}, "fail", "cors-open: GET /ok from https://else.example is allowed"),
        ({"Access_Control_Allow_Origin": "null"}, "fail", "cors-open: GET /ok from null is allowed"),
        (
            {"Access_Control_Allow_Origin": "*", "Access_Control_Allow_Methods": "*"},
            "fail",
            "cors-open: OPTIONS /ok from https://else.example for GET is allowed (*)",
        ),
        (
            {"Access_Control_Allow_Origin": OTHER, "Access_Control_Allow_Credentials": "true"},
            "fail",
            "with its cookies",
        ),
    ],
)
def test_pages_of_others_read_nothing(tmp_path: Path, headers: dict[str, str], expected: str, text: str) -> None:
    """Origins are allowed by name, and those that are refused get no leave, whether they ask first or not."""
    with answering(**headers) as service:
        found = asked(run_of(tmp_path, CORS, service.url), "headers")
    assert verdict(found) == expected, said(found)
    assert text in said(found)


def test_browsers_take_an_error_for_a_no() -> None:
    """What asks before it sends gets an answer that is no error, or no leave, whatever its headers say."""
    headers = (("access-control-allow-origin", OURS), ("access-control-allow-methods", "DELETE"))
    wanted = Headers(cors=Cors(allow=(OURS,), methods=("DELETE",)))
    for code, expected in ((204, "pass"), (405, "fail"), (500, "error")):
        heard = [Heard("OPTIONS", "/", OURS, code, headers, asks_for="DELETE")]
        assert verdict(judging.headers("preflight-headers", wanted, heard)) == expected


def test_an_origin_that_is_repeated_is_open_to_all(tmp_path: Path) -> None:
    """The usual mistake: whoever asks is allowed."""
    with answering(Access_Control_Allow_Origin="@origin", Access_Control_Allow_Methods="DELETE") as service:
        found = asked(run_of(tmp_path, CORS, service.url), "headers")
    assert {one.code for one in found.findings} == {"cors-open"}
