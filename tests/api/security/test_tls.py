"""Serving over TLS, with certificates that can be served."""

from __future__ import annotations

import datetime
import ssl
import subprocess

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.api.security.server import COMMAND, PREFIX, running


def write_pair(folder, password=b""):
    """A certificate for this machine, which signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
    (folder / "key.pem").write_bytes(pem)
    return folder / "cert.pem", folder / "key.pem"


def ip(text):
    from ipaddress import ip_address

    return ip_address(text)


def test_tls_is_served_and_plain_http_is_not(tmp_path):
    certificate, key = write_pair(tmp_path)
    trusted = ssl.create_default_context(cafile=certificate)
    options = ("--certificate", str(certificate), "--key", str(key), "--workers", "0")
    with running(tmp_path, *options, scheme="https", verify=trusted) as server:
        user = server.add_user("ann")
        assert server.post("/sqlflow/job/displayUserJobsSummary", user).status_code == 200
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{server.port}{PREFIX}/version")
        for old in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            context = ssl.create_default_context(cafile=certificate)
            with pytest.warns(DeprecationWarning):
                context.maximum_version = old
                context.minimum_version = ssl.TLSVersion.TLSv1
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"{server.url}{PREFIX}/version", verify=context)


@pytest.mark.parametrize("case", ["key alone", "another key", "no PEM", "password", "swapped", "no file"])
def test_what_cannot_be_served_is_refused_at_the_start(tmp_path, case):
    certificate, key = write_pair(tmp_path, b"secret" if case == "password" else b"")
    options = ["--certificate", str(certificate), "--key", str(key)]
    if case == "key alone":
        options = ["--key", str(key)]
    elif case == "another key":
        (tmp_path / "other").mkdir()
        options[3] = str(write_pair(tmp_path / "other")[1])
    elif case == "no PEM":
        certificate.write_text("nonsense")
    elif case == "swapped":
        options[1], options[3] = options[3], options[1]
    elif case == "no file":
        key.unlink()
    run = subprocess.run(
        [*COMMAND, "--store-url", f"sqlite:///{tmp_path}/s.db", "server", "--port", "0", *options],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert run.returncode == 2, run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "s.db").exists()
