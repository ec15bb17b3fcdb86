"""``pulumi-resource-practicum``: the provider that Pulumi's engine starts for kind clusters.

The engine starts it, reads the port from its first line, and calls it over gRPC. Its one
resource is ``practicum:kind:Cluster``. No credential passes through it: whoever wants a
kubeconfig asks the cluster for it, after the run.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

__all__ = ["main"]

AT_ONCE = 16
"""Calls in flight. How many clusters are made at once is for who starts the engine."""

LOOK = 0.2
"""Seconds between two looks whether the engine lives."""


def main() -> None:
    """Serve until the engine ends us, or ends itself."""
    import grpc
    from pulumi.runtime.proto import provider_pb2_grpc

    from .servicer import Servicer

    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    server = grpc.server(ThreadPoolExecutor(AT_ONCE))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


def _end_with(engine: int) -> None:
    """End with an engine that was killed, and what we started with us: it would go on."""
    import psutil

    while os.getppid() == engine:
        time.sleep(LOOK)
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(1)
