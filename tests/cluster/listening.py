"""A listener on the loopback that hands connections over, for what stands before an API server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def listening(take: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen on a free port, which is yielded, and hand each connection over in its turn.

    The next one waits until the last was taken, so whoever has long to do with one does it in
    a thread of their own. An ``OSError`` of theirs ends the listening.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                take(client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
