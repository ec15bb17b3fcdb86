"""An assistant is bound by user, by key, or by both; a grant needs the key."""

from __future__ import annotations

import pytest

from provisioner import manifest, names

from ..sample import cohort, record

KEY = "age1ycelprzvxgwtw73k6knf08urwe75va8u3gw3lqnx265avh2w0drsvjelun"
USER = {"name": "Lee", "user": "lee@example.org"}
KEYED = {"name": "Tabea Tutorin", "key": KEY}
ACCOUNT = names.assistant("Tabea Tutorin")


def subjects(course):
    [binding] = [
        item
        for item in manifest.environment(course, record())
        if item["metadata"]["name"] == "practicum-assistant"
    ]
    return [(one["kind"], one["name"], one.get("namespace")) for one in binding["subjects"]]


def accounts(course):
    return [
        item["metadata"]["name"]
        for item in manifest.guard(course)
        if item["kind"] == "ServiceAccount"
    ]


@pytest.mark.parametrize(
    ("assistants", "bound", "made"),
    [
        ([USER], [("User", "lee@example.org", None)], []),
        ([KEYED], [("ServiceAccount", ACCOUNT, "practicum-mls26")], [ACCOUNT]),
        (
            [USER, KEYED],
            [
                ("User", "lee@example.org", None),
                ("ServiceAccount", ACCOUNT, "practicum-mls26"),
            ],
            [ACCOUNT],
        ),
    ],
)
def test_an_account_is_made_for_whoever_has_a_key(assistants, bound, made):
    course = cohort(assistants=assistants)

    assert subjects(course) == bound
    assert accounts(course) == made


def test_an_account_is_never_a_students():
    assert ACCOUNT.startswith("assistant--")
    assert names.student(ACCOUNT) != ACCOUNT
    assert names.student("assistant--lee") != names.assistant("lee")


@pytest.mark.parametrize(
    ("assistants", "reason"),
    [
        ([{"name": "Lee"}], "needs a user"),
        ([{"name": "Lee", "key": "hunter2"}], "this is no public key"),
        ([USER, USER | {"user": "other"}], "names a name twice"),
        ([KEYED, KEYED | {"name": "Lee"}], "names a key twice"),
        ([USER, USER | {"name": "Kim"}], "names a user twice"),
    ],
)
def test_a_mistake_is_told_without_the_value(assistants, reason):
    with pytest.raises(ValueError, match=reason):
        cohort(assistants=assistants)
