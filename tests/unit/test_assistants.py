"""An assistant is bound by user, by key, or by both; a grant needs the key."""

from __future__ import annotations

import pytest

from provisioner import manifest, names

from ..sample import SECRETS_READER, cohort, record

OTHER_KEY = "age1ktsz499dqqe73unzd62dvuguajuyav6dljpfpq5cqrfl6f94fdcqkn6zfz"
KEY = "age1ycelprzvxgwtw73k6knf08urwe75va8u3gw3lqnx265avh2w0drsvjelun"
USER = {"name": "Lee", "user": "lee@example.org"}
KEYED = {"name": "Tabea Tutorin", "key": KEY}
ACCOUNT = names.assistant("Tabea Tutorin")


def subjects(course, name="practicum-assistant"):
    [binding] = [
        item for item in manifest.environment(course, record()) if item["metadata"]["name"] == name
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


def test_secrets_are_for_whom_the_cohort_file_says():
    """ISO-08: and only with a token that ends, which whoever has a user needs none of."""
    named = cohort(assistants=[USER, KEYED, SECRETS_READER | {"key": OTHER_KEY}])
    reader = ("ServiceAccount", names.assistant(SECRETS_READER["name"]), "practicum-mls26")
    [role] = [
        item
        for item in manifest.guard(named)
        if item["metadata"]["name"] == "practicum-mls26-assistant-secrets"
    ]
    [rule] = role["rules"]

    assert subjects(named, "practicum-assistant-secrets") == [reader]
    assert len(subjects(named)) == 3
    assert (rule["resources"], rule["verbs"]) == (["secrets"], ["get", "list", "watch"])


def test_nobody_reads_secrets_where_the_cohort_file_does_not_say_so():
    course = cohort(assistants=[USER, KEYED])
    made = [*manifest.guard(course), *manifest.environment(course, record())]

    assert not any("assistant-secrets" in str(item) for item in made)


def test_who_reads_secrets_does_so_in_their_section_alone():
    section = {"name": "A", "assistants": [SECRETS_READER["name"]]}
    course = cohort(assistants=[SECRETS_READER], sections=[section])

    names_of = [
        [item["metadata"]["name"] for item in manifest.environment(course, record(section=name))]
        for name in ("A", "B")
    ]

    assert ["practicum-assistant-secrets" in found for found in names_of] == [True, False]


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
        ([USER | {"secrets": True}], "with a key and without a user alone"),
        ([USER | SECRETS_READER], "with a key and without a user alone"),
    ],
)
def test_a_mistake_is_told_without_the_value(assistants, reason):
    with pytest.raises(ValueError, match=reason):
        cohort(assistants=assistants)
