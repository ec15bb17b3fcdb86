"""Who helps to teach a course, what part of it they look after, and what is encrypted to whom."""

from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from ..errors import InputError
from . import keys
from .strict import Strict
from .values import Text, Truth, User, wrong

__all__ = ["AgeRecipient", "Assistant", "Section"]


def _recipient(value: str) -> keys.Recipient:
    try:
        return keys.parse(value)
    except InputError as error:
        wrong(str(error))


def _age_recipient(value: str) -> str:
    recipient = _recipient(value)
    if recipient.kind != "age":
        wrong("must be an age recipient, which starts with age1")
    return value


AnyRecipient = Annotated[Text, AfterValidator(lambda value: _recipient(value).text)]
AgeRecipient = Annotated[Text, AfterValidator(_age_recipient)]


class Assistant(Strict):
    """Somebody who may look into every environment of the cohort and change nothing."""

    name: Text

    user: User | None = None
    """Who they are to the cluster; bound to the assistants' role."""

    key: AnyRecipient | None = None
    """An age or SSH key: what `access grant` encrypts a kubeconfig of theirs to."""

    secrets: Truth = False
    """Whether they read Secrets too, where `access grant` lets them in."""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.user is None and self.key is None:
            wrong("needs a user: who the assistant is to the cluster; or a key, for access grant")
        if self.secrets and self.user is not None:
            wrong("reads Secrets with a key and without a user alone, so that it ends by itself")
        return self


class Section(Strict):
    """A part of the course, and who looks after it."""

    name: Text
    """As the roster has it."""

    assistants: tuple[Text, ...] = ()
    """Names of assistants; whoever is named in a section sees the named ones alone."""
