"""What every part of the cohort file has in common: it takes no key that it does not know."""

from pydantic import BaseModel, ConfigDict

__all__ = ["Strict"]


class Strict(BaseModel):
    """A part of the cohort file; once read, nothing changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
