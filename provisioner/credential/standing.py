"""What stands on the cluster about a student's access; reading it reads no token.

Each credential is a Secret without data, which a token is bound to: delete it and the
token is dead. Its annotations tell every operator when it was issued, until when, to
whose key, and when it is to end before its time (after a `rotate`). A revocation is a
Secret too, without data and without an owner: it outlives the account, so that whoever
is dropped and comes back is still revoked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from .. import cluster, names
from ..errors import ClusterError
from ..manifest import PREFIX, STUDENT, Manifest, selector

ISSUED = PREFIX + "issued"
EXPIRES = PREFIX + "expires"
ENDS = PREFIX + "ends"
RECIPIENT = PREFIX + "recipient"
REVOKED = PREFIX + "revoked"
TYPE = "practicum.dev/credential"

MERGE = "application/merge-patch+json"


@dataclass(frozen=True, kw_only=True)
class Credential:
    """What is known of a credential that was handed out; nothing of it is secret."""

    student: str
    """The student's name."""

    issued: datetime
    expires: datetime
    recipient: str
    """Fingerprint of the key that it was sealed to."""

    secret: Manifest
    """The bound Secret's metadata."""

    ends: datetime | None = None
    """When it is to be ended, where a newer one has taken its place."""

    @property
    def id(self) -> str:
        """Name of the bound Secret."""
        return str(self.secret["metadata"]["name"])

    def state(self, now: datetime) -> str:
        """Return ``issued`` or ``expired``."""
        return "issued" if now < self.expires else "expired"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One student's access, with what is left of earlier ones."""

    credentials: tuple[Credential, ...] = ()
    """The newest last."""

    revoked: datetime | None = None
    last_recipient: str = ""
    """Of the revoked one: its own Secret is gone."""

    login: str = ""
    """``oidc`` where there is nothing of ours: they log in with the school's account."""

    @property
    def current(self) -> Credential | None:
        """The newest credential; None when there is none, or it was revoked."""
        return self.credentials[-1] if self.credentials and not self.revoked else None

    @property
    def recipient(self) -> str:
        """Fingerprint of the key that was last used; empty when none was."""
        return self.credentials[-1].recipient if self.credentials else self.last_recipient

    def state(self, now: datetime) -> str:
        """Return ``none``, ``issued``, ``expired``, ``revoked`` or ``oidc``."""
        if self.revoked:
            return "revoked"
        if self.login:
            return self.login
        return self.current.state(now) if self.current else "none"

    def overdue(self, now: datetime) -> tuple[Credential, ...]:
        """Return those whose time is over: of a revoked student all, else never the newest."""
        if self.revoked:
            return self.credentials
        return tuple(old for old in self.credentials[:-1] if old.ends and old.ends <= now)


def standings(client: cluster.Client, cohort: str) -> dict[str, Standing]:
    """Read the access of every student who has any, or was revoked, by the student's name.

    Raises:
        ClusterError: If the cluster refuses to list the Secrets' metadata.
    """
    path = secrets_path(cohort)
    try:
        items = list(client.pages(path, selector=selector(cohort), metadata_only=True))
    except cluster.ApiError as error:
        raise ClusterError(f"What was handed out cannot be listed: {error.message}") from None
    found: dict[str, list[Credential]] = {}
    revoked: dict[str, tuple[datetime, str]] = {}
    for item in items:
        student = (item["metadata"].get("labels") or {}).get(STUDENT, "")
        if credential := _credential(item, student):
            found.setdefault(student, []).append(credential)
        elif student and (mark := _revocation(item)):
            revoked[student] = mark
    return {
        student: _standing(found.get(student, []), revoked.get(student))
        for student in found.keys() | revoked.keys()
    }


def withdraw(client: cluster.Client, credentials: Iterable[Credential]) -> None:
    """Delete the bound Secrets of some credentials: their tokens are dead within seconds.

    Raises:
        ClusterError: If the cluster refuses.
    """
    for credential in credentials:
        metadata = credential.secret["metadata"]
        body = {"preconditions": {"uid": metadata["uid"]}}
        path = f"/api/v1/namespaces/{metadata['namespace']}/secrets/{metadata['name']}"
        try:
            client.request("DELETE", path, body=body)
        except cluster.ApiError as error:
            if error.status != 404:
                raise ClusterError(
                    f"The credential of {credential.student} stays: {error.message}"
                ) from None


def end_at(client: cluster.Client, credentials: Iterable[Credential], moment: datetime) -> None:
    """Note when credentials are to end; one that ends sooner anyway is left as it is.

    Raises:
        ClusterError: If the cluster refuses.
    """
    for credential in credentials:
        if min(credential.ends or credential.expires, credential.expires) <= moment:
            continue
        try:
            annotate(client, credential.secret, ENDS, moment)
        except cluster.ApiError as error:
            if error.status != 404:
                raise ClusterError(
                    f"The end of the credential of {credential.student} cannot be noted:"
                    f" {error.message}"
                ) from None


def annotate(client: cluster.Client, secret: Manifest, key: str, moment: datetime) -> None:
    """Write a moment on a Secret; raises ``cluster.ApiError`` where that is refused."""
    metadata = secret["metadata"]
    client.request(
        "PATCH",
        f"/api/v1/namespaces/{metadata['namespace']}/secrets/{metadata['name']}",
        body={"metadata": {"annotations": {key: moment.isoformat()}}},
        content=MERGE,
    )


def secrets_path(cohort: str) -> str:
    """Return where the Secrets of a cohort's credentials are."""
    return f"/api/v1/namespaces/{names.identity_namespace(cohort)}/secrets"


def _order(credential: Credential) -> tuple[str, datetime, str]:
    """Order by the cluster's clock, which counts seconds; within one by ours, which may be off."""
    made = str(credential.secret["metadata"].get("creationTimestamp") or "")
    return made, credential.issued, credential.id


def _standing(credentials: list[Credential], mark: tuple[datetime, str] | None) -> Standing:
    moment, recipient = mark or (None, "")
    return Standing(
        credentials=tuple(sorted(credentials, key=_order)),
        revoked=moment,
        last_recipient=recipient,
    )


def _revocation(item: Manifest) -> tuple[datetime, str] | None:
    notes = item["metadata"].get("annotations") or {}
    moment = _moment(notes.get(REVOKED))
    return (moment, notes.get(RECIPIENT, "")) if moment else None


def _credential(item: Manifest, student: str) -> Credential | None:
    notes = item["metadata"].get("annotations") or {}
    issued, expires = _moment(notes.get(ISSUED)), _moment(notes.get(EXPIRES))
    if not (student and issued and expires):
        return None
    return Credential(
        student=student,
        issued=issued,
        expires=expires,
        recipient=notes.get(RECIPIENT, ""),
        secret=item,
        ends=_moment(notes.get(ENDS)),
    )


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
