"""What a cohort could leave outside the cluster's lists: tokens that live, files, processes.

Each line names one thing. Nothing is deleted here: what is not ours, or not expected, is
for a person to look at.
"""

from __future__ import annotations

import re
import time
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path

from .. import cluster, credential, names
from ..errors import ClusterError
from ..settings import Settings
from . import lock
from .access import on_disk
from .reading import Reading

SECONDS = 20.0
"""How long an API server may take to notice that an account is gone: a busy one takes longer."""

PAUSE = 0.2
"""Between two looks at what has yet to end."""

SEALED = b"age-encryption.org/v1\n"
_PLAIN = re.compile(
    rb"AGE-SECRET-KEY-1|-----BEGIN [A-Z ]*PRIVATE KEY|client-key-data:|"
    rb"(?m:^\s*[-\"]*token\"?:\s*\S{16})|eyJhbGciOi[\w-]+\.eyJ"
)
MOST = 4 << 20
"""Bytes of a file that are looked at: a kubeconfig has a few thousand."""


def take_samples(reading: Reading) -> dict[str, str]:
    """Mint a token for every account of the cohort, to try when the accounts are gone.

    Where a killed run has begun to delete them nothing can be minted any more, and none is
    left behind: the namespace goes with all that is in it, and the search says so.

    Returns:
        Tokens by account; they were never used, so no server remembers them as good.

    Raises:
        ClusterError: If a token cannot be minted: then the end of tokens cannot be shown.
    """
    identity = names.identity_namespace(reading.cohort.name)
    place = reading.found.namespaces.get(identity)
    if place and cluster.is_going(place):
        return {}
    accounts = [
        key.name
        for key in reading.found.owned
        if key.kind == "ServiceAccount" and key.namespace == identity
    ]

    def mint(account: str) -> str | ClusterError:
        try:
            return credential.short_token(reading.client, reading.cohort.name, account)
        except ClusterError as error:
            return error

    samples: dict[str, str] = {}
    for account, token in reading.client.each(mint, accounts):
        if isinstance(token, ClusterError):
            raise token
        samples[account] = token
    return samples


def live_tokens(
    client: cluster.Client, tokens: Mapping[str, str], staying: Container[str] = ()
) -> list[str]:
    """Return a line for each token that the server still takes.

    Args:
        client: The cluster.
        tokens: By account.
        staying: Accounts that were not deleted: theirs are still good, and not waited for.

    Raises:
        ClusterError: If the server cannot be reached.
    """
    alive = list(tokens)
    deadline = time.monotonic() + SECONDS
    while True:
        answers = client.each(lambda account: _lives(client.bearing(tokens[account])), alive)
        alive = [account for account, lives in answers if lives]
        if all(account in staying for account in alive) or time.monotonic() > deadline:
            return [f"a token of the account {account} is still good" for account in alive]
        time.sleep(PAUSE)


def _lives(client: cluster.Client) -> bool:
    try:
        cluster.whoami(client)
    except cluster.NotKnownError:
        return False
    return True  # whatever else it may not do, the server knows who it is


def on_this_machine(settings: Settings, cohort: str) -> list[str]:
    """Return a line for each thing that is left here and is neither encrypted nor a record.

    Args:
        settings: Folders and state backend.
        cohort: The cohort's name; its lock is held by this run.
    """
    return [
        *_plain_files(settings, cohort),
        *_state(settings, cohort),
        *_processes(settings, cohort),
    ]


def _plain_files(settings: Settings, cohort: str) -> Iterator[str]:
    folders = (
        on_disk.folder_of(settings, cohort),
        settings.home / "access" / cohort,
        settings.home / "archive" / cohort,
    )
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and _holds_secret(path):
                yield f"{path} is not encrypted and holds a credential"
        yield from _unpacked(folder)


def _unpacked(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("manifest.json")):
        if (path.parent / "objects").is_dir():
            yield f"{path.parent} is an archive that lies there in plain"


def _holds_secret(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(MOST)
    except OSError:
        return True  # what cannot be looked at may be anything
    if start.startswith(SEALED):
        return False
    return bool(_PLAIN.search(start))


def _state(settings: Settings, cohort: str) -> Iterator[str]:
    """Look for stacks and Pulumi's own locks, where the state is in files."""
    if not settings.state_url.startswith("file://"):
        return
    root = Path(settings.state_url.removeprefix("file://")) / ".pulumi"
    for part, what in (("stacks", "a stack's state"), ("locks", "a lock of Pulumi's")):
        for path in sorted((root / part).rglob("*.json")):
            if any(piece.startswith(f"{cohort}.") for piece in path.relative_to(root).parts):
                yield f"{path} is {what}"


def in_bucket(settings: Settings, uncleared: Iterable[str]) -> list[str]:
    """Return a line for each stack that Pulumi could not clear, where no file shows it."""
    if settings.state_url.startswith("file://"):
        return []
    return [f"{settings.state_url}: {stack} could not be cleared" for stack in uncleared]


def _processes(settings: Settings, cohort: str) -> Iterator[str]:
    for process in lock.strays(lock.run_name(settings.home, cohort)):
        yield f"process {process.pid} ({process.name()}) of a run on this cohort"
