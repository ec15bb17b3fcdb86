"""Every failure that Practicum can explain, and the exit code each one gives.

Code 0 is done, 1 is Python's own (a traceback, so a bug), 2 is Click's (a usage
error), 10 is said by ``plan --detailed-exitcode`` alone (there are changes).

* PracticumError
  x InputError (3)        a file or an argument does not say what it must
  x MissingToolError (4)  a program that we drive cannot be had
  x ToolError (5)         a program that we drive ran and failed
  x PartialError (6)      some students are ready and some are not
  x ClusterError (7)      the cluster cannot be reached, or refuses us
  x ProofError (8)        a proof or a verification did not hold
  x LockedError (9)       another run holds the cohort
  x Interrupted (130)     a person or the system asked us to stop
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake, told in one line: where it is, what it is, what to do.

    >>> print(Problem("roster.csv:3:1", "the id is empty", "fill it in"))
    roster.csv:3:1: the id is empty; fill it in
    """

    where: str
    """A file with line and column where there are any, or a field, or a student."""

    what: str
    """The mistake. Never the value itself when that may be a secret."""

    fix: str = ""
    """The edit or the command that mends it."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"; {self.fix}" if self.fix else "")


class PracticumError(Exception):
    """A failure that we can explain.

    Attributes:
        message: What went wrong, naming the thing it went wrong with.
        problems: One line each, where there is more than one thing to mend.
        hint: What to do next, as a command or an edit.
        details: What the failed program wrote, for the log; already redacted.
    """

    exit_code: int

    def __init__(
        self,
        message: str,
        *,
        problems: Iterable[Problem] = (),
        hint: str | None = None,
        details: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)
        self.hint = hint
        self.details = details


class InputError(PracticumError):
    """A file or an argument does not say what it must."""

    exit_code = 3


class MissingToolError(PracticumError):
    """A program that we drive cannot be had."""

    exit_code = 4


class ToolError(PracticumError):
    """A program that we drive ran and failed."""

    exit_code = 5


class PartialError(PracticumError):
    """Some students are ready and some are not."""

    exit_code = 6


class ClusterError(PracticumError):
    """The cluster cannot be reached, is another one, or refuses us."""

    exit_code = 7


class ProofError(PracticumError):
    """A proof or a verification did not hold."""

    exit_code = 8


class LockedError(PracticumError):
    """Another run holds the cohort."""

    exit_code = 9


class Interrupted(PracticumError):  # noqa: N818  (it is not a mistake)
    """A person or the system asked us to stop, and we did so in order."""

    exit_code = 130

    def __init__(self, message: str, *, signal: int = 2, go_on: str = "") -> None:
        super().__init__(message, hint=go_on or "Run the same command again to go on.")
        self.exit_code = 128 + signal
