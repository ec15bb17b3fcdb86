"""What stands on the cluster about a student's access; reading it reads no token.

Each credential is a Secret without data, which a token is bound to: delete it and the
token is dead. Its annotations tell every operator when it was issued, until when, to
whose key, and which older ones it replaces, with the moment at which they are to end. A
new one is pending until its file is on a disk: one whose file nobody has is no access, and
ends no other. A revocation is a Secret too, without data and without an owner: it outlives
the account, so that whoever is dropped and comes back is still revoked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from .. import cluster, names
from ..errors import ClusterError
from ..manifest import PREFIX, STUDENT, Manifest, selector

ISSUED = PREFIX + "issued"
EXPIRES = PREFIX + "expires"
ENDS = PREFIX + "ends"
PENDING = PREFIX + "pending"
REPLACES = PREFIX + "replaces"
REPLACED_END = PREFIX + "replaced-end"
RECIPIENT = PREFIX + "recipient"
REVOKED = PREFIX + "revoked"
TYPE = "practicum.dev/credential"

MERGE = "application/merge-patch+json"

ABANDONED = timedelta(hours=1)
"""How old a pending credential is of which nobody will write the file any more."""


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

    @property
    def notes(self) -> Manifest:
        """The bound Secret's annotations."""
        return self.secret["metadata"].get("annotations") or {}

    def state(self, now: datetime) -> str:
        """Return ``issued`` or ``expired``."""
        return "issued" if now < self.expires else "expired"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One student's access, with what is left of earlier ones."""

    credentials: tuple[Credential, ...] = ()
    """The newest last."""

    pending: tuple[Credential, ...] = ()
    """Those whose file was not on a disk yet: a hand-out is at work, or was killed."""

    revoked: datetime | None = None
    last_recipient: str = ""
    """Of the revoked one: its own Secret is gone."""

    login: str = ""
    """``oidc`` where there is nothing of ours: they log in with the school's account."""

    @property
    def all(self) -> tuple[Credential, ...]:
        """Every credential, pending or not: what is to be withdrawn of a student shut out."""
        return (*self.credentials, *self.pending)

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
            return self.all
        abandoned = [one for one in self.pending if one.issued + ABANDONED <= now]
        replaced = [old for old in self.credentials[:-1] if old.ends and old.ends <= now]
        return (*replaced, *abandoned)


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


def replacing(older: Iterable[Credential], end: datetime) -> dict[str, str]:
    """Return what a new credential bears so that it ends older ones once it counts itself."""
    names = " ".join(one.id for one in older)
    return {REPLACES: names, REPLACED_END: end.isoformat()} if names else {}


def settle(client: cluster.Client, given: Credential) -> None:
    """Let a credential count, whose file is on a disk by now.

    Raises:
        ClusterError: If the cluster refuses, or another run has ended it.
    """
    metadata = given.secret["metadata"]
    notes: dict[str, str | None] = {PENDING: None}
    if _moment(given.notes.get(EXPIRES)) != given.expires:
        notes[EXPIRES] = given.expires.isoformat()
    try:
        client.request(
            "PATCH",
            f"/api/v1/namespaces/{metadata['namespace']}/secrets/{metadata['name']}",
            body={"metadata": {"annotations": notes}},
            content=MERGE,
        )
    except cluster.ApiError as error:
        why = "another run ended it" if error.status == 404 else error.message
        raise ClusterError(f"The new credential of {given.student} is void: {why}") from None


def secrets_path(cohort: str) -> str:
    """Return where the Secrets of a cohort's credentials are."""
    return f"/api/v1/namespaces/{names.identity_namespace(cohort)}/secrets"


def _order(credential: Credential) -> tuple[str, datetime, str]:
    """Order by the cluster's clock, which counts seconds; within one by ours, which may be off."""
    made = str(credential.secret["metadata"].get("creationTimestamp") or "")
    return made, credential.issued, credential.id


def _standing(credentials: list[Credential], mark: tuple[datetime, str] | None) -> Standing:
    moment, recipient = mark or (None, "")
    in_order = sorted(credentials, key=_order)
    settled = [one for one in in_order if PENDING not in one.notes]
    return Standing(
        credentials=tuple(replace(one, ends=_end_of(one, settled)) for one in settled),
        pending=tuple(one for one in in_order if PENDING in one.notes),
        revoked=moment,
        last_recipient=recipient,
    )


def _end_of(old: Credential, settled: list[Credential]) -> datetime | None:
    """Return the soonest end that the credentials which replaced one have set it."""
    of_others = [
        _moment(one.notes.get(REPLACED_END))
        for one in settled
        if old.id in one.notes.get(REPLACES, "").split()
    ]
    return min((end for end in (old.ends, *of_others) if end), default=None)


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
