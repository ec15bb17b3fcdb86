"""Worker processes that bring stacks up and take them down, for one cohort."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ...pulumi_stack import Backend, Workers
from ...settings import Settings
from .. import lock


@contextmanager
def workers_of(
    settings: Settings,
    cohort: str,
    held: int,
    tools: Iterable[Path],
    *,
    needs_state: bool,
) -> Iterator[Workers]:
    """Get the state backend ready; the workers end with the block.

    Args:
        settings: Folders and state backend.
        cohort: Its name.
        held: Descriptor of the cohort's lock, which the workers hold too.
        tools: Folders of the programs that Pulumi takes.
        needs_state: Whether a bucket with the state is to be there.

    Raises:
        InputError: If the passphrase file or a folder cannot be used.
        ToolError: If a bucket that is needed cannot be.
    """
    backend = Backend(
        home=settings.home.resolve(),
        url=settings.state_url,
        tools=tuple(dict.fromkeys(tools)),
        run=lock.run_name(settings.home, cohort),
    )
    backend.prepare(cohort)
    if needs_state:
        backend.refuse_unreachable(cohort)
    with closing(Workers(backend=backend, keep_open=(held,))) as workers:
        yield workers
