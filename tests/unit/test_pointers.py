"""What points to a cohort is told by what it names, and neighbours are left alone."""

from __future__ import annotations

import base64

import pytest

from provisioner.cluster.pointers import Marks, why

MARKS = Marks(
    cohort="ml", identity="practicum-ml", namespaces=frozenset({"practicum-ml", "ml--ada"})
)


def spec(**fields):
    return {"metadata": {"name": "x"}, "spec": fields}


POINTING = {
    "an account": (
        {"subjects": [{"kind": "ServiceAccount", "namespace": "practicum-ml", "name": "ada"}]},
        "gives rights to practicum-ml",
    ),
    "a group of accounts": (
        {"subjects": [{"kind": "Group", "name": "system:serviceaccounts:practicum-ml"}]},
        "names accounts of practicum-ml, at subjects.name",
    ),
    "a claim": (spec(claimRef={"namespace": "ml--ada"}), "is claimed from ml--ada"),
    "a requester": (
        spec(username="system:serviceaccount:practicum-ml:ada"),
        "names accounts of practicum-ml, at spec.username",
    ),
    "CEL": (
        spec(expression="request.userInfo.username == 'system:serviceaccount:practicum-ml:ada'"),
        "names accounts of practicum-ml, at spec.expression",
    ),
    "a selector": (
        spec(namespaceSelector={"matchLabels": {"practicum.dev/cohort": "ml"}}),
        "selects the cohort by its label, at spec.namespaceSelector.matchLabels",
    ),
    "a selector of several": (
        spec(
            matchExpressions=[
                {"key": "practicum.dev/cohort", "operator": "In", "values": ["bio", "ml"]}
            ]
        ),
        "selects the cohort by its label, at spec.matchExpressions",
    ),
}


@pytest.mark.parametrize(("item", "told"), POINTING.values(), ids=POINTING)
def test_what_points_to_the_cohort_is_told(item, told):
    assert why(item, MARKS) == told


OTHERS = {
    "another cohort's account": {"subjects": [{"namespace": "practicum-ml-2", "name": "ada"}]},
    "its group": {"subjects": [{"name": "system:serviceaccounts:practicum-ml-2"}]},
    "its accounts by name": {"subjects": [{"name": "system:serviceaccount:practicum-ml-2:ada"}]},
    "its selector": spec(matchLabels={"practicum.dev/cohort": "ml-2"}),
    "all cohorts but this": spec(
        matchExpressions=[{"key": "practicum.dev/cohort", "operator": "NotIn", "values": ["ml"]}]
    ),
    "a longer name": spec(claimRef={"namespace": "ml--ada-2"}),
    "a status": {"metadata": {"name": "x"}, "status": {"namespace": "ml--ada"}},
    "a request that is no certificate": spec(request="%%%"),
    "a request of somebody else": spec(request=base64.b64encode(b"-----BEGIN X-----").decode()),
}


@pytest.mark.parametrize("item", OTHERS.values(), ids=OTHERS)
def test_what_is_anothers_is_not(item):
    assert why(item, MARKS) == ""
