"""Run the corpus: every attack must be refused for its reason, and its twin accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ..cluster import WORKERS, Type
from ..errors import ClusterError
from ..manifest import Manifest
from . import course
from .attempt import Answer, Table, fill, index, send
from .case import POLICY, Case
from .finding import Finding
from .identities import BEARS_ON
from .scene import Scene

SIGNS = {
    "rbac": "cannot",
    "pod-security": 'violates PodSecurity "',
    "quota": "quota",
    "limits": "per ",
    "api": "",
}
"""What a refusal by each guard always says."""

Stock = Mapping[str, Manifest | str]
"""What was made beforehand, by kind and name; a text says why it could not be made."""


def attack(
    scene: Scene,
    cases: Iterable[Case],
    types: Iterable[Type],
    done: Callable[[str], None] = lambda _: None,
) -> list[Finding]:
    """Try every case in the scratch environments.

    Args:
        scene: The scratch environments, standing.
        cases: The corpus.
        types: What the cluster serves.
        done: Told the id of each case as it is done.
    """
    table = index(types)
    found: list[Finding] = []
    for some in rounds(cases):
        stock = _prepare_all(scene, table, some)

        def run(case: Case, stock: Stock = stock) -> Finding:
            finding = _try(scene, table, case, stock)
            done(case.id)
            return finding

        try:
            with ThreadPoolExecutor(WORKERS) as pool:
                found += pool.map(run, some)
        finally:
            _put_away(scene, table, stock)
    return found


def rounds(cases: Iterable[Case]) -> list[list[Case]]:
    """Sort cases so that in one round no two want an object of one name in two forms.

    Attempts are dry runs, so cases that want the same object can share it.
    """
    found: list[tuple[list[Case], dict[str, Any]]] = []
    for case in cases:
        wanted = {_named(one): one for one in case.setup}
        for members, objects in found:
            if all(objects.get(name, one) == one for name, one in wanted.items()):
                members.append(case)
                objects |= wanted
                break
        else:
            found.append(([case], wanted))
    return [members for members, _ in found]


def _named(manifest: Mapping[str, Any]) -> str:
    return f"{manifest.get('kind')}/{(manifest.get('metadata') or {}).get('name')}"


def _try(scene: Scene, table: Table, case: Case, stock: Stock) -> Finding:
    if unplayed := scene.absent.get(case.attempt.who):
        own = replace(case, requirements=BEARS_ON.get(case.attempt.who, case.requirements))
        return _finding(own, "unproven", unplayed)
    if waived := _waived(scene, table, case):
        return _finding(case, "waived", waived)
    unmade = [stock[_named(one)] for one in case.setup]
    if missing := [why for why in unmade if isinstance(why, str)]:
        return _finding(case, "failed", f"failed to prove ({case.id}): {missing[0]}")
    try:
        answer = send(scene, table, case, case.attempt)
        twin = send(scene, table, case, case.twin)
    except ClusterError as error:
        return _finding(case, "failed", f"failed to prove ({case.id}): {error.message}")
    why = judge(case, scene, answer, twin)
    return _finding(case, "failed" if why else "passed", why)


def _waived(scene: Scene, table: Table, case: Case) -> str:
    if why := course.waived(scene.cohort, case) or scene.around.lacks(case):
        return why
    for attempt in (case.attempt, case.twin):
        if attempt.who not in scene.identities:
            return f"the cohort has no {attempt.who} who sees all students, and no Secrets"
        if (attempt.resource, attempt.below, attempt.group) not in table:
            return f"the cluster does not serve {attempt.resource} {attempt.below}".rstrip()
    return ""


def judge(case: Case, scene: Scene, answer: Answer, twin: Answer) -> str:
    """Say why a case is failed; empty when the attack was refused as it must be."""
    expect = fill(case.expect, scene.words)
    if answer.accepted:
        return f"{case.guard} let it pass: {case.what} ({case.id})"
    if not answer.refused:
        return f"failed to prove: the server answered {answer.status} ({case.id})"
    sign = _sign(case, scene)
    if expect not in answer.message or sign not in answer.message:
        return (
            f"{case.guard} did not refuse it, something else did"
            f" ({case.id}): {answer.message[:300]}"
        )
    if not twin.accepted:
        return f"twin refused ({case.id}): {twin.message[:300]}"
    return ""


def _sign(case: Case, scene: Scene) -> str:
    if case.guard.startswith(POLICY):
        return f"'practicum-{scene.cohort.name}-{case.guard.removeprefix(POLICY)}'"
    return SIGNS[case.guard]


def _finding(case: Case, verdict: Any, why: str = "") -> Finding:  # noqa: ANN401
    return Finding(
        about=f"{case.attempt.who}: {case.what}",
        requirements=case.requirements,
        verdict=verdict,
        why=why,
        standards=case.standards,
        topic=case.topic,
    )


def _prepare_all(scene: Scene, table: Table, cases: Iterable[Case]) -> Stock:
    """Make what the cases find there, as the student; what cannot be made says why."""
    wanted = {_named(one): one for case in cases for one in case.setup}

    def make(name: str) -> Manifest | str:
        body: Manifest = fill(course.adapted(scene.cohort, wanted[name]), scene.words)
        try:
            path = _type_of(table, body).path(scene.own.namespace)
            live = scene.identities["student"].request("POST", path, body=body)
        except ClusterError as error:
            return f"{name} cannot be made: {error}"
        return live | {"kind": body["kind"], "apiVersion": body["apiVersion"]}

    return dict(scene.admin.each(make, wanted))


def _put_away(scene: Scene, table: Table, stock: Stock) -> None:
    options = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
    for live in stock.values():
        if not isinstance(live, str):
            path = _type_of(table, live).path(scene.own.namespace, live["metadata"]["name"])
            # The namespace goes at the end and takes along what stays.
            with suppress(ClusterError):
                scene.identities["student"].request("DELETE", path, body=options)


def _type_of(table: Table, manifest: Mapping[str, Any]) -> Type:
    for one in table.values():
        same = one.kind == manifest.get("kind") and one.version_of_kind == manifest.get(
            "apiVersion"
        )
        if same and not one.below:
            return one
    raise ClusterError(f"the cluster serves no {manifest.get('kind')}")
