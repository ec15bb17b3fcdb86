"""How each program of the rehearsal is called: flags, and the files that they name.

Everything listens on 127.0.0.1 and asks for a client certificate or a token; nothing
needs the right to bind a low port.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import private_file
from .layout import Layout

CONTEXT = "rehearsal"
SERVICES = "10.96.0.0/16"
ISSUER = "https://kubernetes.default.svc.cluster.local"
NODE_ANNOTATION = "kwok.x-k8s.io/node=fake"


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The loopback ports of one rehearsal; kept, so that its kubeconfig stays valid."""

    apiserver: int
    etcd: int
    peer: int

    @property
    def server(self) -> str:
        """The address of the API server."""
        return f"https://127.0.0.1:{self.apiserver}"


def write_configs(layout: Layout, ports: Ports) -> None:
    """Write the audit policy and every kubeconfig, the person's one included.

    Raises:
        InputError: If the rehearsal's folder cannot be written.
    """
    # Metadata says who did what to which object, and never what is in a Secret.
    policy = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata"}],
    }
    _write(layout.config("audit-policy.json"), policy)
    for name in ("kube-controller-manager", "kube-scheduler", "kwok"):
        _write(layout.config(f"{name}.kubeconfig"), _kubeconfig(layout, ports, name))
    _write(layout.kubeconfig, _kubeconfig(layout, ports, "admin"))


def _write(path: Path, document: object) -> None:
    private_file.write(path, json.dumps(document, indent=2).encode())


def _kubeconfig(layout: Layout, ports: Ports, identity: str) -> dict[str, Any]:
    """JSON is YAML; everything is embedded, so the file can be copied elsewhere."""
    cluster = {
        "server": ports.server,
        "certificate-authority-data": _base64(layout.certificate("ca")),
    }
    user = {
        "client-certificate-data": _base64(layout.certificate(identity)),
        "client-key-data": _base64(layout.key(identity)),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": CONTEXT, "user": user}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
        "current-context": CONTEXT,
    }


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def commands(
    layout: Layout, ports: Ports, binaries: Mapping[str, Path]
) -> dict[str, list[str | Path]]:
    """Write down every command line, by the name of its program."""
    flags = {
        "etcd": _etcd(layout, ports),
        "kube-apiserver": _apiserver(layout, ports),
        "kube-controller-manager": _controllers(layout),
        "kube-scheduler": _scheduler(layout),
        "kwok": _kwok(layout),
    }
    return {
        name: [binaries[name], *(f"--{flag}={value}" for flag, value in given.items())]
        for name, given in flags.items()
    }


Flags = dict[str, object]


def _etcd(layout: Layout, ports: Ports) -> Flags:
    client, peer = f"https://127.0.0.1:{ports.etcd}", f"https://127.0.0.1:{ports.peer}"
    certificate, key = layout.certificate("etcd"), layout.key("etcd")
    authority = layout.certificate("etcd-ca")
    return {
        "name": "rehearsal",
        "data-dir": layout.data,
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"rehearsal={peer}",
        "cert-file": certificate,
        "key-file": key,
        "trusted-ca-file": authority,
        "client-cert-auth": "true",
        "peer-cert-file": certificate,
        "peer-key-file": key,
        "peer-trusted-ca-file": authority,
        "peer-client-cert-auth": "true",
        # A rehearsal outlives its processes, not the power supply: nobody waits for a disk.
        "unsafe-no-fsync": "true",
        "log-level": "warn",
    }


def _apiserver(layout: Layout, ports: Ports) -> Flags:
    logins = layout.authentication
    return {
        "bind-address": "127.0.0.1",
        "secure-port": ports.apiserver,
        "advertise-address": "127.0.0.1",
        # The Service `kubernetes` cannot have a loopback endpoint, and no pod would ask it.
        "endpoint-reconciler-type": "none",
        "etcd-servers": f"https://127.0.0.1:{ports.etcd}",
        "etcd-cafile": layout.certificate("etcd-ca"),
        "etcd-certfile": layout.certificate("etcd-client"),
        "etcd-keyfile": layout.key("etcd-client"),
        "tls-cert-file": layout.certificate("kube-apiserver"),
        "tls-private-key-file": layout.key("kube-apiserver"),
        "client-ca-file": layout.certificate("ca"),
        "anonymous-auth": "false",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        # As kubeadm has it: Pod Security decides, not a flag in front of it.
        "allow-privileged": "true",
        "service-account-issuer": ISSUER,
        "service-account-key-file": layout.certificate("tokens"),
        "service-account-signing-key-file": layout.key("tokens"),
        "service-cluster-ip-range": SERVICES,
        "max-requests-inflight": 800,
        "max-mutating-requests-inflight": 400,
        "audit-policy-file": layout.config("audit-policy.json"),
        "audit-log-path": layout.audit,
        "audit-log-maxsize": 500,
        "audit-log-maxbackup": 1,
        "profiling": "false",
        **({"authentication-config": logins} if logins.exists() else {}),
    }


def _controllers(layout: Layout) -> Flags:
    kubeconfig = layout.config("kube-controller-manager.kubeconfig")
    return {
        "kubeconfig": kubeconfig,
        "secure-port": 0,
        "leader-elect": "false",
        "use-service-account-credentials": "true",
        "service-account-private-key-file": layout.key("tokens"),
        "root-ca-file": layout.certificate("ca"),
        "cluster-signing-cert-file": layout.certificate("ca"),
        "cluster-signing-key-file": layout.key("ca"),
        "service-cluster-ip-range": SERVICES,
        # Its default is a folder of the system, which it would make.
        "flex-volume-plugin-dir": layout.scratch / "flexvolume",
        "kube-api-qps": 1000,
        "kube-api-burst": 2000,
        # A whole cohort comes and goes at once.
        "concurrent-namespace-syncs": 50,
        "concurrent-resource-quota-syncs": 20,
        "concurrent-serviceaccount-token-syncs": 20,
    }


def _scheduler(layout: Layout) -> Flags:
    return {
        "kubeconfig": layout.config("kube-scheduler.kubeconfig"),
        "secure-port": 0,
        "leader-elect": "false",
    }


def _kwok(layout: Layout) -> Flags:
    return {
        "kubeconfig": layout.config("kwok.kubeconfig"),
        "manage-all-nodes": "false",
        "manage-nodes-with-annotation-selector": NODE_ANNOTATION,
        "node-lease-duration-seconds": 40,
        "v": "WARN",
    }
