"""Students who log in with the school's account, by OpenID Connect.

Practicum mints nothing then. The cluster takes the school's word for who somebody is: a
claim of the token that the issuer signs, with a prefix before it. The same text is worked
out here from a column of the roster, and is what the student's rights are bound to.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    field_validator,
)

from ..errors import InputError, Problem
from .strict import Strict
from .students import Student
from .values import FilePath, Text, https, matching, wrong

__all__ = ["Auth", "Login", "Oidc", "login_problems"]

EMAIL = "email"
SYSTEM = "system:"
"""Kubernetes' own users: whoever is called so may be an administrator."""


def _prefix(value: object) -> object:
    if value == "":
        wrong("is empty: a login could then be the name of an operator; write it as oidc:")
    if isinstance(value, str) and value.lower().startswith(SYSTEM):
        wrong(f"starts with {SYSTEM}, which belongs to Kubernetes")
    if isinstance(value, str) and value.lower().startswith("practicum"):
        wrong("starts with practicum: those are users of a verification; write it as oidc:")
    return value


_CLAIM = matching(r"[A-Za-z_][A-Za-z0-9_.:/-]*", "is no name of a claim, such as email or sub")
_SCOPE = matching(r"[A-Za-z0-9_.:/-]+", "is no scope, such as email or profile")


class Oidc(Strict):
    """Who vouches for the students, and how a roster's line becomes a user of the cluster."""

    issuer: Annotated[Text, AfterValidator(https("https://login.example.org/realms/school"))]
    """The address in the tokens' ``iss``, to the letter."""

    client_id: Text
    """The public client that students log in to; the tokens' ``aud``."""

    claim: Annotated[Text, AfterValidator(_CLAIM)] = EMAIL
    """The claim that the cluster takes the user's name from."""

    prefix: Annotated[Text, BeforeValidator(_prefix)] = "oidc:"
    """What the cluster puts before the claim."""

    column: Literal["id", "email"] | None = None
    """The roster's column that holds the claim's value; by the claim when None."""

    scopes: tuple[Annotated[Text, AfterValidator(_SCOPE)], ...] | None = None
    """Asked for beside ``openid``; by the claim when None."""

    ca: FilePath | None = None
    """A PEM file with the issuer's authority, where browsers would not know it."""

    @field_validator("scopes")
    @classmethod
    def _once(cls, scopes: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if scopes and len(set(scopes)) < len(scopes):
            wrong("names a scope twice")
        return scopes

    @property
    def taken_from(self) -> str:
        """The roster's column that holds the claim's value."""
        return self.column or (EMAIL if self.claim == EMAIL else "id")

    @property
    def asked_for(self) -> tuple[str, ...]:
        """The scopes that a login asks for beside ``openid``."""
        if self.scopes is not None:
            return self.scopes
        return {EMAIL: (EMAIL,), "sub": ()}.get(self.claim, ("profile",))

    def user(self, student: Student) -> str:
        """Return who a student is to the cluster."""
        return self.prefix + (student.email if self.taken_from == EMAIL else student.id)

    def read_ca(self) -> str:
        """Return the issuer's authority; empty where none is named.

        Raises:
            InputError: If the file cannot be read, or is no certificate.
        """
        try:
            text = self.ca.read_text(encoding="utf-8") if self.ca else ""
        except (OSError, UnicodeDecodeError):
            raise InputError(f"auth.oidc.ca: {self.ca} cannot be read.") from None
        if text and ("-----BEGIN CERTIFICATE-----" not in text or "PRIVATE KEY" in text):
            raise InputError(f"auth.oidc.ca: {self.ca} holds something else than certificates.")
        return text


class Login(Strict):
    """Students prove who they are to somebody else than the cluster."""

    oidc: Oidc = Field()


def _which(value: Any) -> str:  # noqa: ANN401  (Pydantic's signature)
    return "<oidc>" if isinstance(value, dict | Login) else "<name>"


Auth = Annotated[
    Annotated[Literal["token"], Tag("<name>")] | Annotated[Login, Tag("<oidc>")],
    Discriminator(_which),
]


def login_problems(
    oidc: Oidc, students: tuple[Student, ...], roster: Path, taken: dict[str, str]
) -> list[Problem]:
    """Return whose login would be nobody's, somebody else's, or Kubernetes' own.

    Args:
        oidc: How students log in.
        students: Everybody in the roster.
        roster: Where that lies.
        taken: What users of the cluster are already, by their name there.
    """
    problems = []
    first: dict[str, str] = {}
    for student in students:
        where, user = f"{roster}: {student.id!a}", oidc.user(student)
        other = first.setdefault(user.casefold(), student.id)
        if user == oidc.prefix:
            what = f"has no {oidc.taken_from}, which auth.oidc takes the login from"
            problems.append(Problem(where, what, "fill it in"))
        elif user.startswith(SYSTEM):
            problems.append(Problem(where, f"their login starts with {SYSTEM}", "mend the prefix"))
        elif user in taken:
            problems.append(Problem(where, f"their login is that of {taken[user]}"))
        elif other != student.id:
            problems.append(Problem(where, f"their login is that of {other} too", "keep one"))
    return problems
