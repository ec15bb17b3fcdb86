"""What a rehearsal is made of, seen from outside it."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import psutil

from provisioner import rehearsal


def pids(home: Path) -> dict[str, int]:
    return {item.name: item.pid for item in rehearsal.status(home).processes if item.running}


def of_this_machine(home: Path) -> list[psutil.Process]:
    """Every process whose command line names a home, whoever started it."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or ())
        if f"{home}/rehearsal/" in command and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def ask_etcd(port: int, trust: ssl.SSLContext) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        trust.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        secure.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return secure.recv(200)
