"""Check what a cohort needs before anything is changed, and say what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from ... import cluster, names, private_file, toolchain
from ... import cohort as cohorts
from ...cohort import Cohort, Oidc, Student
from ...errors import PracticumError
from ...settings import Settings
from .. import backend
from ..access.terms import expiry
from ..hosts.check import host_findings
from ..target import connect
from . import login_check
from .finding import Finding
from .openness import openness
from .recovery_check import recovery_findings

OLDEST = (1, 30)
"""Kubernetes that serves ValidatingAdmissionPolicy as stable."""

POLICIES = "validatingadmissionpolicies.admissionregistration.k8s.io"


def doctor(settings: Settings, name: str | None = None, *, id_token: str = "") -> Iterator[Finding]:
    """Yield what was found, one check after the other; changes nothing on the cluster.

    Args:
        settings: Folders and state backend.
        name: A cohort; only this machine is looked at when None.
        id_token: What the school's login gave somebody, to try it on the cluster.
    """
    yield from _tools()
    yield _state(settings)
    if name is None:
        return
    try:
        cohort = cohorts.load(settings.stacks, name)
        students = cohorts.load_students(cohort)
    except PracticumError as error:
        yield failure("cohort" if error.exit_code == 3 else "cluster", error)
        return
    yield from backend.of(cohort).check(settings, cohort, list(students), id_token)


def of_namespaces(
    settings: Settings, cohort: Cohort, students: list[Student], id_token: str
) -> Iterator[Finding]:
    """Yield what was found of a cohort whose students have namespaces of one cluster."""
    try:
        _, client = connect(cohort, settings.home)
        version = cluster.version(client)
    except PracticumError as error:
        yield failure("cohort" if error.exit_code == 3 else "cluster", error)
        return
    yield Finding(about="cohort", verdict="ok", found=f"{len(students)} students in the roster")
    yield from recovery_findings(settings, cohort)
    yield from host_findings(cohort)
    yield _version(version, client.access.server)
    for check in (_rights, _admission, *(() if cohort.oidc else (_token,))):
        yield _guarded(check, cohort, client)
    if oidc := cohort.oidc:
        users = {oidc.user(student) for student in students}
        yield _login(client, cohort.name, oidc, users, id_token)
    try:
        yield from openness(cohort, client)
    except PracticumError as error:
        yield failure("cluster", error)


def _tools() -> Iterator[Finding]:
    for name, tool in toolchain.look().items():
        if tool:
            found = f"{tool.version} from {tool.source}: {tool.path}"
            yield Finding(about=name, verdict="ok", found=found)
        else:
            yield Finding(
                about=name,
                verdict="warning",
                found="not there yet",
                fix="it is built when it is needed, or now with: practicum toolchain",
            )


def _state(settings: Settings) -> Finding:
    passphrase = settings.home / "passphrase"
    found = f"Pulumi's state is kept in {settings.state_url}"
    try:
        private_file.require_own_way(settings.home)
        if not passphrase.exists():
            return Finding(about="state", verdict="ok", found=found + "; the first `up` makes it")
        private_file.require_private(passphrase)
    except PracticumError as error:
        return failure("state", error)
    return Finding(about="state", verdict="ok", found=found)


def _version(version: str, server: str) -> Finding:
    found = f"Kubernetes {version} at {server}"
    numbers = re.match(r"v(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST:
        fix = "upgrade the cluster to 1.30 or later: without admission policies no guard holds"
        return Finding(about="cluster", verdict="failed", found=found, fix=fix)
    return Finding(about="cluster", verdict="ok", found=found)


def _guarded(
    check: Callable[[Cohort, cluster.Client], Finding], cohort: Cohort, client: cluster.Client
) -> Finding:
    try:
        return check(cohort, client)
    except PracticumError as error:
        return failure(check.__name__.strip("_"), error)


def _rights(cohort: Cohort, client: cluster.Client) -> Finding:
    missing = cluster.missing_rights(client, cluster.needed_rights(client, cohort))
    if missing:
        return Finding(
            about="rights",
            verdict="failed",
            found=f"missing: {cluster.listed_rights(missing)}",
            fix="ask the cluster's administrator for what this prints, or use another context:"
            f" practicum role {cohort.name}",
        )
    return Finding(about="rights", verdict="ok", found="all that `up` and `handout` need")


def _admission(_: Cohort, client: cluster.Client) -> Finding:
    types, silent = cluster.listable(client)
    if silent:
        return Finding(
            about="admission",
            verdict="failed",
            found=f"API groups that do not answer: {', '.join(silent)}",
            fix="mend or delete these APIServices: no namespace can be deleted while they are dead",
        )
    if POLICIES not in map(str, types):
        return Finding(
            about="admission",
            verdict="failed",
            found="the cluster serves no ValidatingAdmissionPolicy",
            fix="use a cluster of Kubernetes 1.30 or later",
        )
    return Finding(about="admission", verdict="ok", found="admission policies are served")


def _token(cohort: Cohort, client: cluster.Client) -> Finding:
    wanted = expiry(cohort) - datetime.now(UTC)
    identity = names.identity_namespace(cohort.name)
    found = cluster.list_cohort(client, cohort.name)
    place = identity if identity in found.namespaces else "default"
    mint = cluster.Right("create", "", "serviceaccounts", "token", namespace=place)
    if not cluster.may(client, mint):
        return Finding(
            about="token",
            verdict="warning",
            found=f"we may not ask for a token in {place}",
            fix="where you are named under operators in cohort.yaml, the first `up` gives you that",
        )
    given = cluster.longest_token(client, place, wanted)
    if given < wanted - timedelta(minutes=2):
        return Finding(
            about="token",
            verdict="warning",
            found=f"the cluster cuts a token's life to {given.days} days; the term needs"
            f" {wanted.days}",
            fix=f"run `practicum handout {cohort.name} --renew` every {max(1, given.days)} days,"
            " or raise --service-account-max-token-expiration",
        )
    return Finding(about="token", verdict="ok", found=f"tokens can last {wanted.days} days")


def _login(
    client: cluster.Client, cohort: str, oidc: Oidc, users: set[str], id_token: str
) -> Finding:
    try:
        answer = login_check.check(client, cohort, oidc, users, id_token)
    except PracticumError as error:
        return failure("login", error)
    return Finding(about="login", verdict=answer.verdict, found=answer.found, fix=answer.fix)


def failure(about: str, error: PracticumError) -> Finding:
    """Make a finding of an error."""
    lines = [error.message, *map(str, error.problems)]
    return Finding(about=about, verdict="failed", found=" ".join(lines), fix=error.hint or "")
