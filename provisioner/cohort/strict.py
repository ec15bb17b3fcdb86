"""What every part of the cohort file has in common: it takes no key that it does not know."""

import sys
from types import ModuleType

from pydantic import BaseModel, ConfigDict

__all__ = ["Strict"]

# Else Pydantic looks for plug-ins through all that is installed, a tenth of the start of a
# command; and no other program has a say in what a cohort file may hold.
_loader = ModuleType("pydantic.plugin._loader")
_loader.__dict__["get_plugins"] = tuple
sys.modules.setdefault(_loader.__name__, _loader)


class Strict(BaseModel):
    """A part of the cohort file; once read, nothing changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
