"""When a course runs."""

from typing import Self

from pydantic import field_validator, model_validator

from .strict import Strict
from .values import Date, Whole, wrong

__all__ = ["Term"]

MAX_GRACE_DAYS = 365


class Term(Strict):
    """When the course runs; credentials end with it."""

    starts: Date
    """First day of the course."""

    ends: Date
    """Last day of the course."""

    grace_days: Whole = 14
    """Days after the last one in which students can still fetch their work."""

    @field_validator("grace_days")
    @classmethod
    def _short_grace(cls, days: int) -> int:
        if not 0 <= days <= MAX_GRACE_DAYS:
            wrong(f"must be 0 to {MAX_GRACE_DAYS} days")
        return days

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends < self.starts:
            wrong("ends before it starts")
        return self
