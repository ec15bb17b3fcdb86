"""The rehearsal's own certificate authorities, and a certificate for each of its parts.

There are two authorities: who may talk to the API server may not talk to etcd. Both, and
the key that signs tokens, live as long as the rehearsal's data; the rest is renewed.
"""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .. import private_file
from .layout import Layout

AUTHORITY_DAYS = 3650
DAYS = 365
RENEW_DAYS = 30

SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
SERVER_ADDRESSES = ("127.0.0.1", "10.96.0.1")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A certificate that the rehearsal needs."""

    file: str
    user: str
    authority: str = "ca"
    groups: tuple[str, ...] = ()
    server: bool = False
    """Whether it stands for an address that others connect to."""


IDENTITIES = (
    Identity(file="kube-apiserver", user="kube-apiserver", server=True),
    Identity(file="etcd", user="etcd", authority="etcd-ca", server=True),
    Identity(file="etcd-client", user="kube-apiserver", authority="etcd-ca"),
    Identity(file="admin", user="rehearsal-admin", groups=("system:masters",)),
    Identity(file="kube-controller-manager", user="system:kube-controller-manager"),
    Identity(file="kube-scheduler", user="system:kube-scheduler"),
    Identity(file="kwok", user="rehearsal-kwok"),
)


def ensure(layout: Layout) -> None:
    """Make every certificate and key that is missing, or soon too old.

    Raises:
        InputError: If the rehearsal's folder cannot be written.
    """
    for authority in ("ca", "etcd-ca"):
        if not layout.key(authority).exists():
            _make_authority(layout, authority)
    if not layout.key("tokens").exists():
        _make_token_key(layout)
    for identity in IDENTITIES:
        if not _is_good(layout, identity):
            _issue(layout, identity)


def _make_authority(layout: Layout, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"practicum-rehearsal-{name}")])
    builder = (
        _builder(subject, subject, key.public_key(), AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    _write(layout, name, key, builder.sign(key, hashes.SHA256()))


def _make_token_key(layout: Layout) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private_file.write(layout.certificate("tokens"), public)
    private_file.write(layout.key("tokens"), _pem(key))


def _issue(layout: Layout, identity: Identity) -> None:
    authority = x509.load_pem_x509_certificate(layout.certificate(identity.authority).read_bytes())
    signer = serialization.load_pem_private_key(
        layout.key(identity.authority).read_bytes(), password=None
    )
    assert isinstance(signer, ec.EllipticCurvePrivateKey)  # we wrote it
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_subject(identity), authority.subject, key.public_key(), DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(_purposes(identity)), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if identity.server:
        builder = builder.add_extension(_addresses(), critical=False)
    _write(layout, identity.file, key, builder.sign(signer, hashes.SHA256()))


def _is_good(layout: Layout, identity: Identity) -> bool:
    if not layout.key(identity.file).exists() or not layout.certificate(identity.file).exists():
        return False
    certificate = x509.load_pem_x509_certificate(layout.certificate(identity.file).read_bytes())
    return certificate.not_valid_after_utc > _now() + datetime.timedelta(days=RENEW_DAYS)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # Clocks of a virtual machine may step back a little after a suspend.
        .not_valid_before(_now() - datetime.timedelta(hours=1))
        .not_valid_after(_now() + datetime.timedelta(days=days))
    )


def _subject(identity: Identity) -> x509.Name:
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in identity.groups]
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, identity.user)])


def _purposes(identity: Identity) -> list[x509.ObjectIdentifier]:
    # etcd is a client of itself: it answers HTTP by way of its own gRPC address.
    server = [ExtendedKeyUsageOID.SERVER_AUTH] if identity.server else []
    client = [ExtendedKeyUsageOID.CLIENT_AUTH]
    return [*server, *client]


def _addresses() -> x509.SubjectAlternativeName:
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in SERVER_ADDRESSES]
    return x509.SubjectAlternativeName([*map(x509.DNSName, SERVER_NAMES), *addresses])


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write(
    layout: Layout, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
) -> None:
    """The certificate first: ``ensure`` asks for the key to see whether both are there."""
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private_file.write(layout.certificate(name), pem)
    private_file.write(layout.key(name), _pem(key))


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
