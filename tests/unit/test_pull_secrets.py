"""Copies of pull secrets: what is rendered of them, and how they are told from a stranger's."""

from __future__ import annotations

import base64
import json

import pytest

from provisioner import cluster, manifest
from provisioner.cluster import ApiError
from provisioner.cluster.secrets import with_copies
from provisioner.errors import ClusterError
from provisioner.lifecycle import pull_secrets
from provisioner.manifest import ObjectKey, key_of
from provisioner.plan import Live, make_plan, render

from ..sample import cohort, record
from .rendering import environment, everything, one

GIVEN = {"environment": {"pull_secrets": [{"name": "registry", "namespace": "course"}]}}
COURSE = cohort(**GIVEN)
SOURCE = ObjectKey("Secret", "course", "registry")
COPY = ObjectKey("Secret", "mls26--s1", "registry")
CONTENT = base64.b64encode(json.dumps({"auths": {}}).encode()).decode()
ME = [{"manager": "practicum", "fieldsV1": {"f:data": {}}}]


def secret(name="registry", namespace="mls26--s1", *, version="1", **metadata):
    about = {"name": name, "namespace": namespace, "uid": "u", "resourceVersion": version}
    return {"metadata": about | metadata, "type": manifest.COPY_OF, "data": {"x": CONTENT}}


class Server:
    """A few Secrets, and who may do what with them; notes every request."""

    def __init__(self, *secrets, may_list=True, refuses=0):
        self.secrets = {key_of(item | {"kind": "Secret"}): item for item in secrets}
        self.may_list, self.refuses = may_list, refuses
        self.asked = []

    def request(self, method, path, *, body=None, accept="application/json", **_):
        self.asked.append((method, path.rsplit("/", 1)[-1], "Partial" in accept))
        if path.endswith("selfsubjectaccessreviews"):
            return {"status": {"allowed": self.may_list}}
        *_, namespace, _, name = path.split("/")
        key = ObjectKey("Secret", namespace, name)
        if method == "PATCH":
            self.refuses -= 1
            if self.refuses >= 0:
                raise ApiError(403, "Forbidden", "status unknown for quota")
            self.secrets[key] = body
        if key not in self.secrets:
            raise ApiError(404, "NotFound", "there is none")
        found = self.secrets[key]
        return {"metadata": found["metadata"]} if "Partial" in accept else found

    def pages(self, path, *, selector, metadata_only):
        assert metadata_only
        self.asked.append(("LIST", selector, True))
        marked = manifest.COHORT, selector.split("=")[1]
        for item in self.secrets.values():
            if marked in (item["metadata"].get("labels") or {}).items():
                yield {"metadata": item["metadata"]}

    def each(self, call, items):
        return [(item, call(item)) for item in items]


def found(*bound):
    namespaces = {"mls26--s1": {"metadata": {"name": "mls26--s1"}}}
    binding = ObjectKey("RoleBinding", "mls26--s1", manifest.COPIES_BINDING)
    owned = {binding: {}} if bound else {}
    return cluster.Found(cohort="mls26", uid="c", owned=owned, namespaces=namespaces)


def looked_at(server, *bound):
    return with_copies(server, found(*bound), Live(owned={}, foreign={}), {COPY}, [])


def rendered(version="u.1"):
    [copy] = manifest.copies(COURSE, "s1", "mls26--s1", {"registry": version})
    return copy


def test_pods_get_the_copies_and_no_rendering_has_content():
    account = one("ServiceAccount", environment(**GIVEN), "default")

    assert account["imagePullSecrets"] == [{"name": "registry"}]
    assert "imagePullSecrets" not in one("ServiceAccount", environment(), "default")
    assert not [item for item in everything(COURSE) if item["kind"] == "Secret"]
    assert "data" not in rendered()


def test_a_copy_takes_nothing_from_what_the_student_may_have():
    assert COURSE.environment.hard()["count/secrets"] == "31"


