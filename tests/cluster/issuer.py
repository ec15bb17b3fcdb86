"""A school's login on loopback: what an API server asks of an issuer, and tokens it signs."""

from __future__ import annotations

import base64
import ipaddress
import json
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

CLIENT = "practicum"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Serves its configuration and its public key over HTTPS until it is closed."""

    def __init__(self, folder: Path) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.ca = folder / "school-ca.pem"
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(*self._certificate(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.socket = trust.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_port}/school"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def token(self, email: str, *, key: ec.EllipticCurvePrivateKey | None = None, **claims: Any):
        """An ID token as the school gives it; a claim of None is left out."""
        now = int(time.time())
        usual = {"iss": self.url, "aud": CLIENT, "sub": f"sub-of-{email}", "iat": now}
        usual |= {"exp": now + 3600, "email": email, "email_verified": True}
        body = {name: value for name, value in (usual | claims).items() if value is not None}
        head = {"alg": "ES256", "typ": "JWT", "kid": "school-1"}
        signed = ".".join(_text(json.dumps(part).encode()) for part in (head, body))
        der = (key or self.key).sign(signed.encode(), ec.ECDSA(hashes.SHA256()))
        raw = b"".join(number.to_bytes(32) for number in decode_dss_signature(der))
        return f"{signed}.{_text(raw)}"

    def _certificate(self, folder: Path) -> tuple[Path, Path]:
        """Make a certificate that is its own authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "school")])
        now = datetime.now(UTC)
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.ca.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private = folder / "school.key"
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return self.ca, private

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = json.dumps(issuer._document(self.path)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def _document(self, path: str) -> dict[str, Any]:
        if path.endswith("/.well-known/openid-configuration"):
            return {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/keys",
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
            }
        point = self.key.public_key().public_numbers()
        known = {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "school-1"}
        return {
            "keys": [known | {"x": _text(point.x.to_bytes(32)), "y": _text(point.y.to_bytes(32))}]
        }
