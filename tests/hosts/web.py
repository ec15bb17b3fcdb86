"""Git repositories on a lab host's own loopback, over real https, for the roles to clone."""

from __future__ import annotations

import datetime
import io
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .rig_host import LabHost

ADDRESS = "https://localhost:8443"
SERVER = r"""
import http.server, ssl
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        with open("/srv/web/log", "a") as log:
            print(self.path, file=log)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8443), lambda *a: Handler(*a, directory="/srv/web"))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/srv/web.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def make_repository(folder: Path, name: str, case: dict[str, Any]) -> str:
    """Make a Dotdrop repository of one dotfile, changed as a case says; return its commit."""
    work = folder / f"{name}.work"
    dotfiles = case.get("dotfiles") or {"f_x": {"src": "x", "dst": "~/.x"}}
    config = {
        "config": {"backup": True, "dotpath": "dotfiles", **case.get("settings", {})},
        "dotfiles": dotfiles, "profiles": {"student": {"dotfiles": sorted(dotfiles)}},
        **case.get("config", {}),
    }  # fmt: skip
    files = {"config.yaml": case.get("raw") or yaml.safe_dump(config), "dotfiles/x": "x\n"}
    for path, content in {**files, **case.get("files", {})}.items():
        work.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
        work.joinpath(path).write_text(content)
    for path, target in case.get("links", {}).items():
        work.joinpath(path).unlink(missing_ok=True)
        work.joinpath(path).symlink_to(target)
    _git(work, "init", "--quiet", "--initial-branch=main")
    _git(work, "add", "--all", "--force")
    _git(work, "commit", "--quiet", "--message=dotfiles")
    bare = folder / f"{name}.git"
    _git(folder, "clone", "--quiet", "--bare", str(work), str(bare))
    _git(bare, "repack", "-adq")
    _git(bare, "update-server-info")
    return _git(work, "rev-parse", "HEAD").strip()


def serve(host: LabHost, folder: Path) -> None:
    """Put every bare repository of a folder on the host, and serve them until it ends."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for bare in sorted(folder.glob("*.git")):
            archive.add(bare, bare.name)
    subprocess.run(
        ["docker", *(["--host", host.engine.address] if host.engine.address else []), "exec", "-i",
         host.container, "sh", "-c", "mkdir -p /srv/web && tar -xC /srv/web --no-same-owner"],
        input=packed.getvalue(), check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    authority, pair = _certificate()
    host.write("/usr/local/share/ca-certificates/course.crt", authority)
    host.write("/srv/web.pem", pair)
    host.write("/srv/web.py", SERVER)
    host.shell(
        "update-ca-certificates >/dev/null 2>&1; chmod -R a+rX /srv/web; : > /srv/web/log;"
        "systemctl is-active --quiet web || systemd-run --unit=web --quiet python3 /srv/web.py;"
        "for n in $(seq 600); do (: < /dev/tcp/127.0.0.1/8443) 2>/dev/null && exit; sleep .1; done;"
        "exit 1"
    )


def _git(folder: Path, *arguments: str) -> str:
    env = {
        "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@example.org",
        "GIT_COMMITTER_NAME": "T", "GIT_COMMITTER_EMAIL": "t@example.org",
    }  # fmt: skip
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _certificate() -> tuple[str, str]:
    """Make a certificate for localhost that signs itself; return it, and it with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return public, public + private.decode()
