"""Let a new credential count only once the file that holds its token is on the disk.

Its token exists nowhere else. If a credential of which nobody has the file counted as a
student's newest, the older one would end and nobody would give another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from ... import cluster, credential
from ...credential import Credential
from ...errors import PracticumError


@contextmanager
def delivering(client: cluster.Client, given: Credential) -> Iterator[ExitStack]:
    """Settle a credential after a block that writes its file; withdraw it where that fails.

    Yields:
        What takes the file away again, for the block to fill. It is used only where the token
        is known to be dead: if it may live, the file is all that there is of it.

    Raises:
        ClusterError: If it cannot be settled.
    """
    undo = ExitStack()
    try:
        yield undo
        credential.settle(client, given)
    except BaseException:
        with suppress(PracticumError):
            credential.withdraw(client, [given])
            undo.close()
        raise
