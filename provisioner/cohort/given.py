"""What a course gives to every environment beside room: a way to its private registry."""

from pydantic import BaseModel, ConfigDict

from .values import NamespaceName, ObjectName, wrong

__all__ = ["PullSecret"]

MAX_PULL_SECRETS = 5


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PullSecret(_Strict):
    """A Secret of the cluster that is copied into every environment; its content stands nowhere."""

    name: ObjectName
    """Of the Secret, and of each copy."""

    namespace: NamespaceName
    """Where the operator keeps it, out of students' reach."""


def different(secrets: tuple[PullSecret, ...]) -> tuple[PullSecret, ...]:
    """Refuse two copies of one name, and more than a ServiceAccount should name."""
    if len({secret.name for secret in secrets}) < len(secrets):
        wrong("names a Secret twice")
    if len(secrets) > MAX_PULL_SECRETS:
        wrong(f"has more than {MAX_PULL_SECRETS} entries")
    return secrets
