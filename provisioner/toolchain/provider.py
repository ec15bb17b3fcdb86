"""The Pulumi provider for Kubernetes: the one program that prints no version.

It serves gRPC: started without an engine it prints its port, and then says its version
to whoever asks. To be built, it needs two files that its module does not carry.
"""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import shell

PATIENCE = 30.0
"""Seconds in which it must say its port."""

METHOD = "/pulumirpc.ResourceProvider/GetPluginInfo"
EMBEDDED = {
    "schema.json": "schema-embed.json",
    "terraform-mapping.json": "terraform-mapping-embed.json",
}
"""Files of the provider's module, and the names under which its binary embeds them."""


def ask(path: Path, *, env: Mapping[str, str], log_file: Path) -> str | None:
    """Start a provider, ask it for its version, and stop it; None when it gives none."""
    process = shell.start_worker([path], env=env, log_file=log_file)
    too_late = threading.Timer(PATIENCE, process.kill)
    too_late.start()
    try:
        port = process.stdout.readline().strip() if process.stdout else ""
        return _plugin_version(int(port)) if port.isdecimal() else None
    finally:
        too_late.cancel()
        process.kill()
        process.communicate()


def _plugin_version(port: int) -> str | None:
    try:
        grpc: Any = importlib.import_module("grpc")  # comes with pulumi
    except ImportError:
        return None
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary(METHOD, request_serializer=bytes, response_deserializer=bytes)
        try:
            return _first_string(call(b"", timeout=10, wait_for_ready=True))
        except grpc.RpcError:
            return None


def _first_string(message: bytes) -> str | None:
    r"""Read field 1 of a protobuf message, a short string: it is all that we need of it.

    >>> _first_string(b"\x0a\x064.25.0")
    '4.25.0'
    """
    if len(message) < 2 or message[0] != 0x0A:
        return None
    return message[2 : 2 + message[1]].decode(errors="replace").removeprefix("v")


def make_overlay(module: Path, program: Path, version: str, into: Path) -> Path:
    """Write what the provider embeds, and the file that lays it over our ``main.go``.

    Args:
        module: Where Go keeps the provider's module.
        program: The folder of our ``main.go``; nothing is written there.
        version: What the schema is to say: the published one says nothing.
        into: An empty folder of the build.

    Returns:
        The file for ``go build -overlay``.

    Raises:
        OSError: If the module does not hold the files, or the disk is full.
    """
    replace = {}
    for source, name in EMBEDDED.items():
        document = json.loads((module / "cmd/pulumi-resource-kubernetes" / source).read_bytes())
        if source == "schema.json":
            document["version"] = version
        (into / name).write_text(json.dumps(document, separators=(",", ":")))
        replace[str(program / name)] = str(into / name)
    overlay = into / "overlay.json"
    overlay.write_text(json.dumps({"Replace": replace}))
    return overlay
