"""Let an assistant look into a cohort's environments for some hours, and no longer.

The account and its rights stand all the time, as the cohort file says; without a token
nobody can use them. A grant is a token that ends by itself, bound to a Secret so that it
can be ended sooner. The assistants' role reads no Secret and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ... import credential, names, private_file
from ...cohort import Assistant, Recipient, Record, keys, sections
from ...credential import Standing, Wanted
from ...errors import InputError, Problem
from ...settings import Settings
from . import delivery, desk, terms
from .desk import NOTHING, Desk, Issued
from .on_disk import SUFFIX, opener


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One assistant, and the access that they have now."""

    assistant: str
    """As the cohort file names them."""

    account: str
    standing: Standing


def grant(settings: Settings, name: str, assistant: str, length: timedelta) -> Issued:
    """Give an assistant access that ends by itself; an earlier grant ends at once.

    Args:
        settings: Folders.
        name: The cohort.
        assistant: As the cohort file names them.
        length: How long.

    Raises:
        InputError: If the assistant is unknown or has no key, or the time cannot be given.
        ClusterError: If the cluster refuses.
    """
    with desk.opened(settings, name) as found:
        who = _find(found, assistant)
        recipient = _recipient(name, who)
        ends = _end(found, length)
        record = _record(found, who)
        client, before = found.reading.client, found.standing(record)
        wanted = Wanted(
            recipient=recipient,
            address=terms.address_of(found.reading),
            expires=ends,
            notes=credential.replacing(before.credentials, datetime.now(UTC)),
        )
        given, sealed = credential.issue(client, name, record, wanted)
        path = _file(settings, name, record.name)
        with delivery.delivering(client, given) as undo:
            private_file.make_folder(path.parent)
            private_file.write(path, sealed)
            undo.callback(path.unlink, missing_ok=True)
            found.log.note(
                "access-granted", record.name, fingerprint=given.recipient, expires=given.expires
            )
        credential.withdraw(client, before.all)
    line = opener(recipient, path)
    return Issued(id=who.name, path=path, expires=given.expires, opener=line)


def _recipient(name: str, who: Assistant) -> Recipient:
    """Return the key that an assistant's kubeconfig is encrypted to.

    Raises:
        InputError: If the cohort file has none.
    """
    if who.key is None:
        raise InputError(
            f"The assistant has no key in the cohort file of {name}.",
            hint="Add it there, next to the name: key: age1…; then: practicum up " + name,
        )
    return keys.parse(who.key)


def grants(settings: Settings, name: str) -> tuple[Grant, ...]:
    """Return the assistants who can be granted access, each with what they have now.

    Raises:
        InputError: If the cohort's files are wrong.
        ClusterError: If the cluster cannot be read.
    """
    with desk.opened(settings, name) as found:
        return tuple(
            Grant(
                assistant=who.name,
                account=names.assistant(who.name),
                standing=found.standings.get(names.assistant(who.name), NOTHING),
            )
            for who in found.reading.cohort.assistants
            if who.key
        )


def end(settings: Settings, name: str, assistant: str) -> bool:
    """End an assistant's access at once.

    Returns:
        Whether there was any.

    Raises:
        InputError: If the assistant is unknown.
        ClusterError: If the cluster refuses.
    """
    with desk.opened(settings, name) as found:
        record = _record(found, _find(found, assistant))
        credentials = found.standing(record).all
        credential.withdraw(found.reading.client, credentials)
        for one in credentials:
            found.log.note("access-revoked", record.name, fingerprint=one.recipient)
    _file(settings, name, record.name).unlink(missing_ok=True)
    return bool(credentials)


def _find(found: Desk, assistant: str) -> Assistant:
    known = {one.name: one for one in found.reading.cohort.assistants}
    if assistant not in known:
        raise InputError(
            f"Nobody of that name is an assistant of {found.reading.cohort.name}.",
            problems=[Problem("assistants", f"{name} is one") for name in known],
            hint="Name somebody whom cohort.yaml has under assistants.",
        )
    return known[assistant]


def _end(found: Desk, length: timedelta) -> datetime:
    if length.total_seconds() < credential.SHORTEST:
        raise InputError("--for: the cluster gives no token for less than 10m; write it as 2h.")
    ends = datetime.now(UTC) + length
    if ends > terms.expiry(found.reading.cohort):
        raise InputError("--for: that is longer than the term and its grace.")
    return ends


def _record(found: Desk, who: Assistant) -> Record:
    """Return the assistant in the form that a kubeconfig is made from."""
    cohort, records = found.reading.cohort, found.reading.records.values()
    some = next((one for one in records if sections.sees(cohort, who, one.section)), None)
    account = names.assistant(who.name)
    place = some.namespace if some else "default"
    return Record(id=who.name, name=account, namespace=place, wave=1, generation=1)


def _file(settings: Settings, cohort: str, account: str) -> Path:
    return settings.home / "access" / cohort / f"{account}{SUFFIX}"
