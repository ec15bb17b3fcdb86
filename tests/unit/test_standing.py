"""What stands on the cluster about a student's access, and what a command makes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from provisioner import credential
from provisioner.credential import Credential, Standing
from provisioner.errors import ClusterError

from ..sample import record
from .conftest import Answer

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
LATER, BEFORE = NOW + timedelta(days=1), NOW - timedelta(days=1)


def one(name="s1.aa", *, expires=LATER, ends=None):
    metadata = {"name": name, "namespace": "practicum-mls26", "uid": name}
    return Credential(
        student="s1", issued=BEFORE, expires=expires, ends=ends, recipient="SHA256:x",
        secret={"metadata": metadata},
    )  # fmt: skip


STATES = {
    "none": Standing(),
    "issued": Standing(credentials=(one(),)),
    "expired": Standing(credentials=(one(expires=BEFORE),)),
    "revoked": Standing(credentials=(one(),), revoked=BEFORE),
}


@pytest.mark.parametrize("state", STATES)
def test_a_student_is_in_one_of_four_states(state):
    assert STATES[state].state(NOW) == state


def test_only_what_was_replaced_and_is_past_its_end_is_overdue():
    past, running, endless = one("a", ends=BEFORE), one("b", ends=LATER), one("c")
    newest = one("d", ends=BEFORE)  # noted by a rotation that was killed before it gave another

    overdue = Standing(credentials=(past, running, endless, newest)).overdue(NOW)

    assert overdue == (past,)


def test_of_a_revoked_student_all_is_overdue():
    """A revocation that was killed half way is finished by the next command."""
    assert Standing(credentials=(one(),), revoked=BEFORE).overdue(NOW) == (one(),)


def test_a_revocation_has_no_owner_and_no_data(server, client):
    """It outlives the account, and a second one is no mistake."""
    server.will("POST", Answer(status=201, body={}), Answer(status=409, body={"message": "there"}))

    credential.mark_revoked(client, "mls26", record(), "SHA256:x")
    credential.mark_revoked(client, "mls26", record(), "SHA256:x")

    body = server.asked[0].body
    assert body.keys() == {"apiVersion", "kind", "metadata", "type"}
    assert body["metadata"]["name"] == "s20260001.revoked"
    assert "ownerReferences" not in body["metadata"]
    assert body["metadata"]["annotations"]["practicum.dev/recipient"] == "SHA256:x"


def test_a_revocation_that_is_refused_is_told(server, client):
    server.will("POST", Answer(status=403, body={"message": "no rights", "reason": "Forbidden"}))

    with pytest.raises(ClusterError, match="s20260001 cannot be revoked: no rights"):
        credential.mark_revoked(client, "mls26", record(), "")


def test_a_revocation_is_read_with_the_key_of_last_time(server, client):
    metadata = {
        "name": "s1.revoked",
        "labels": {"practicum.dev/student": "s1"},
        "annotations": {
            "practicum.dev/revoked": BEFORE.isoformat(), "practicum.dev/recipient": "SHA256:x",
        },
    }  # fmt: skip
    server.will("GET", Answer(body={"metadata": {}, "items": [{"metadata": metadata}]}))

    found = credential.standings(client, "mls26")["s1"]

    assert (found.revoked, found.recipient, found.current) == (BEFORE, "SHA256:x", None)
