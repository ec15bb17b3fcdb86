"""An invented cohort and its students, for tests of what is made of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from provisioner import names
from provisioner.cohort import Cohort, Record

NAME = "mls26"
ASSISTANT = {"name": "Tabea Tutorin", "user": "ta-01@example.org"}
SECRETS_READER = {
    "name": "Rita Leserin",
    "key": "age1ycelprzvxgwtw73k6knf08urwe75va8u3gw3lqnx265avh2w0drsvjelun",
    "secrets": True,
}


def cohort(name: str = NAME, **fields: Any) -> Cohort:
    """A cohort on a rehearsal, with the defaults of a cohort file."""
    return Cohort.model_validate(
        {
            "name": name,
            "folder": Path("stacks") / name,
            "course": "Machine-learning systems",
            "term": {"starts": date(2026, 9, 1), "ends": date(2026, 12, 19)},
            "cluster": "rehearsal",
            **fields,
        }
    )


def record(id: str = "20260001", *, cohort: str = NAME, **fields: Any) -> Record:
    """What is decided for a student who has just joined."""
    name = names.student(id)
    usual = {
        "name": name,
        "namespace": names.namespace(cohort, name),
        "wave": 1,
        "generation": 1,
    }
    return Record(id=id, **{**usual, **fields})
