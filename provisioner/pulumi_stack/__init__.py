"""The one door to Pulumi: bring stacks up, take them down, a worker process a stack."""

from .backend import RUN_MARK, Backend
from .job import Job, Outcome
from .workers import Workers

__all__ = ["RUN_MARK", "Backend", "Job", "Outcome", "Workers"]
