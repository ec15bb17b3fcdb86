"""Run a stack once more where a connection was all that was in its way.

A stack may be run again at any time: what is there is applied as it is there. One that hangs
costs its time once, and its students no second run of the command. Where it is the cluster that
says nothing any more, no further stack is begun: each would wait for it as long as the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ... import cluster
from ...pulumi_stack import Job, Outcome, Workers
from ..progress import Progress

Tell = Callable[[Job, dict[str, Any]], None]


def run(
    workers: Workers,
    jobs: Iterable[Job],
    *,
    client: cluster.Client,
    progress: Progress,
    tell: Tell = lambda *_: None,
) -> Iterator[Outcome]:
    """Run jobs; what hung or lost its connection runs a second time, if the cluster answers.

    Args:
        workers: The worker processes.
        jobs: What is to be done; no two on the same stack.
        client: The cluster.
        progress: Told what is run again.
        tell: Told every event of every worker as it comes.

    Yields:
        How each job ended; those that ran twice come last.
    """
    stacks = {job.stack: job for job in jobs}
    passing = []
    for outcome in workers.run(stacks.values(), tell):
        if outcome.passing and not _is_silent(client):
            passing.append(outcome)
            continue
        if outcome.passing:
            workers.stop()
        yield outcome
    if not passing or workers.stopping or not client.answers():
        yield from passing
        return
    for outcome in passing:
        progress.say(f"{outcome.stack} hung, or lost its connection to the cluster: once more …")
    yield from workers.run([stacks[outcome.stack] for outcome in passing], tell)


def _is_silent(client: cluster.Client) -> bool:
    """Say whether the cluster says nothing at all; one that refuses may soon be well."""
    return not client.answers() and client.is_silent