def test_a_copy_that_is_there_is_found_by_one_list_of_metadata():
    mine = secret(**{k: rendered()["metadata"][k] for k in ("labels", "annotations")})
    server = Server(mine)

    live = looked_at(server)

    assert set(live.owned) == {COPY}
    assert "data" not in live.owned[COPY]
    assert [verb for verb, *_ in server.asked] == ["POST", "LIST"]


def test_who_may_not_list_asks_by_name_where_the_binding_stands():
    server = Server(secret(managedFields=ME), may_list=False)

    assert set(looked_at(server, "bound").owned) == {COPY}
    assert looked_at(server).owned == {}, "no binding: it would be refused"
    assert not [verb for verb, *_ in server.asked if verb == "LIST"]
    assert all(metadata_only for verb, _, metadata_only in server.asked if verb == "GET")


def test_credentials_of_ours_are_no_copies():
    server = Server(secret("token", labels={manifest.COHORT: "mls26"}))

    assert looked_at(server).owned == {}


def test_a_strangers_secret_is_named_and_never_written_over():
    theirs = secret(managedFields=[{"manager": "kubectl-create"}])
    server = Server(theirs)
    source = cluster.Source(version="u.1", data={"x": CONTENT})

    assert "kubectl-create" in looked_at(server).foreign[COPY]
    assert "kubectl-create" in cluster.write_copy(server, "mls26", rendered(), source)
    assert not [verb for verb, *_ in server.asked if verb == "PATCH"]


def test_a_copy_says_which_version_it_is_of_and_a_quota_that_is_not_counted_is_waited_for(
    monkeypatch,
):
    monkeypatch.setattr("provisioner.cluster.secrets.PAUSE", 0)
    server = Server(secret(namespace="course", version="7"), refuses=2)

    source = cluster.read_source(server, SOURCE)
    assert cluster.write_copy(server, "mls26", rendered(), source) == ""

    copy = server.secrets[COPY]
    assert (copy["data"], copy["type"]) == ({"x": CONTENT}, manifest.COPY_OF)
    assert copy["metadata"]["annotations"] == {manifest.SOURCE: "u.7"}
    assert CONTENT not in repr(source)


def test_what_holds_no_login_is_refused_by_its_type():
    server = Server(secret(namespace="course") | {"type": "Opaque"})

    with pytest.raises(ClusterError, match="type Opaque"):
        cluster.read_source(server, SOURCE)


def test_a_source_that_is_missing_stops_who_needs_it_and_nobody_else():
    sources = pull_secrets.sources(Server(), COURSE)
    assert sources.notes == ("the pull secret registry in course is not there",)
    records = {"1": record("1")}
    wanted = render(COURSE, records, versions=sources.versions)
    running = {key_of(one): one for one in [*wanted.guard, *wanted.students["s1"]]}
    with_copy = running | {COPY: rendered("u.1")}

    def reading(live):
        class Reading:
            plan = make_plan(COURSE, records, Live(owned=live, foreign={}), wanted=wanted)

        Reading.sources = sources
        return Reading

    with pytest.raises(ClusterError, match="registry in course is not there"):
        pull_secrets.refuse_without_sources(reading(running))
    assert reading(with_copy).plan.is_empty
    pull_secrets.refuse_without_sources(reading(with_copy))


def test_copies_that_go_are_deleted_before_the_role_that_allows_it(monkeypatch):
    gone = []
    monkeypatch.setattr("provisioner.lifecycle.removal.cluster.delete",
                        lambda _, live: gone.append(live["kind"]) or "")  # fmt: skip
    records = {"1": record("1")}
    plain = cohort()
    wanted = render(plain, records)
    live = {key_of(one): one for one in [*wanted.guard, *wanted.students["s1"]]}
    copy = {**rendered(), "metadata": {**rendered()["metadata"], "uid": "u"}}
    plan = make_plan(plain, records, Live(owned=live | {COPY: copy}, foreign={}), wanted=wanted)

    [left], why = pull_secrets.take_back(Server(), plan.having("change"))

    assert (gone, left.surplus, why) == (["Secret"], (), {})
