"""What hung or lost its connection runs once more, and only where that may help."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from provisioner.lifecycle.progress import Silent
from provisioner.lifecycle.stacks import repeating
from provisioner.pulumi_stack import Job, Outcome

ONE, TWO = (
    Job(operation="up", stack=stack, cohort="mls26", stacks="/stacks", kubeconfig="/config")
    for stack in ("mls26.wave-01", "mls26.wave-02")
)
HUNG = Outcome(stack=ONE.stack, error="it told nothing", passing=True)
AGAIN = f"{ONE.stack} hung, or lost its connection to the cluster: once more …"


@dataclass
class Scripted:
    """Stands where the worker processes would be: each stack ends as is said, once."""

    outcomes: dict[str, list[Outcome]]
    ran: list[str] = field(default_factory=list)
    stopping: bool = False

    def stop(self):
        self.stopping = True

    def run(self, jobs, tell):
        for job in jobs:
            if self.stopping:
                continue
            self.ran.append(job.stack)
            tell(job, {"event": "end"})
            left = self.outcomes.get(job.stack)
            yield left.pop(0) if left else Outcome(stack=job.stack)


@dataclass
class Cluster:
    well: bool = True
    asked: int = 0
    is_silent: bool = False

    def answers(self):
        self.asked += 1
        return self.well


class Says(Silent):
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


def ended(workers, cluster=None, progress=None):
    outcomes = repeating.run(
        workers, [ONE, TWO], client=cluster or Cluster(), progress=progress or Silent()
    )
    return list(outcomes)


def test_what_hung_runs_once_more_and_its_second_end_counts():
    workers, says = Scripted({ONE.stack: [HUNG]}), Says()

    outcomes = ended(workers, progress=says)

    assert workers.ran == [ONE.stack, TWO.stack, ONE.stack]
    assert outcomes == [Outcome(stack=TWO.stack), Outcome(stack=ONE.stack)]
    assert says.said == [AGAIN]


def test_what_hangs_twice_is_told():
    workers = Scripted({ONE.stack: [HUNG, HUNG, Outcome(stack="never")]})

    assert ended(workers) == [Outcome(stack=TWO.stack), HUNG]
    assert workers.ran == [ONE.stack, TWO.stack, ONE.stack]


def test_what_the_cluster_refused_is_not_asked_again():
    refused = Outcome(stack=ONE.stack, failed={"s1": "forbidden"})
    workers, cluster = Scripted({ONE.stack: [refused]}), Cluster()

    assert ended(workers, cluster) == [refused, Outcome(stack=TWO.stack)]
    assert (workers.ran, cluster.asked) == ([ONE.stack, TWO.stack], 0)


@pytest.mark.parametrize("why", ["the cluster is gone", "a signal came"])
def test_nothing_runs_again_where_that_is_no_use(why):
    workers, says = Scripted({ONE.stack: [HUNG]}), Says()
    cluster = Cluster(well=why != "the cluster is gone")
    outcomes = repeating.run(workers, [ONE, TWO], client=cluster, progress=says)
    first = next(outcomes)
    workers.stopping = why == "a signal came"

    assert [first, *outcomes] == [Outcome(stack=TWO.stack), HUNG]
    assert (workers.ran, says.said) == ([ONE.stack, TWO.stack], [])


def test_where_the_cluster_says_nothing_any_more_no_further_stack_is_begun():
    """A course of a thousand has twenty of them, and each would wait as long as the first."""
    workers = Scripted({ONE.stack: [HUNG]})

    assert ended(workers, Cluster(well=False, is_silent=True)) == [HUNG]
    assert workers.ran == [ONE.stack]


def test_how_a_stack_ended_is_said_before_others_run_again():
    """What is through is noted at once: a run that is killed later has nothing to settle there."""
    workers = Scripted({ONE.stack: [HUNG]})
    outcomes = repeating.run(workers, [ONE, TWO], client=Cluster(), progress=Silent())

    assert next(outcomes) == Outcome(stack=TWO.stack)
    assert workers.ran == [ONE.stack, TWO.stack]
